"""Responses in the background: written whether or not anybody reads, and followed from any event.

A `Run` takes the events of a `Writer` at the emulator's pace and keeps them. Whoever reads gets
what is there and then what comes. When it ends, body and events go to the store.
"""

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable
from typing import Any

from emulator.encode.response_events import Writer
from emulator.errors import rate_limited, server_error
from emulator.pace import Metronome, Pace
from emulator.wire import sse

MOST_RUNS = 64


class Run:
    """One response that is being written; `save` is called once, at its end."""

    def __init__(self, writer: Writer, pace: Pace, save: Callable[["Run"], None]) -> None:
        self.writer = writer
        self.blocks: list[bytes] = []
        self._pace = pace
        self._save = save
        self._more = asyncio.Event()
        self._task = asyncio.ensure_future(self._write())
        self._task.add_done_callback(self._end)

    @property
    def is_ended(self) -> bool:
        return self._task.done()

    async def follow(self, after: int = -1) -> AsyncIterator[bytes]:
        """The events behind the one with the number `after`, until the last."""
        place = after + 1
        while True:
            more = self._more
            while place < len(self.blocks):
                yield sse.Alone(self.blocks[place])
                place += 1
            if self.is_ended:
                return
            await more.wait()

    async def cancel(self) -> dict[str, Any]:
        """Stop writing, and give back the response as it then is."""
        if not self.is_ended:
            self.writer.cancel()
            self._task.cancel()
            await asyncio.wait({self._task})
        return self.writer.body()

    async def _write(self) -> None:
        metronome = Metronome(self._pace)
        async for block in self.writer.events():
            wait = metronome.wait(block)
            await (self._pace.sleep(wait) if wait else asyncio.sleep(0))
            self._tell(block)

    def _end(self, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            traceback.print_exception(error)
            for block in self.writer.failed(server_error(self.writer.id)):
                self._tell(block)
        self._save(self)
        self._more.set()

    def _tell(self, block: bytes) -> None:
        self.blocks.append(bytes(block))
        self._more.set()
        self._more = asyncio.Event()


class Runs:
    """The runs that are not yet ended, by the id of their response."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}

    def start(self, writer: Writer, pace: Pace, save: Callable[[Run], None]) -> Run:
        """Raises ApiError (429) when too many are running."""
        if len(self._runs) >= MOST_RUNS:
            raise rate_limited(1000)

        def end(run: Run) -> None:
            save(run)
            del self._runs[writer.id]

        run = Run(writer, pace, end)
        self._runs[writer.id] = run
        return run

    def find(self, id: str) -> Run | None:
        return self._runs.get(id)
