"""The recorder: a loopback proxy that passes everything on at once, and writes it down after."""

import time
from collections.abc import Mapping
from functools import partial
from ipaddress import ip_address

from cassette.api_profile import ApiProfile
from cassette.asgi import (
    HOP_BY_HOP,
    Headers,
    end_to_end,
    headers_of,
    path_of,
    read_body,
    send_answer,
    while_connected,
)
from cassette.bodies import describe_body
from cassette.cassette_writer import CassetteWriter
from cassette.exchange_log import ExchangeLog
from cassette.format import CassetteLine
from cassette.http_exchange import HttpExchange
from cassette.websocket_exchange import WebSocketExchange, connect_upstream

import httpx2
from starlette.types import Receive, Scope, Send
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.http11 import Response

CONNECT_TIMEOUT_S = 5.0
UNCOMPRESSED = (b"accept-encoding", b"identity")
BAD_GATEWAY = 502


class Recorder:
    """An ASGI application that passes every request on to `upstream`, and records the answers.

    Proxies that the environment names are used as by any client, except for a server on loopback:
    no proxy can reach that one.
    """

    def __init__(self, writer: CassetteWriter, upstream: str, profile: ApiProfile) -> None:
        self._writer, self._profile = writer, profile
        self._origin = upstream.removesuffix("/").removesuffix(profile.base_path)
        url = httpx2.URL(upstream)
        self._host = url.netloc.decode("ascii")  # without user and password
        self._is_loopback = is_loopback(url.host)
        writer.scrubber.learn_url(upstream)
        patient = httpx2.Timeout(None, connect=CONNECT_TIMEOUT_S)
        self._client = httpx2.AsyncClient(timeout=patient, trust_env=not self._is_loopback)
        self._count = 0

    def finish(self) -> None:
        """Close the cassette. Raises CassetteError if there is none."""
        self._writer.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._run_lifespan(receive, send)
        elif scope["type"] == "websocket":
            await self._record_socket(scope, receive, send)
        else:
            await self._record_http(scope, receive, send)

    async def _run_lifespan(self, receive: Receive, send: Send) -> None:
        """Close the connections to upstream when the server stops."""
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._client.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def _record_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request and its answer.

        The number is taken before anything can fail, and the request is written after its answer
        began: until then the log keeps it. `log_end` writes whatever is left, also if this task is
        cancelled, as every request in a cassette has an end.
        """
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
        exchange = HttpExchange(self._writer, self._next_number(), start)
        self._learn_secrets(scope, headers)
        exchange.defer(partial(self._write_request, exchange.number, scope, headers, body))
        try:
            # A server may think for a minute before its head comes, and bills what it then writes:
            # if the client leaves, it's left as well, and the log says so.
            response = await while_connected(receive, self._client.send(request, stream=True))
            if response is not None:
                exchange.defer(partial(self._writer.begin, self._server_name(response.headers)))
                await exchange.pass_on(response, receive, send)
        except httpx2.TransportError as error:
            await self._answer_unreachable(error, exchange, send)
        finally:
            exchange.log_end()

    async def _record_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a WebSocket: `ws` where upstream is `http`, `wss` where it is `https`.

        Upstream is asked first, so that its refusal, or that it cannot be reached, is the answer
        to the client's handshake.
        """
        exchange = WebSocketExchange(self._writer, self._next_number(), time.perf_counter())
        await receive()
        headers = headers_of(scope)
        self._learn_secrets(scope, headers)
        exchange.defer(partial(self._write_request, exchange.number, scope, headers, b""))
        try:
            upstream = await connect_upstream(
                f"ws{self._origin.removeprefix('http')}{path_of(scope)}",
                end_to_end(headers),
                scope["subprotocols"],
                longest_message=self._profile.longest_message,
                use_proxy=not self._is_loopback,
            )
        except InvalidStatus as refusal:
            await self._answer_refused(refusal.response, exchange, send)
        except (OSError, WebSocketException) as error:
            await self._answer_unreachable(error, exchange, send, "websocket.http")
            exchange.log_end()
        else:
            assert upstream.response
            try:
                kept = self._begin_socket(upstream.response, exchange)
                await exchange.pass_on(upstream, kept, receive, send)
            finally:
                # A recorder that is being stopped can't wait for upstream to close.
                upstream.transport.abort()

    def _begin_socket(
        self, response: Response, exchange: WebSocketExchange
    ) -> list[tuple[str, str]]:
        """Note which server answered; the headers of its answer that are for the client."""
        kept = end_to_end(response.headers.raw_items())
        self._writer.scrubber.learn(kept)
        exchange.defer(partial(self._writer.begin, self._server_name(dict(kept))))
        return kept

    async def _answer_refused(
        self, response: Response, exchange: WebSocketExchange, send: Send
    ) -> None:
        """Pass on the answer of an upstream that wants no WebSocket, as an answer to HTTP."""
        kept = self._begin_socket(response, exchange)
        exchange.log_head(response.status_code, self._writer.scrubber.headers(kept))
        exchange.log_chunk(response.body)
        exchange.how = "complete"
        exchange.log_end()
        await send_answer(send, "websocket.http", response.status_code, kept, response.body)

    async def _answer_unreachable(
        self, error: Exception, exchange: ExchangeLog, send: Send, kind: str = "http"
    ) -> None:
        message = f"The recorder cannot reach {self._host}: {error}"
        answer = self._profile.error_answer(BAD_GATEWAY, "unreachable", message)
        exchange.defer(partial(self._writer.begin, self._host))
        exchange.log_head(BAD_GATEWAY, answer.headers)
        exchange.log_chunk(answer.body)
        exchange.how = "complete"
        await send_answer(send, kind, BAD_GATEWAY, answer.headers.items(), answer.body)

    def _next_number(self) -> int:
        self._count += 1
        return self._count

    def _server_name(self, headers: Mapping[str, str]) -> str:
        return self._profile.server_name(headers) or self._host

    def _learn_secrets(self, scope: Scope, headers: Headers) -> None:
        self._writer.scrubber.learn(headers)
        self._writer.scrubber.learn_path(path_of(scope))

    def _write_request(self, number: int, scope: Scope, headers: Headers, body: bytes) -> None:
        """Write a request as one line; the boundary of a form is random, so it is left out."""
        writer = self._writer
        kind = dict(headers).get("content-type", "")
        line: CassetteLine = {
            "request": number,
            "method": scope.get("method", "GET"),
            "path": writer.scrubber.path(path_of(scope)),
            "headers": writer.scrubber.headers(headers),
        }
        if scope["type"] == "websocket":
            line["upgrade"] = "websocket"
        if kind.startswith("multipart/"):
            line["headers"]["content-type"] = "multipart/form-data"
        writer.write(line | describe_body(writer, kind, body))


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
