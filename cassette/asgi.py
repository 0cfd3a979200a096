"""What the server hands over and takes, as ASGI has it: requests, answers, WebSockets."""

from collections.abc import Iterable, Sequence

from cassette.format import Line

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


async def hangup(receive: Receive) -> None:
    """Return once the client has left."""
    while not (await receive())["type"].endswith(".disconnect"):
        pass


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


async def answer(send: Send, kind: str, status: int, headers: Headers, body: bytes) -> None:
    """A whole answer, by HTTP or instead of a WebSocket (`websocket.http`)."""
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": f"{kind}.response.start", "status": status, "headers": raw})
    await send({"type": f"{kind}.response.body", "body": body})


def accepted(head: Line, offered: Sequence[str]) -> Message:
    """The answer to a handshake; the protocol that was chosen, if this client offers it, too."""
    headers = dict(head["headers"])
    chosen = headers.pop("sec-websocket-protocol", None)
    return {
        "type": "websocket.accept",
        "subprotocol": chosen if chosen in offered else None,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }


def content_of(message: Message) -> str | bytes:
    """What a client sent: text or binary."""
    text: str | None = message.get("text")
    return message["bytes"] if text is None else text


def sending(data: str | bytes) -> Message:
    return {"type": "websocket.send", "text" if isinstance(data, str) else "bytes": data}


def closing(code: int, reason: str) -> Message:
    """A close; its reason is cut to what a close can hold."""
    short = reason.encode()[:LONGEST_REASON].decode(errors="ignore")
    return {"type": "websocket.close", "code": None if code == NO_CODE else code, "reason": short}
