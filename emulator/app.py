"""The whole API as one ASGI application: checks, routes, headers and errors.

A handler raises, and here is decided what that means for the caller: an `ApiError` is its own
answer, `Stall` is silence, and anything else is a 500 (unless the answer has begun) that ends this
request alone.
"""

import errno
import re
import sqlite3
import sys
import time
import traceback
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

from emulator import VERSION, guard
from emulator.api import (
    chat,
    conversations,
    embeddings,
    file_batches,
    files,
    model_list,
    request_log,
    responses,
    speech,
    stored,
    transcriptions,
    uploads,
    vector_store_files,
    vector_stores,
)
from emulator.errors import (
    ApiError,
    not_served,
    server_error,
    storage_failed,
    unknown_url,
    wrong_method,
)
from emulator.faults import HEADER, Stall, before_handler
from emulator.params import bad, only
from emulator.realtime import routes
from emulator.serving import Exchange, Service, disconnected
from emulator.wire import ids

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Match, Route, Router
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket

FAMILIES = (
    chat,
    stored,
    responses,
    speech,
    transcriptions,
    conversations,
    embeddings,
    model_list,
    files,
    uploads,
    vector_stores,
    vector_store_files,
    file_batches,
    request_log,
    routes,
)
MOST_EXCHANGES = 256
REALTIME = "/v1/realtime"

_DISK_ERRORS = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_CANTOPEN,
)
_DISK_NUMBERS = (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)

# Routes that read the query, and check it themselves; all others refuse whatever stands in it.
_QUERIED = {
    "GET /v1/chat/completions",
    "GET /v1/chat/completions/{id}/messages",
    "GET /v1/conversations/{id}/items",
    "GET /v1/files",
    "GET /v1/responses/{id}",
    "GET /v1/responses/{id}/input_items",
    "GET /v1/vector_stores",
    "GET /v1/vector_stores/{store}/file_batches/{batch}/files",
    "GET /v1/vector_stores/{store}/files",
}
_INCLUDING = {
    "GET /v1/conversations/{id}/items/{item}",
    "POST /v1/conversations/{id}/items",
}

# The paths of the SDK that no handler takes. Nobody has the others, such as those with a slash at
# the end.
_OPENAI = re.compile(
    r"""/v1/ (agents | audio/(translations | voices | voice_consents) | batches | chatkit
    | completions | containers | content_provenance_checks | decisions | evals | fine_tuning
    | images | live | moderations | organization | projects
    | realtime/(calls | sessions | transcription_sessions | translations) | safety | skills | vaults
    | videos | webhook_endpoints | webhook_event_types)
    (/[^/]+)*""",
    re.VERBOSE,
)


