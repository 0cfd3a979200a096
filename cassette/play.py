"""The player: answers requests from a cassette, each chunk and message at its recorded time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

from cassette import CassetteError
from cassette.api_profile import ApiProfile
from cassette.asgi import (
    accept_message,
    headers_of,
    path_of,
    raw_headers,
    read_body,
    send_answer,
    wait_for_disconnect,
)
from cassette.bodies import describe_body
from cassette.format import LARGE, Cassette, CassetteLine, RecordedExchange, decode, digest, encode
from cassette.match import ExchangeMatcher, RequestKey
from cassette.recorded_conversation import RecordedConversation
from cassette.scrub import Scrubber
from cassette.socket_player import SocketPlayer

from starlette.types import Receive, Scope, Send

Sleep = Callable[[float], Awaitable[object]]

NO_API = ApiProfile()


class Player:
    """An ASGI application that answers from a cassette.

    `speed` 1 is as recorded, 2 twice as fast, 0 at once. `sleep` and `clock` are time's (seconds).
    """

    def __init__(
        self,
        cassette: Cassette,
        speed: float = 1.0,
        profile: ApiProfile = NO_API,
        *,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._cassette, self._speed, self._profile = cassette, speed, profile
        # Each exchange is played once; `_misses` are the requests for which there was none.
        self._matcher = ExchangeMatcher(cassette.exchanges.values())
        self._bodies = BodyDigests(Scrubber(profile.secrets))
        self._sleep, self._clock = sleep, clock
        self._misses: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Find the exchange for a request, and play it; what has none is refused.

        Times count from here, as the recorder's do from where it got the request. `gone` is done
        when an HTTP client leaves; a WebSocket's client is watched by `SocketPlayer`.
        """
        if scope["type"] == "lifespan":
            return
        start = self._clock()
        is_socket = scope["type"] == "websocket"
        kind = "websocket.http" if is_socket else "http"
        key = await (self._key_of_socket if is_socket else self._key_of_request)(scope, receive)
        exchange = self._matcher.claim(key)
        if exchange is None:
            await self._refuse(self._matcher.explain_miss(key), kind, send)
        elif exchange.is_socket:
            await self._play_socket(exchange, start, scope, receive, send)
        else:
            gone = asyncio.ensure_future(wait_for_disconnect(receive))
            try:
                await self._play_answer(exchange, start, kind, gone, send)
            finally:
                gone.cancel()

    def finish(self) -> None:
        """Raise CassetteError if it lacked a request, or holds one that nobody made."""
        if self._misses:
            raise CassetteError(f"{self._cassette.path}: {self._misses[0]}")
        if left := self._matcher.unplayed(self._profile.optional_requests):
            raise CassetteError(f"{self._cassette.path}: never asked for: {', '.join(left)}")

    async def _key_of_request(self, scope: Scope, receive: Receive) -> RequestKey:
        kind = dict(headers_of(scope)).get("content-type", "")
        body = describe_body(self._bodies, kind, await read_body(receive))
        return self._key({"method": scope["method"]}, scope, body)

    async def _key_of_socket(self, scope: Scope, receive: Receive) -> RequestKey:
        await receive()
        return self._key({"method": "GET"}, scope, {"upgrade": "websocket"})

    def _key(self, method: CassetteLine, scope: Scope, body: CassetteLine) -> RequestKey:
        """A path is compared without its secrets, as the recorder wrote it without them."""
        path = self._bodies.scrubber.path(path_of(scope))
        return RequestKey.from_line(method | {"path": path} | body)

    async def _play_socket(
        self, exchange: RecordedExchange, start: float, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Play a WebSocket; what is not as recorded ends it, and `finish` reports it."""
        lines = partial(self._cassette.answer, exchange)
        head = next(lines())
        if self._speed:
            await self._sleep(max(0.0, head["after"] / self._speed - (self._clock() - start)))
        await send(accept_message(head, scope["subprotocols"]))
        conversation = RecordedConversation(lines, self._profile, self._speed, self._clock())
        try:
            await SocketPlayer(conversation, receive, send, self._sleep, self._clock).run()
        except CassetteError as error:
            self._misses.append(f"GET {exchange.request['path']}: {error}")

    async def _play_answer(
        self,
        exchange: RecordedExchange,
        start: float,
        kind: str,
        gone: "asyncio.Future[None]",
        send: Send,
    ) -> None:
        """Send the head and each chunk at its time, then end as the recording did.

        `complete` is a proper end. `cut` returns without one, and the server then disconnects the
        client, as the recorded server did. `left` waits for the client to leave, as it did.
        """
        for line in self._cassette.answer(exchange):
            if not await self._wait_for(line["after"], start, gone):
                return
            if "response" in line:
                headers = raw_headers(line["headers"].items())
                head = {"type": f"{kind}.response.start", "status": line["status"]}
                await send(head | {"headers": headers})
            elif "chunk" in line:
                body = {"type": f"{kind}.response.body", "body": decode(line)}
                await send(body | {"more_body": True})
        if exchange.how == "complete":
            await send({"type": f"{kind}.response.body", "body": b""})
        elif exchange.how == "left":
            await gone

    async def _wait_for(self, after: float, start: float, gone: "asyncio.Future[None]") -> bool:
        """Wait for a line's time; False if the client has left.

        The wait is until a point in time, not for the gap between two lines: a chunk that went out
        late does not delay the ones behind it.
        """
        wait = after / self._speed - (self._clock() - start) if self._speed else 0.0
        if wait > 0:
            sleeping: asyncio.Future[object] = asyncio.ensure_future(self._sleep(wait))
            both: set[asyncio.Future[object]] = {sleeping, gone}  # type: ignore[arg-type]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            sleeping.cancel()
        else:
            await asyncio.sleep(0)
        return not gone.done()

    async def _refuse(self, why: str, kind: str, send: Send) -> None:
        self._misses.append(why)
        error = self._profile.error_answer(404, "not_recorded", why)
        await send_answer(send, kind, 404, error.headers.items(), error.body)


class BodyDigests:
    """Describes a request's body as the recorder does, without writing anything."""

    def __init__(self, scrubber: Scrubber) -> None:
        self.scrubber = scrubber

    def body_fields(self, data: bytes) -> CassetteLine:
        return encode(data) if len(data) < LARGE else {"blob": digest(data)}
