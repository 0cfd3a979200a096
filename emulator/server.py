"""Starts the emulator and stops it: alone, as a child of a lesson, or in a thread of a test."""

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from emulator import guard
from emulator.answers.answer import Write
from emulator.answers.corpus import Corpus, read_corpus
from emulator.app import App
from emulator.client_secrets import ClientSecrets
from emulator.faults import Faults
from emulator.guard import MESSAGE_LIMIT, base_url, listen
from emulator.pace import Pace, Sleep
from emulator.serving import Embed, Exchange, Service
from emulator.storage.file_storage import FileStorage
from emulator.storage.objects import ObjectStore

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol


class HttpConnection(H11Protocol):
    """uvicorn's, which imports what a WebSocket needs with the first of them alone."""

    def send_400_response(self, msg: str) -> None:
        """uvicorn's answer to what is no HTTP, in OpenAI's shape. To be called in its `except`."""
        error = guard.malformed(str(sys.exception() or msg))
        headers = [("content-type", "application/json"), ("connection", "close")]
        for event in (
            h11.Response(status_code=error.status, headers=headers),
            h11.Data(data=error.body()),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _should_upgrade_to_ws(self) -> bool:
        if guard.has_long_line(dict(self.scope)):  # the WebSocket's reader would never answer
            return False
        # It is a third of what the emulator imports.
        from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

        self.ws_protocol_class = WebSocketsSansIOProtocol
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        # After a reset uvicorn leaves this timer, and with it the whole connection, in memory.
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()


class PromptServer(uvicorn.Server):
    """uvicorn's server, which `stop` ends at once: uvicorn itself sleeps 0.1 s twice."""

    tick_s = 0.1
    _wake: Callable[[], object] | None = None

    def stop(self) -> None:
        """Drop all connections and end; to be called from another thread."""
        self.should_exit = self.force_exit = True
        if self._wake is not None:
            with suppress(RuntimeError):  # it has seen the flag, and its loop has ended
                self._wake()

    async def main_loop(self) -> None:
        # `stop` sets the flag before it looks for `_wake`, and this sets `_wake` before it looks
        # at the flag: whichever comes first, one of them sees the other.
        loop, ticks = asyncio.get_running_loop(), 0
        woken = loop.create_future()
        self._wake = lambda: loop.call_soon_threadsafe(woken.cancel)
        while not await self.on_tick(ticks):
            ticks += 1
            await asyncio.wait({woken}, timeout=self.tick_s)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._shut(sockets)
        # At its end a loop waits for the threads of its executor, and one of them may work for
        # minutes. A new executor has none.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())

    async def _shut(self, sockets: list[socket.socket] | None) -> None:
        if not self.force_exit:
            await super().shutdown(sockets)
            return
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        # A caller is accepted in one step of the loop, gets a transport in the next one, and stands
        # among the connections in the one after that. Without these steps its socket would stay
        # open, and the caller would wait.
        for _ in range(3):
            await asyncio.sleep(0)
        for connection in list(self.server_state.connections):
            connection.shutdown()
            # A handler that is told that its caller has left ends by itself; one that is merely
            # cancelled may be in the middle of cleaning up, and the loop would wait for it.
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(0)  # lets the transports close their sockets
        if tasks := list(self.server_state.tasks):
            await asyncio.wait(tasks, timeout=1)


def make_server(
    service: Service, around: Callable[[ASGIApp], ASGIApp] = lambda app: app
) -> PromptServer:
    """A server of the App, without logs; its open connections are `service.connections`."""
    config: dict[str, Any] = {
        "http": HttpConnection,
        "ws": "none",
        "loop": "asyncio",
        "lifespan": "off",
        "log_config": None,
        "log_level": "critical",
        "proxy_headers": False,
        "server_header": False,
        "timeout_graceful_shutdown": 1,
        "timeout_keep_alive": 75,
        "ws_max_size": MESSAGE_LIMIT,
        "ws_per_message_deflate": False,
    }
    server = PromptServer(uvicorn.Config(around(App(service)), **config))
    service.connections = server.server_state.connections
    return server


@cache
def _leaflets() -> Corpus:
    """What is quoted by default; read once, as most of a start would be spent on it."""
    return read_corpus()


class Emulator:
    """The emulator in a thread of this process.

        with Emulator(faults=["fin@3"]) as emulator:
            client = OpenAI(base_url=emulator.base_url, api_key="offline")

    `pace` is a factor (0: at once); `sleep` and `clock` are used for pacing, `now` is the time of
    day. `faults` are written as `emulator/faults.py` says, `corpus` and `data` are folders,
    `upstream` writes the answers instead, `embeddings_upstream` makes the embeddings; `around`
    wraps the application. `exchanges` lists the requests that came in.
    """

    def __init__(
        self,
        *,
        pace: float = 0.0,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        faults: Sequence[str] = (),
        faults_from_header: bool = False,
        corpus: Path | None = None,
        data: Path | None = None,
        upstream: Write | None = None,
        embeddings_upstream: Embed | None = None,
        around: Callable[[ASGIApp], ASGIApp] = lambda app: app,
    ) -> None:
        self.service = Service(
            read_corpus(corpus) if corpus else _leaflets(),
            ObjectStore(data),
            Pace(pace, sleep, clock),
            Faults(faults, from_header=faults_from_header),
            upstream,
            embeddings_upstream,
            file_storage=FileStorage(data, now),
            secrets=ClientSecrets(now, clock),
        )
        self._server = make_server(self.service, around)
        self._thread = threading.Thread(target=self._run, name="emulator", daemon=True)

    @property
    def exchanges(self) -> list[Exchange]:
        return self.service.exchanges

    @property
    def open_connections(self) -> int:
        return len(self.service.connections)

    def start(self) -> "Emulator":
        self._listener = listen()
        self.base_url = base_url(self._listener)
        self._thread.start()
        return self

    def stop(self) -> None:
        self._server.stop()
        self._thread.join()
        self.service.store.close()
        self.service.file_storage.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._listener])
        self.service.thinking.stop()
        self.service.embedding.stop()

    def __enter__(self) -> "Emulator":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
