"""Which requests are accepted: a web page must not reach the emulator on the learner's machine.

The emulator listens only on 127.0.0.1, but a page in a browser on the same machine can still send
requests there. The browser adds headers that the page cannot change, and these are checked:

    Host    A page can make a name of its own resolve to 127.0.0.1 after it was loaded ("DNS
            rebinding"); to the browser that is then the page's own server, whose answers it may
            read. But Host still holds that name, and only our names and our port are accepted.
    Origin  is the site a script was loaded from; it has to be this machine, if it is there at all
            (programs other than browsers send none). Sec-Fetch-Site is its newer relative.
    Content-Type  A form on a foreign page can send text or form fields unasked. For JSON a browser
            first asks with OPTIONS, and that is never allowed. So a body must be JSON, or a file
            upload where one is expected.

Any bearer token is accepted, since a learner's own code may carry a real key. None is kept, logged
or sent back.
"""

import asyncio
import os
import re
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from emulator.errors import ApiError, no_key, upload_timed_out

HOST = "127.0.0.1"
JSON_LIMIT = 8 * 2**20
# A file of 512 MiB, and the form around it.
UPLOAD_LIMIT = 513 * 2**20
# A message of a WebSocket.
MESSAGE_LIMIT = 16 * 2**20
LONGEST_LINE = 8_000
"""Bytes of a header line of a WebSocket's handshake; `websockets` reads 8,192 at most."""
# A body that stops coming would keep its memory, and its place among the uploads, until the client
# leaves. So there is a limit to the time between two pieces, as with nginx's `client_body_timeout`.
# And there is a lowest rate for all of them together, as with Apache's `mod_reqtimeout`. Otherwise
# a client could send one byte now and then.
LONGEST_PAUSE_S = 30.0
BODY_S, LEAST_BYTES_A_SECOND = 60.0, 500
"""A body may take BODY_S seconds, and one more for every LEAST_BYTES_A_SECOND received."""

_LOOPBACK = (HOST, "localhost", "[::1]")
_FORM = "multipart/form-data"
_FORM_PATHS = re.compile(
    r"/v1/(files|uploads/[^/]+/parts|audio/(transcriptions|translations|voices|voice_consents))"
)
# A header of each request that an emulator sends to the server that writes for it.
SENT_BY = "x-emulator-upstream"
# The same for the server that makes its embeddings.
EMBEDDED_BY = "x-emulator-embeddings-upstream"

