"""An error in three lines, and how set-up writes to the screen."""

import sys
from collections.abc import Iterable

from setup import WINDOWS


class Problem(Exception):
    """What went wrong, why if that is known, and what to try; `code` is the exit code."""

    def __init__(self, fact: str, why: str = "", attempt: str = "", code: int = 1) -> None:
        super().__init__(fact)
        self.fact, self.why, self.attempt, self.code = fact, why, attempt, code

    def __str__(self) -> str:
        lines = [("error", self.fact), ("  why", self.why), ("  try", self.attempt)]
        return "\n".join(f"{label}: {text}" for label, text in lines if text)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question that names the most similar of the known words; empty if none is similar."""
    from difflib import get_close_matches

    every = {each.lower(): each for each in known}
    nearest = get_close_matches(word.lower(), every, 1)
    return f"Did you mean {every[nearest[0]]}?" if nearest else ""


def say(text: str) -> None:
    """Write to stderr: stdout belongs to the program that is started."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def command(*words: str) -> str:
    """What a learner types to start course.py with these words."""
    return " ".join(["py" if WINDOWS else "python3", "course.py", *words])


def again() -> str:
    """What the learner typed this time."""
    return command(*sys.argv[1:])
