"""The recorder: a loopback proxy that passes everything on at once, and writes it down after."""

import json
import time
from collections.abc import AsyncIterator, Mapping
from functools import partial

from cassette.asgi import (
    HOP_BY_HOP,
    Headers,
    answer,
    end_to_end,
    hangup,
    headers_of,
    path_of,
    read_body,
)
from cassette.bodies import describe
from cassette.format import Line
from cassette.relay import Relay, dial
from cassette.tape import Notes, Tape

import anyio
import httpx2
from starlette.types import Receive, Scope, Send
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.http11 import Response

CONNECT_TIMEOUT_S = 5.0
UNCOMPRESSED = (b"accept-encoding", b"identity")


class Recorder:
    """An ASGI application that hands every request to `upstream` and writes down what crosses."""

    def __init__(self, tape: Tape, upstream: str) -> None:
        self._tape = tape
        self._origin = upstream.removesuffix("/").removesuffix("/v1")
        self._host = httpx2.URL(upstream).netloc.decode("ascii")  # without user and password
        tape.scrubber.learn_url(upstream)
        patient = httpx2.Timeout(None, connect=CONNECT_TIMEOUT_S)
        self._client = httpx2.AsyncClient(timeout=patient, trust_env=not self._is_loopback())
        self._count = 0

    def _is_loopback(self) -> bool:
        return self._host.startswith(("127.0.0.1", "localhost", "[::1]"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            await self._relay(scope, receive, send)
        else:
            await self._pass_on(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        """Close the connections to upstream when the server stops."""
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._client.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = time.perf_counter()
        headers = headers_of(scope)
        body = await read_body(receive)
        request = self._client.build_request(
            scope["method"],
            self._origin + path_of(scope),
            headers=[pair for pair in scope["headers"] if pair[0].decode() not in HOP_BY_HOP]
            + [UNCOMPRESSED],
            content=body,
        )
        exchange = Passage(self._tape, self._next_number(), start)
        self._tape.scrubber.learn(headers)
        exchange.later(partial(self._note_request, exchange.number, scope, headers, body))
        try:
            response = await self._client.send(request, stream=True)
            exchange.later(partial(self._tape.head, self._who(response.headers)))
            await exchange.carry(response, receive, send)
        except httpx2.TransportError as error:
            await self._unreachable(error, exchange, send)
        finally:
            exchange.note_end()

    async def _relay(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a WebSocket on: `ws` where upstream is `http`, `wss` where it is `https`."""
        relay = Relay(self._tape, self._next_number(), time.perf_counter())
        await receive()
        headers = headers_of(scope)
        self._tape.scrubber.learn(headers)
        relay.later(partial(self._note_request, relay.number, scope, headers, b""))
        try:
            upstream = await dial(
                f"ws{self._origin.removeprefix('http')}{path_of(scope)}",
                end_to_end(headers),
                scope["subprotocols"],
                is_loopback=self._is_loopback(),
            )
        except InvalidStatus as refusal:
            await self._refuse(refusal.response, relay, send)
        except (OSError, WebSocketException) as error:
            await self._unreachable(error, relay, send, "websocket.http")
            relay.note_end()
        else:
            assert upstream.response
            relay.later(partial(self._tape.head, self._who(upstream.response.headers)))
            told = list(upstream.response.headers.raw_items())
            await relay.carry(upstream, end_to_end(told), receive, send)

    async def _refuse(self, response: Response, relay: Relay, send: Send) -> None:
        """Pass on the answer of an upstream that wants no WebSocket, as an answer to HTTP."""
        kept = end_to_end(response.headers.raw_items())
        relay.later(partial(self._tape.head, self._who(response.headers)))
        relay.note_head(response.status_code, self._tape.scrubber.headers(kept))
        relay.note_chunk(response.body)
        relay.how = "complete"
        relay.note_end()
        await answer(send, "websocket.http", response.status_code, kept, response.body)

    def _next_number(self) -> int:
        self._count += 1
        return self._count

    def _who(self, headers: Mapping[str, str]) -> str:
        return "emulator" if "x-openai-emulator" in headers else self._host

    def _note_request(self, number: int, scope: Scope, headers: Headers, body: bytes) -> None:
        tape = self._tape
        kind = dict(headers).get("content-type", "")
        line: Line = {
            "request": number,
            "method": scope.get("method", "GET"),
            "path": tape.scrubber.path(path_of(scope)),
            "headers": tape.scrubber.headers(headers),
        }
        if scope["type"] == "websocket":
            line["upgrade"] = "websocket"
        if kind.startswith("multipart/"):
            line["headers"]["content-type"] = "multipart/form-data"
        tape.write(line | describe(tape, kind, body))

    async def _unreachable(
        self, error: Exception, exchange: Notes, send: Send, kind: str = "http"
    ) -> None:
        message = f"The recorder cannot reach {self._host}: {error}"
        fields = {"message": message, "type": "server_error", "param": None, "code": "unreachable"}
        body = json.dumps({"error": fields}).encode()
        headers = {"content-type": "application/json"}
        exchange.later(partial(self._tape.head, self._host))
        exchange.note_head(502, headers)
        exchange.note_chunk(body)
        exchange.how = "complete"
        await answer(send, kind, 502, headers.items(), body)


class Passage(Notes):
    """One answer on its way through: a block is sent on first, noted after."""

    async def carry(self, response: httpx2.Response, receive: Receive, send: Send) -> None:
        """Pass an answer on; if the client leaves, leave as well."""
        raw = [(n.lower(), v) for n, v in response.headers.raw]
        packed = response.headers.get("content-encoding", "identity") != "identity"
        dropped = HOP_BY_HOP | {"content-encoding"} if packed else HOP_BY_HOP - {"content-length"}
        kept = [pair for pair in raw if pair[0].decode("latin-1") not in dropped]
        await send({"type": "http.response.start", "status": response.status_code, "headers": kept})
        named = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in kept]
        self.note_head(response.status_code, self._tape.scrubber.headers(named))
        async with anyio.create_task_group() as group:

            async def watch() -> None:
                await hangup(receive)
                group.cancel_scope.cancel()

            group.start_soon(watch)
            # Some servers compress although told not to: then it is unpacked, for the file to read.
            blocks = response.aiter_bytes() if packed else response.aiter_raw()
            await self._body(response, blocks, send)
            group.cancel_scope.cancel()
        if self.how == "complete":
            await send({"type": "http.response.body", "body": b""})

    async def _body(
        self, response: httpx2.Response, blocks: AsyncIterator[bytes], send: Send
    ) -> None:
        try:
            async for block in blocks:
                await send({"type": "http.response.body", "body": block, "more_body": True})
                self.note_chunk(block)
                self.catch_up()
        except httpx2.TransportError:
            self.how = "cut"
        else:
            self.how = "complete"
        finally:
            with anyio.CancelScope(shield=True):
                await response.aclose()
