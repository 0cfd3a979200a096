"""The player: answers requests from a cassette, each chunk at its recorded time."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence

from cassette import CassetteError
from cassette.format import LARGE, Cassette, Line, Recorded, decode, digest, encode
from cassette.match import Asked, Matcher
from cassette.record import describe, hangup, path_of, read_body
from cassette.scrub import Scrubber

from starlette.types import Receive, Scope, Send

Sleep = Callable[[float], Awaitable[object]]

# Requests that a run may leave out: how often something is polled depends on the machine.
OPTIONAL = ("GET /v1/models",)


class Player:
    """An ASGI application that knows the answers of a cassette.

    `speed` 1 is as recorded, 2 twice as fast, 0 at once. `sleep` and `clock` are time's (seconds).
    """

    def __init__(
        self,
        cassette: Cassette,
        speed: float = 1.0,
        *,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._cassette, self._speed = cassette, speed
        self._matcher = Matcher(cassette.exchanges.values())
        self._sleep, self._clock = sleep, clock
        self._misses: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        start = self._clock()
        asked = await self._asked(scope, receive)
        exchange = self._matcher.take(asked)
        if exchange is None:
            await self._refuse(self._matcher.why_not(asked), send)
            return
        gone = asyncio.ensure_future(hangup(receive))
        try:
            await self._play(exchange, start, gone, send)
        finally:
            gone.cancel()

    def check_end(self, optional: Sequence[str] = OPTIONAL) -> None:
        """Raise CassetteError if it lacked what was asked, or holds what was never asked."""
        if self._misses:
            raise CassetteError(f"{self._cassette.path}: {self._misses[0]}")
        if left := self._matcher.unplayed(optional):
            raise CassetteError(f"{self._cassette.path}: never asked for: {', '.join(left)}")

    async def _asked(self, scope: Scope, receive: Receive) -> Asked:
        headers = {n.decode("latin-1"): v.decode("latin-1") for n, v in scope["headers"]}
        body = describe(Bodies(), headers.get("content-type", ""), await read_body(receive))
        return Asked.of({"method": scope["method"], "path": path_of(scope)} | body)

    async def _play(
        self, exchange: Recorded, start: float, gone: "asyncio.Future[None]", send: Send
    ) -> None:
        for line in self._cassette.answer(exchange):
            if not await self._wait(line["after"], start, gone):
                return
            if "response" in line:
                headers = [(n.encode(), v.encode()) for n, v in line["headers"].items()]
                head = {"type": "http.response.start", "status": line["status"], "headers": headers}
                await send(head)
            elif "chunk" in line:
                await send({"type": "http.response.body", "body": decode(line), "more_body": True})
        if exchange.how == "complete":
            await send({"type": "http.response.body", "body": b""})
        elif exchange.how == "left":
            await gone

    async def _wait(self, after: float, start: float, gone: "asyncio.Future[None]") -> bool:
        """Wait for a line's time; False if the caller has left."""
        late = after / self._speed - (self._clock() - start) if self._speed else 0.0
        if late > 0:
            sleeping: asyncio.Future[object] = asyncio.ensure_future(self._sleep(late))
            both: set[asyncio.Future[object]] = {sleeping, gone}  # type: ignore[arg-type]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            sleeping.cancel()
        else:
            await asyncio.sleep(0)
        return not gone.done()

    async def _refuse(self, why: str, send: Send) -> None:
        self._misses.append(why)
        fields = {"message": why, "type": "invalid_request_error", "param": None}
        body = json.dumps({"error": fields | {"code": "not_recorded"}}).encode()
        headers = [(b"content-type", b"application/json"), (b"x-should-retry", b"false")]
        await send({"type": "http.response.start", "status": 404, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class Bodies:
    """Describes a request's body as the recorder does, without writing anything."""

    def __init__(self) -> None:
        self.scrubber = Scrubber()

    def keep(self, data: bytes) -> Line:
        return encode(data) if len(data) < LARGE else {"blob": digest(data)}
