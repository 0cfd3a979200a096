"""Draws docs/streaming.svg, the README's picture: an answer that waits beside one that streams.

    python -m tools.draw_streaming [CASSETTE]

The cassette holds a question that was asked twice of Chat Completions, without `stream` and with
it. Each piece of text appears at the time at which it came in the recording. The picture moves by
CSS alone. It stands still and complete for readers who ask for reduced motion.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from cassette import CassetteError
from cassette.format import Cassette, RecordedExchange, decode
from tools.draw_svg import COURSE, WIDTH, Drawing, write

CASSETTE = COURSE / "tests" / "fixtures" / "lesson1" / "compare.jsonl"
PICTURE = "streaming.svg"

PAUSE_S = 4.0  # how long both answers stay before the picture starts again
TICK_S = 0.1
LETTERS = 48  # in a line; the fonts of readers differ in width, so this leaves room
MARGIN = 20
PANEL = (WIDTH - 3 * MARGIN) / 2
TOP = 164  # the base line of an answer's first line
LINE = 21
READING = 20  # the height of one reading in the strip of a clock

Run = tuple[str, int]  # a part of a line, and the number of the piece that it belongs to


@dataclass(frozen=True)
class TimedText:
    """A piece of an answer, and when it came, in seconds after the request."""

    at: float
    text: str


@dataclass(frozen=True)
class RecordedAnswer:
    """The pieces of an answer, and when it was complete."""

    pieces: tuple[TimedText, ...]
    end: float

    @property
    def first(self) -> float:
        """When there was something to read."""
        return self.pieces[0].at

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)


@dataclass(frozen=True)
class Race:
    """A question that was answered twice, without streaming and with it."""

    question: str
    waited: RecordedAnswer
    streamed: RecordedAnswer
    source: str

    @property
    def round_s(self) -> float:
        """How long the picture takes until it starts again."""
        return max(self.waited.end, self.streamed.end) + PAUSE_S


def read_race(path: Path) -> Race:
    """The first answer of a cassette that did not stream, beside the first that did.

    Raises CassetteError if it can't be read, or has only one of them.
    """
    cassette = Cassette(path)
    waited = _first(cassette, is_stream=False)
    streamed = _first(cassette, is_stream=True)
    header = cassette.header
    return Race(
        _body(waited)["messages"][-1]["content"],
        _answer(cassette, waited, _complete_text),
        _answer(cassette, streamed, _streamed_texts),
        f"Recorded on {header['recorded']} (server: {header['answered_by']}).",
    )


def draw(race: Race) -> str:
    """The picture as SVG."""
    columns = [
        (MARGIN, "Without streaming", "stream=False", "w", race.waited),
        (2 * MARGIN + PANEL, "With streaming", "stream=True", "s", race.streamed),
    ]
    broken = [break_lines(answer.pieces) for *_, answer in columns]
    bottom = TOP + LINE * max(map(len, broken))
    title = "The same answer, without streaming and with it"
    drawing = Drawing(title, _description(race), bottom + 46)
    drawing.rules += _motion(race)
    drawing.text(MARGIN, 36, race.question, "strong")
    for (x, heading, code, name, answer), lines in zip(columns, broken, strict=True):
        drawing.box(x, 56, PANEL, bottom - 52)
        drawing.text(x + 16, 84, heading, "title")
        drawing.text(x + PANEL - 16, 84, code, "mono quiet", "end")
        _clock(drawing, x + 16, name, answer)
        _answer_lines(drawing, x + 16, name, lines)
        _first_words(drawing, x + 104, 120, name, answer)
    _dots(drawing, MARGIN + 16)
    drawing.text(MARGIN, bottom + 30, f"{race.source} Played with the recorded timing.", "quiet")
    return drawing.svg()


def _description(race: Race) -> str:
    """The picture in words, for readers who can't see it."""
    waited, streamed = race.waited, race.streamed
    sentences = [
        f"The question is: {race.question}",
        f"On the left nothing can be read for {waited.first:.1f} seconds.",
        "Then the whole answer appears at once.",
        f"On the right the first words appear after {streamed.first:.1f} seconds.",
        f"That answer is complete after {streamed.end:.1f} seconds.",
        race.source,
    ]
    return " ".join(sentences)


