"""A SQLite file with one connection, which all threads share by a lock.

A commit outlives `kill -9`, and nothing is acknowledged before its commit. SQLite writes a change
to a log first (WAL); what a kill leaves half written there has no valid checksum, so the next
process ignores it. `synchronous = NORMAL` waits for the disk only when the log is copied into the
file: enough against a killed process, while a power cut may take the last commits, but never leaves
half of one.

Two processes may use one file. One of them writes at a time, the other waits up to `PATIENCE_S`.
A transaction takes the right to write at its start (BEGIN IMMEDIATE): one that reads first and
writes later would fail at once if another process had written in between.

There are two such files: that of the responses, and that of the file storage, since a book that is
being indexed would delay every answer that is to be stored. A file is opened at its first use, so
that a start of the emulator does not wait for it.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

PATIENCE_S = 30
Record = TypeVar("Record")


class Database:
    """The rows of one file; every method may be called from any thread."""

    def __init__(self, folder: Path | None, name: str, schema: str) -> None:
        """A file of this name in the folder, or without a folder only memory."""
        self._folder, self._name, self._schema = folder, name, schema
        self._lock = threading.RLock()
        self._db: sqlite3.Connection | None = None

    @contextmanager
    def held(self) -> Iterator[sqlite3.Connection]:
        """The connection, for this thread alone."""
        with self._lock:
            if self._db is None:
                self._db = self._open()
            yield self._db

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All that is done within is committed, or none of it; one inside another joins it."""
        with self.held() as db:
            if db.in_transaction:
                yield db
                return
            # Rolled back in `finally`, since a COMMIT may fail, too.
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        with self.held() as db:
            cursor = db.cursor()
            # Only on this cursor: the search index reads plain tuples by the same connection.
            cursor.row_factory = sqlite3.Row
            return cursor.execute(query, values).fetchall()

    def row(self, query: str, *values: object) -> sqlite3.Row | None:
        found = self.rows(query, *values)
        return found[0] if found else None

    def change(self, query: str, *values: object) -> int:
        """Carry out a statement; how many rows it touched."""
        with self.held() as db:
            return db.execute(query, values).rowcount

    def close(self) -> None:
        with self._lock:
            if self._db is not None:
                self._db.close()
            self._db = None

    def _open(self) -> sqlite3.Connection:
        path: Path | str = ":memory:"
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / self._name
        db = sqlite3.connect(
            path, timeout=PATIENCE_S, check_same_thread=False, isolation_level=None
        )
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA secure_delete = ON")
        db.executescript(self._schema)
        return db


def as_dataclass(kind: type[Record], row: sqlite3.Row, **computed: Any) -> Record:
    """A row as a dataclass: a field is computed, or it is the column of its name."""
    names = (each.name for each in fields(kind))  # type: ignore[arg-type]
    return kind(**{name: row[name] for name in names if name not in computed}, **computed)
