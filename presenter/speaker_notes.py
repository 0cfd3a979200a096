"""What the instructor sees in a second terminal: notes of the part, and the time that is left.

The show writes where it is into a small file in the temporary folder, and the notes read it. It is
written once a second, so the notes can tell when the show has ended, even after a crash.
"""

import getpass
import hashlib
import json
import os
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from itertools import chain
from math import ceil
from pathlib import Path
from typing import Self

from common import COURSE, course_command
from console.lesson_contents import Part, contents_of
from presenter.course_plan import (
    INTRODUCTION,
    PlanPlace,
    following,
    listed,
    places,
    to_leave_out,
    to_type,
)
from presenter.course_show import load_show
from presenter.pane import Line
from presenter.plan_clock import PlanTime
from presenter.show_player import ShowPlayer
from setup.commands import LESSONS

from rich.cells import set_cell_size

BEAT_S, SILENT_S = 1.0, 10.0
"""How often the show writes, and after how long without that it has ended."""

LOOK_S = 0.2
"""How long the notes wait for a key before they look whether the show has written."""

HEAD, LABEL, GOOD, LATE = "1;97;44", "1;96", "1;92", "1;30;103"
INDENT = 13


@dataclass(frozen=True)
class ShowState:
    """Where a show is: names of parts, such as "1 stream", and the highlighted lines of the code.

    `elapsed` and `on_part` are seconds of the plan's clock (plan_clock.py) at the time `written`,
    which is in seconds since 1970.
    """

    part: str
    stage: str
    first: str
    elapsed: float
    on_part: float
    written: float
    lines: Sequence[int] = ()

    def time_at(self, now: float) -> PlanTime:
        since = now - self.written
        return PlanTime(self.first, self.part, self.elapsed + since, self.on_part + since)


def state_file() -> Path:
    """One for each user and each copy of the course. Raises OSError if its folder is not ours."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user without a name
        user = str(os.getuid()) if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"course-presenter-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    # Anybody may make a folder of this name in a temporary folder that all users share.
    if hasattr(os, "getuid") and folder.lstat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else")
    return folder / f"{hashlib.sha256(str(COURSE).encode()).hexdigest()[:12]}.json"


class StateFile:
    """Writes where a show is, and deletes that at its end. A show goes on without it."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._before: Sequence[object] = ()
        self._written = 0.0
        self._file: Path | None = None

    def __enter__(self) -> Self:
        with suppress(OSError):
            self._file = state_file()
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            with suppress(OSError):
                self._file.unlink(missing_ok=True)

    def follow(self, player: ShowPlayer) -> None:
        """Write if something has changed, or if a second has passed."""
        now, time_now = self._clock(), player.plan_time
        lines = [player.part.first_line + line for line in sorted(player.highlighted)]
        here = (player.part.name, player.stage.value, time_now.first, lines)
        if here != self._before or now - self._written >= BEAT_S:
            self._before, self._written = here, now
            part, stage, first, _ = here
            elapsed, on_part = time_now.elapsed, time_now.on_part
            self._write(ShowState(part, stage, first, elapsed, on_part, now, lines))

    def _write(self, state: ShowState) -> None:
        """Put the new file in the place of the old one, so that no reader sees half of it."""
        if self._file is None:
            return
        new = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        with suppress(OSError):
            new.write_text(json.dumps(asdict(state)), encoding="utf-8")
            new.replace(self._file)


def read_state(now: float) -> ShowState | None:
    """Where the show is; None if there is none, or if it has ended."""
    try:
        state = ShowState(**json.loads(state_file().read_text(encoding="utf-8")))
        return state if now - float(state.written) < SILENT_S else None
    except (OSError, ValueError, TypeError):
        return None


def follow() -> int:
    """Show the notes of the show that is running, until q."""
    from presenter.terminal_screen import open_screen

    news = News()
    with open_screen(LOOK_S) as (screen, read_keys):
        while not {"q", "escape"} & set(read_keys()):
            now, size = time.time(), screen.size()
            if news.has_come(now, size):
                screen.show(notes(read_state(now), now, *size))
    return 0


