"""The player: answers requests from a cassette, each chunk and message at its recorded time."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from cassette import CassetteError
from cassette.asgi import accepted, answer, hangup, path_of, read_body
from cassette.bodies import describe
from cassette.format import LARGE, Cassette, Line, Recorded, decode, digest, encode
from cassette.match import Asked, Matcher
from cassette.perform import Performance
from cassette.rules import Rules
from cassette.script import Script
from cassette.scrub import Scrubber

from starlette.types import Receive, Scope, Send

Sleep = Callable[[float], Awaitable[object]]

# Requests that a run may leave out: how often something is polled depends on the machine.
OPTIONAL = ("GET /v1/models",)
NO_RULES = Rules()


class Player:
    """An ASGI application that knows the answers of a cassette.

    `speed` 1 is as recorded, 2 twice as fast, 0 at once. `rules` are what may differ of what comes
    by WebSocket. `sleep` and `clock` are time's (seconds).
    """

    def __init__(
        self,
        cassette: Cassette,
        speed: float = 1.0,
        *,
        rules: Rules = NO_RULES,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._cassette, self._speed, self._rules = cassette, speed, rules
        self._matcher = Matcher(cassette.exchanges.values())
        self._sleep, self._clock = sleep, clock
        self._misses: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        start = self._clock()
        is_socket = scope["type"] == "websocket"
        kind = "websocket.http" if is_socket else "http"
        asked = await (self._asked_by_socket if is_socket else self._asked)(scope, receive)
        exchange = self._matcher.take(asked)
        if exchange is None:
            await self._refuse(self._matcher.why_not(asked), kind, send)
        elif exchange.is_socket:
            await self._perform(exchange, start, scope, receive, send)
        else:
            gone = asyncio.ensure_future(hangup(receive))
            try:
                await self._play(exchange, start, kind, gone, send)
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

    async def _asked_by_socket(self, scope: Scope, receive: Receive) -> Asked:
        await receive()
        path = Scrubber().path(path_of(scope))
        return Asked.of({"method": "GET", "path": path, "upgrade": "websocket"})

    async def _perform(
        self, exchange: Recorded, start: float, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Play a WebSocket; what is not as recorded ends it, and is told at the end."""
        head = next(self._cassette.answer(exchange))
        if self._speed:
            await self._sleep(max(0.0, head["after"] / self._speed - (self._clock() - start)))
        await send(accepted(head, scope["subprotocols"]))
        script = Script(
            partial(self._cassette.answer, exchange), self._rules, self._speed, self._clock()
        )
        performance = Performance(script, receive, send, self._sleep, self._clock)
        try:
            await performance.run()
        except CassetteError as error:
            self._misses.append(f"GET {exchange.request['path']}: {error}")

    async def _play(
        self,
        exchange: Recorded,
        start: float,
        kind: str,
        gone: "asyncio.Future[None]",
        send: Send,
    ) -> None:
        for line in self._cassette.answer(exchange):
            if not await self._wait(line["after"], start, gone):
                return
            if "response" in line:
                headers = [(n.encode(), v.encode()) for n, v in line["headers"].items()]
                head = {"type": f"{kind}.response.start", "status": line["status"]}
                await send(head | {"headers": headers})
            elif "chunk" in line:
                body = {"type": f"{kind}.response.body", "body": decode(line)}
                await send(body | {"more_body": True})
        if exchange.how == "complete":
            await send({"type": f"{kind}.response.body", "body": b""})
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

    async def _refuse(self, why: str, kind: str, send: Send) -> None:
        self._misses.append(why)
        fields = {"message": why, "type": "invalid_request_error", "param": None}
        body = json.dumps({"error": fields | {"code": "not_recorded"}}).encode()
        headers = {"content-type": "application/json", "x-should-retry": "false"}
        await answer(send, kind, 404, headers.items(), body)


class Bodies:
    """Describes a request's body as the recorder does, without writing anything."""

    def __init__(self) -> None:
        self.scrubber = Scrubber()

    def keep(self, data: bytes) -> Line:
        return encode(data) if len(data) < LARGE else {"blob": digest(data)}
