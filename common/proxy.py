"""A proxy on loopback between a program and its server: it shows the traffic, and breaks answers.

The recorder (`cassette/record.py`) passes HTTP, event streams and WebSockets on. This proxy is
a recorder that writes to the screen, behind a layer that interferes on purpose:

    base URL + /break/cut@20    an answer breaks off after 20 events, in one of the ways of `BREAKS`
    drop()                      all open WebSockets drop, as they do when a network is lost
    fault, every                every n-th request asks the emulator for a failure by name

So a lesson's client stays the plain `OpenAI()`, and a program in any language can be watched. The
proxy runs in a thread: what it shows appears before the client can read it.
"""

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from cassette.format import CassetteLine
from cassette.loopback import base_url, listen, make_server
from cassette.openai import OPENAI
from cassette.record import Recorder
from cassette.scrub import Scrubber
from common.wire_tap import SocketTap, Tap

from starlette.types import ASGIApp, Message, Receive, Scope, Send

FAULT = b"x-emulator-fault"
_BREAK = re.compile(r"/break/(?P<how>[a-z]+)@(?P<after>[0-9]+)(?P<rest>/.*)")
# An event ends with an empty line; servers end their lines in either way.
_EVENT = re.compile(rb".*?(?:\n\n|\r\n\r\n)", re.DOTALL)
_ERROR = (
    b'data: {"error":{"message":"The model is overloaded.","type":"server_error","code":null}}\n\n'
)

# How an answer ends early: what happens to the connection, and what is sent of the next event.
BREAKS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "cut": ("the connection is closed in the middle", lambda event: b""),
    "stall": ("the connection stays open, and nothing more comes", lambda event: b""),
    "end": ("the answer ends as if it were complete", lambda event: b""),
    "garble": (
        "half an event comes, then the end",
        lambda event: event[: len(event) // 2] + b"\n\n",
    ),
    "error": ("the server sends an error event", lambda event: _ERROR),
}


class ScreenWriter:
    """Takes the place of a `CassetteWriter`: it shows each line at once instead of writing it."""

    is_immediate = True

    def __init__(self, tap: Tap) -> None:
        self.scrubber = Scrubber(OPENAI.secrets)
        self._tap = tap
        self._sockets: dict[int, SocketTap] = {}

    def write(self, line: CassetteLine) -> None:
        if "request" in line:
            self._show_request(line)
        elif "response" in line:
            self._show_response(line)
        elif "chunk" in line:
            self._tap.show_block(line["data"])
        elif "frame" in line:
            direction = ">" if line["from"] == "client" else "<"
            self._sockets[line["frame"]].message(direction, line["data"])
        elif socket := self._sockets.pop(line.get("end", 0), None):
            socket.end(line)

    def _show_request(self, line: CassetteLine) -> None:
        if line.get("upgrade"):
            socket = self._sockets[line["request"]] = self._tap.socket()
            socket.line(">", f"GET {line['path']}")
        else:
            self._tap.show_request(line["method"], line["path"], line.get("json"))

    def _show_response(self, line: CassetteLine) -> None:
        if socket := self._sockets.get(line["response"]):
            socket.line("<", str(line["status"]))
        else:
            self._tap.show_response(line["status"], line["headers"].get("content-type", ""))

    def begin(self, answered_by: str) -> None:
        pass

    def body_fields(self, data: bytes) -> CassetteLine:
        return {"data": data}

    def chunk_fields(self, exchange: int, chunk: bytes) -> CassetteLine:
        return {"data": self.scrubber.clean(chunk)}

    def message_fields(self, data: str | bytes) -> CassetteLine:
        return {"data": self.scrubber.clean_text(data) if isinstance(data, str) else data}


