"""Starts the emulator and stops it: alone, as a child of a lesson, or in a thread of a test."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from emulator.answers.answer import Write
from emulator.answers.corpus import read_corpus
from emulator.app import App
from emulator.faults import Faults
from emulator.guard import MESSAGE_LIMIT, base_url, listen
from emulator.pace import Pace, Sleep
from emulator.serving import Exchange, Service
from emulator.storage.file_storage import FileStorage
from emulator.storage.objects import ObjectStore

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol


def make_server(service: Service) -> uvicorn.Server:
    """uvicorn with the App, no logs, and a note of each open line in `service.lines`."""

    class Line(H11Protocol):
        """A connection whose transport a fault can reach, and that may become a WebSocket."""

        socket: ClassVar[type[asyncio.Protocol] | None] = None

        def _should_upgrade_to_ws(self) -> bool:
            # Loaded with the first WebSocket: it is a third of what the emulator imports.
            Line.socket = Line.socket or make_socket(service)
            self.ws_protocol_class = Line.socket
            return True

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            service.lines[self.client] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            service.lines.pop(self.client, None)
            super().connection_lost(exc)
            # After a reset uvicorn leaves this timer, and with it the whole line, in memory.
            if self.timeout_keep_alive_task is not None:
                self.timeout_keep_alive_task.cancel()

    config: dict[str, Any] = {
        "http": Line,
        "ws": "none",
        "loop": "asyncio",
        "lifespan": "off",
        "log_config": None,
        "log_level": "critical",
        "server_header": False,
        "timeout_graceful_shutdown": 1,
        "timeout_keep_alive": 75,
        "ws_max_size": MESSAGE_LIMIT,
        "ws_per_message_deflate": False,
    }
    return uvicorn.Server(uvicorn.Config(App(service), **config))


def make_socket(service: Service) -> type[asyncio.Protocol]:
    """uvicorn's WebSocket, with a note of each open line in `service.lines`."""
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

    class Socket(WebSocketsSansIOProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            service.lines[self.client] = self.transport

        def connection_lost(self, exc: Exception | None) -> None:
            service.lines.pop(self.client, None)
            super().connection_lost(exc)

    return Socket


class Emulator:
    """The emulator in a thread of this process.

        with Emulator(faults=["fin@3"]) as emulator:
            client = OpenAI(base_url=emulator.base_url, api_key="offline")

    `pace` is a factor (0: at once), `sleep` and `clock` are what paces, `now` is the time of day,
    `faults` are specs as in `emulator/faults.py`, `corpus` and `data` are folders, `upstream` is
    who writes instead. `exchanges` tells what was asked.
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
    ) -> None:
        self.service = Service(
            read_corpus(corpus),
            ObjectStore(data),
            Pace(pace, sleep, clock),
            Faults(faults, from_header=faults_from_header),
            upstream,
            file_storage=FileStorage(data, now),
        )
        self._server = make_server(self.service)
        self._thread = threading.Thread(target=self._run, name="emulator", daemon=True)

    @property
    def exchanges(self) -> list[Exchange]:
        return self.service.exchanges

    @property
    def open_lines(self) -> int:
        """Connections that are open now."""
        return len(self.service.lines)

    def start(self) -> "Emulator":
        self._listener = listen()
        self.base_url = base_url(self._listener)
        self._thread.start()
        return self

    def stop(self) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join()
        self.service.store.close()
        self.service.file_storage.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._listener])

    def __enter__(self) -> "Emulator":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
