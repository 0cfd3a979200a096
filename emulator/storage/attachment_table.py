"""The files that are attached to vector stores, and the batches by which they came there.

Indexing takes seconds, and requests go on meanwhile: a file may be detached, deleted, attached
again with other chunks, or its batch cancelled, by this process or by another one. Nothing is
locked for so long. Instead each attaching draws a random ticket, which the worker takes along:

    attach         any state   -> in_progress         with a new ticket
    finish         in_progress -> completed, failed   only with the ticket of this attaching
    cancel_batch   in_progress -> cancelled
    detach         any state   -> no row

The worker finishes in the transaction that also writes the chunks. Where no row has its ticket and
is still in progress, its work is stale, and none of it is written.
"""

import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from sqlite3 import Row

from emulator.storage.database import Database, as_dataclass
from emulator.storage.vector_store_table import counts_by_status

Attributes = Mapping[str, str | float | bool]

_SELECT = """SELECT entries.*, store AS store_id, file AS file_id, files.name AS file_name
FROM entries JOIN files ON file = files.id"""
_ONE = "WHERE store = ? AND file = ?"
_OF_TICKET = f"{_ONE} AND ticket = ? AND status = 'in_progress'"


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
    """A file in a store; `usage_bytes` is what its chunks take up in the index."""

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
    """The attached files and the batches in a database."""

    def __init__(self, db: Database, now: Callable[[], float]) -> None:
        self._db = db
        self._now = now

    def attach(self, store_id: str, attachments: Iterable[Attachment]) -> list[AttachedFile]:
        """The attached files, to be indexed; one that is there already is attached anew.

        Of a file that is named twice the last attachment counts.
        """
        by_file = {each.file_id: each for each in attachments}
        with self._db.transaction():
            # A row that is there stays, with its place in lists; all else of it starts again.
            for each in by_file.values():
                self._db.change(
                    """INSERT INTO entries (store, file, created_at, status, attributes, size,
                    overlap, faults, ticket) VALUES (?, ?, ?, 'in_progress', ?, ?, ?, ?, ?)
                    ON CONFLICT DO UPDATE SET status = excluded.status, size = excluded.size,
                    attributes = excluded.attributes, overlap = excluded.overlap, gone_at = NULL,
                    error_code = NULL, error_message = NULL, usage_bytes = 0,
                    faults = excluded.faults, ticket = excluded.ticket""",
                    *(store_id, each.file_id, self._now(), json.dumps(each.attributes)),
                    *(each.size, each.overlap, ",".join(each.faults), secrets.token_hex(8)),
                )
            found = (self.find(store_id, id) for id in by_file)
            return [attached for attached in found if attached]

    def find(self, store_id: str, file_id: str) -> AttachedFile | None:
        return next(iter(self._select(f"{_ONE} AND gone_at IS NULL", store_id, file_id)), None)

    def all(self, store_id: str) -> list[AttachedFile]:
        """The files of a store, in the order in which they were first attached."""
        return self._select("WHERE store = ? AND gone_at IS NULL ORDER BY entries.place", store_id)

    def unfinished(self) -> list[AttachedFile]:
        """What still is to be indexed, whichever process attached it."""
        return self._select("WHERE status = 'in_progress' AND gone_at IS NULL")

    def matching(
        self, store_ids: Sequence[str], keep: Callable[[Attributes], bool]
    ) -> set[tuple[str, str]]:
        """Store and file of what is indexed and has attributes that are to `keep`; also of what is
        detached, as long as it lingers.
        """
        marks = ", ".join("?" * len(store_ids))
        query = f"""SELECT store, file, attributes FROM entries
        WHERE store IN ({marks}) AND status = 'completed'"""
        rows = self._db.rows(query, *store_ids)
        return {(row[0], row[1]) for row in rows if keep(json.loads(row["attributes"]))}

    def of_hit(self, store_id: str, file_id: str) -> AttachedFile:
        """The file that a search has found, which may be detached and linger."""
        (found,) = self._select(_ONE, store_id, file_id)
        return found

    def stores_of(self, file_id: str) -> list[str]:
        rows = self._db.rows("SELECT store FROM entries WHERE file = ?", file_id)
        return [row["store"] for row in rows]

    def set_attributes(self, store_id: str, file_id: str, attributes: Attributes) -> None:
        change = f"UPDATE entries SET attributes = ? {_ONE}"
        self._db.change(change, json.dumps(attributes), store_id, file_id)

    def is_waiting(self, attached: AttachedFile) -> bool:
        """Whether it still is to be indexed, and by this ticket."""
        place = (attached.store_id, attached.file_id, attached.ticket)
        return self._db.row(f"SELECT 1 FROM entries {_OF_TICKET}", *place) is not None

    def finish(
        self, attached: AttachedFile, usage_bytes: int, error: tuple[str, str] | None = None
    ) -> bool:
        """Record how indexing ended; False where that no longer counts."""
        code, message = error or (None, None)
        changed = self._db.change(
            f"""UPDATE entries SET status = ?, usage_bytes = ?, error_code = ?, error_message = ?
            {_OF_TICKET}""",
            *("failed" if error else "completed", usage_bytes, code, message),
            *(attached.store_id, attached.file_id, attached.ticket),
        )
        return changed > 0

    def detach(self, store_id: str, file_id: str) -> None:
        self._db.change(f"DELETE FROM entries {_ONE}", store_id, file_id)

    def detach_late(self, store_id: str, file_id: str, until: float) -> None:
        """Detach, but let searches find it until then."""
        self._db.change(f"UPDATE entries SET gone_at = ? {_ONE}", until, store_id, file_id)

    def lingered_out(self) -> list[tuple[str, str]]:
        """Store and file of what searches must not find from now on."""
        rows = self._db.rows("SELECT store, file FROM entries WHERE gone_at <= ?", self._now())
        return [(row["store"], row["file"]) for row in rows]

    def attach_batch(
        self, store_id: str, attachments: Sequence[Attachment]
    ) -> tuple[str, list[AttachedFile]]:
        """Attach many at once; the batch's id, and the attached files."""
        id = f"vsfb_{secrets.token_hex(16)}"
        # A file may be part of several batches: each of them counts it as it is now.
        with self._db.transaction():
            files = self.attach(store_id, attachments)
            self._db.change(
                "INSERT INTO batches (id, store, created_at) VALUES (?, ?, ?)",
                *(id, store_id, self._now()),
            )
            for file in files:
                insert = "INSERT INTO batched (batch, store, file) VALUES (?, ?, ?)"
                self._db.change(insert, id, store_id, file.file_id)
        return id, files

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
        counts = counts_by_status(by_status)
        return Batch(id, store_id, row["created_at"], counts, bool(row["is_cancelled"]))

    def of_batch(self, id: str) -> list[AttachedFile]:
        """The files of a batch, in the order in which they came to the store."""
        where = "WHERE batch = ? AND gone_at IS NULL ORDER BY entries.place"
        return self._select(f"JOIN batched USING (store, file) {where}", id)

    def cancel_batch(self, id: str) -> None:
        """Cancel what of a batch is not indexed yet; a batch that has ended stays as it is."""
        with self._db.transaction():
            cancelled = self._db.change(
                """UPDATE entries SET status = 'cancelled' WHERE status = 'in_progress' AND
                (store, file) IN (SELECT store, file FROM batched WHERE batch = ?)""",
                id,
            )
            if cancelled:
                self._db.change("UPDATE batches SET is_cancelled = 1 WHERE id = ?", id)

    def _select(self, where: str, *values: object) -> list[AttachedFile]:
        return [_attached(row) for row in self._db.rows(f"{_SELECT} {where}", *values)]


def _attached(row: Row) -> AttachedFile:
    return as_dataclass(
        AttachedFile,
        row,
        attributes=json.loads(row["attributes"]),
        error=(row["error_code"], row["error_message"]) if row["error_code"] else None,
        faults=tuple(filter(None, row["faults"].split(","))),
    )