class Interference:
    """An ASGI layer that breaks answers, drops WebSockets and asks the emulator for failures.

    It makes the application below believe that the client has left. That application then closes
    its connection to upstream, as it does for any client.
    """

    def __init__(self, app: ASGIApp, fault: str = "", every: int = 1) -> None:
        self._app, self._fault, self._every = app, fault.encode(), every
        self._requests = 0
        self._sockets: set[asyncio.Event] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        self._requests += 1
        if self._fault and self._requests % self._every == 0:
            scope["headers"] = [*scope["headers"], (FAULT, self._fault)]
        if scope["type"] == "websocket":
            await self._pass_socket(scope, receive, send)
        elif (found := _BREAK.fullmatch(scope["path"])) and found["how"] in BREAKS:
            scope["path"] = found["rest"]
            scope["raw_path"] = found["rest"].encode()
            breaking = Breaking(receive, send, found["how"], int(found["after"]))
            await self._app(scope, breaking.receive, breaking.send)
            await breaking.finish()
        else:
            await self._app(scope, receive, send)

    def drop_sockets(self) -> None:
        for dropped in self._sockets:
            dropped.set()

    async def _pass_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        dropped = asyncio.Event()
        self._sockets.add(dropped)
        gone: Message = {"type": "websocket.disconnect", "code": 1006}
        try:
            await self._app(scope, partial(_receive_unless, dropped, receive, gone), send)
        finally:
            self._sockets.discard(dropped)


class Breaking:
    """Passes on the events of one answer until it breaks."""

    def __init__(self, receive: Receive, send: Send, how: str, after: int) -> None:
        self._receive, self._send, self._how, self._left = receive, send, how, after
        self._is_broken = asyncio.Event()
        self._rest = b""

    async def receive(self) -> Message:
        gone: Message = {"type": "http.disconnect"}
        return await _receive_unless(self._is_broken, self._receive, gone)

    async def send(self, message: Message) -> None:
        if message["type"] != "http.response.body":
            await self._send(message)
            return
        self._rest += message.get("body", b"")
        events = _EVENT.findall(self._rest)
        self._rest = self._rest[sum(map(len, events)) :]
        for event in events:
            if self._is_broken.is_set():
                return
            if self._left == 0:
                self._is_broken.set()
                await self._send_body(BREAKS[self._how][1](event))
                return
            self._left -= 1
            await self._send_body(event)
        if not message.get("more_body") and not self._is_broken.is_set():
            await self._send({"type": "http.response.body", "body": self._rest})

    async def finish(self) -> None:
        """Do to the connection what this kind of break does; what returns unfinished is cut."""
        if not self._is_broken.is_set():
            return
        if self._how == "stall":
            await self._receive()  # the request was read before, so this is that the client leaves
        elif self._how != "cut":
            await self._send({"type": "http.response.body", "body": b""})

    async def _send_body(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})


async def _receive_unless(stopped: asyncio.Event, receive: Receive, gone: Message) -> Message:
    """The next message; `gone` once `stopped` is set."""
    coming = asyncio.ensure_future(receive())
    stopping = asyncio.ensure_future(stopped.wait())
    try:
        await asyncio.wait([coming, stopping], return_when=asyncio.FIRST_COMPLETED)
        return coming.result() if coming.done() and not stopped.is_set() else gone
    finally:
        coming.cancel()
        stopping.cancel()


class LoopbackProxy:
    """The proxy as an ASGI application: its base URL, and what it can be asked to do."""

    def __init__(self, upstream: str, tap: Tap | None, fault: str = "", every: int = 1) -> None:
        writer: Any = ScreenWriter(tap or Tap(lambda line: None))
        self._recorder = Recorder(writer, upstream, OPENAI)
        self._interference = Interference(self._recorder, fault, every)
        self._listener = listen()
        self.base_url = base_url(self._listener, OPENAI.base_path)
        self.server = make_server(self, OPENAI.longest_message)

    def breaking(self, how: str, after: int = 20) -> str:
        """The base URL under which every answer breaks after some events, in a way of `BREAKS`."""
        origin = self.base_url.removesuffix(OPENAI.base_path)
        return f"{origin}/break/{how}@{after}{OPENAI.base_path}"

    def drop(self) -> None:
        """Drop all WebSockets at once, without a close frame. May be called from any thread."""
        self._loop.call_soon_threadsafe(self._interference.drop_sockets)

    def run(self) -> None:
        self.server.run(sockets=[self._listener])
        self._listener.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._loop = asyncio.get_running_loop()
        await self._interference(scope, receive, send)


@contextmanager
def start_proxy(
    upstream: str, tap: Tap | None = None, fault: str = "", every: int = 1
) -> Iterator[LoopbackProxy]:
    """A proxy in front of the base URL `upstream`, in a thread, until the block ends."""
    proxy = LoopbackProxy(upstream, tap, fault, every)
    thread = threading.Thread(target=proxy.run, name="proxy", daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.server.should_exit = True
        thread.join()
