"""Writes the plan of the five hours into docs/teaching.md: `python -m tools.write_plan`.

The minutes and texts of parts stand in console/parts.toml, those of exercises in
exercises/index.toml. So each minute stands once, and the plan follows from both.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import COURSE, course_command
from console.lesson import Part, contents_of
from grading.exercise import Exercise, exercises
from setup.commands import LESSONS

PAGE = COURSE / "docs" / "teaching.md"
START, END = "<!-- plan -->\n", "<!-- end of the plan -->\n"
BREAK_MINUTES = 5


@dataclass(frozen=True)
class PlanStep:
    """A stretch of the plan: demo, exercise or break."""

    kind: str
    what: str
    minutes: int
    lesson: str
    ask: str = ""
    wrong: str = ""
    remember: str = ""


def steps() -> Iterator[PlanStep]:
    """All of the five hours, in order. A lesson ends with a break, and audio begins behind one."""
    for number, (script, _) in LESSONS.items():
        for part in contents_of(COURSE / script).parts.values():
            if part.texts.get("is_optional"):
                continue
            if part.name == "transcribe":
                yield PlanStep("break", "break", BREAK_MINUTES, number)
            yield _demo(number, part)
            yield from (_work(each) for each in _behind(f"{number} {part.name}") if each.is_core)
        if number != "3":
            yield PlanStep("break", "break", BREAK_MINUTES, number)


def optional() -> Iterator[PlanStep]:
    """What the five hours leave out, for those who are quick."""
    for number, (script, _) in LESSONS.items():
        for part in contents_of(COURSE / script).parts.values():
            if part.texts.get("is_optional"):
                yield _demo(number, part)
            yield from (_work(e) for e in _behind(f"{number} {part.name}") if not e.is_core)


def _behind(part: str) -> list[Exercise]:
    return [each for each in exercises().values() if each.part == part]


def _demo(number: str, part: Part) -> PlanStep:
    texts: dict[str, Any] = dict(part.texts)
    remember = " ".join(str(texts.get("notice", "")).split())
    first = remember.partition(". ")[0].rstrip(".")
    name = f"`{course_command(number, part.name)}` {part.title}"
    minutes = int(texts["minutes"])
    asked, wrong = str(texts.get("ask", "")), str(texts.get("wrong", ""))
    return PlanStep("demo", name, minutes, number, asked, wrong, f"{first}." if first else "")


def _work(exercise: Exercise) -> PlanStep:
    name = f"{exercise.id} {exercise.title}"
    return PlanStep("exercise", name, exercise.minutes, exercise.lesson, wrong=exercise.trap)


def clock(minutes: int) -> str:
    return f"{minutes // 60}:{minutes % 60:02}"


def plan() -> str:
    """The tables of the page."""
    lines = ["| at | minutes | | what |", "|---|---|---|---|"]
    at = 0
    for step in steps():
        lines.append(f"| {clock(at)} | {step.minutes} | {step.kind} | {step.what} |")
        at += step.minutes
    lines += [f"| {clock(at)} | | | end |", "", "For those who are quick, or for another day:", ""]
    lines += ["| minutes | | what |", "|---|---|---|"]
    lines += [f"| {step.minutes} | {step.kind} | {step.what} |" for step in optional()]
    lines += ["", "## What to ask, and what goes wrong", ""]
    for step in steps():
        if step.kind == "demo":
            lines += [f"**{step.what}**", ""]
            lines += [f"- Ask: {step.ask}"] if step.ask else []
            lines += [f"- What goes wrong: {step.wrong}"] if step.wrong else []
            lines += [f"- To remember: {step.remember}"] if step.remember else []
            lines += [""]
    return "\n".join(lines)


def written(page: str) -> str:
    """The page with the plan as it is now."""
    before, _, rest = page.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}{plan()}{END}{after}"


def main(path: Path = PAGE) -> int:
    path.write_text(written(path.read_text("utf-8")), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
