"""How a suite went."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tally:
    """The name of a suite, and how many of its tests passed, were left out, failed."""

    suite: str
    passed: int = 0
    left_out: int = 0
    failed: int = 0
