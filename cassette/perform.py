"""Plays a recorded WebSocket: moves messages between a client and the script, decides nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from cassette import CassetteError
from cassette.asgi import closing, content_of, sending
from cassette.format import Line
from cassette.script import Script

from starlette.types import Receive, Send

# How a WebSocket is closed where what the client sends is not what was recorded (RFC 6455, 7.4.1).
POLICY_VIOLATION = 1008
# How long a client may go on for which nothing more is recorded, as one that was stopped then.
PATIENCE_S = 30.0


class Performance:
    """One client, one script. `sleep` and `clock` are time's (seconds)."""

    def __init__(
        self,
        script: Script,
        receive: Receive,
        send: Send,
        sleep: Callable[[float], Awaitable[object]],
        clock: Callable[[], float],
    ) -> None:
        self._script, self._receive, self._send = script, receive, send
        self._sleep, self._clock = sleep, clock
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Play it to its end. Raises CassetteError where the client is not as recorded."""
        hearing = asyncio.ensure_future(self._hear())
        hearing.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            await self._tell(hearing)
        except CassetteError as error:
            with suppress(OSError):
                await self._send(closing(POLICY_VIOLATION, f"not recorded: {error}"))
            raise
        finally:
            hearing.cancel()
            self._script.close()

    async def _hear(self) -> None:
        """Take what the client sends until it hangs up."""
        while (message := await self._receive())["type"] == "websocket.receive":
            self._script.sent(content_of(message), self._clock())
            self._news.set()

    async def _tell(self, hearing: "asyncio.Future[None]") -> None:
        while await self._is_due(hearing):
            if "end" in self._script.next:
                await self._end(self._script.next, hearing)
                return
            try:
                await self._send(sending(self._script.take()))
            except OSError:
                await hearing
        self._script.hung_up()

    async def _is_due(self, hearing: "asyncio.Future[None]") -> bool:
        """Wait for the next cue; False if the client has hung up."""
        await asyncio.sleep(0)  # a script without waits still has to hear
        while not hearing.done():
            self._news.clear()
            late = self._script.late(self._clock())
            if late is not None and late <= 0:
                return True
            waits: list[Awaitable[object]] = [self._news.wait()]
            if late is not None:
                waits.append(self._sleep(late))
            await _first_of(hearing, *map(asyncio.ensure_future, waits))
        hearing.result()
        return False

    async def _end(self, end: Line, hearing: "asyncio.Future[None]") -> None:
        """End it as it ended; without a close the line breaks, as the server drops it then."""
        if end["how"] == "left" or end.get("by") == "client":
            await asyncio.wait({hearing}, timeout=PATIENCE_S)
            if not hearing.done():
                raise CassetteError("the recording ends here: its client hung up")
            hearing.result()
        elif end["how"] == "complete":
            with suppress(OSError):
                await self._send(closing(end["code"], end["reason"]))


async def _first_of(kept: "asyncio.Future[Any]", *others: "asyncio.Future[Any]") -> None:
    """Wait for the first; the others are of no use after."""
    await asyncio.wait({kept, *others}, return_when=asyncio.FIRST_COMPLETED)
    for each in others:
        each.cancel()