class News:
    """Whether the notes would look different now: only then are they read and drawn again.

    They change when the show has written, with each second of the clock, and with the terminal.
    """

    def __init__(self) -> None:
        self._before: object = None

    def has_come(self, now: float, size: tuple[int, int]) -> bool:
        """Whether anything has changed since the last call. `now` is in seconds since 1970."""
        here = (_written_at(), int(now), size)
        has_changed = here != self._before
        self._before = here
        return has_changed


def _written_at() -> int | None:
    """When the show wrote last, in nanoseconds; None if there is no show."""
    try:
        return state_file().stat().st_mtime_ns
    except OSError:
        return None


def notes(state: ShowState | None, now: float, width: int, height: int) -> list[Line]:
    """Exactly `height` lines."""
    part = _part_of(state.part) if state else None
    if state is None or part is None:
        lines = [_bar("Notes", "q quit", width), (), (("", " Waiting for the show. Start it:"),)]
        lines += [(), (("1", f"   {course_command('present')}"),)]
    else:
        place = places()[state.part]
        lines = [
            _bar(f"{state.part}   {part.title}", state.stage, width),
            (),
            *_time_lines(state, place, now, width, part.texts.get("is_optional", False)),
            *_late_lines(state, place, now, width),
            (),
        ]
        lines += _fitting(_texts(part, state, width), height - len(lines))
    return [*lines, *[()] * height][:height]


def _fitting(blocks: Mapping[str, Sequence[Line]], room: int) -> Iterator[Line]:
    """The blocks, with empty lines between them while there is room for those.

    If there is not even room for the blocks, the less important ones are left out.
    """
    kept = dict(blocks)
    for label in ("", *LESS_IMPORTANT):
        kept.pop(label, None)
        needed = sum(map(len, kept.values()))
        if needed <= room:
            break
    for number, block in enumerate(kept.values()):
        if 0 < number <= room - needed:
            yield ()
        yield from block


@cache
def _part_of(name: str) -> Part | None:
    lesson, _, word = name.partition(" ")
    if lesson not in LESSONS:
        return None
    return contents_of(COURSE / LESSONS[lesson][0]).parts.get(word)


def _bar(left: str, right: str, width: int) -> Line:
    return ((HEAD, set_cell_size(f" {left}", max(1, width - len(right) - 2)) + f" {right} "),)


def _time_lines(
    state: ShowState, place: PlanPlace, now: float, width: int, is_optional: bool
) -> Iterator[Line]:
    plan_time = state.time_at(now)
    yield _part_line(state.stage, place, int(plan_time.on_part))
    if is_optional:
        yield _labeled("", "Not in the plan of five hours. s goes on to the next part that is.")
    late = plan_time.late
    if late > 0:
        yield _labeled("The plan", f"{late} min late", LATE)
    else:
        yield _labeled("The plan", f"{-late} min ahead" if late else "on time", GOOD)
    yield from _wrapped("Left", "; ".join(_left(state.part, plan_time.minutes)), width)


def _part_line(stage: str, place: PlanPlace, seconds: int) -> Line:
    """How long this part has been shown, of what the plan gives it and its exercises."""
    exercises = [step for step in place.following if step.kind == "exercise"]
    shown = place.opening + place.minutes
    total = shown + sum(step.minutes for step in exercises)
    shares = [f"{place.opening} to introduce the course"] if place.opening else []
    shares += [f"{place.minutes} to show", *(f"{e.minutes} for {e.name}" for e in exercises)]
    text = f"{_clock(seconds)} of {total} min"
    if len(shares) > 1:
        text += f": {', '.join(shares)}"
    allowed = total if stage == "end" else shown
    return _labeled("This part", text, LATE if seconds > 60 * allowed else "")


def _left(name: str, passed: float) -> Iterator[str]:
    """Minutes of the plan that are left until the next part, in the lesson, and in all."""
    lesson = name.partition(" ")[0]
    ends = [place.until for part, place in places().items() if part.startswith(f"{lesson} ")]
    every = [place.until for place in places().values()]
    for what, end in (
        ("to the next part", places()[name].until),
        (f"to the end of lesson {lesson}", max(ends)),
        ("to the end", max(every)),
    ):
        yield f"{max(0, ceil(end - passed))} min {what}"


