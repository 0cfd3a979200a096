"""Uploaded files: their bytes in blocks of a megabyte, so that no upload is whole in memory.

A file is made in three steps, `begin`, `append` for each block, `finish`, and is invisible before
the last. So a kill or a dropped connection never leaves half a file that somebody can see, only
rows that `drop_abandoned` deletes an hour later.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from emulator.storage.database import Database, as_dataclass
from emulator.wire import ids

BLOCK = 2**20
# An upload that nobody has finished by then was cut off.
PATIENCE_S = 3600
# The kinds of files that file search reads, according to OpenAI's guide (November 2026).
SEARCHABLE = """.c .cpp .cs .css .doc .docx .go .html .java .js .json .md .pdf .php .pptx .py .rb
    .sh .tex .ts .txt""".split()


@dataclass(frozen=True)
class File:
    """What is known of a file besides its bytes; `name` is a label, never a path."""

    id: str
    name: str
    bytes: int
    purpose: str
    created_at: float
    expires_at: float | None


class Files:
    """The files in a database."""

    def __init__(self, db: Database, now: Callable[[], float]) -> None:
        self._db = db
        self._now = now

    def begin(self, id: str, upload: str | None = None) -> None:
        """Make room for a file whose bytes are to come; nobody sees it until it is finished."""
        self._db.change(
            "INSERT INTO files (id, created_at, upload) VALUES (?, ?, ?)", id, self._now(), upload
        )

    def append(self, id: str, number: int, data: bytes) -> None:
        """Add a block, unless the file was deleted while its bytes were on their way."""
        insert = "INSERT INTO blocks (file, number, data) SELECT id, ?, ? FROM files WHERE id = ?"
        self._db.change(insert, number, data, id)

    def finish(self, id: str, name: str, purpose: str, seconds: float | None = None) -> File:
        """All bytes are there: from now on the file can be had, until `seconds` from now."""
        with self._db.transaction():
            now = self._now()
            self._db.change(
                """UPDATE files SET state = 'kept', name = ?, purpose = ?, created_at = ?,
                expires_at = ?, bytes =
                (SELECT coalesce(sum(length(data)), 0) FROM blocks WHERE file = id) WHERE id = ?""",
                *(name, purpose, now, now + seconds if seconds else None, id),
            )
            found = self.find(id)
        assert found is not None
        return found

    def drop(self, id: str) -> None:
        """Delete a file that is not to be finished."""
        self._db.change("DELETE FROM files WHERE id = ? AND state = 'coming'", id)

    def drop_abandoned(self) -> None:
        """Delete what was cut off long ago, and the parts of uploads that nobody completed."""
        unused = "DELETE FROM files WHERE state IN ('coming', 'part') AND created_at < ?"
        self._db.change(unused, self._now() - PATIENCE_S)

    def count(self) -> int:
        row = self._db.row("SELECT count(*) AS files FROM files WHERE state = 'kept'")
        return int(row["files"]) if row else 0

    def find(self, id: str) -> File | None:
        row = self._db.row("SELECT * FROM files WHERE id = ? AND state = 'kept'", id)
        return as_dataclass(File, row) if row else None

    def all(self) -> list[File]:
        """Every file, oldest first."""
        rows = self._db.rows("SELECT * FROM files WHERE state = 'kept' ORDER BY place")
        return [as_dataclass(File, row) for row in rows]

    def block(self, id: str, number: int) -> bytes | None:
        row = self._db.row("SELECT data FROM blocks WHERE file = ? AND number = ?", id, number)
        return bytes(row["data"]) if row else None

    def blocks(self, id: str) -> Iterator[bytes]:
        """The bytes, block by block."""
        number = 0
        while (data := self.block(id, number)) is not None:
            yield data
            number += 1


def new_id() -> str:
    """`file-` and 22 alphanumerics."""
    return f"file-{ids.alphanumeric(22)}"
