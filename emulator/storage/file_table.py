"""Uploaded files: their bytes in blocks of a megabyte, so that none is ever whole in memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from sqlite3 import Row

from emulator.storage.database import Database
from emulator.wire import ids

BLOCK = 2**20
# An upload that nobody has finished by then was cut off.
PATIENCE_S = 3600


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
        values = (id, number, data)
        self._db.change("INSERT INTO blocks (file, number, data) VALUES (?, ?, ?)", *values)

    def finish(self, id: str, name: str, purpose: str, seconds: float | None = None) -> File:
        """All bytes are there: from now on the file can be had, until `seconds` from now."""
        with self._db.transaction():
            now = self._now()
            self._db.change(
                """UPDATE files SET state = 'kept', name = ?, purpose = ?, created_at = ?,
                expires_at = ?, upload = NULL, bytes =
                (SELECT coalesce(sum(length(data)), 0) FROM blocks WHERE file = id) WHERE id = ?""",
                name,
                purpose,
                now,
                now + seconds if seconds else None,
                id,
            )
            found = self.find(id)
        assert found is not None
        return found

    def drop(self, id: str) -> None:
        """Forget a file that is not to be finished."""
        self._db.change("DELETE FROM files WHERE id = ? AND state = 'coming'", id)

    def drop_abandoned(self) -> None:
        """Forget what was cut off long ago, in this process or in one that died."""
        long_ago = self._now() - PATIENCE_S
        self._db.change("DELETE FROM files WHERE state = 'coming' AND created_at < ?", long_ago)
        self._db.change("DELETE FROM files WHERE state = 'part' AND created_at < ?", long_ago)

    def count(self) -> int:
        row = self._db.row("SELECT count(*) AS files FROM files WHERE state = 'kept'")
        return int(row["files"]) if row else 0

    def find(self, id: str) -> File | None:
        row = self._db.row("SELECT * FROM files WHERE id = ? AND state = 'kept'", id)
        return from_row(row) if row else None

    def all(self) -> list[File]:
        """Every file, oldest first."""
        return [
            from_row(row)
            for row in self._db.rows("SELECT * FROM files WHERE state = 'kept' ORDER BY place")
        ]

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


def from_row(row: Row) -> File:
    names = ("id", "name", "bytes", "purpose", "created_at", "expires_at")
    return File(*(row[name] for name in names))
