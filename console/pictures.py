"""Pictures for the terminal and as SVG files: vectors on a plane, a call on a timeline.

A vector of 1,536 numbers can't be drawn. But its first two principal components, the directions in
which these vectors differ most, can: vectors that are near each other mostly stay near.

A call has a lane for each side, and a line for each moment at which one interrupted the other.
"""

import textwrap
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from audio.call_recording import Mark, Span

import numpy as np

Point = tuple[float, float]

WIDTH, HEIGHT, MARGIN = 720, 440, 40

# The timeline: a lane has its words at the top and its sound below them; LABEL is in letters.
WIDE, LEFT, RIGHT, HEAD = 960, 76, 24, 54
LANE, WORDS, FOOT, LABEL = 92, 24, 34, 11
TOPS = {"caller": HEAD, "assistant": HEAD + LANE + 8}
FLOOR, MIDDLE = HEAD + 2 * LANE + 16, (LANE + WORDS) // 2
COLOURS = {"caller": "#0a7c86", "assistant": "#b4591a"}
CUT, LETTER = "#b3261e", 6.6
STEPS_S = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800)


def on_a_plane(vectors: Sequence[Sequence[float]]) -> list[Point]:
    """A point for each vector, within 0..1 each way."""
    matrix = np.asarray(vectors, dtype=np.float64)
    centred = matrix - matrix.mean(axis=0)
    sides = np.linalg.svd(centred, full_matrices=False)[2][:2]
    flat = centred @ sides.T
    flat = np.pad(flat, ((0, 0), (0, 2 - flat.shape[1])))
    spread = np.ptp(flat, axis=0)
    low = flat.min(axis=0)
    placed = np.where(spread > 1e-9, (flat - low) / np.where(spread > 1e-9, spread, 1), 0.5)
    return [(float(x), float(y)) for x, y in placed]


def in_letters(points: Sequence[Point], marks: Sequence[str], width: int, height: int) -> list[str]:
    """The plane as lines of text; of two marks at one place the first is shown."""
    rows = [[" "] * width for _ in range(height)]
    for (x, y), mark in reversed(list(zip(points, marks, strict=True))):
        column = round(x * (width - len(mark)))
        rows[round((1 - y) * (height - 1))][column : column + len(mark)] = mark
    return ["".join(row).rstrip() for row in rows]


