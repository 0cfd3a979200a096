"""How fast text comes: as from a live model, or at once.

A live model takes a while for the first token and then writes steadily. A `Pace` holds those times,
multiplied by a factor; 0 is at once. A `Metronome` applies them to one stream: each block with text
is due a fixed time after the one before it was due, not after it was sent. So a slow write, or a
sleep that takes too long, shortens the next wait, and the whole takes as long as planned. Blocks
that carry no text are never held back.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from emulator.answers.answer import Answer
from emulator.wire import sse

FIRST_S, GAP_S, REASONING_S = 0.4, 0.025, 0.005

Sleep = Callable[[float], Awaitable[object]]


@dataclass(frozen=True)
class Pace:
    """Times in seconds, those of a small live model multiplied by `factor`.

    `sleep` and `clock` are asyncio's and the machine's; tests pass their own.
    """

    factor: float = 0.0
    sleep: Sleep = asyncio.sleep
    clock: Callable[[], float] = time.monotonic

    def before(self, place: int) -> float:
        """Before the piece at `place`, counted from 0."""
        return self.factor * (FIRST_S if place == 0 else GAP_S)

    def reasoning(self, tokens: int) -> float:
        return self.factor * REASONING_S * tokens

    def whole(self, answers: Sequence[Answer]) -> float:
        """Before a body that holds all these answers, which were written side by side."""
        longest = max((each.tokens - each.reasoning for each in answers), default=0)
        reasoned = max((each.reasoning for each in answers), default=0)
        return self.reasoning(reasoned) + sum(map(self.before, range(longest)))


class Metronome:
    """The schedule of one stream; it starts when this is made."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._due = pace.clock()
        self._pieces = 0

    def wait(self, block: bytes) -> float:
        """How many seconds a block has to wait from now; takes the block as sent."""
        if isinstance(block, sse.TextBlock):
            gap = self._pace.before(self._pieces)
            self._pieces += 1
        elif isinstance(block, sse.ReasoningBlock):
            gap = self._pace.reasoning(block.tokens)
        else:
            return 0.0
        self._due += gap
        return max(0.0, self._due - self._pace.clock()) if gap else 0.0
