"""The recorder's WebSockets: each message is sent on at once, and written down after.

Nothing is compressed on either side. Whoever stalls holds the other side back: a message is read
when the one before it has been handed on. A line is pinged, but never dropped for a pong that
stays away, as a session may pause as long as its two ends like.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from cassette.asgi import NO_CODE, Headers, closing, content_of, sending
from cassette.format import SWITCHING, Line
from cassette.tape import Notes

import anyio
import httpx2
from starlette.types import Receive, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State
from websockets.typing import Subprotocol

# 16 MiB, and what is wrapped around it: so it is upstream that refuses what is too long.
LONGEST_MESSAGE = 16 * 2**20 + 2**16
OPEN_TIMEOUT_S, CLOSE_TIMEOUT_S, PING_S = 10.0, 2.0, 20.0


class Dialler(connect):
    """Follows no redirect: it is passed on, and the key goes nowhere else."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def dial(
    url: str, headers: Headers, subprotocols: Iterable[str], *, is_loopback: bool
) -> ClientConnection:
    """Open the WebSocket of upstream.

    Raises InvalidStatus where it refuses, else OSError or WebSocketException.
    """
    own = "authorization" if "@" in url.partition("?")[0] else ""  # the address has its own
    options: dict[str, Any] = {"proxy": None} if is_loopback else {}
    if url.startswith("wss:"):
        options["ssl"] = httpx2.create_ssl_context()
    return await Dialler(
        url,
        additional_headers=[pair for pair in headers if pair[0] != own],
        subprotocols=[Subprotocol(each) for each in subprotocols] or None,
        user_agent_header=None,
        compression=None,
        max_size=LONGEST_MESSAGE,
        max_queue=1,
        open_timeout=OPEN_TIMEOUT_S,
        close_timeout=CLOSE_TIMEOUT_S,
        ping_interval=PING_S,
        ping_timeout=None,
        **options,
    )


class Relay(Notes):
    """A WebSocket on its way through. Who ended it, and how, is passed on as well."""

    _ended_by = ""
    _close: Line | None = None

    async def carry(
        self,
        upstream: ClientConnection,
        headers: list[tuple[str, str]],
        receive: Receive,
        send: Send,
    ) -> None:
        """Accept the client, and pass messages on until one side ends it; then end the other."""
        self._note_accepted(upstream.subprotocol, headers)
        with suppress(OSError):  # a client that has left is heard by `_up`
            raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
            accepted = {"type": "websocket.accept", "subprotocol": upstream.subprotocol}
            await send(accepted | {"headers": raw})
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._up, upstream, receive, group.cancel_scope)
                group.start_soon(self._down, upstream, send, group.cancel_scope)
        finally:
            self.note_end(**self._close or {})
        await self._end_other_side(upstream, send)

    def _note_accepted(self, subprotocol: str | None, headers: Headers) -> None:
        kept = self._tape.scrubber.headers(headers)
        if subprotocol and self._tape.scrubber.clean(subprotocol.encode()) == subprotocol.encode():
            kept["sec-websocket-protocol"] = subprotocol
        self.note_head(SWITCHING, kept)

    async def _up(
        self, upstream: ClientConnection, receive: Receive, scope: anyio.CancelScope
    ) -> None:
        while (message := await receive())["type"] == "websocket.receive":
            # Where upstream has closed nobody listens; what it said before is on its way down.
            if upstream.state is State.OPEN:
                data = content_of(message)
                self.note_frame("client", data)
                with suppress(ConnectionClosed):
                    await upstream.send(data)
                self.catch_up()
        if "reason" in message:
            self._end("client", message["code"], message["reason"])
        else:  # the line broke
            self._end("client")
        scope.cancel()

    async def _down(self, upstream: ClientConnection, send: Send, scope: anyio.CancelScope) -> None:
        try:
            while True:
                data = await upstream.recv()
                self.note_frame("server", data)
                await send(sending(data))
                self.catch_up()
        except ConnectionClosed as closed:
            close = closed.rcvd or closed.sent
            if close:
                self._end("server", close.code, close.reason)
            else:
                self._end("server")
            scope.cancel()
        except OSError:
            pass  # the client has left, which `_up` hears

    def _end(self, side: str, code: int | None = None, reason: str | None = None) -> None:
        """Who ended it, if nobody did before; without a code the line broke."""
        if self._ended_by:
            return
        self._ended_by = side
        self.how = "complete" if code else {"client": "left", "server": "cut"}[side]
        if code:
            self._close = {"code": code, "reason": reason or "", "by": side}

    async def _end_other_side(self, upstream: ClientConnection, send: Send) -> None:
        close = self._close
        if self.how == "left":
            upstream.transport.close()
        elif close and close["by"] == "client":
            code = 1000 if close["code"] == NO_CODE else close["code"]
            await upstream.close(code, close["reason"])
        else:
            if close:  # without one the line breaks, as an application that returns is dropped
                with suppress(OSError):
                    await send(closing(close["code"], close["reason"]))
            await upstream.close()
