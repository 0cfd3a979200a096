"""Requests, answers and WebSocket messages, as the server passes them by ASGI."""

from collections.abc import Awaitable, Iterable, Sequence
from typing import TypeVar

from cassette.format import CassetteLine

import anyio
from starlette.types import Message, Receive, Scope, Send

Headers = Iterable[tuple[str, str]]

HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
    "content-length",
    "accept-encoding",
}
# A close without a code; and the longest reason of one, in bytes (RFC 6455, 7.4.1 and 5.5).
NO_CODE = 1005
LONGEST_REASON = 123


def path_of(scope: Scope) -> str:
    query = scope["query_string"].decode("ascii")
    path: str = scope["raw_path"].decode("ascii")
    return f"{path}?{query}" if query else path


async def read_body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


async def wait_for_disconnect(receive: Receive) -> None:
    """Return once the client has left."""
    while not (await receive())["type"].endswith(".disconnect"):
        pass


Result = TypeVar("Result")


async def while_connected(receive: Receive, work: Awaitable[Result]) -> Result | None:
    """What some work returns, or raises; None if the client leaves first, which cancels it."""
    result: Result | None = None
    failure: Exception | None = None
    watching = anyio.CancelScope()  # of its own, as ending it must not cancel the caller
    async with anyio.create_task_group() as group:

        async def watch() -> None:
            with watching:
                await wait_for_disconnect(receive)
                group.cancel_scope.cancel()

        group.start_soon(watch)
        try:
            result = await work
        except Exception as error:  # a task group would raise it among others
            failure = error
        watching.cancel()
    if failure:
        raise failure
    return result


def headers_of(scope: Scope) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]


def end_to_end(headers: Headers) -> list[tuple[str, str]]:
    """The headers of a handshake that are not between two neighbours alone, in lower case."""
    named = [(name.lower(), value) for name, value in headers]
    return [
        (name, value)
        for name, value in named
        if name not in HOP_BY_HOP and not name.startswith("sec-websocket-")
    ]


async def send_answer(send: Send, kind: str, status: int, headers: Headers, body: bytes) -> None:
    """A complete answer, by HTTP or instead of a WebSocket (`websocket.http`)."""
    head = {"type": f"{kind}.response.start", "status": status}
    await send(head | {"headers": raw_headers(headers)})
    await send({"type": f"{kind}.response.body", "body": body})


def raw_headers(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def accept_message(head: CassetteLine, offered: Sequence[str]) -> Message:
    """The answer to a handshake, with the recorded subprotocol if this client offers it too."""
    headers = dict(head["headers"])
    chosen = headers.pop("sec-websocket-protocol", None)
    return {
        "type": "websocket.accept",
        "subprotocol": chosen if chosen in offered else None,
        "headers": raw_headers(headers.items()),
    }


def content_of(message: Message) -> str | bytes:
    """The content of a message from the client: text or binary."""
    text: str | None = message.get("text")
    return message["bytes"] if text is None else text


def send_message(data: str | bytes) -> Message:
    return {"type": "websocket.send", "text" if isinstance(data, str) else "bytes": data}


def close_message(code: int, reason: str) -> Message:
    """A close, with as much of its reason as a close can hold."""
    short = reason.encode()[:LONGEST_REASON].decode(errors="ignore")
    return {"type": "websocket.close", "code": None if code == NO_CODE else code, "reason": short}