def break_lines(pieces: Iterable[TimedText]) -> list[list[Run]]:
    """An answer in lines, broken at blanks; each line consists of runs of one piece each."""
    lines: list[list[Run]] = [[]]
    length = 0
    for word in _words(pieces):
        size = sum(len(text) for text, _ in word)
        if length and length + size > LETTERS:
            lines.append([])
            length = 0
            word = [(word[0][0].lstrip(), word[0][1]), *word[1:]]
        lines[-1] += word
        length += size
    return [_joined(line) for line in lines]


def _words(pieces: Iterable[TimedText]) -> Iterator[list[Run]]:
    """Each word with the blanks before it; a word may consist of several pieces."""
    word: list[Run] = []
    for number, piece in enumerate(pieces):
        for letter in piece.text:
            is_blank = letter.isspace()
            if is_blank and word and not word[-1][0].isspace():
                yield word
                word = []
            word.append((" " if is_blank else letter, number))
    if word:
        yield word


def _joined(line: Iterable[Run]) -> list[Run]:
    """Neighbouring runs of one piece as one run."""
    runs: list[Run] = []
    for text, number in line:
        if runs and runs[-1][1] == number:
            runs[-1] = (runs[-1][0] + text, number)
        else:
            runs.append((text, number))
    return runs


def _first(cassette: Cassette, *, is_stream: bool) -> RecordedExchange:
    for exchange in cassette.exchanges.values():
        body = _body(exchange)
        if "messages" in body and bool(body.get("stream")) == is_stream:
            return exchange
    kind = "with streaming" if is_stream else "without streaming"
    raise CassetteError(f"{cassette.path} has no chat completion {kind}")


def _body(exchange: RecordedExchange) -> dict[str, Any]:
    body = exchange.request.get("json")
    return body if isinstance(body, dict) else {}


def _answer(
    cassette: Cassette,
    exchange: RecordedExchange,
    read: Callable[[Iterable[tuple[float, bytes]]], Iterable[TimedText]],
) -> RecordedAnswer:
    lines = list(cassette.answer(exchange))
    chunks = [(line["after"], decode(line)) for line in lines if "chunk" in line]
    pieces = tuple(piece for piece in read(chunks) if piece.text)
    return RecordedAnswer(pieces, lines[-1]["after"])


def _complete_text(chunks: Iterable[tuple[float, bytes]]) -> Iterator[TimedText]:
    """The one piece of an answer that came as JSON, at the time of its last byte."""
    times, bodies = zip(*chunks, strict=True)
    message = json.loads(b"".join(bodies))["choices"][0]["message"]
    yield TimedText(times[-1], message["content"])


def _streamed_texts(chunks: Iterable[tuple[float, bytes]]) -> Iterator[TimedText]:
    """The deltas of a stream, each at the time at which its event was complete."""
    rest = b""
    for at, data in chunks:
        *events, rest = (rest + data).split(b"\n\n")
        for event in events:
            content = event.removeprefix(b"data: ")
            if content != b"[DONE]":
                for choice in json.loads(content).get("choices") or []:
                    yield TimedText(at, choice["delta"].get("content") or "")


def _answer_lines(drawing: Drawing, x: float, name: str, lines: Iterable[Iterable[Run]]) -> None:
    for number, line in enumerate(lines):
        spans = "".join(
            f'<tspan class="{name}{piece}">{escape(text)}</tspan>' for text, piece in line
        )
        y = TOP + number * LINE
        drawing.parts.append(
            f'<text class="answer" xml:space="preserve" x="{x:g}" y="{y}">{spans}</text>'
        )


