"""Vector stores: what they are called, how long they live, and how many files they have."""

import json
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from sqlite3 import Row
from typing import Any

from emulator.storage.database import Database, as_dataclass

DAY_S = 86_400
STATES = ("in_progress", "completed", "failed", "cancelled")


@dataclass(frozen=True)
class VectorStore:
    """A vector store; `counts` is how many of its files are in each of the STATES."""

    id: str
    name: str
    description: str | None
    metadata: dict[str, str]
    days: int | None
    created_at: float
    active_at: float
    is_expired: bool
    usage_bytes: int
    counts: Mapping[str, int]

    @property
    def expires_at(self) -> float | None:
        return None if self.days is None else self.active_at + self.days * DAY_S

    @property
    def status(self) -> str:
        if self.is_expired:
            return "expired"
        return "in_progress" if self.counts["in_progress"] else "completed"


class VectorStores:
    """The vector stores in a database."""

    def __init__(self, db: Database, now: Callable[[], float]) -> None:
        self._db = db
        self._now = now

    def create(
        self, name: str, description: str | None, metadata: Mapping[str, str], days: int | None
    ) -> str:
        """A new and empty store; its id."""
        id, now = f"vs_{secrets.token_hex(16)}", self._now()
        self._db.change(
            """INSERT INTO stores (id, name, description, metadata, days, created_at, active_at)
            VALUES (?, ?, ?, ?, ?, ?, ?)""",
            *(id, name, description, json.dumps(metadata), days, now, now),
        )
        return id

    def find(self, id: str) -> VectorStore | None:
        with self._db.held():
            row = self._db.row("SELECT * FROM stores WHERE id = ?", id)
            return self._store(row, self._counts(id)) if row else None

    def all(self) -> list[VectorStore]:
        """Every store, oldest first."""
        with self._db.held():
            counts = self._counts()
            rows = self._db.rows("SELECT * FROM stores ORDER BY place")
            return [self._store(row, counts) for row in rows]

    def update(self, id: str, **values: Any) -> None:
        """Replace the `name`, `metadata` or `days` of a store."""
        if "metadata" in values:
            values["metadata"] = json.dumps(values["metadata"])
        names = ", ".join(f"{name} = ?" for name in values)
        if names:
            self._db.change(f"UPDATE stores SET {names} WHERE id = ?", *values.values(), id)
        self.touch(id)

    def touch(self, id: str) -> None:
        """It is used now: its days until expiry start again."""
        self._db.change("UPDATE stores SET active_at = ? WHERE id = ?", self._now(), id)

    def delete(self, id: str) -> None:
        """Delete a store, its attached files and batches, but not its part of the index."""
        self._db.change("DELETE FROM stores WHERE id = ?", id)

    def _counts(self, id: str | None = None) -> dict[str, list[Row]]:
        """For each store its number and size of files by status."""
        rows = self._db.rows(
            """SELECT store, status, count(*) AS files, sum(usage_bytes) AS bytes FROM entries
            WHERE gone_at IS NULL AND (?1 IS NULL OR store = ?1) GROUP BY store, status""",
            id,
        )
        found: dict[str, list[Row]] = {}
        for row in rows:
            found.setdefault(row["store"], []).append(row)
        return found

    def _store(self, row: Row, counts: Mapping[str, list[Row]]) -> VectorStore:
        of_store = counts.get(row["id"], [])
        days, active_at = row["days"], row["active_at"]
        return as_dataclass(
            VectorStore,
            row,
            metadata=json.loads(row["metadata"]),
            is_expired=days is not None and active_at + days * DAY_S <= self._now(),
            usage_bytes=sum(each["bytes"] for each in of_store),
            counts=counts_by_status(of_store),
        )


def counts_by_status(rows: Iterable[Row]) -> dict[str, int]:
    """The number of files in each of the STATES, and in all; a row has `status` and `files`."""
    counts = Counter({row["status"]: row["files"] for row in rows})
    return {state: counts[state] for state in STATES} | {"total": counts.total()}
