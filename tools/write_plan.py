"""Writes the plan of the five hours into docs/teaching.md: `python -m tools.write_plan`.

The plan itself follows from the lessons and the exercises (presenter/course_plan.py).
"""

import sys
from pathlib import Path

from common import COURSE
from presenter.course_plan import clock_time, optional, steps

PAGE = COURSE / "docs" / "teaching.md"
START, END = "<!-- plan -->\n", "<!-- end of the plan -->\n"


def plan() -> str:
    """The tables of the page."""
    lines = ["| at | minutes | | what |", "|---|---|---|---|"]
    at = 0
    for step in steps():
        lines.append(f"| {clock_time(at)} | {step.minutes} | {step.kind} | {step.what} |")
        at += step.minutes
    lines += [
        f"| {clock_time(at)} | | | end |",
        "",
        "For quick learners, or for another day:",
        "",
    ]
    lines += ["| minutes | | what |", "|---|---|---|"]
    lines += [f"| {step.minutes} | {step.kind} | {step.what} |" for step in optional()]
    lines += ["", "## What to ask, and what goes wrong", ""]
    for step in steps():
        if step.kind == "demo":
            lines += [f"**{step.what}**", ""]
            lines += [f"- Ask: {step.ask}"] if step.ask else []
            lines += [f"- Answer: {step.answer}"] if step.answer else []
            lines += [f"- Show: {step.show}"] if step.show else []
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
