"""The SQLite file of the file storage: one connection, which all threads share by a lock.

A commit outlives `kill -9`, and nothing is acknowledged before its commit. SQLite writes a change
to a log first (WAL); what a kill leaves half written there has no valid checksum, so the next
process ignores it. `synchronous = NORMAL` waits for the disk only when the log is copied into the
file: enough against a killed process, while a power cut may take the last commits, but never leaves
half of one.

Two processes may use one file. One of them writes at a time, the other waits up to `PATIENCE_S`.
A transaction takes the right to write at its start (BEGIN IMMEDIATE): one that reads first and
writes later would fail at once if another process had written in between.

The file is a separate one beside that of the responses, since a book that is being indexed would
delay every answer that is to be stored. It is opened at its first use, so that a start of the
emulator does not wait for it.
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

# A file is `coming` until its last byte is there, then `kept`; a `gone` one is deleted, but lingers
# in searches. A part of an upload is a file, too: `coming`, then a `part` until it is used.
# `entries` are the attached files, `place` is the order in which rows came.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS uploads (
    place INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, name TEXT NOT NULL, bytes INTEGER NOT NULL,
    purpose TEXT NOT NULL, status TEXT NOT NULL, created_at REAL NOT NULL, expires_at REAL NOT NULL,
    file_expires_after REAL, file_id TEXT
);
CREATE TABLE IF NOT EXISTS files (
    place INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, state TEXT NOT NULL DEFAULT 'coming',
    name TEXT NOT NULL DEFAULT '', bytes INTEGER NOT NULL DEFAULT 0,
    purpose TEXT NOT NULL DEFAULT '', created_at REAL NOT NULL, expires_at REAL,
    upload TEXT REFERENCES uploads(id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX IF NOT EXISTS files_by_expiry ON files (expires_at) WHERE expires_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS blocks (
    file TEXT NOT NULL REFERENCES files(id) ON DELETE CASCADE ON UPDATE CASCADE,
    number INTEGER NOT NULL, data BLOB NOT NULL, UNIQUE (file, number)
);
CREATE TABLE IF NOT EXISTS stores (
    place INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, name TEXT NOT NULL, description TEXT,
    metadata TEXT NOT NULL, days INTEGER, created_at REAL NOT NULL, active_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS entries (
    place INTEGER PRIMARY KEY,
    store TEXT NOT NULL REFERENCES stores(id) ON DELETE CASCADE ON UPDATE CASCADE,
    file TEXT NOT NULL REFERENCES files(id) ON DELETE CASCADE ON UPDATE CASCADE,
    created_at REAL NOT NULL, status TEXT NOT NULL, attributes TEXT NOT NULL,
    size INTEGER NOT NULL, overlap INTEGER NOT NULL, error_code TEXT, error_message TEXT,
    usage_bytes INTEGER NOT NULL DEFAULT 0, faults TEXT NOT NULL, ticket TEXT NOT NULL,
    gone_at REAL, UNIQUE (store, file)
);
CREATE INDEX IF NOT EXISTS entries_by_file ON entries (file);
CREATE INDEX IF NOT EXISTS entries_gone ON entries (gone_at) WHERE gone_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS batches (
    place INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, created_at REAL NOT NULL,
    store TEXT NOT NULL REFERENCES stores(id) ON DELETE CASCADE ON UPDATE CASCADE,
    is_cancelled INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS batched (
    batch TEXT NOT NULL REFERENCES batches(id) ON DELETE CASCADE ON UPDATE CASCADE,
    store TEXT NOT NULL, file TEXT NOT NULL, UNIQUE (batch, file),
    FOREIGN KEY (store, file) REFERENCES entries(store, file) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX IF NOT EXISTS batched_by_entry ON batched (store, file);
"""


class Database:
    """Rows of the file storage; every method may be called from any thread."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
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
            path = self._folder / "library.sqlite3"
        db = sqlite3.connect(
            path, timeout=PATIENCE_S, check_same_thread=False, isolation_level=None
        )
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA secure_delete = ON")
        db.executescript(_SCHEMA)
        return db


def as_dataclass(kind: type[Record], row: sqlite3.Row, **computed: Any) -> Record:
    """A row as a dataclass: a field is computed, or it is the column of its name."""
    names = (each.name for each in fields(kind))  # type: ignore[arg-type]
    return kind(**{name: row[name] for name in names if name not in computed}, **computed)
