"""A server on a free port of loopback that ends with the process which started it."""

import socket
import sys
import threading
from typing import Any

import uvicorn
from starlette.types import ASGIApp


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
            app, date_header=False, **options, **sockets, **quiet, timeout_graceful_shutdown=1
        )
    )


def end_with_parent(server: uvicorn.Server) -> None:
    """Stop the server when standard input closes, however the parent ended."""
    sys.stdin.buffer.read()
    server.should_exit = True
