"""The plan of the five hours: what comes after what, how long it takes, and what to leave out.

The minutes and texts of parts stand in console/parts.toml, those of exercises in
exercises/index.toml. So each minute stands once, and the plan follows from both.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from common import COURSE, course_command
from console.lesson_contents import Part, contents_of
from grading.exercise import Exercise, exercises
from setup.commands import LESSONS

BREAK_MINUTES = 10
INTRODUCTION_MINUTES = 5
INTRODUCTION = (
    f"Say what the class will build. Anyone who hasn't typed `{course_command()}` yet does it now."
)

LEAVE_OUT_FIRST = ("1 events", "V2", "R4", "A3")
"""What to leave out when it is late, in the order of the plan: names of parts and of exercises."""


@dataclass(frozen=True)
class PlanStep:
    """A stretch of the plan: introduction, demo, exercise or break.

    `name` is that of a part, such as "1 stream", or the id of an exercise; the others have none.
    """

    kind: str
    what: str
    minutes: int
    lesson: str
    name: str
    ask: str = ""
    answer: str = ""
    show: str = ""
    wrong: str = ""
    remember: str = ""

    @property
    def label(self) -> str:
        """What it is, without the command."""
        return re.sub("^`[^`]*` ", "", self.what)


def listed(words: Sequence[str]) -> str:
    """Words as in a sentence: "one, two and three"."""
    *most, last = words or [""]
    return f"{', '.join(most)} and {last}" if most else last


def clock_time(minutes: int) -> str:
    """Minutes as hours and minutes: 95 is "1:35"."""
    return f"{minutes // 60}:{minutes % 60:02}"


@cache
def steps() -> tuple[PlanStep, ...]:
    """All of the five hours, in order; read once, as the plan is drawn many times a second."""
    return tuple(_steps())


def _steps() -> Iterator[PlanStep]:
    """A lesson ends with a break, and audio begins after one."""
    yield PlanStep("introduction", INTRODUCTION, INTRODUCTION_MINUTES, next(iter(LESSONS)), "")
    for number in LESSONS:
        for part in _parts(number):
            if part.texts.get("is_optional"):
                continue
            if part.name == "transcribe":
                yield PlanStep("break", "break", BREAK_MINUTES, number, "")
            yield _demo(number, part)
            yield from (
                _work(each) for each in _exercises_after(f"{number} {part.name}") if each.is_core
            )
        if number != "3":
            yield PlanStep("break", "break", BREAK_MINUTES, number, "")


def optional() -> Iterator[PlanStep]:
    """What the five hours leave out, for those who are quick."""
    for number in LESSONS:
        for part in _parts(number):
            if part.texts.get("is_optional"):
                yield _demo(number, part)
            yield from (
                _work(e) for e in _exercises_after(f"{number} {part.name}") if not e.is_core
            )


def _parts(lesson: str) -> Iterable[Part]:
    return contents_of(COURSE / LESSONS[lesson][0]).parts.values()


def _exercises_after(part: str) -> list[Exercise]:
    return [each for each in exercises().values() if each.part == part]


def _demo(number: str, part: Part) -> PlanStep:
    first = part.text("notice").partition(". ")[0].rstrip(".")
    return PlanStep(
        "demo",
        f"`{course_command(number, part.name)}` {part.title}",
        int(part.texts["minutes"]),
        number,
        f"{number} {part.name}",
        ask=part.text("ask"),
        answer=part.text("answer"),
        show=part.text("show"),
        wrong=part.text("wrong"),
        remember=f"{first}." if first else "",
    )


def _work(exercise: Exercise) -> PlanStep:
    name = f"{exercise.id} {exercise.title}"
    return PlanStep(
        "exercise", name, exercise.minutes, exercise.lesson, exercise.id, wrong=exercise.trap
    )


@dataclass(frozen=True)
class PlanPlace:
    """A part in the plan: minutes from the plan's start, and what comes after it.

    `until` is where the next part begins; a part that the plan leaves out takes no time in it. The
    first part begins with the introduction: `opening` are its minutes.
    """

    at: int
    minutes: int
    until: int
    following: tuple[PlanStep, ...]
    opening: int = 0


@cache
def places() -> dict[str, PlanPlace]:
    """Where each part stands, by its name."""
    found, at = dict[str, PlanPlace](), 0
    every = steps()
    opening = sum(step.minutes for step in _until_next_demo(every))
    for number, step in enumerate(every):
        if step.kind == "demo":
            after = _until_next_demo(every[number + 1 :])
            until = at + opening + step.minutes + sum(each.minutes for each in after)
            found[step.name] = PlanPlace(at, step.minutes, until, after, opening)
            at, opening = until, 0
    at = 0
    for lesson in LESSONS:
        for part in _parts(lesson):
            name = f"{lesson} {part.name}"
            if name in found:
                at = found[name].until
            else:
                found[name] = PlanPlace(at, int(part.texts.get("minutes", 0)), at, ())
    return found


def _until_next_demo(every: Sequence[PlanStep]) -> tuple[PlanStep, ...]:
    demo = next((n for n, step in enumerate(every) if step.kind == "demo"), len(every))
    return tuple(every[:demo])


def following(name: str) -> str:
    """What comes after a part, before the next one, as a sentence; "" if nothing does."""
    place = places().get(name)
    after = place.following if place else ()
    exercises_after = [step for step in after if step.kind == "exercise"]
    words = [_in_words(step, is_only=len(exercises_after) == 1) for step in after]
    return f"Next: {', then '.join(words)}." if words else ""


def to_type(name: str) -> str:
    """What the class types for the exercises after a part; "" if there are none."""
    after = places()[name].following if name in places() else ()
    first, *rest = [step.name for step in after if step.kind == "exercise"] or [""]
    if not first:
        return ""
    command = course_command("check", first)
    return f"{command}, then with {listed(rest)}" if rest else command


def instructions(name: str) -> str:
    """What the class does after a part, and in a second line what it types for that."""
    command = to_type(name)
    return "\n".join(filter(None, (following(name), f"Type: {command}" if command else "")))


def _in_words(step: PlanStep, *, is_only: bool) -> str:
    """With its title if it is the only one: several have to fit a line."""
    what = "a break" if step.kind == "break" else f"exercise {step.what if is_only else step.name}"
    return f"{what} ({step.minutes} min)"


def to_leave_out(after: int) -> list[PlanStep]:
    """What can be left out of the plan from this minute on, the first in the plan first."""
    found, at = list[PlanStep](), 0
    for step in steps():
        if step.name in LEAVE_OUT_FIRST and at >= after:
            found.append(step)
        at += step.minutes
    return found
