"""The time of a call, in seconds: the world's, a faster one, or one that skips what nobody needs.

CallClock      the world's time, or a fixed number of times as fast
VirtualClock   skips every wait that depends on this side alone
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

Sleep = Callable[[float], Awaitable[object]]


class CallClock:
    """Time that passes `speed` times as fast as the world's (more than 0)."""

    def __init__(
        self,
        speed: float = 1.0,
        # Not time.monotonic, which moves by 15.6 ms at a time on Windows.
        monotonic: Callable[[], float] = time.perf_counter,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.speed = speed
        self.is_server_busy: Callable[[], bool] = lambda: False
        self._monotonic, self._sleep = monotonic, sleep

    def now(self) -> float:
        return self._monotonic() * self.speed

    async def wait_until(self, moment: float) -> None:
        """Sleep until this moment; if it is past, let other tasks run, and return."""
        await self._sleep(max(0.0, moment - self.now()) / self.speed)


class VirtualClock(CallClock):
    """The world's time, plus what was skipped.

    Most of a call is waiting: for a clip to be spoken, for an answer to be heard. While that
    depends on this side alone, the clock jumps to the next moment that anybody waits for. But
    a server needs real time to recognize speech and to answer; if the clock jumped then, minutes
    of the call would pass before its first word. So while `is_server_busy`, time passes as the
    world's does, and the times of the call are those that this server really needs.
    """

    STEP_S = 0.02
    """How long to sleep before looking again whether the server is still busy."""

    def __init__(
        self, monotonic: Callable[[], float] = time.perf_counter, sleep: Sleep = asyncio.sleep
    ) -> None:
        super().__init__(1.0, monotonic, sleep)
        self._skipped = 0.0
        self._awaited: list[float] = []

    def now(self) -> float:
        return self._monotonic() + self._skipped

    async def wait_until(self, moment: float) -> None:
        self._awaited.append(moment)
        try:
            # Everything that is ready runs first: events that have arrived may change what is due.
            await self._sleep(0)
            while (ahead := moment - self.now()) > 0:
                if self.is_server_busy():
                    await self._sleep(min(ahead, self.STEP_S))
                elif moment <= min(self._awaited):
                    self._skipped += ahead
                else:
                    await self._sleep(0)  # whoever waits for an earlier moment jumps first
        finally:
            self._awaited.remove(moment)