def _clock(drawing: Drawing, x: float, name: str, answer: RecordedAnswer) -> None:
    """A strip of readings, moved behind a window; at rest it shows the last one."""
    drawing.box(x, 100, 74, 30, "blue")
    window = f'<rect x="{x:g}" y="105" width="74" height="{READING}"/>'
    drawing.parts += [
        f'<clipPath id="window-{name}">{window}</clipPath>',
        f'<g clip-path="url(#window-{name})"><g class="strip-{name}">',
    ]
    for tick in range(_ticks(answer) + 1):
        y = 120 + tick * READING
        drawing.text(x + 37, y, f"{tick * TICK_S:.1f} s", "blue strong", "middle")
    drawing.parts.append("</g></g>")


def _ticks(answer: RecordedAnswer) -> int:
    return round(answer.end / TICK_S)


def _first_words(drawing: Drawing, x: float, y: float, name: str, answer: RecordedAnswer) -> None:
    kind = "green" if name == "s" else "red"
    words = f"First words after {answer.first:.1f} s"
    drawing.parts.append(f'<g class="{name}0">')
    drawing.text(x, y, words, f"{kind} strong")
    drawing.parts.append("</g>")


def _dots(drawing: Drawing, x: float) -> None:
    """What the left side shows while it waits; nothing at rest."""
    dots = "".join(
        f'<circle class="dot" cx="{x + 8 + 16 * number:g}" cy="{TOP - 5}" r="4"/>'
        for number in range(3)
    )
    drawing.parts.append(f'<g class="waiting">{dots}</g>')


def _motion(race: Race) -> list[str]:
    """The rules that move the picture; without them it shows the end."""
    seconds = race.round_s
    rules = [".answer{font-size:15px}.waiting{opacity:0}.dot{fill:#8c959f}"]
    answers = {"w": race.waited, "s": race.streamed}
    for name, answer in answers.items():
        shift = -_ticks(answer) * READING
        rules.append(f".strip-{name}{{transform:translateY({shift}px)}}")
    rules += [
        "@media (prefers-reduced-motion:no-preference){",
        f"tspan,.w0,.s0,.waiting{{animation:{seconds:g}s step-end infinite}}",
        f".strip-w,.strip-s{{animation:{seconds:g}s infinite}}",
    ]
    for name, answer in answers.items():
        for number, piece in enumerate(answer.pieces):
            rules.append(_appear(f"{name}{number}", piece.at / seconds))
        rules.append(_tick(f"strip-{name}", answer, seconds))
    rules.append(_vanish("waiting", race.waited.first / seconds))
    rules.append("@keyframes pulse{50%{opacity:.2}}.dot{animation:1.2s infinite pulse}")
    rules.append("}")
    return rules


def _appear(name: str, share: float) -> str:
    """Hidden until a share of the round has passed."""
    return _animation(name, f"0%{{fill-opacity:0}}{share:.2%}{{fill-opacity:1}}")


def _vanish(name: str, share: float) -> str:
    """Shown until a share of the round has passed."""
    return _animation(name, f"0%{{opacity:1}}{share:.2%}{{opacity:0}}")


def _tick(name: str, answer: RecordedAnswer, seconds: float) -> str:
    """A strip that moves by one reading at a time until the answer is complete."""
    ticks = _ticks(answer)
    start = f"transform:translateY(0);animation-timing-function:steps({ticks})"
    end = f"transform:translateY({-ticks * READING}px)"
    return _animation(name, f"0%{{{start}}}{answer.end / seconds:.2%}{{{end}}}to{{{end}}}")


def _animation(name: str, frames: str) -> str:
    return f"@keyframes {name}{{{frames}}}.{name}{{animation-name:{name}}}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Draws docs/streaming.svg from a cassette.")
    parser.add_argument("cassette", nargs="?", type=Path, default=CASSETTE, metavar="CASSETTE")
    try:
        race = read_race(parser.parse_args().cassette)
    except CassetteError as error:
        sys.exit(f"error: {error}")
    write(PICTURE, draw(race))


if __name__ == "__main__":
    main()
