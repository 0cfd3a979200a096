"""The files in vector stores, and the batches by which they came there.

A file that is attached is an entry: `in_progress` until a worker has indexed it, then `completed`
or `failed`. Attaching a file that is there already replaces its attributes and indexes it anew,
so that no file is found twice. Each attaching draws a new ticket: a worker whose ticket is no
longer the entry's has come too late, and its work is dropped.
"""

import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from sqlite3 import Row

from emulator.storage.database import Database
from emulator.storage.vector_store_table import counted

Attributes = Mapping[str, str | float | bool]

_SEE = """SELECT entries.*, files.name AS file_name FROM entries JOIN files ON file = files.id"""


@dataclass(frozen=True)
class Attachment:
    """A file that is to be attached, and how; `faults` are the names of failures it meets."""

    file_id: str
    attributes: Attributes = field(default_factory=dict)
    size: int = 800
    overlap: int = 400
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class AttachedFile:
    """A file in a store; `usage_bytes` is what its passages take up in the index."""

    store_id: str
    file_id: str
    file_name: str
    created_at: float
    status: str
    attributes: dict[str, str | float | bool]
    size: int
    overlap: int
    error: tuple[str, str] | None
    usage_bytes: int
    faults: tuple[str, ...]
    ticket: str


@dataclass(frozen=True)
class Batch:
    """Files that were attached by one request; one that is detached again does not count."""

    id: str
    store_id: str
    created_at: float
    counts: Mapping[str, int]
    is_cancelled: bool

    @property
    def status(self) -> str:
        if self.is_cancelled:
            return "cancelled"
        return "in_progress" if self.counts["in_progress"] else "completed"


