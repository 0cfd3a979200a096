"""One WebSocket on its way through the recorder: each message is sent on first, written after.

Nothing is compressed on either side. A side that stalls holds the other one back: a message is read
when the one before it has been passed on. Upstream is pinged, but never disconnected for a missing
pong, as a session may pause as long as its two ends like.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from cassette.asgi import NO_CODE, Headers, close_message, content_of, raw_headers, send_message
from cassette.exchange_log import ExchangeLog
from cassette.format import SWITCHING, CassetteLine

import anyio
import httpx2
from starlette.types import Receive, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State
from websockets.typing import Subprotocol

# One message at most waits to be read: that is how a client that stalls holds upstream back.
UPSTREAM = {
    "compression": None,
    "max_queue": 1,
    "open_timeout": 10.0,
    "close_timeout": 2.0,
    "ping_interval": 20.0,
    "ping_timeout": None,
}


class ConnectWithoutRedirects(connect):
    """A redirect is passed on to the client, so that the key is sent nowhere else."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def connect_upstream(
    url: str,
    headers: Headers,
    subprotocols: Iterable[str],
    *,
    longest_message: int,
    use_proxy: bool,
) -> ClientConnection:
    """Open the WebSocket of upstream, by a proxy if the environment names one and it may be used.

    Raises InvalidStatus where it refuses, else OSError or WebSocketException. If the address has a
    user and a password, they replace the client's own authorization.
    """
    own = "authorization" if "@" in url.partition("?")[0] else ""
    options: dict[str, Any] = {} if use_proxy else {"proxy": None}
    if url.startswith("wss:"):
        options["ssl"] = httpx2.create_ssl_context()
    return await ConnectWithoutRedirects(
        url,
        additional_headers=[pair for pair in headers if pair[0] != own],
        subprotocols=[Subprotocol(each) for each in subprotocols] or None,
        user_agent_header=None,
        max_size=longest_message,
        **(UPSTREAM | options),
    )


class WebSocketExchange(ExchangeLog):
    """Messages between a client and upstream. Which side ended it, and how, is passed on as well.

    Two tasks pass messages on, one in each direction. Whichever sees the end first notes it, as
    both sides may close in the same moment, and stops the other; then the other side is ended in
    the same way: a close by a close with its code and reason, a dropped connection by dropping it.
    """

    _ended_by = ""
    _close: CassetteLine | None = None

    async def pass_on(
        self,
        upstream: ClientConnection,
        headers: list[tuple[str, str]],
        receive: Receive,
        send: Send,
    ) -> None:
        """Accept the client, and pass messages on until one side ends it; then end the other."""
        self._log_accepted(upstream.subprotocol, headers)
        with suppress(OSError):  # the client has left, which `_pass_up` finds
            accepted = {"type": "websocket.accept", "subprotocol": upstream.subprotocol}
            await send(accepted | {"headers": raw_headers(headers)})
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._pass_up, upstream, receive, group.cancel_scope)
                group.start_soon(self._pass_down, upstream, send, group.cancel_scope)
        finally:
            self.log_end(**self._close or {})
        await self._end_other_side(upstream, send)

    def _log_accepted(self, subprotocol: str | None, headers: Headers) -> None:
        scrubber = self._writer.scrubber
        kept = scrubber.headers(headers)
        if subprotocol and scrubber.clean_text(subprotocol) == subprotocol:
            kept["sec-websocket-protocol"] = subprotocol
        self.log_head(SWITCHING, kept)

    async def _pass_up(
        self, upstream: ClientConnection, receive: Receive, scope: anyio.CancelScope
    ) -> None:
        """Pass on what the client sends until it closes or its connection drops."""
        while (message := await receive())["type"] == "websocket.receive":
            # Once upstream has closed nobody receives this; it is not part of the recording.
            if upstream.state is State.OPEN:
                data = content_of(message)
                self.log_frame("client", data)
                with suppress(ConnectionClosed):
                    await upstream.send(data)
                self.flush()
        if "reason" in message:
            self._end("client", message["code"], message["reason"])
        else:  # a connection that dropped has no reason
            self._end("client")
        scope.cancel()

    async def _pass_down(
        self, upstream: ClientConnection, send: Send, scope: anyio.CancelScope
    ) -> None:
        """Pass on what upstream sends until it closes or drops the connection."""
        try:
            while True:
                data = await upstream.recv()
                self.log_frame("server", data)
                await send(send_message(data))
                self.flush()
        except ConnectionClosed as closed:
            close = closed.rcvd or closed.sent
            if close:
                self._end("server", close.code, close.reason)
            else:
                self._end("server")
            scope.cancel()
        except OSError:
            pass  # the client has left, which `_pass_up` finds

    def _end(self, side: str, code: int | None = None, reason: str | None = None) -> None:
        """Note which side ended it first; without a code its connection dropped."""
        if self._ended_by:
            return
        self._ended_by = side
        self.how = "complete" if code else {"client": "left", "server": "cut"}[side]
        if code:
            self._close = {"code": code, "reason": reason or "", "by": side}

    async def _end_other_side(self, upstream: ClientConnection, send: Send) -> None:
        """End it for the other side as the first one did."""
        close = self._close
        if self.how == "left":
            upstream.transport.close()
        elif close and close["by"] == "client":
            code = 1000 if close["code"] == NO_CODE else close["code"]
            await upstream.close(code, close["reason"])
        else:
            # Without a close the server drops the client as soon as this application returns.
            if close:
                with suppress(OSError):
                    await send(close_message(close["code"], close["reason"]))
            await upstream.close()
