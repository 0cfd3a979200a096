"""What passed between a program and the server, with times: the evidence for a verdict.

`TraceRecorder` is an ASGI application around the emulator's. It keeps each request and each block
of an answer, and hands both on unchanged. Only the server's side can be trusted: a program may
print anything, but it can't send what it doesn't know.

Times are seconds since the trace began, by the server's clock. A block counts as sent when it was
given to the operating system; the program may read it later.
"""

import json
import re
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qs

from cassette.asgi import content_of, read_body
from emulator.faults import HEADER

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Sender = Literal["client", "server"]
PUBLIC = "/v1/"
_ID = re.compile(r"(?<=/)([a-z]+[_-])[A-Za-z0-9]{16,}")
_SHORT = r"\1..."


@dataclass(frozen=True)
class TracedEvent:
    """An event of a stream, or a message of a WebSocket: when, by whom, its JSON."""

    at: float
    sender: Sender
    body: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.body.get("type", ""))

    @property
    def sound(self) -> bytes:
        """The sound in a message of either side, or b""."""
        try:
            return b64decode(str(self.body.get("audio", self.body.get("delta"))))
        except ValueError:
            return b""


@dataclass
class TracedExchange:
    """A request and its answer. `left` is when the program closed the connection before the end.

    `fault` is what was done to it on purpose. `ended` is None while the answer is being sent.
    """

    number: int
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    began: float
    fault: str = ""
    status: int = 0
    blocks: list[tuple[float, bytes]] = field(default_factory=list)
    messages: list[TracedEvent] = field(default_factory=list)
    ended: float | None = None
    left: float | None = None
    close_code: int | None = None

    @property
    def name(self) -> str:
        return f"request {self.number} ({self.call})"

    @property
    def call(self) -> str:
        """Method and path; ids in it are shortened, as nobody reads them."""
        return f"{self.method} {_ID.sub(_SHORT, self.path)}"

    @property
    def title(self) -> str:
        """The name as a sentence begins with it."""
        return f"R{self.name[1:]}"

    @property
    def json(self) -> Any:
        """The request's body, or None if it is not JSON."""
        return _json(self.body)

    @property
    def answer(self) -> bytes:
        return b"".join(data for _, data in self.blocks)

    @property
    def answer_json(self) -> Any:
        return _json(self.answer)

    @property
    def wants_stream(self) -> bool:
        """Whether the request asks for a stream of events."""
        body = self.json
        return isinstance(body, dict) and body.get("stream") is True

    def events(self) -> Iterator[TracedEvent]:
        """The events of a stream, each with the time at which its last byte was sent."""
        waiting = b""
        for at, block in self.blocks:
            *whole, waiting = (waiting + block).split(b"\n\n")
            for part in whole:
                if isinstance(found := _json(_data_of(part)), dict):
                    yield TracedEvent(at, "server", found)

    def sent(self, kind: str) -> list[TracedEvent]:
        """The messages of a type that the program sent by this WebSocket."""
        return [each for each in self.messages if each.sender == "client" and each.type == kind]

    def received(self, kind: str) -> list[TracedEvent]:
        """The messages of a type that it was sent."""
        return [each for each in self.messages if each.sender == "server" and each.type == kind]


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _data_of(block: bytes) -> bytes:
    lines = [line[5:] for line in block.splitlines() if line.startswith(b"data:")]
    return b"\n".join(lines)


@dataclass
class Trace:
    """All that passed in a run, in order."""

    exchanges: list[TracedExchange] = field(default_factory=list)

    def to(self, *paths: str, method: str = "POST") -> list[TracedExchange]:
        """The requests to these paths; `{id}` in a path stands for one word."""
        wanted = [path.split("/") for path in paths]
        return [
            each
            for each in self.exchanges
            if each.method == method and any(_fits(each.path, path) for path in wanted)
        ]

    def writing(self) -> list[TracedExchange]:
        """The requests that ask for text, by either API."""
        return self.to("/v1/chat/completions", "/v1/responses")


def _fits(path: str, pattern: list[str]) -> bool:
    words = path.split("/")
    return len(words) == len(pattern) and all(
        wanted in (word, "{id}") for word, wanted in zip(words, pattern, strict=True)
    )


class TraceRecorder:
    """Keeps what passes in `trace`; `fault` names the failure that strikes a request, or is ""."""

    def __init__(
        self,
        app: ASGIApp,
        trace: Trace,
        fault: Callable[[TracedExchange], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app, self._trace, self._fault = app, trace, fault
        self._clock, self._start = clock, clock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_socket = scope["type"] == "websocket"
        body = b"" if is_socket else await read_body(receive)
        exchange = self._begin(scope, body)
        named = [pair for pair in scope["headers"] if pair[0] != HEADER.encode()]
        if exchange.fault:
            named.append((HEADER.encode(), exchange.fault.encode()))
        if not exchange.path.startswith(PUBLIC):  # the emulator's own log would help nobody learn
            scope = {**scope, "path": "/v1/no-such-path", "raw_path": b"/v1/no-such-path"}
        passing = _Passing(exchange, self._now, None if is_socket else body, receive, send)
        try:
            await self._app({**scope, "headers": named}, passing.receive, passing.send)
        finally:
            exchange.ended = exchange.ended or self._now()

    def _now(self) -> float:
        return self._clock() - self._start

    def _begin(self, scope: Scope, body: bytes) -> TracedExchange:
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
            if name.lower() != b"authorization"
        }
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        number, method = len(self._trace.exchanges) + 1, scope.get("method", "GET")
        exchange = TracedExchange(number, method, scope["path"], query, headers, body, self._now())
        self._trace.exchanges.append(exchange)
        exchange.fault = self._fault(exchange)
        return exchange


@dataclass
class _Passing:
    """The two directions of one exchange; `body` is what was read of it before, if it is HTTP."""

    exchange: TracedExchange
    now: Callable[[], float]
    body: bytes | None
    receive_next: Receive
    send_on: Send

    async def receive(self) -> Message:
        if self.body is not None:
            body, self.body = self.body, None
            return {"type": "http.request", "body": body, "more_body": False}
        message = await self.receive_next()
        if message["type"].endswith(".disconnect") and self.exchange.ended is None:
            self.exchange.left = self.now()
            self.exchange.close_code = message.get("code")
        elif message["type"] == "websocket.receive":
            self._keep(content_of(message), "client")
        return message

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind in ("http.response.start", "websocket.http.response.start"):
            self.exchange.status = message["status"]
        elif kind == "websocket.accept":
            self.exchange.status = 101
        elif kind == "websocket.send":
            self._keep(content_of(message), "server")
        elif kind == "websocket.close":
            self.exchange.close_code = message.get("code")
            self.exchange.ended = self.now()
        elif message.get("body"):
            self.exchange.blocks.append((self.now(), message["body"]))
        if kind.endswith("response.body") and not message.get("more_body"):
            self.exchange.ended = self.now()
        await self.send_on(message)

    def _keep(self, data: str | bytes, sender: Sender) -> None:
        found = _json(data.encode() if isinstance(data, str) else data)
        body = found if isinstance(found, dict) else {"type": "(no JSON)"}
        self.exchange.messages.append(TracedEvent(self.now(), sender, body))
