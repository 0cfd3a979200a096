"""Writes a cassette line by line; nothing is written before its secrets are removed."""

import base64
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from cassette import FORMAT, CassetteError
from cassette.format import (
    LARGE,
    Cassette,
    CassetteLine,
    blob,
    encode,
    seal_text,
    text_name,
    write_closed,
)
from cassette.scrub import Scrubber

_EXCLUSIVE = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)


class CassetteWriter:
    """Writes a cassette line by line into `FILE.part`; `close` makes it `FILE`.

    The file is made when the first answer comes. What goes wrong in writing never disturbs the
    conversation: `close` raises it. It is not immediate: its calls wait until a block is sent on.
    """

    is_immediate = False

    def __init__(self, path: Path, header: Mapping[str, Any], scrubber: Scrubber) -> None:
        """Raises CassetteError where the file cannot be written, before any request is made."""
        self._path, self._part = path, path.with_name(path.name + ".part")
        self._header = {"cassette": FORMAT, **header}
        self._file: BinaryIO | None = None
        self._waiting: list[CassetteLine] = []
        self._failure = ""
        self._crc = self._lines = 0
        self._blobs: set[str] = set()
        self._texts: set[str] = set()
        self.scrubber = scrubber
        self._check_place()

    def write(self, line: CassetteLine) -> None:
        """Write a line; before the header, which waits for the first answer, keep it."""
        if self._file is None:
            self._waiting.append(line)
        elif not self._failure:
            sealed, self._crc = seal_text(self.scrubber.clean_line(line), self._crc)
            try:
                self._file.write(sealed)
                self._lines += 1
            except OSError as error:
                self._failure = f"{self._path} cannot be written: {error.strerror}"

    def begin(self, answered_by: str) -> None:
        """Make the file once a server has answered; write the header and what has waited.

        A recording that fails before leaves no file. `O_EXCL` makes sure that two recordings never
        write one file, and only the user may read it.
        """
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

    def body_fields(self, data: bytes) -> CassetteLine:
        """A body as a field; a large one is written once, on a line of its own, and named here."""
        if len(data) < LARGE:
            return encode(data)
        line = blob(data)
        if line["blob"] not in self._blobs:
            self._blobs.add(line["blob"])
            self.write(line)
        return {"blob": line["blob"]}

    def message_fields(self, data: str | bytes) -> CassetteLine:
        """A message as a field; a large text that comes again, as silence does, by its hash.

        `write` cleans and checks texts. What base64 hides from it is cleaned and checked here.
        """
        if isinstance(data, bytes):
            binary = self.scrubber.clean(data)
            self.scrubber.check(binary)
            return {"base64": base64.b64encode(binary).decode()}
        clean = self.scrubber.clean(data.encode())
        if len(clean) >= LARGE:
            name = text_name(clean)
            if name in self._texts:
                return {"again": name}
            self._texts.add(name)
        return {"text": clean.decode()}

    def chunk_fields(self, exchange: int, chunk: bytes) -> CassetteLine:
        """A piece of a body as a field. Bytes are cleaned here, a text when its line is written."""
        self.scrubber.watch(exchange, chunk)
        fields = encode(chunk)
        return fields if "text" in fields else encode(self.scrubber.clean(chunk))

    def close(self) -> None:
        """End the cassette, and read it once. Raises CassetteError if that leaves no cassette."""
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
        if self.scrubber.problem:
            self._failure = f"{self._path} was not written: {self.scrubber.problem}"
        if self._failure:
            raise CassetteError(self._failure)
        Cassette(self._part)

    def _check_place(self) -> None:
        if self._path.exists() and not self._path.is_file():
            raise CassetteError(f"{self._path} cannot be written: it is no file")
        if self._path.is_file() and not _may_be_replaced(self._path):
            raise CassetteError(f"{self._path} is no cassette, so it is not overwritten")
        if not os.access(self._path.parent, os.W_OK):
            raise CassetteError(f"{self._path.parent} is no folder that can be written to")
        if self._part.exists():
            why = "another recording is at work, or one was killed; then delete it"
            raise CassetteError(f"{self._part} is in the way: {why}")


def _may_be_replaced(path: Path) -> bool:
    """Whether a file is a cassette, by the first field of its header, or empty."""
    with path.open("rb") as file:
        beginning = file.read(200).strip()
    return not beginning or re.match(rb'\{\s*"cassette"\s*:', beginning) is not None