class App:
    """Checks a request, has it answered, and puts OpenAI's headers and errors on the answer."""

    def __init__(self, service: Service) -> None:
        self.service = service
        every = [route for family in FAMILIES for route in family.routes]
        self._routes = [route for route in every if isinstance(route, Route)]
        self._router = Router(every, redirect_slashes=False, default=_not_found)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_socket = scope["type"] == "websocket"
        method = "GET" if is_socket else scope["method"]
        exchange = Exchange(method, scope["path"], ids.request_id())
        self._remember(exchange)
        scope.update(app=self, emulator=self.service, exchange=exchange, faults=[], answers=[])
        if is_socket:
            await self._serve_socket(WebSocket(scope, receive, send), send, exchange)
        else:
            await self._serve_http(scope, receive, _with_headers(send, exchange), exchange)

    async def _serve_http(
        self, scope: Scope, receive: Receive, send: Send, exchange: Exchange
    ) -> None:
        refused: ApiError | None = None
        try:
            guard.check(scope)
            if self.service.upstream is not None:
                guard.check_no_loop(scope)
            self._check_query(scope)
            self._apply_faults(scope, exchange)
            body = guard.BoundedBody(scope, receive, self.service.wait_for_body)
            await self._router(scope, body, send)
        except ApiError as error:
            refused = error
        except HTTPException:
            refused = wrong_method(exchange.method, exchange.path)
        except ClientDisconnect:
            exchange.end("disconnected")
        except Stall:
            exchange.end("broken")
            await disconnected(receive)
        except Exception as error:  # one request must not end the others; the caller gets a 500
            is_ours = not _is_of_disk(error)
            told = server_error(exchange.request_id) if is_ours else storage_failed(error)
            print(traceback.format_exc() if is_ours else told.message, file=sys.stderr)
            exchange.end("broken")
            if exchange.status == 0:
                refused = told
        finally:
            for answer in scope["answers"]:
                await answer.close()
        if refused is not None:
            await _refuse(refused, exchange)(scope, receive, send)

    async def _serve_socket(self, socket: WebSocket, send: Send, exchange: Exchange) -> None:
        """A WebSocket, from its handshake to its end."""
        scope = socket.scope
        try:
            guard.check_socket(scope)
            self._apply_faults(scope, exchange)
            if scope["path"] != REALTIME:
                await _not_found(scope, socket.receive, socket.send)
            # Imported here, as NumPy would double the time in which the emulator starts.
            from emulator.realtime.socket import serve

            await serve(socket, send, self.service, exchange)
        except ApiError as error:
            exchange.status = error.status
            await socket.send_denial_response(_refuse(error, exchange))
        except Stall:
            exchange.end("broken")
            while (await socket.receive())["type"] != "websocket.disconnect":
                pass
        except Exception:  # one session must not end the others; the caller sees it closed
            traceback.print_exc(file=sys.stderr)
            exchange.end("broken")
            with suppress(RuntimeError):
                await socket.close(1011)

    def _check_query(self, scope: Scope) -> None:
        """Raise ApiError (400) for a parameter in the query that no handler would look at."""
        if not scope["query_string"]:
            return
        found = [route for route in self._routes if route.matches(scope)[0] is Match.FULL]
        route = f"{scope['method']} {found[0].path}" if found else ""
        if route and route not in _QUERIED:
            taken = ("include", "include[]") if route in _INCLUDING else ()
            given = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            for name, value in given:
                if name == "beta":  # `client.beta.responses` of the SDK
                    only()(name, value)
                if name not in taken:
                    raise bad(f"Unknown parameter: '{name}'.", name, "unknown_parameter")

    def _apply_faults(self, scope: Scope, exchange: Exchange) -> None:
        """Note the faults that strike this request; some of them raise here."""
        header = dict(scope["headers"]).get(HEADER.encode(), b"").decode("latin-1")
        scope["faults"] = self.service.faults.strike(header, exchange.path, exchange.method)
        before_handler(scope["faults"], exchange.request_id)

    def _remember(self, exchange: Exchange) -> None:
        self.service.exchanges.append(exchange)
        del self.service.exchanges[:-MOST_EXCHANGES]


def _is_of_disk(error: Exception) -> bool:
    """Whether the disk is full, or may not be written, or what is on it is damaged."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DISK_ERRORS
    return isinstance(error, OSError) and error.errno in _DISK_NUMBERS


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    known = _OPENAI.fullmatch(scope["path"])
    raise (not_served if known else unknown_url)(scope.get("method", "GET"), scope["path"])


def _refuse(error: ApiError, exchange: Exchange) -> Response:
    exchange.end("complete")
    return Response(error.body(), error.status, error.headers, "application/json")


def _with_headers(send: Send, exchange: Exchange) -> Send:
    """A `send` that adds the headers of OpenAI's answers, and one that names the emulator."""
    start = time.perf_counter()

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            exchange.status = message["status"]
            milliseconds = round(1000 * (time.perf_counter() - start))
            _add(message, "x-request-id", exchange.request_id)
            _add(message, "openai-processing-ms", str(milliseconds))
            _add(message, "openai-version", "2020-10-01")
            _add(message, "x-openai-emulator", VERSION)
            for name, value in exchange.limits.items():
                _add(message, name, value)
        await send(message)

    return sending


def _add(message: MutableMapping[str, Any], name: str, value: str) -> None:
    message["headers"].append((name.encode(), value.encode()))