def write_svg(path: Path, points: Sequence[Point], labels: Sequence[str]) -> None:
    """The plane as a picture; raises OSError if the file can't be written."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">',
        "<style>text { font: 13px sans-serif }</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for (x, y), label in zip(points, labels, strict=True):
        left = MARGIN + x * (WIDTH - 2 * MARGIN)
        top = MARGIN + (1 - y) * (HEIGHT - 2 * MARGIN)
        anchor = "end" if x > 0.6 else "start"
        beside = -8 if x > 0.6 else 8
        parts.append(f'<circle cx="{left:.1f}" cy="{top:.1f}" r="4" fill="#0a7c86"/>')
        place = f'x="{left + beside:.1f}" y="{top + 4:.1f}" text-anchor="{anchor}"'
        parts.append(f"<text {place}>{escape(label)}</text>")
    path.write_text("\n".join([*parts, "</svg>", ""]), encoding="utf-8")


def timeline_in_letters(
    spans: Sequence[Span],
    marks: Sequence[Mark],
    duration_s: float,
    width: int,
    characters: str = "#^",
) -> list[str]:
    """A call as two lanes, its marks, and an axis in seconds; no line is wider than `width`.

    `characters` are those for speech and for a mark.
    """
    room = max(16, width - LABEL)
    scale = room / max(duration_s, 1e-9)
    lanes = [
        f"{speaker:{LABEL}}{_lane_in_letters(speaker, spans, scale, room, characters[0])}"
        for speaker in COLOURS
    ]
    below = [
        *_marks_in_letters(marks, scale, room, characters[1]),
        _axis_in_letters(duration_s, room),
    ]
    return [line.rstrip() for line in [*lanes, *(LABEL * " " + row for row in below)]]


def write_timeline(
    path: Path,
    spans: Sequence[Span],
    marks: Sequence[Mark],
    duration_s: float,
    levels: Mapping[str, Sequence[float]] | None = None,
) -> None:
    """A call as a picture; raises OSError if the file can't be written.

    `levels` are the peaks of a side's sound, 0 to 1, evenly over the call.
    """
    scale = (WIDE - LEFT - RIGHT) / max(duration_s, 1e-9)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {FLOOR + FOOT}">',
        "<style>text { font: 12px sans-serif; fill: #333 }</style>",
        f'<rect width="{WIDE}" height="{FLOOR + FOOT}" fill="white"/>',
        *_axis(duration_s, scale),
    ]
    for speaker in COLOURS:
        parts += _lane(
            speaker, [span for span in spans if span.speaker == speaker], duration_s, scale
        )
        parts.append(_sound(speaker, (levels or {}).get(speaker, ())))
    parts += [*_never_heard(spans, marks, duration_s, scale), *_cuts(marks, scale), "</svg>", ""]
    path.write_text("\n".join(parts), encoding="utf-8")


def _lane_in_letters(
    speaker: str, spans: Sequence[Span], scale: float, room: int, block: str
) -> str:
    row = [" "] * room
    for span in spans:
        if span.speaker == speaker:
            start = min(room - 1, int(span.start_s * scale))
            end = min(room, max(start + 1, round(span.end_s * scale)))
            row[start:end] = block * (end - start)
    return "".join(row)


def _marks_in_letters(marks: Sequence[Mark], scale: float, room: int, sign: str) -> list[str]:
    """As many rows as needed so that no mark covers another."""
    rows: list[str] = []
    for mark in marks:
        place = min(room - 1, int(mark.at_s * scale))
        words = _on_one_line(mark.text, room - 2)
        # To the right of its character if the words fit there, else to the left.
        start = place if place + 2 + len(words) <= room else max(0, place - len(words) - 1)
        label = f"{sign} {words}" if start == place else f"{words} {sign}"
        end = start + len(label)
        free = (row for row in range(len(rows)) if not rows[row][max(0, start - 2) : end].strip())
        row = next(free, len(rows))
        rows[row:] = rows[row:] or [" " * room]
        rows[row] = rows[row][:start] + label + rows[row][end:]
    return rows


def _axis_in_letters(duration_s: float, room: int) -> str:
    row = ""
    for at_s in _seconds(duration_s, room // 8):
        label = f"{at_s:g}" if row else "0 s"
        place = int(at_s / max(duration_s, 1e-9) * room)
        if len(row) <= max(0, place - 1) and place + len(label) <= room:
            row = row.ljust(place) + label
    return row


def _axis(duration_s: float, scale: float) -> list[str]:
    parts = []
    for at_s in _seconds(duration_s, 12):
        left = LEFT + at_s * scale
        parts.append(f'<path d="M{left:.1f} {HEAD}V{FLOOR + 5}" stroke="#ddd"/>')
        parts.append(_words(left, FLOOR + 20, f"{at_s:g}" if at_s else "0 s", "middle"))
    return parts


def _lane(speaker: str, spans: Sequence[Span], duration_s: float, scale: float) -> list[str]:
    """A side's name, a box for each stretch of speech, and its words as far as they fit."""
    top, colour = TOPS[speaker], COLOURS[speaker]
    parts = [
        f'<path d="M{LEFT} {top + MIDDLE}H{WIDE - RIGHT}" stroke="{colour}" opacity=".4"/>',
        _words(LEFT - 12, top + MIDDLE + 4, speaker, "end", f"fill: {colour}; font-weight: bold"),
    ]
    for span in spans:
        left, width = LEFT + span.start_s * scale, (span.end_s - span.start_s) * scale
        parts.append(_box(speaker, left, width, f"fill: {colour}; opacity: .13", span.text))
        # Words may be longer than their box, but must not reach the next words.
        ends = [other.start_s for other in spans if other.text and other.start_s > span.start_s]
        letters = int((min([*ends, duration_s]) - span.start_s) * scale / LETTER)
        parts.append(_words(left, top + WORDS - 7, _on_one_line(span.text, letters)))
    return parts