Scope = MutableMapping[str, Any]
Headers = Iterable[tuple[bytes, bytes]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


def listen(port: int = 0) -> socket.socket:
    """A listening socket on loopback; port 0 takes a free one. Raises OSError if it is taken.

    Its protocol is named, because asyncio switches Nagle's algorithm off only for such sockets.
    With it, a small write would wait for an acknowledgement, and come 40 ms late.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(256)
    except BaseException:
        listener.close()
        raise
    return listener


def base_url(listener: socket.socket) -> str:
    return f"http://{HOST}:{listener.getsockname()[1]}/v1"


def check(scope: Scope) -> None:
    """Raise ApiError (401, 403, 413, 415, 431) for a request that is not accepted."""
    check_socket(scope)
    headers = scope["headers"]
    if _values(headers, b"upgrade") and has_long_line(scope):
        raise ApiError(431, f"A line of the handshake is longer than {LONGEST_LINE} bytes.")
    _check_key(_values(headers, b"authorization"))
    if scope["method"] in ("POST", "PUT", "PATCH"):
        _check_body(headers, scope["path"])


def check_no_loop(scope: Scope, header: str = SENT_BY) -> None:
    """Raise ApiError (508) for a request of an emulator, which this one would pass on again."""
    if _values(scope["headers"], header.encode()):
        task, work = ("CHAT", "writing") if header == SENT_BY else ("EMBEDDINGS", "embeddings")
        message = f"EMULATOR_{task}_BASE_URL names an emulator that hands its own {work} on."
        raise ApiError(508, message, type="server_error", code="upstream_error")


def has_long_line(scope: Scope) -> bool:
    """Whether a header line is longer than a WebSocket's handshake allows."""
    target = len(scope["raw_path"]) + len(scope["query_string"])
    lines = (len(name) + len(value) for name, value in scope["headers"])
    return max(target, *lines) > LONGEST_LINE


def malformed(reason: str) -> ApiError:
    """The error for malformed HTTP. A missing or repeated Host counts as a foreign one."""
    if "Host" in reason:
        return _forbidden("a request needs exactly one Host header")
    return ApiError(400, f"This is not a valid HTTP request: {reason}.")


def check_socket(scope: Scope) -> None:
    """Raise ApiError (403) for a WebSocket that is not accepted; its key is checked later."""
    _check_host(scope)
    _check_origin(scope["headers"])


class BoundedBody:
    """A `receive` that raises ApiError: 413 for a body that is too long, 408 for one that stalls.

    Only the time counts in which there is nothing to read, so a slow disk ends no upload. After the
    body, `receive` waits for the client to leave, which may take any time. Tests pass their own
    `sleep` and `clock` (in seconds).
    """

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._receive, self._sleep, self._clock = receive, sleep, clock
        self._limit = _limit(scope["headers"])
        self._taken, self._waited_s = 0, 0.0
        self._is_over = self._has_stalled = False

    async def __call__(self) -> MutableMapping[str, Any]:
        message = await (self._receive() if self._is_over else self._next())
        self._is_over = not message.get("more_body", False)
        self._taken += len(message.get("body", b""))
        if self._taken > self._limit:
            raise _too_large(self._limit)
        return message

    async def _next(self) -> MutableMapping[str, Any]:
        """The next piece, if it comes in time."""
        if self._has_stalled:  # code that reads on, to drop the rest, need not wait again
            raise upload_timed_out()
        start = self._clock()
        coming = asyncio.ensure_future(self._receive())
        try:
            await asyncio.sleep(0)  # most bodies are there already, and need no timer
            if not coming.done():
                await self._wait(coming)
            if not coming.done():
                self._has_stalled = True
                raise upload_timed_out()
            return coming.result()
        finally:
            coming.cancel()
            self._waited_s += self._clock() - start

    async def _wait(self, coming: asyncio.Future[Any]) -> None:
        all_s = BODY_S + self._taken / LEAST_BYTES_A_SECOND - self._waited_s
        timer = asyncio.ensure_future(self._sleep(max(0.0, min(LONGEST_PAUSE_S, all_s))))
        try:
            await asyncio.wait({coming, timer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()


def _check_host(scope: Scope) -> None:
    hosts = _values(scope["headers"], b"host")
    port = scope["server"][1]
    ours = {f"{name}:{port}" for name in _LOOPBACK} | (set(_LOOPBACK) if port == 80 else set())
    if len(hosts) != 1 or hosts[0].lower() not in ours or not scope["path"].startswith("/"):
        raise _forbidden(f"this emulator is only at 127.0.0.1:{port} and localhost:{port}")


def _check_origin(headers: Headers) -> None:
    for origin in _values(headers, b"origin"):
        try:
            host = urlsplit(origin).hostname
        except ValueError:
            host = None
        if host not in ("127.0.0.1", "localhost", "::1"):
            raise _forbidden("this emulator does not serve web pages of other origins")
    if any(site.lower() == "cross-site" for site in _values(headers, b"sec-fetch-site")):
        raise _forbidden("this emulator does not serve web pages of other sites")


def _check_key(authorization: list[str]) -> None:
    scheme, _, key = authorization[0].partition(" ") if authorization else ("", "", "")
    if scheme.lower() != "bearer" or not key.strip():
        raise no_key()


def _check_body(headers: Headers, path: str) -> None:
    length = (_values(headers, b"content-length") or ["0"])[0]
    has_body = length != "0" or bool(_values(headers, b"transfer-encoding"))
    kind = _content_type(headers)
    wanted = _FORM if _FORM_PATHS.fullmatch(path) else "application/json"
    if has_body and kind != wanted:
        message = f"""Unsupported content type: '{kind}'. This API method only accepts \
'{wanted}' requests, but you specified the header 'Content-Type: {kind}'."""
        raise ApiError(415, message, code="unsupported_content_type")
    if has_body:
        _check_encoding(headers)
    if length.isdecimal() and int(length) > _limit(headers):
        raise _too_large(_limit(headers))


def _check_encoding(headers: Headers) -> None:
    """Raise ApiError (415) for a compressed body, and say in a header what is taken (RFC 9110)."""
    sent = ",".join(_values(headers, b"content-encoding"))
    for encoding in filter(None, map(str.strip, sent.lower().split(","))):
        if encoding != "identity":
            message = f"""Unsupported content encoding: '{encoding}'. This emulator does not read \
compressed bodies. Send the body as it is, without the header 'Content-Encoding: {encoding}'."""
            code = "unsupported_content_encoding"
            raise ApiError(415, message, code=code, headers={"accept-encoding": "identity"})


def _limit(headers: Headers) -> int:
    return UPLOAD_LIMIT if _content_type(headers) == _FORM else JSON_LIMIT


def _content_type(headers: Headers) -> str:
    return (_values(headers, b"content-type") or [""])[0].partition(";")[0].strip().lower()


def _too_large(limit: int) -> ApiError:
    message = f"The request is larger than {limit} bytes, the most that this emulator takes."
    return ApiError(413, message, code="request_too_large")


def _forbidden(why: str) -> ApiError:
    return ApiError(403, f"Refused: {why}.", code="forbidden_by_emulator")


def _values(headers: Headers, name: bytes) -> list[str]:
    return [value.decode("latin-1").strip() for key, value in headers if key == name]
