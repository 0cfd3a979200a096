"""Writes the show as one page for a browser: the same parts, screens, times and keys.

The page needs no network and no other file. It is for a class whose laptop fails, and for those who
missed the class. page.html plays it; this module makes what it plays. A `frame` is what a recorded
piece of output changed: the lines that are new, what was added to the last entry of the traffic,
the entries that are new, and the beat.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from presenter.code_lines import colored
from presenter.course_plan import instructions
from presenter.course_show import PartReplay, ShowPart
from presenter.pane import Line
from presenter.show_player import KEYS, SPEEDS

PAGE = Path(__file__).with_name("page.html")
DATA = "/* the show */"

Frame = dict[str, Any]


def write_page(show: Sequence[ShowPart], file: Path) -> None:
    """Write the page. Raises OSError."""
    file.write_text(page(show), encoding="utf-8", newline="\n")
    size = file.stat().st_size / 1_000_000
    print(f"The show is in {file} ({size:.1f} MB). Open it in a browser; ? shows the keys.")


def page(show: Sequence[ShowPart]) -> str:
    data = {"keys": KEYS, "speeds": SPEEDS, "parts": [part_data(part) for part in show]}
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    # Inside a script, HTML would take "</script" and "<!--" for its own.
    return PAGE.read_text(encoding="utf-8").replace(DATA, text.replace("<", "\\u003c"))


def part_data(part: ShowPart) -> dict[str, Any]:
    """What the page needs of a part; `lits` are the highlighted lines of each beat in turn."""
    frames, lits = _frames(part)
    return {
        "name": part.name,
        "number": part.part.number,
        "lesson": part.lesson_title,
        "heading": part.part.heading,
        "title": part.part.title,
        "why": part.text("why"),
        "script": part.script,
        "source": part.source,
        "command": part.command,
        "line": part.first_line,
        "following": instructions(part.name),
        "optional": part.is_optional,
        "code": colored(part.code),
        "lits": [sorted(lit) for lit in lits],
        "frames": frames,
    }


def _frames(part: ShowPart) -> tuple[list[Frame], list[frozenset[int]]]:
    """The frames, the first one without output; the last beat is that of the end."""
    replay = PartReplay(part)
    lits, lines = [replay.highlighted], list[Line]()
    frames: list[Frame] = [{"t": 0.0}]
    traffic, complete = list[str](), 0
    for chunk in part.chunks:
        replay.feed(chunk.text)
        frame = _changes(lines, replay.lines)
        entries = replay.traffic.entries
        if entries != traffic or replay.traffic.complete != complete:
            # Only the last entry can have grown.
            if traffic and (more := entries[len(traffic) - 1][len(traffic[-1]) :]):
                frame["a"] = more
            if added := entries[len(traffic) :]:
                frame["w"] = added
            frame["e"] = complete = replay.traffic.complete
        if replay.highlighted != lits[-1]:
            lits.append(replay.highlighted)
            frame["b"] = 1
        lines, traffic = replay.lines, list(entries)
        if frame:
            frames.append({"t": round(chunk.at, 3), **frame})
    replay.end()
    return frames, [*lits, replay.highlighted]


def _changes(before: Sequence[Line], after: Sequence[Line]) -> Frame:
    """How many lines there are now, and those that have changed, with their places."""
    changed = [
        (place, line)
        for place, line in enumerate(after)
        if place >= len(before) or before[place] != line
    ]
    return {"n": len(after), "d": changed} if changed or len(before) != len(after) else {}
