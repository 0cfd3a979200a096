"""A server on a free port of loopback that ends with the process which started it.

A web page in a browser on this machine can send requests to it, and the server behind may believe
that they come from the learner's program. So `LocalOnly` looks at what the browser adds and a page
can't change: the name by which the server was reached (Host), and where the page came from (Origin,
Sec-Fetch-Site). Programs send no Origin.
"""

import socket
import sys
import threading
from typing import Any
from urllib.parse import urlsplit

from cassette.asgi import send_answer

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

LOCAL_NAMES = {"127.0.0.1", "localhost", "::1"}
FORBIDDEN, BAD_REQUEST = 403, 400


class LocalOnly:
    """Refuses what a web page from elsewhere sends, and targets that are no path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = {"http": "http", "websocket": "websocket.http"}.get(scope["type"])
        if kind and (status := refusal(scope)):
            if scope["type"] == "websocket":
                await receive()
            await send_answer(send, kind, status, [("content-type", "text/plain")], b"Refused.\n")
        else:
            await self._app(scope, receive, send)


def refusal(scope: Scope) -> int:
    """The status with which a request is refused; 0 for one that is passed on."""
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    origin = headers.get(b"origin")
    is_foreign = (
        not is_local(f"//{headers.get(b'host', '')}")
        or (origin is not None and not is_local(origin))
        or headers.get(b"sec-fetch-site") == "cross-site"
    )
    if is_foreign:
        return FORBIDDEN
    return 0 if scope["path"].startswith("/") else BAD_REQUEST


def is_local(url: str) -> bool:
    try:
        return urlsplit(url).hostname in LOCAL_NAMES
    except ValueError:
        return False


def serve(app: ASGIApp, base_path: str, longest_message: int) -> None:
    """Print the base URL, then serve until standard input closes."""
    with listen() as listener:
        server = make_server(app, longest_message)
        print(base_url(listener, base_path), flush=True)
        threading.Thread(target=end_with_parent, args=[server], daemon=True).start()
        server.run(sockets=[listener])


def listen() -> socket.socket:
    """A free port; with its protocol named, asyncio lets small writes go at once (TCP_NODELAY)."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(256)
    return listener


def base_url(listener: socket.socket, base_path: str) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}{base_path}"


def make_server(app: ASGIApp, longest_message: int) -> uvicorn.Server:
    options: dict[str, Any] = {"http": "h11", "loop": "asyncio"}
    sockets: dict[str, Any] = {
        "ws": "websockets-sansio",
        "ws_max_size": longest_message,
        "ws_per_message_deflate": False,
        # A session that is paused, in a debugger or before a class, must not be dropped.
        "ws_ping_interval": None,
    }
    quiet: dict[str, Any] = {"log_config": None, "log_level": "critical", "server_header": False}
    return uvicorn.Server(
        uvicorn.Config(
            LocalOnly(app),
            date_header=False,
            **options,
            **sockets,
            **quiet,
            timeout_graceful_shutdown=1,
        )
    )


def end_with_parent(server: uvicorn.Server) -> None:
    """Stop the server when standard input closes, however the parent ended."""
    sys.stdin.buffer.read()
    server.should_exit = True