class AttachedFiles:
    """The entries and batches in a database."""

    def __init__(self, db: Database, now: Callable[[], float]) -> None:
        self._db = db
        self._now = now

    def attach(self, store_id: str, attachments: Iterable[Attachment]) -> list[AttachedFile]:
        """The new entries, to be indexed; a file that is there already is attached anew.

        Of a file that is named twice the last attachment counts.
        """
        by_file = {each.file_id: each for each in attachments}
        with self._db.transaction():
            for each in by_file.values():
                self._db.change(
                    """INSERT INTO entries (store, file, created_at, status, attributes, size,
                    overlap, faults, ticket) VALUES (?, ?, ?, 'in_progress', ?, ?, ?, ?, ?)
                    ON CONFLICT DO UPDATE SET status = excluded.status, size = excluded.size,
                    attributes = excluded.attributes, overlap = excluded.overlap, gone_at = NULL,
                    error_code = NULL, error_message = NULL, usage_bytes = 0,
                    faults = excluded.faults,
                    ticket = excluded.ticket""",
                    *(store_id, each.file_id, self._now(), json.dumps(each.attributes)),
                    *(each.size, each.overlap, ",".join(each.faults), secrets.token_hex(8)),
                )
            found = (self.find(store_id, id) for id in by_file)
            return [entry for entry in found if entry]

    def find(self, store_id: str, file_id: str) -> AttachedFile | None:
        query = f"{_SEE} WHERE store = ? AND file = ? AND gone_at IS NULL"
        row = self._db.row(query, store_id, file_id)
        return _entry(row) if row else None

    def all(self, store_id: str) -> list[AttachedFile]:
        """The files of a store, in the order in which they came."""
        query = f"{_SEE} WHERE store = ? AND gone_at IS NULL ORDER BY entries.place"
        return [_entry(row) for row in self._db.rows(query, store_id)]

    def unfinished(self) -> list[AttachedFile]:
        """What still is to be indexed, whoever attached it."""
        query = f"{_SEE} WHERE status = 'in_progress' AND gone_at IS NULL"
        return [_entry(row) for row in self._db.rows(query)]

    def chosen(
        self, store_ids: Sequence[str], keep: Callable[[Attributes], bool]
    ) -> set[tuple[str, str]]:
        """Store and file of what is indexed and has attributes that are to `keep`; also of what is
        detached, as long as that is said to linger.
        """
        marks = ", ".join("?" * len(store_ids))
        query = f"""SELECT store, file, attributes FROM entries
        WHERE store IN ({marks}) AND status = 'completed'"""
        rows = self._db.rows(query, *store_ids)
        return {(row[0], row[1]) for row in rows if keep(json.loads(row["attributes"]))}

    def found(self, store_id: str, file_id: str) -> AttachedFile:
        """The entry of what a search has found, which may be detached and linger."""
        row = self._db.row(f"{_SEE} WHERE store = ? AND file = ?", store_id, file_id)
        assert row is not None
        return _entry(row)

    def stores_of(self, file_id: str) -> list[str]:
        rows = self._db.rows("SELECT store FROM entries WHERE file = ?", file_id)
        return [row["store"] for row in rows]

    def set_attributes(self, store_id: str, file_id: str, attributes: Attributes) -> None:
        self._db.change(
            "UPDATE entries SET attributes = ? WHERE store = ? AND file = ?",
            *(json.dumps(attributes), store_id, file_id),
        )

    def is_awaited(self, entry: AttachedFile) -> bool:
        """Whether it still is to be indexed, and by this ticket."""
        query = """SELECT 1 FROM entries
        WHERE store = ? AND file = ? AND ticket = ? AND status = 'in_progress'"""
        place = (entry.store_id, entry.file_id, entry.ticket)
        return self._db.row(query, *place) is not None

    def end(
        self, entry: AttachedFile, usage_bytes: int, error: tuple[str, str] | None = None
    ) -> bool:
        """Note how indexing ended; False if nobody waits for it any more."""
        code, message = error or (None, None)
        changed = self._db.change(
            """UPDATE entries SET status = ?, usage_bytes = ?, error_code = ?, error_message = ?
            WHERE store = ? AND file = ? AND ticket = ? AND status = 'in_progress'""",
            *("failed" if error else "completed", usage_bytes, code, message),
            *(entry.store_id, entry.file_id, entry.ticket),
        )
        return changed > 0

    def detach(self, store_id: str, file_id: str) -> None:
        self._db.change("DELETE FROM entries WHERE store = ? AND file = ?", store_id, file_id)

    def linger(self, store_id: str, file_id: str, until: float) -> None:
        """Detach, but let it be found for a while."""
        self._db.change(
            "UPDATE entries SET gone_at = ? WHERE store = ? AND file = ?",
            *(until, store_id, file_id),
        )

    def gone(self) -> list[tuple[str, str]]:
        """Store and file of what is not to be found from now on."""
        rows = self._db.rows("SELECT store, file FROM entries WHERE gone_at <= ?", self._now())
        return [(row["store"], row["file"]) for row in rows]

    def batch(
        self, store_id: str, attachments: Sequence[Attachment]
    ) -> tuple[str, list[AttachedFile]]:
        """Attach many at once; the batch's id, and the new entries."""
        id = f"vsfb_{secrets.token_hex(16)}"
        with self._db.transaction():
            entries = self.attach(store_id, attachments)
            self._db.change(
                "INSERT INTO batches (id, store, created_at) VALUES (?, ?, ?)",
                *(id, store_id, self._now()),
            )
            for file in dict.fromkeys(each.file_id for each in attachments):
                self._db.change(
                    "INSERT INTO batched (batch, store, file) VALUES (?, ?, ?)", id, store_id, file
                )
        return id, entries

    def find_batch(self, store_id: str, id: str) -> Batch | None:
        with self._db.held():
            row = self._db.row("SELECT * FROM batches WHERE id = ? AND store = ?", id, store_id)
            if row is None:
                return None
            by_status = self._db.rows(
                """SELECT status, count(*) AS files FROM batched JOIN entries USING (store, file)
                WHERE batch = ? AND gone_at IS NULL GROUP BY status""",
                id,
            )
            counts = counted({each["status"]: each["files"] for each in by_status})
            return Batch(id, store_id, row["created_at"], counts, bool(row["is_cancelled"]))

    def of_batch(self, id: str) -> list[AttachedFile]:
        """The files of a batch, in the order in which they came to the store."""
        query = f"""{_SEE} JOIN batched USING (store, file)
        WHERE batch = ? AND gone_at IS NULL ORDER BY entries.place"""
        return [_entry(row) for row in self._db.rows(query, id)]

    def cancel_batch(self, id: str) -> None:
        """Give up what of a batch is not indexed yet; a batch that has ended stays as it is."""
        with self._db.transaction():
            cancelled = self._db.change(
                """UPDATE entries SET status = 'cancelled' WHERE status = 'in_progress' AND
                (store, file) IN (SELECT store, file FROM batched WHERE batch = ?)""",
                id,
            )
            if cancelled:
                self._db.change("UPDATE batches SET is_cancelled = 1 WHERE id = ?", id)


def _entry(row: Row) -> AttachedFile:
    error = (row["error_code"], row["error_message"]) if row["error_code"] else None
    return AttachedFile(
        row["store"],
        row["file"],
        row["file_name"],
        row["created_at"],
        row["status"],
        json.loads(row["attributes"]),
        row["size"],
        row["overlap"],
        error,
        row["usage_bytes"],
        tuple(filter(None, row["faults"].split(","))),
        row["ticket"],
    )
