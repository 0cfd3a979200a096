"""What is shown: the parts of the lessons, the code of each, and its recorded output.

A part is shown from a recording: what the lesson wrote when it was run with `--replay` and the
cassette of tests/fixtures, and when. So nothing can fail in class: no server is started, and no
program. `python -m tools.record_screens` makes the recordings; a test says when they are too old.
A part that can only be run live has no recording: the show has its code, and says what to type.

While a part runs, the lines of code that matter are highlighted. story.toml says which, and when: a
beat begins when its words are on the screen or in the traffic.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from common import COURSE, course_command
from common.settings import CourseError
from console.lesson_contents import Part, contents_of
from presenter.pane import Line, Pane, text_of
from presenter.traffic import Traffic
from setup.commands import LESSONS
from setup.problem import did_you_mean

RECORDINGS = Path(__file__).with_name("recordings")
STORY = Path(__file__).with_name("story.toml")
COLUMNS = 78
"""The width for which a lesson writes: it fits a terminal of 80 columns."""

SOUND_HZ = 8_000
"""The rate of the recorded sound, as that of a telephone."""

END = "the end"
"""The `when` of the beat that begins when all of the output is there."""

LONGEST_WAIT_S = 3.0
"""A recorded silence is shortened to this if it is longer: nobody in a class likes to wait."""

LIVE_ONLY = """\
This part has no recording, as it needs your own voice. Run it in another
terminal, with a microphone and headphones:

  {command}
"""
"""What the show says where the output of a part would stand."""

_RULER = re.compile(r"^# -{10,} .*$", re.MULTILINE)


@dataclass(frozen=True)
class Chunk:
    """What a lesson wrote at once, and how many seconds after its beginning."""

    at: float
    text: str


@dataclass(frozen=True)
class PartSound:
    """A WAV file, and how many seconds after the beginning of the recording it begins."""

    at: float
    file: Path


@dataclass(frozen=True)
class Beat:
    """The lines of code that matter from the moment when `when` is seen; "" is the beginning."""

    when: str
    lines: frozenset[int]


@dataclass(frozen=True)
class ShowPart:
    """A part of a lesson: its texts, its code from line `first_line` on, its story, its recording.

    The lines of a beat count from 0, within `code`.
    """

    lesson: str
    part: Part
    first_line: int
    code: tuple[str, ...]
    beats: tuple[Beat, ...]
    file: Path

    @property
    def name(self) -> str:
        """Such as "1 stream", as exercises and the plan name it, too."""
        return f"{self.lesson} {self.part.name}"

    @property
    def is_optional(self) -> bool:
        """Whether the plan of five hours leaves it out."""
        return bool(self.part.texts.get("is_optional"))

    @property
    def script(self) -> str:
        return LESSONS[self.lesson][0]

    @property
    def lesson_title(self) -> str:
        """Such as "Lesson 1: streaming responses"."""
        return LESSONS[self.lesson][1].capitalize()

    @property
    def command(self) -> str:
        """What a learner types to run it."""
        return course_command(self.lesson, self.part.name)

    @cached_property
    def all_chunks(self) -> tuple[Chunk, ...]:
        """The recording with all of its silences, read when it is needed.

        A part that is only live has one chunk, which says so.
        """
        if not self.part.is_recorded:
            return (Chunk(0.0, LIVE_ONLY.format(command=self.command)),)
        return read_recording(self.file)

    @cached_property
    def chunks(self) -> tuple[Chunk, ...]:
        """The recording without its long silences."""
        return shortened(self.all_chunks)

    @cached_property
    def sound(self) -> PartSound | None:
        """What can be heard while the recording runs with all of its silences."""
        file = self.file.with_suffix(".wav")
        if not file.is_file():
            return None
        return PartSound(float(self._header["sound_at"]), file)

    @property
    def source(self) -> str:
        """Which server's answers were recorded: such as "emulator", or a host; "" if none were."""
        return str(self._header.get("answered_by", "")) if self.part.is_recorded else ""

    @cached_property
    def _header(self) -> dict[str, Any]:
        with self.file.open(encoding="utf-8") as recording:
            header: dict[str, Any] = json.loads(recording.readline())
            return header

    @cached_property
    def final_rows(self) -> int:
        """How many lines the recording has at its end."""
        pane = Pane(COLUMNS)
        for chunk in self.chunks:
            pane.feed(chunk.text)
        return len(pane.lines())

    def text(self, name: str) -> str:
        return self.part.text(name)