def _sound(speaker: str, levels: Sequence[float]) -> str:
    """The outline of a side's sound; the loudest is as high as the lane."""
    if not any(levels):
        return ""
    columns = min(len(levels), WIDE - LEFT - RIGHT)
    bounds = [column * len(levels) // columns for column in range(columns + 1)]
    peaks = [max(levels[start:end]) for start, end in zip(bounds, bounds[1:], strict=False)]
    step, middle = (WIDE - LEFT - RIGHT) / columns, TOPS[speaker] + MIDDLE
    height = (LANE - WORDS) / 2 / max(peaks)
    over = [(LEFT + (at + 0.5) * step, peak * height) for at, peak in enumerate(peaks)]
    upper = [f"{left:.1f} {middle - peak:.1f}" for left, peak in over]
    lower = [f"{left:.1f} {middle + peak:.1f}" for left, peak in reversed(over)]
    return f'<path d="M{"L".join(upper + lower)}Z" fill="{COLOURS[speaker]}"/>'


def _never_heard(
    spans: Sequence[Span], marks: Sequence[Mark], duration_s: float, scale: float
) -> list[str]:
    """What the assistant had sent and a cut dropped, as an empty box up to its next words."""
    parts = []
    for mark in marks:
        if mark.unheard_s:
            later = [span.start_s for span in spans if span.speaker == "assistant"]
            ends = [mark.at_s + mark.unheard_s, duration_s, *(s for s in later if s > mark.at_s)]
            left, width = LEFT + mark.at_s * scale, (min(ends) - mark.at_s) * scale
            style = f"fill: none; stroke: {CUT}; stroke-dasharray: 3 4"
            text = _on_one_line("never heard", int(width / LETTER) - 1)
            place = left + 6, TOPS["assistant"] + WORDS + 16
            parts.append(_box("assistant", left, width, style, "never heard"))
            parts.append(_words(*place, text, style=f"fill: {CUT}"))
    return parts


def _cuts(marks: Sequence[Mark], scale: float) -> list[str]:
    """A line through both lanes for each mark, its words above it, in two rows by turns."""
    parts = []
    for number, mark in enumerate(marks):
        left, top = LEFT + mark.at_s * scale, HEAD - 12 - 16 * (1 - number % 2)
        anchor, beside = ("end", -6) if left > WIDE * 0.8 else ("start", 6)
        line = f'd="M{left:.1f} {top - 10}V{FLOOR}" stroke="{CUT}" stroke-width="1.5"'
        text = _on_one_line(mark.text, 60)
        parts += [f"<path {line}/>", _words(left + beside, top, text, anchor, f"fill: {CUT}")]
    return parts


def _words(left: float, foot: float, text: str, anchor: str = "start", style: str = "") -> str:
    place = f'x="{left:.1f}" y="{foot}" text-anchor="{anchor}" style="{style}"'
    return f"<text {place}>{_plain(text)}</text>"


def _box(speaker: str, left: float, width: float, style: str, title: str) -> str:
    """A box in a side's lane, as high as its sound; a browser shows its title on hovering."""
    place = (
        f'x="{left:.1f}" y="{TOPS[speaker] + WORDS}" width="{width:.1f}" height="{LANE - WORDS}"'
    )
    return f'<rect {place} style="{style}"><title>{_plain(title)}</title></rect>'


def _seconds(duration_s: float, most: int) -> list[float]:
    """Round times from 0 to the end, at most `most` and one."""
    step = next((step for step in STEPS_S if duration_s <= step * most), STEPS_S[-1])
    return [count * step for count in range(int(duration_s / step) + 1)]


def _on_one_line(text: str, letters: int) -> str:
    """A text on one line, shortened between words; empty if no word fits."""
    short = textwrap.shorten(text, max(letters, 1), placeholder="...") if letters > 3 else ""
    return "" if short == "..." else short


def _plain(text: str) -> str:
    """Text for XML, which does not allow control characters."""
    return escape("".join(letter if letter.isprintable() else " " for letter in text))
