"""The thin shell between the families and the socket: requests in, paced blocks out.

A handler gets its JSON by `read_json` and gives back a `Reply`, whole or streamed. Here alone time
passes: a `Pace` holds text back as a model would, and a reply whose caller hangs up stops at once.
"""

import asyncio
import json
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from emulator.answers.quote import Corpus
from emulator.errors import ApiError, pretty, rate_limited
from emulator.faults import Fault, Faults, Hangup, Stall, bend
from emulator.store import Store
from emulator.wire import sse

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

MOST_STREAMS = 128
BATCH = 64
FIRST_S, GAP_S = 0.4, 0.025

Sleep = Callable[[float], Awaitable[object]]


@dataclass(frozen=True)
class Pace:
    """How long text is held back: `factor` times what a small live model takes; 0 is at once.

    `sleep` and `clock` are time's, in seconds; tests pass their own.
    """

    factor: float = 0.0
    sleep: Sleep = asyncio.sleep
    clock: Callable[[], float] = time.monotonic

    def before(self, place: int) -> float:
        """Seconds before the piece at `place`, counted from 0."""
        return self.factor * (FIRST_S if place == 0 else GAP_S)

    def whole(self, pieces: int) -> float:
        """Seconds before an answer of `pieces` that comes in one body."""
        return sum(map(self.before, range(pieces)))


@dataclass
class Exchange:
    """One request and how it went, as tests and benchmarks read it; nothing secret is kept.

    `ended` is `open`, `complete`, `disconnected` (the caller hung up) or `broken` (by a fault);
    `finished` is set then, for whoever waits in another thread.
    """

    method: str
    path: str
    request_id: str
    status: int = 0
    blocks: int = 0
    ended: str = "open"
    finished: threading.Event = field(default_factory=threading.Event)

    def end(self, how: str) -> None:
        self.ended = how
        self.finished.set()


@dataclass
class Service:
    """What every handler may use."""

    corpus: Corpus
    store: Store
    pace: Pace
    faults: Faults
    exchanges: list[Exchange] = field(default_factory=list)
    lines: dict[Any, asyncio.Transport] = field(default_factory=dict)
    open_streams: int = 0


def service(request: Request) -> Service:
    found: Service = request.scope["emulator"]
    return found


async def read_json(request: Request) -> dict[str, Any]:
    """The body as an object; raises ApiError (400) where it is none."""
    try:
        body = json.loads(await request.body(), parse_constant=_no_constants)
    except (ValueError, RecursionError):
        message = """We could not parse the JSON body of your request. (HINT: This likely means \
you aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was \
sent was not valid JSON.)"""
        raise ApiError(400, message) from None
    if not isinstance(body, dict):
        raise ApiError(
            400, "Invalid type for the request body: expected an object.", code="invalid_type"
        )
    return body


def send_json(
    request: Request, value: object, inert: Sequence[str] = (), pieces: int = 0
) -> "Reply":
    """A whole body, held back as long as a model would take to write its `pieces`."""
    body = pretty(value)
    reply = Reply(request, [body], "application/json", inert, service(request).pace.whole(pieces))
    if not request.scope["faults"]:
        reply.headers["content-length"] = str(len(body))
    return reply


def send_stream(request: Request, blocks: Iterable[bytes], inert: Sequence[str] = ()) -> "Reply":
    """Server-sent events; raises ApiError (429) when too many streams are open."""
    if service(request).open_streams >= MOST_STREAMS:
        raise rate_limited(1000)
    return Reply(request, blocks, "text/event-stream; charset=utf-8", inert)


class Reply(Response):
    """Blocks on their way to a caller, who may hang up at any moment."""

    def __init__(
        self,
        request: Request,
        blocks: Iterable[bytes],
        media_type: str,
        inert: Sequence[str] = (),
        delay_s: float = 0.0,
    ) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers({"content-type": media_type, "cache-control": "no-cache"})
        if inert:
            self.headers["x-openai-emulator-inert"] = ", ".join(inert)
        self._service = service(request)
        self._exchange: Exchange = request.scope["exchange"]
        self._faults: list[Fault] = request.scope["faults"]
        self._blocks = bend(blocks, self._faults)
        if any(fault.name == "html200" for fault in self._faults):
            self.headers["content-type"] = "text/html; charset=utf-8"
        self._delay_s = delay_s
        self._batch: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._send = send
        self._gone = asyncio.ensure_future(hangup(receive))
        self._service.open_streams += 1
        how = "disconnected"
        try:
            how = await self._write_all(scope)
        finally:
            self._service.open_streams -= 1
            self._gone.cancel()
            self._exchange.end(how)

    async def _write_all(self, scope: Scope) -> str:
        """Send head and body; how it ended, as an Exchange tells it."""
        await self._pause(self._delay_s)
        status, headers = self.status_code, self.raw_headers
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        try:
            await self._write_blocks()
        except Hangup as fault:
            await self._flush()
            self._hang_up(scope, reset=fault.reset)
            return "broken"
        except Stall:
            await self._flush()
            await self._gone
            return "broken"
        is_left = self._gone.done()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        return "disconnected" if is_left else "complete"

    async def _write_blocks(self) -> None:
        """At pace 0 many blocks share a write; with a pace each piece has its time.

        The times are counted from the start, so that what a write takes does not add up.
        """
        pace, pieces, room = self._service.pace, 0, 1
        due = pace.clock()
        for block in self._blocks:
            if isinstance(block, sse.Piece):
                if wait := pace.before(pieces):
                    await self._flush()
                    due += wait
                    await self._pause(due - pace.clock())
                pieces += 1
            self._batch.append(block)
            if len(self._batch) >= room or isinstance(block, sse.Alone):
                await self._flush()
                room = BATCH
            if self._gone.done():
                return
        await self._flush()

    async def _flush(self) -> None:
        if not self._batch:
            return
        body = b"".join(self._batch)
        self._exchange.blocks += len(self._batch)
        self._batch.clear()
        await self._send({"type": "http.response.body", "body": body, "more_body": True})
        await asyncio.sleep(0)

    async def _pause(self, seconds: float) -> None:
        """Let time pass, but no longer than the caller stays."""
        if seconds <= 0:
            return
        waiting = asyncio.ensure_future(self._service.pace.sleep(seconds))
        await asyncio.wait({waiting, self._gone}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()

    def _hang_up(self, scope: Scope, *, reset: bool) -> None:
        """Close the line: after what is on its way (FIN), or at once and dropping it (RST)."""
        line = self._service.lines.get(scope["client"])
        if line is None:
            return
        if not reset:
            line.close()
            return
        linger = struct.pack("hh" if _IS_WINDOWS else "ii", 1, 0)
        with suppress(OSError):
            line.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        line.abort()


async def hangup(receive: Receive) -> None:
    """Return once the caller has closed the line."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _no_constants(name: str) -> None:
    raise ValueError(f"expected JSON, not {name}")


_IS_WINDOWS = hasattr(socket, "SIO_RCVALL")