class PartReplay:
    """A part as far as it has run: its output, its traffic, and which lines of code matter."""

    def __init__(self, part: ShowPart) -> None:
        self._part = part
        self._pane = Pane(COLUMNS)
        self._beats = [beat for beat in part.beats if beat.when != END]
        self._reached = 0
        self._wire_seen = 0
        self.traffic = Traffic()
        self._has_ended = False
        self._lines: list[Line] | None = []
        self._advance()

    @property
    def lines(self) -> list[Line]:
        """What the lesson has written, as it stands on its screen."""
        if self._lines is None:
            self._lines = self._pane.lines()
        return self._lines

    @property
    def wire(self) -> list[str]:
        """The lines of the traffic; `traffic` has them in a form that is easier to read."""
        return self._pane.wire

    @property
    def highlighted(self) -> frozenset[int]:
        """The lines of the part's code that matter now."""
        last = [beat for beat in self._part.beats if beat.when == END]
        if self._has_ended and last:
            return last[0].lines
        return self._beats[self._reached - 1].lines if self._reached else frozenset()

    def feed(self, text: str) -> None:
        before = len(self.wire)
        self._pane.feed(text)
        self._lines = None
        for line in self.wire[before:]:
            self.traffic.add(line)
        self._advance()

    def end(self) -> None:
        """All of the output is there."""
        self._has_ended = True

    def _advance(self) -> None:
        """Go on to the beats whose words have been seen, in their order."""
        while self._reached < len(self._beats):
            when = self._beats[self._reached].when
            if when and not any(when in line for line in self._news()):
                break
            self._reached += 1
        self._wire_seen = len(self.wire)

    def _news(self) -> Iterator[str]:
        """What is on the screen, and the traffic that has just come."""
        yield from self.wire[self._wire_seen :]
        yield " ".join(text_of(self.lines).split())


def read_recording(file: Path) -> tuple[Chunk, ...]:
    """The chunks of a recording, which come after its header. Raises CourseError."""
    try:
        rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()[1:]]
        return tuple(Chunk(float(at), str(text)) for at, text in rows)
    except (OSError, ValueError, TypeError) as error:
        raise CourseError(
            f"the recording {file.name} cannot be read",
            str(error),
            "get the course again, or run: python -m tools.record_screens",
        ) from None


def shortened(chunks: Sequence[Chunk]) -> tuple[Chunk, ...]:
    """The chunks without the rest of silences that are longer than LONGEST_WAIT_S."""
    kept, before, cut = list[Chunk](), 0.0, 0.0
    for chunk in chunks:
        cut += max(0.0, chunk.at - before - LONGEST_WAIT_S)
        before = chunk.at
        kept.append(Chunk(chunk.at - cut, chunk.text))
    return tuple(kept)


def load_show(lessons: Sequence[str] = tuple(LESSONS)) -> list[ShowPart]:
    """All parts of these lessons that have a recording or are only live, in their order."""
    story = tomllib.loads(STORY.read_text("utf-8"))
    return [part for number in lessons for part in _parts_of(number, story.get(number, {}))]


def _parts_of(number: str, story: Mapping[str, Any]) -> Iterator[ShowPart]:
    script = COURSE / LESSONS[number][0]
    source = script.read_text(encoding="utf-8")
    sections = {name: _section(source, ruler) for name, ruler in _rulers(source)}
    for part in contents_of(script).parts.values():
        file = RECORDINGS / f"lesson{number}" / f"{part.name}.jsonl"
        if part.is_recorded and not file.is_file():
            continue
        first, code = sections[part.name]
        beats = tuple(_beat(code, *row) for row in story.get(part.name, ()))
        yield ShowPart(number, part, first, code, beats, file)


def _rulers(source: str) -> Iterator[tuple[str, re.Match[str]]]:
    for found in _RULER.finditer(source):
        name = re.search(r"(\w+)(:|$)", found[0])
        yield (name[1] if name else ""), found


def _section(source: str, ruler: re.Match[str]) -> tuple[int, tuple[str, ...]]:
    """The lines between a ruler and the next one, and the number of the first."""
    following = _RULER.search(source, ruler.end())
    text = source[ruler.end() + 1 : following.start() if following else len(source)]
    return source.count("\n", 0, ruler.end()) + 2, tuple(text.rstrip().split("\n"))


def _beat(code: Sequence[str], when: str, *excerpts: str) -> Beat:
    found = frozenset(line for excerpt in excerpts for line in statement_with(code, excerpt))
    return Beat(when, found)


def statement_with(code: Sequence[str], excerpt: str) -> range:
    """The lines from the first that has the excerpt, up to where its brackets are closed."""
    start = next((n for n, line in enumerate(code) if excerpt in line), None)
    if start is None:
        raise ValueError(f"story.toml: no line of code has {excerpt!r}")
    depth, end = 0, start
    for end in range(start, len(code)):
        line = re.sub(r"\"[^\"]*\"|'[^']*'|#.*", "", code[end])
        depth += sum(map(line.count, "([{")) - sum(map(line.count, ")]}"))
        if depth <= 0:
            break
    return range(start, end + 1)


def place_of(show: Sequence[ShowPart], word: str) -> int:
    """Where a part stands in the show, by its name or its number. Raises CourseError."""
    for place, each in enumerate(show):
        if word in (each.part.name, str(each.part.number)):
            return place
    names = [each.part.name for each in show]
    raise CourseError(
        f"the show has no part {word!r}", did_you_mean(word, names) or None, ", ".join(names)
    )
