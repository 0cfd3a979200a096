"""Plays a recorded WebSocket: moves messages between a client and a `RecordedConversation`.

What may be sent when, and what the client must send, is decided there. This part waits: for a
message of the client, for the time of the server's next one, and for the client to leave.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from cassette import CassetteError
from cassette.asgi import close_message, content_of, send_message
from cassette.format import CassetteLine
from cassette.recorded_conversation import RecordedConversation

from starlette.types import Receive, Send

# How a WebSocket is closed where what the client sends is not what was recorded (RFC 6455, 7.4.1).
POLICY_VIOLATION = 1008
# How long a client may stay for which nothing more is recorded, as it may be about to leave.
PATIENCE_S = 30.0


class SocketPlayer:
    """One client, one recorded conversation. `sleep` and `clock` are time's (seconds)."""

    def __init__(
        self,
        conversation: RecordedConversation,
        receive: Receive,
        send: Send,
        sleep: Callable[[float], Awaitable[object]],
        clock: Callable[[], float],
    ) -> None:
        self._conversation, self._receive, self._send = conversation, receive, send
        self._sleep, self._clock = sleep, clock
        self._received = asyncio.Event()

    async def run(self) -> None:
        """Play it to its end. Raises CassetteError where the client is not as recorded.

        `receiving` is done when the client has left, or has sent what was not recorded; to wait
        for it then raises that error.
        """
        receiving = asyncio.ensure_future(self._receive_messages())
        receiving.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            await self._send_messages(receiving)
        except CassetteError as error:
            with suppress(OSError):
                await self._send(close_message(POLICY_VIOLATION, f"not recorded: {error}"))
            raise
        finally:
            receiving.cancel()
            self._conversation.close()

    async def _receive_messages(self) -> None:
        """Take what the client sends until it leaves."""
        while (message := await self._receive())["type"] == "websocket.receive":
            self._conversation.receive(content_of(message), self._clock())
            self._received.set()

    async def _send_messages(self, receiving: "asyncio.Future[None]") -> None:
        while await self._wait_until_due(receiving):
            if "end" in self._conversation.next_line:
                await self._end(self._conversation.next_line, receiving)
                return
            try:
                await self._send(send_message(self._conversation.pop_message()))
            except OSError:
                await receiving
        self._conversation.client_left()

    async def _wait_until_due(self, receiving: "asyncio.Future[None]") -> bool:
        """Wait for the time of the server's next step; False if the client has left.

        Each message of the client may set that time, or bring it nearer, so the wait starts again
        with each. Its event is cleared before the time is asked for: none can be missed between.
        """
        await asyncio.sleep(0)  # at speed 0 nothing else would let `receiving` run
        while not receiving.done():
            self._received.clear()
            wait = self._conversation.seconds_until_next(self._clock())
            if wait is not None and wait <= 0:
                return True
            waits: list[Awaitable[object]] = [self._received.wait()]
            if wait is not None:
                waits.append(self._sleep(wait))
            await _first_of(receiving, *map(asyncio.ensure_future, waits))
        receiving.result()
        return False

    async def _end(self, end: CassetteLine, receiving: "asyncio.Future[None]") -> None:
        """End it as it ended.

        Where the client ended it, it has to again. An application that returns without a close, as
        for a connection that was `cut`, is disconnected by the server: the same end for the client.
        """
        if end["how"] == "left" or end.get("by") == "client":
            await asyncio.wait({receiving}, timeout=PATIENCE_S)
            if not receiving.done():
                raise CassetteError("the recording ends here: its client hung up")
            receiving.result()
        elif end["how"] == "complete":
            with suppress(OSError):
                await self._send(close_message(end["code"], end["reason"]))


async def _first_of(kept: "asyncio.Future[Any]", *others: "asyncio.Future[Any]") -> None:
    """Wait for the first to be done; cancel all but `kept`."""
    await asyncio.wait({kept, *others}, return_when=asyncio.FIRST_COMPLETED)
    for each in others:
        each.cancel()
