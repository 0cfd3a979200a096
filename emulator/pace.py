"""How fast text comes: as from a live model, or at once."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from emulator.answers.answer import Answer
from emulator.wire import sse

FIRST_S, GAP_S, THOUGHT_S = 0.4, 0.025, 0.005

Sleep = Callable[[float], Awaitable[object]]


@dataclass(frozen=True)
class Pace:
    """How long text is held back: `factor` times what a small live model takes; 0 is at once.

    `sleep` and `clock` are time's, in seconds; tests pass their own.
    """

    factor: float = 0.0
    sleep: Sleep = asyncio.sleep
    clock: Callable[[], float] = time.monotonic

    def before(self, place: int) -> float:
        """Seconds before the piece at `place`, counted from 0."""
        return self.factor * (FIRST_S if place == 0 else GAP_S)

    def thinking(self, tokens: int) -> float:
        """Seconds that reasoning of so many tokens takes."""
        return self.factor * THOUGHT_S * tokens

    def whole(self, answers: Sequence[Answer]) -> float:
        """Seconds before answers, written side by side, that come in one body."""
        longest = max((each.tokens - each.reasoning for each in answers), default=0)
        thought = self.thinking(max((each.reasoning for each in answers), default=0))
        return thought + sum(map(self.before, range(longest)))


class Metronome:
    """Tells how long to wait before a block, by a schedule from its start.

    What a write takes so does not add up.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._due = pace.clock()
        self._pieces = 0

    def wait(self, block: bytes) -> float:
        """Seconds; 0 for a block that carries nothing that a model would have to write."""
        if isinstance(block, sse.Piece):
            gap = self._pace.before(self._pieces)
            self._pieces += 1
        elif isinstance(block, sse.Thought):
            gap = self._pace.thinking(block.tokens)
        else:
            return 0.0
        self._due += gap
        return max(0.0, self._due - self._pace.clock()) if gap else 0.0