TO_DO = {
    "title": "Say why, explain the code (] scrolls it), and ask. Then press space: the part runs.",
    "run": "p pauses. The . key shows the next piece. w shows the traffic. Space shows the end.",
    "end": "Say what to notice. r runs it again, space goes on.",
}
MOST_STRETCHES = 4
LESS_IMPORTANT = ("More", "Why")
"""What a small terminal leaves out first; the class sees why on the title."""


def _texts(part: Part, state: ShowState, width: int) -> dict[str, list[Line]]:
    """What the teacher says, in the order in which it is said."""
    texts = {
        "First": INTRODUCTION if places()[state.part].opening and state.stage == "title" else "",
        "Do": TO_DO.get(state.stage, ""),
        "Why": part.text("why"),
        "Point at": _lines_in_words(state),
        "Ask": part.text("ask"),
        "Answer": part.text("answer"),
        "Show": part.text("show"),
        "Goes wrong": part.text("wrong"),
        "Notice": part.text("notice"),
        "Then": _afterwards(state.part),
        "More": f"docs/{_page_of(state.part)}",
    }
    return {label: list(_wrapped(label, text, width)) for label, text in texts.items() if text}


def _lines_in_words(state: ShowState) -> str:
    """The highlighted lines: a row for each stretch, with its numbers and its first line."""
    code = _code_of(state.part)
    stretches: list[list[int]] = []
    for line in state.lines:
        if stretches and line == stretches[-1][-1] + 1:
            stretches[-1].append(line)
        else:
            stretches.append([line])
    words = []
    for first, *rest in stretches[:MOST_STRETCHES]:
        numbers = f"lines {first} to {rest[-1]}" if rest else f"line {first}"
        words.append(f"{numbers}:  {code.get(first, '').strip()}")
    return "\n".join(words)


@cache
def _code_of(name: str) -> dict[int, str]:
    """The lines of a part's code by their numbers."""
    show = load_show([name.partition(" ")[0]])
    part = next((each for each in show if each.name == name), None)
    return dict(enumerate(part.code, part.first_line)) if part else {}


def _afterwards(name: str) -> str:
    """What comes after the part, and what the class types for it."""
    typed = f" They type {to_type(name)}." if to_type(name) else ""
    return following(name).removeprefix("Next: ") + typed


def _page_of(name: str) -> str:
    """The page that explains a part."""
    start = "4" if name == "3 transcribe" else name.partition(" ")[0]
    return next((page.name for page in sorted((COURSE / "docs").glob(f"{start}-*.md"))), "")


def _late_lines(state: ShowState, place: PlanPlace, now: float, width: int) -> Iterator[Line]:
    """What to leave out, as much as is needed to be on time again."""
    late = state.time_at(now).late
    if late <= 0:
        return
    saved, rows = 0, list[str]()
    # On its title, a part can still be left out.
    for step in to_leave_out(place.at if state.stage == "title" else place.at + 1):
        if saved < late:
            kind = "the part" if step.kind == "demo" else "exercise"
            key = "; press s" if step.name == state.part else ""
            rows.append(f"{kind} {step.name} ({step.minutes} min{key})")
            saved += step.minutes
    text = f"Leave out {listed(rows)}."
    if saved < late:
        text = f"{text} That is not enough: " if rows else "Nothing more can be left out: "
        text += "make the exercises shorter."
    yield from _wrapped("Late", text, width, "1")


def _wrapped(label: str, text: str, width: int, style: str = "") -> Iterator[Line]:
    room = max(10, width - INDENT - 2)
    paragraphs = [textwrap.wrap(each, room, break_on_hyphens=False) for each in text.split("\n")]
    for number, row in enumerate(chain(*paragraphs)):
        yield _labeled("" if number else label, row, style)


def _labeled(label: str, text: str, style: str = "") -> Line:
    return ((LABEL, f" {label:{INDENT - 1}}"), (style, text))


def _clock(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02}"
