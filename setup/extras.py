"""The extras: packages that make lesson 3 better, though it works without any of them.

requirements-extras.txt lists them. The outcome of each is kept in .venv/extras.json, so that an
extra is tried once, not at every start.
"""

import re
from contextlib import suppress
from pathlib import Path

from setup.environment import Environment, read_json, write_json


class Extra:
    """A line of requirements-extras.txt, and what the comment above it says."""

    def __init__(self, line: str, comment: str) -> None:
        self.line, self.name = line, re.split(r"[^\w.-]", line)[0]
        self.megabytes = float((re.findall(r"([\d.]+) MB", comment) or ["0"])[-1])
        # From "Without it" to the full stop: what the learner loses.
        self.loss = " ".join(" ".join(re.findall(r"(?s)Without it(.+?)\.", comment)).split())
        # The extra that does the same, so that one of them is enough.
        self.instead = "".join(re.findall(r"(?m)It does the same as (\S+?)[,.]", comment))
        # Commands that install what compiling this extra needs, each with its installer's name.
        self.remedies = re.findall(r"(?m) ((?:sudo )?(\w+) install .+)$", comment)

    def __str__(self) -> str:
        return f"{self.name} ({self.megabytes:g} MB)" if self.megabytes else self.name


def read_extras(course: Path) -> list[Extra]:
    """All extras, in the order in which they are tried; none if the file is not there."""
    extras, comment = [], ""
    with (
        suppress(FileNotFoundError),
        open(course / "requirements-extras.txt", encoding="utf-8") as file,
    ):
        for line in map(str.strip, file):
            if line and not line.startswith("#"):
                extras.append(Extra(line, comment))
            comment = comment + line[1:] + "\n" if line.startswith("#") else ""
    return extras


def untried(environment: Environment) -> list[Extra]:
    """The extras that were not tried yet with this Python."""
    outcomes = read_outcomes(environment)
    return [extra for extra in read_extras(environment.course) if extra.line not in outcomes]


def read_outcomes(environment: Environment) -> dict[str, str]:
    """Each line that was tried with this Python, and why it is not installed; empty if it is."""
    outcomes = read_json(environment.outcomes)
    of_this_python = outcomes.pop("python", "") == environment.python_version()
    return outcomes if of_this_python else {}


def write_outcomes(environment: Environment, outcomes: dict[str, str]) -> None:
    """Save the outcome of each extra."""
    write_json(environment.outcomes, {**outcomes, "python": environment.python_version()})
