"""The WebSockets of the Realtime API as the lessons need them: no proxy, `--wire`, a drop.

The SDK opens a WebSocket with the `websockets` package and passes on any option of its `connect`.
Two of them do all that the lessons add, and no lesson has to name them:

    proxy               None for a server on this machine, as `websockets` would otherwise take
                        the proxy that HTTP_PROXY names, and a proxy can't reach a loopback address
    create_connection   the class of the connection: ours prints each message (`--wire`), or keeps
                        the transport, so that a lesson can drop it as a lost network does

Only lesson 3 imports this module: with `websockets` and the SDK's types it takes a while to load.
"""

from asyncio import BaseTransport, Transport
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from common.wire_tap import SocketTap, Tap

from openai.resources.realtime.realtime import (
    AsyncRealtime,
    AsyncRealtimeConnectionManager,
    Realtime,
    RealtimeConnectionManager,
)
from websockets.asyncio.client import ClientConnection as AsyncConnection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State
from websockets.sync.client import ClientConnection

if TYPE_CHECKING:
    from common.client import AsyncCourseClient, CourseClient

OPTIONS = "websocket_connection_options"


class TappedRealtime(Realtime):
    """`client.realtime` of a `CourseClient`."""

    def __init__(self, client: "CourseClient") -> None:
        super().__init__(client)
        self._options = _without_proxy(client.is_local)
        if client.tap:
            self._options["create_connection"] = partial(TappedConnection, tap=client.tap)

    def connect(self, **given: Any) -> RealtimeConnectionManager:
        return super().connect(**_with_options(self._options, given))


class AsyncTappedRealtime(AsyncRealtime):
    """`client.realtime` of an `AsyncCourseClient`."""

    def __init__(self, client: "AsyncCourseClient") -> None:
        super().__init__(client)
        kind = partial(AsyncTappedConnection, tap=client.tap) if client.tap else KeptConnection
        self._options = _without_proxy(client.is_local)
        self._options["create_connection"] = partial(kind, transports=client.transports)

    def connect(self, **given: Any) -> AsyncRealtimeConnectionManager:
        return super().connect(**_with_options(self._options, given))


def _without_proxy(is_local: bool) -> dict[str, Any]:
    return {"proxy": None} if is_local else {}


def _with_options(options: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `connect` with these options added; those of the caller come first."""
    return {**given, OPTIONS: {**options, **given.get(OPTIONS, {})}}


class ReportedSends:
    """What both kinds of connection report in the same way.

    These methods return whatever the other base class returns: None, or something to await.
    """

    def __init__(self, *given: Any, tap: Tap, **options: Any) -> None:
        self.report: SocketTap = tap.socket()
        super().__init__(*given, **options)

    def send(self, message: Any, *given: Any, **options: Any) -> Any:
        self.report.message(">", message)
        return super().send(message, *given, **options)  # type: ignore[misc]

    def close(self, *given: Any, **options: Any) -> Any:
        if self.state is State.OPEN:  # type: ignore[attr-defined]
            self.report.close(">", *given, **options)
        return super().close(*given, **options)  # type: ignore[misc]


class TappedConnection(ReportedSends, ClientConnection):
    """A connection of the SDK's sync client that reports its messages to a tap."""

    def handshake(self, *given: Any, **options: Any) -> None:
        try:
            super().handshake(*given, **options)
        finally:
            self.report.handshake(self.request, self.response)

    def recv(self, *given: Any, **options: Any) -> Any:
        with _reported_end(self.report):
            message = super().recv(*given, **options)
        self.report.message("<", message)
        return message


class KeptConnection(AsyncConnection):
    """A connection of the SDK's async client whose transport is kept in a list while it is open."""

    def __init__(self, *given: Any, transports: list[Transport], **options: Any) -> None:
        super().__init__(*given, **options)
        self._transports = transports

    def connection_made(self, transport: BaseTransport) -> None:
        self._transports.append(cast(Transport, transport))
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transports.remove(self.transport)
        super().connection_lost(exc)


class AsyncTappedConnection(ReportedSends, KeptConnection):
    """The same as `TappedConnection` for the SDK's async client."""

    async def handshake(self, *given: Any, **options: Any) -> None:
        try:
            await super().handshake(*given, **options)
        finally:
            self.report.handshake(self.request, self.response)

    async def recv(self, *given: Any, **options: Any) -> Any:
        with _reported_end(self.report):
            message = await super().recv(*given, **options)
        self.report.message("<", message)
        return message


@contextmanager
def _reported_end(report: SocketTap) -> Iterator[None]:
    """Report a close by the server, or a dropped connection; our own close is reported already."""
    try:
        yield
    except ConnectionClosed as end:
        if end.rcvd and end.rcvd_then_sent:
            report.close("<", end.rcvd.code, end.rcvd.reason)
        elif not end.rcvd and not end.sent:
            report.line("<", "the connection dropped")
        raise
