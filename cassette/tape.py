"""The tape: writes a cassette line by line, and what is to be written of each exchange."""

import base64
import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from cassette import FORMAT, CassetteError
from cassette.format import (
    LARGE,
    Cassette,
    Line,
    blob,
    compact,
    encode,
    seal_text,
    text_name,
    write_closed,
)
from cassette.scrub import Scrubber


class Tape:
    """Writes a cassette line by line into `FILE.part`; `close` makes it `FILE`.

    The file is made when the first answer comes. What goes wrong in writing never disturbs the
    conversation: it is kept, and `close` tells it.
    """

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        """Raises CassetteError where no file can be, before anything is asked."""
        self._path, self._part = path, path.with_name(path.name + ".part")
        self._header = {"cassette": FORMAT, **header}
        self._file: BinaryIO | None = None
        self._waiting: list[Line] = []
        self._failure = ""
        self._crc = self._lines = 0
        self._blobs: set[str] = set()
        self._texts: set[str] = set()
        self.scrubber = Scrubber()
        self._check_place()

    def write(self, line: Line) -> None:
        """Write a line; before the header, which waits for the first answer, keep it."""
        if self._file is None:
            self._waiting.append(line)
        elif not self._failure:
            sealed, self._crc = seal_text(self.scrubber.clean(compact(line)), self._crc)
            try:
                self._file.write(sealed)
                self._lines += 1
            except OSError as error:
                self._failure = f"{self._path} cannot be written: {error.strerror}"

    def head(self, answered_by: str) -> None:
        """Make the file once it is known who answers; write the header and what has waited."""
        if self._file is not None or self._failure:
            return
        try:
            self._file = os.fdopen(os.open(self._part, _EXCLUSIVE, 0o600), "wb")
        except OSError as error:
            self._failure = f"{self._part} cannot be made: {error.strerror}"
            return
        waiting, self._waiting = self._waiting, []
        for line in [self._header | {"answered_by": answered_by}, *waiting]:
            self.write(line)

    def keep(self, data: bytes) -> Line:
        """A body as a field: a large one once, by its hash."""
        if len(data) < LARGE:
            return encode(data)
        line = blob(data)
        if line["blob"] not in self._blobs:
            self._blobs.add(line["blob"])
            self.write(line)
        return {"blob": line["blob"]}

    def message(self, data: str | bytes) -> Line:
        """A message as a field; a large text that comes again, as silence does, by its hash."""
        self.scrubber.check(data.encode() if isinstance(data, str) else data)
        if isinstance(data, bytes):
            return {"base64": base64.b64encode(self.scrubber.clean(data)).decode()}
        clean = self.scrubber.clean(data.encode())
        if len(clean) >= LARGE:
            name = text_name(clean)
            if name in self._texts:
                return {"again": name}
            self._texts.add(name)
        return {"text": clean.decode()}

    def close(self) -> None:
        """End the cassette, and read it once. Raises CassetteError where there is none then."""
        if self._file is None:
            raise CassetteError(self._failure or f"{self._path}: nothing was answered, so no file")
        try:
            self._finish(self._file)
        except CassetteError:
            self._part.unlink(missing_ok=True)
            raise
        self._part.replace(self._path)

    def _finish(self, file: BinaryIO) -> None:
        try:
            write_closed(file, self._crc, self._lines)
            file.close()
        except OSError as error:
            self._failure = self._failure or f"{self._path} cannot be written: {error.strerror}"
        if self.scrubber.leaked:
            self._failure = f"{self._path} was not written: a key came in pieces or in escapes"
        if self._failure:
            raise CassetteError(self._failure)
        Cassette(self._part)

    def _check_place(self) -> None:
        if self._path.exists() and not self._path.is_file():
            raise CassetteError(f"{self._path} cannot be written: it is no file")
        if not os.access(self._path.parent, os.W_OK):
            raise CassetteError(f"{self._path.parent} is no folder that can be written to")
        if self._part.exists():
            why = "another recording is at work, or one was killed; then delete it"
            raise CassetteError(f"{self._part} is in the way: {why}")


_EXCLUSIVE = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)


class Notes:
    """What is to be written of one exchange, with its number and its times.

    A note is kept until `catch_up`, so that whatever crosses can be sent on first: writing it down
    delays nobody. `how` the exchange ended: `complete`, `cut` by the server, or `left` by the
    client.
    """

    def __init__(self, tape: Tape, number: int, start: float) -> None:
        """`start` is when the request came, as `time.perf_counter` tells it (seconds)."""
        self._tape, self.number, self._start = tape, number, start
        self._kept: list[Callable[[], None]] = []
        self.how = "left"

    def later(self, note: Callable[[], None]) -> None:
        """Keep a note until what it tells is on its way."""
        self._kept.append(note)

    def catch_up(self) -> None:
        """Write the notes that were kept."""
        notes, self._kept = self._kept, []
        for note in notes:
            note()

    def note_head(self, status: int, headers: Mapping[str, str]) -> None:
        self._note({"response": self.number}, {"status": status, "headers": dict(headers)})

    def note_chunk(self, block: bytes) -> None:
        scrubber = self._tape.scrubber
        scrubber.watch(self.number, block)
        body = encode(block)
        # Text is cleaned when its line is written; what base64 hides has to be cleaned before.
        self._note(
            {"chunk": self.number}, body if "text" in body else encode(scrubber.clean(block))
        )

    def note_frame(self, sender: str, data: str | bytes) -> None:
        after = self._after()
        kind = {"frame": self.number, "after": after, "from": sender}
        self.later(lambda: self._tape.write(kind | self._tape.message(data)))

    def note_end(self, **more: object) -> None:
        self._note({"end": self.number}, {"how": self.how, **more})
        self.catch_up()

    def _note(self, kind: Line, fields: Line) -> None:
        self.later(partial(self._tape.write, kind | {"after": self._after()} | fields))

    def _after(self) -> float:
        return round(time.perf_counter() - self._start, 4)
