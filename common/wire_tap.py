"""`--wire`: what crosses, shown beside the text as it crosses; a lesson's code knows nothing of it.

The tap sits between the SDK and its connection. By HTTP it is hooks of the client: it sees each
request as it leaves and each block of an answer before the SDK does. A WebSocket is opened as a
connection that shows each message as it is sent and as it is taken, after the seconds since the
connection was made; sound is told by its length. Keys are in headers, which it leaves out.
"""

import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx2
from openai import AsyncOpenAI, OpenAI

HEAD_SHOWN, STRING_SHOWN = 24, 60

# Bytes a millisecond of the formats of sound in the Realtime API: 24 kHz in 16 bits, 8 kHz in 8.
FORMATS = {"audio/pcm": 48, "audio/pcmu": 8, "audio/pcma": 8}
SOUND = "response.output_audio.delta"
UNSHOWN = ("type", "event_id", "obfuscation")


class Tap:
    """Hooks for `httpx2.Client(event_hooks=...)` that show what crosses, a line at a time."""

    def __init__(
        self, show: Callable[[str], None], clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._show, self._clock = show, clock
        self._turn = threading.Lock()

    def show(self, line: str) -> None:
        """A line at a time, though one thread may send while another one takes."""
        with self._turn:
            self._show(line)

    def hooks(self) -> dict[str, list[Callable[..., Any]]]:
        return {"request": [self._request], "response": [self._response]}

    def async_hooks(self) -> dict[str, list[Callable[..., Any]]]:
        return {"request": [self._request_async], "response": [self._response_async]}

    def block(self, data: bytes) -> None:
        for line in data.decode("utf-8", "replace").split("\n"):
            if line.strip():
                self.show(f"< {shorten(line)}")

    def talk(self) -> "SocketTap":
        """The tap of one WebSocket that is being opened."""
        return SocketTap(self.show, self._clock)

    def _request(self, request: httpx2.Request) -> None:
        body = request.content.decode("utf-8", "replace") if _is_json(request.headers) else ""
        self.show(f"> {request.method} {request.url.raw_path.decode()} {body}")

    def _response(self, response: httpx2.Response) -> None:
        kind = response.headers.get("content-type", "")
        self.show(f"< {response.status_code} {response.reason_phrase}, {kind}")
        assert isinstance(response.stream, httpx2.SyncByteStream)
        response.stream = TappedStream(response.stream, self.block)

    async def _request_async(self, request: httpx2.Request) -> None:
        self._request(request)

    async def _response_async(self, response: httpx2.Response) -> None:
        self.show(f"< {response.status_code} {response.reason_phrase}")
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = AsyncTappedStream(response.stream, self.block)


class TappedStream(httpx2.SyncByteStream):
    """A body whose blocks are shown before they are handed on."""

    def __init__(self, stream: httpx2.SyncByteStream, show: Callable[[bytes], None]) -> None:
        self._stream, self._show = stream, show

    def __iter__(self) -> Iterator[bytes]:
        for block in self._stream:
            self._show(block)
            yield block

    def close(self) -> None:
        self._stream.close()


class AsyncTappedStream(httpx2.AsyncByteStream):
    """The same for an async client."""

    def __init__(self, stream: httpx2.AsyncByteStream, show: Callable[[bytes], None]) -> None:
        self._stream, self._show = stream, show

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for block in self._stream:
            self._show(block)
            yield block

    async def aclose(self) -> None:
        await self._stream.aclose()


class SocketTap:
    """What crosses one WebSocket, each line with its direction and the seconds since the start."""

    def __init__(self, show: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._show, self._clock, self._start = show, clock, clock()
        self._bytes_per_ms = {">": FORMATS["audio/pcm"], "<": FORMATS["audio/pcm"]}

    def line(self, way: str, text: str) -> None:
        self._show(f"{way} +{self._clock() - self._start:.3f} {text}")

    def handshake(self, request: Any, response: Any) -> None:
        self.line(">", f"GET {request.path}")
        if response:
            self.line("<", f"{response.status_code} {response.reason_phrase}")

    def message(self, way: str, data: str | bytes) -> None:
        try:
            event = json.loads(data)
        except ValueError:
            short = _cut(" ".join(data.split())) if isinstance(data, str) else f"{len(data)} bytes"
            self.line(way, short)
            return
        if isinstance(event, dict):
            self._note_formats(event.get("session"))
            self.line(way, event_line(event, self._bytes_per_ms[way]))
        else:
            self.line(way, _cut(json.dumps(event)))

    def close(self, code: int = 1000, reason: str = "") -> None:
        self.line(">", f"close {code} {reason}".rstrip())

    @contextmanager
    def until_closed(self) -> Iterator[None]:
        """Show how it ended where the server closed it or it broke; this side shows its own."""
        from websockets.exceptions import ConnectionClosed

        try:
            yield
        except ConnectionClosed as end:
            if end.rcvd and end.rcvd_then_sent:
                self.line("<", f"close {end.rcvd.code} {end.rcvd.reason}".rstrip())
            elif not end.rcvd and not end.sent:
                self.line("<", "the line broke")
            raise

    def _note_formats(self, session: object) -> None:
        for way, side in ((">", "input"), ("<", "output")):
            found = session
            for name in ("audio", side, "format", "type"):
                found = found.get(name) if isinstance(found, dict) else None
            if isinstance(found, str) and found in FORMATS:
                self._bytes_per_ms[way] = FORMATS[found]


def tap_sockets(client: OpenAI, tap: Tap) -> None:
    """Let the Realtime connections of a client pass the tap."""
    from websockets.protocol import State
    from websockets.sync.client import ClientConnection

    class Tapped(ClientConnection):
        def handshake(self, *given: Any, **options: Any) -> None:
            self.talk = tap.talk()
            try:
                super().handshake(*given, **options)
            finally:
                self.talk.handshake(self.request, self.response)

        def send(self, message: Any, *given: Any, **options: Any) -> None:
            self.talk.message(">", message)
            super().send(message, *given, **options)

        def recv(self, *given: Any, **options: Any) -> Any:
            with self.talk.until_closed():
                message = super().recv(*given, **options)
            self.talk.message("<", message)
            return message

        def close(self, *given: Any, **options: Any) -> None:
            if self.state is State.OPEN:
                self.talk.close(*given, **options)
            super().close(*given, **options)

    _open_as(client, Tapped)


def tap_async_sockets(client: AsyncOpenAI, tap: Tap) -> None:
    """The same for an async client."""
    from websockets.asyncio.client import ClientConnection
    from websockets.protocol import State

    class Tapped(ClientConnection):
        async def handshake(self, *given: Any, **options: Any) -> None:
            self.talk = tap.talk()
            try:
                await super().handshake(*given, **options)
            finally:
                self.talk.handshake(self.request, self.response)

        async def send(self, message: Any, *given: Any, **options: Any) -> None:
            self.talk.message(">", message)
            await super().send(message, *given, **options)

        async def recv(self, *given: Any, **options: Any) -> Any:
            with self.talk.until_closed():
                message = await super().recv(*given, **options)
            self.talk.message("<", message)
            return message

        async def close(self, *given: Any, **options: Any) -> None:
            if self.state is State.OPEN:
                self.talk.close(*given, **options)
            await super().close(*given, **options)

    _open_as(client, Tapped)


def _open_as(client: OpenAI | AsyncOpenAI, connection: type) -> None:
    """Let `client.realtime.connect` make connections of this class."""
    connect: Callable[..., Any] = client.realtime.connect

    def tapped(**options: Any) -> Any:
        given = options.pop("websocket_connection_options", {})
        both = {"create_connection": connection, **given}
        return connect(websocket_connection_options=both, **options)

    client.realtime.connect = tapped  # type: ignore[method-assign]


def event_line(event: Mapping[str, Any], bytes_per_ms: int) -> str:
    """An event's kind, then what it says, then what that belongs to; its sound as a length."""
    kind = str(event.get("type", "{}"))
    fields = [(name, value) for name, value in event.items() if name not in UNSHOWN]
    fields.sort(key=_is_address)
    words = [kind]
    for name, value in fields:
        name = "audio" if kind == SOUND and name == "delta" else name
        short = _short(value, bytes_per_ms, name)
        is_sound = name == "audio" and isinstance(value, str)
        words.append(f"{name} {short if is_sound else json.dumps(short, ensure_ascii=False)}")
    return "  ".join(words)


def _short(value: Any, bytes_per_ms: int, name: str = "") -> Any:
    """A value with its texts cut, and the sound in it as a length."""
    if isinstance(value, dict):
        fields = sorted(value.items(), key=_is_address)
        return {each: _short(inner, bytes_per_ms, each) for each, inner in fields}
    if isinstance(value, list):
        return [_short(inner, bytes_per_ms) for inner in value]
    if not isinstance(value, str):
        return value
    if name != "audio":
        return _cut(value)
    size = len(value) * 3 // 4 - value[-2:].count("=")
    return f"{size / bytes_per_ms:,.0f} ms ({size:,} bytes)"


def _is_address(field: tuple[str, Any]) -> bool:
    """Ids and places stand last, where the line is cut to the width of the terminal."""
    return field[0] in ("id", "object") or field[0].endswith(("_id", "_index"))


def _cut(text: str) -> str:
    return text if len(text) <= STRING_SHOWN else f"{text[: STRING_SHOWN - 3]}..."


def shorten(line: str) -> str:
    """A chunk without most of its envelope, so that the delta, which is what differs, is seen."""
    at = line.find('"delta"')
    return line if at < HEAD_SHOWN else f"{line[:HEAD_SHOWN]} ... {line[at:]}"


def _is_json(headers: httpx2.Headers) -> bool:
    return headers.get("content-type", "").startswith("application/json")
