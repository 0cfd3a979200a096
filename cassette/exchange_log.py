"""What is to be written of one exchange: head, chunks or messages, and how it ended."""

import time
from collections.abc import Callable, Mapping
from functools import partial

from cassette.cassette_writer import CassetteWriter
from cassette.format import CassetteLine


class ExchangeLog:
    """What is to be written of one exchange, with its number and its times.

    The time of a line is taken at once, but the line is written by `flush`: what came is sent on
    first, so that scrubbing and writing delay nobody. `how` the exchange ended is `complete`, `cut`
    by the server, or `left` by the client.
    """

    def __init__(self, writer: CassetteWriter, number: int, start: float) -> None:
        """`start` is when the request came, by `time.perf_counter` (seconds)."""
        self._writer, self.number, self._start = writer, number, start
        self._waiting: list[Callable[[], None]] = []
        self.how = "left"

    def defer(self, write: Callable[[], None]) -> None:
        """Keep a call until `flush`; for a writer that shows what passes, make it at once."""
        if self._writer.is_immediate:
            write()
        else:
            self._waiting.append(write)

    def flush(self) -> None:
        """Make the calls that were kept, in their order."""
        calls, self._waiting = self._waiting, []
        for call in calls:
            call()

    def log_head(self, status: int, headers: Mapping[str, str]) -> None:
        self._log({"response": self.number}, {"status": status, "headers": dict(headers)})

    def log_chunk(self, block: bytes) -> None:
        kind = {"chunk": self.number, "after": self._after()}
        self.defer(lambda: self._writer.write(kind | self._writer.chunk_fields(self.number, block)))

    def log_frame(self, sender: str, data: str | bytes) -> None:
        after = self._after()
        kind = {"frame": self.number, "after": after, "from": sender}
        self.defer(lambda: self._writer.write(kind | self._writer.message_fields(data)))

    def log_end(self, **more: object) -> None:
        self._log({"end": self.number}, {"how": self.how, **more})
        self.flush()
        self._writer.scrubber.forget(self.number)

    def _log(self, kind: CassetteLine, fields: CassetteLine) -> None:
        self.defer(partial(self._writer.write, kind | {"after": self._after()} | fields))

    def _after(self) -> float:
        return round(time.perf_counter() - self._start, 4)
