"""Responses in background: written whether or not anybody reads, and read from any event on.

A `BackgroundResponse` is a task that takes the events of a `ResponseWriter` at the emulator's pace
and keeps them all. Whoever reads holds nothing but a place in that list: `follow` yields what is
there behind a sequence number, waits for more, and ends after the last. So a reader may come late,
break off and come back, and several may read at once, while the task goes on.

Each new block wakes all readers by setting an event, which is replaced by a fresh one. A reader
therefore takes hold of the event before it looks at the list: a block that comes in between sets
the event that this reader is about to wait for, and no wake-up is lost.

At the end, which may also be an error or a cancellation, body and events go to the store, and the
response is removed from the list of those that run.
"""

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable
from typing import Any

from emulator.encode.response_events import ResponseWriter
from emulator.errors import rate_limited, server_error
from emulator.pace import Metronome, Pace
from emulator.wire import sse

MOST_RUNNING = 64


class BackgroundResponse:
    """One response that is being written; `save` is called once, at its end."""

    def __init__(
        self, writer: ResponseWriter, pace: Pace, save: Callable[["BackgroundResponse"], None]
    ) -> None:
        self.writer = writer
        self.blocks: list[bytes] = []
        self._pace = pace
        self._save = save
        self._more = asyncio.Event()
        self._is_ended = False
        self._task = asyncio.ensure_future(self._write())
        self._task.add_done_callback(self._end)

    async def follow(self, after: int = -1) -> AsyncIterator[bytes]:
        """The events behind the one with the sequence number `after`, until the last."""
        place = after + 1
        while True:
            more = self._more
            while place < len(self.blocks):
                yield sse.SeparateBlock(self.blocks[place])
                place += 1
            if self._is_ended:
                return
            await more.wait()

    async def cancel(self) -> dict[str, Any]:
        """Stop writing, and give back the response as it then is."""
        if not self._task.done():
            self.writer.cancel()
            self._task.cancel()
            await asyncio.wait({self._task})
        return self.writer.body()

    async def _write(self) -> None:
        metronome = Metronome(self._pace)
        async for block in self.writer.events():
            wait = metronome.wait(block)
            await (self._pace.sleep(wait) if wait else asyncio.sleep(0))
            self._append(block)

    def _end(self, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            traceback.print_exception(error)
            for block in self.writer.failed(server_error(self.writer.id)):
                self._append(block)
        self._is_ended = True
        self._more.set()
        self._save(self)

    def _append(self, block: bytes) -> None:
        self.blocks.append(bytes(block))
        self._more.set()
        self._more = asyncio.Event()


class BackgroundResponses:
    """Those that have not ended yet, by the id of their response."""

    def __init__(self) -> None:
        self._running: dict[str, BackgroundResponse] = {}

    def start(
        self, writer: ResponseWriter, pace: Pace, save: Callable[[BackgroundResponse], None]
    ) -> BackgroundResponse:
        """Raises ApiError (429) when too many are running."""
        if len(self._running) >= MOST_RUNNING:
            raise rate_limited(1000)

        def end(ended: BackgroundResponse) -> None:
            del self._running[writer.id]
            save(ended)

        self._running[writer.id] = BackgroundResponse(writer, pace, end)
        return self._running[writer.id]

    def find(self, id: str) -> BackgroundResponse | None:
        return self._running.get(id)
