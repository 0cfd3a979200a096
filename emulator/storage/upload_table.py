"""Uploads: a file that comes in parts, and is put together once all of them are there."""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from sqlite3 import Row

from emulator.storage import file_table
from emulator.storage.database import Database, as_dataclass
from emulator.storage.file_table import File, Files

LIFETIME_S = 3600


@dataclass(frozen=True)
class Upload:
    """An upload; `bytes` is how many were announced, `status` pending, completed, cancelled,
    expired; `file` is what it became, to be kept for `file_expires_after` seconds.
    """

    id: str
    name: str
    bytes: int
    purpose: str
    status: str
    created_at: float
    expires_at: float
    file_expires_after: float | None
    file: File | None


class Mismatch(ValueError):
    """The parts are not what was announced; `param` is the parameter that shows it."""

    def __init__(self, message: str, param: str) -> None:
        super().__init__(message)
        self.param = param


class Uploads:
    """The uploads in a database."""

    def __init__(self, db: Database, kept: Files, now: Callable[[], float]) -> None:
        self._db = db
        self._files = kept
        self._now = now

    def create(self, name: str, size: int, purpose: str, seconds: float | None) -> Upload:
        """Announce a file of `size` bytes, which is to be kept for `seconds`."""
        id, now = f"upload_{secrets.token_hex(16)}", self._now()
        self._db.change(
            """INSERT INTO uploads (id, name, bytes, purpose, status, created_at, expires_at,
            file_expires_after) VALUES (?, ?, ?, ?, 'pending', ?, ?, ?)""",
            *(id, name, size, purpose, now, now + LIFETIME_S, seconds),
        )
        return self._known(id)

    def find(self, id: str) -> Upload | None:
        row = self._db.row("SELECT * FROM uploads WHERE id = ?", id)
        return self._upload(row) if row else None

    def has_part(self, id: str, part: str) -> bool:
        """Whether a part of this upload has come in whole."""
        query = "SELECT 1 FROM files WHERE id = ? AND upload = ? AND state = 'part'"
        return self._db.row(query, part, id) is not None

    def keep_part(self, id: str) -> None:
        """The bytes of a part are all there."""
        self._db.change("UPDATE files SET state = 'part' WHERE id = ?", id)

    def complete(self, id: str, parts: Sequence[str], md5: str | None) -> Upload:
        """Make a file of the parts, in this order; raises Mismatch."""
        with self._db.transaction():
            upload = self._known(id)
            self._check(upload, parts, md5)
            file = file_table.new_id()
            self._files.begin(file)
            # The blocks change hands and are not copied: 512 MB are put together at once.
            place = 0
            for part in parts:
                place += self._db.change(
                    "UPDATE blocks SET file = ?, number = number + ? WHERE file = ?",
                    *(file, place, part),
                )
            self._files.finish(file, upload.name, upload.purpose, upload.file_expires_after)
            self._db.change("DELETE FROM files WHERE upload = ?", id)
            self._db.change(
                "UPDATE uploads SET status = 'completed', file_id = ? WHERE id = ?", file, id
            )
            return self._known(id)

    def cancel(self, id: str) -> Upload:
        """Cancel an upload, and delete its parts."""
        with self._db.transaction():
            self._db.change("UPDATE uploads SET status = 'cancelled' WHERE id = ?", id)
            self._db.change("DELETE FROM files WHERE upload = ?", id)
            return self._known(id)

    def _check(self, upload: Upload, parts: Sequence[str], md5: str | None) -> None:
        digest, size = hashlib.md5(usedforsecurity=False), 0
        for part in parts:
            for block in self._files.blocks(part):
                digest.update(block)
                size += len(block)
        if size != upload.bytes:
            raise Mismatch(f"expected {upload.bytes} bytes, but the parts have {size}", "part_ids")
        if md5 is not None and md5.lower() != digest.hexdigest():
            have = digest.hexdigest()
            raise Mismatch(f"expected the md5 {md5}, but that of the parts is {have}", "md5")

    def _known(self, id: str) -> Upload:
        found = self.find(id)
        assert found is not None
        return found

    def _upload(self, row: Row) -> Upload:
        status = row["status"]
        if status == "pending" and row["expires_at"] <= self._now():
            status = "expired"
        file = self._files.find(row["file_id"]) if row["file_id"] else None
        return as_dataclass(Upload, row, status=status, file=file)
