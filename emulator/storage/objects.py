"""Responses, completions, conversations and their items, in SQLite.

An object is stored as the JSON of its body. Its `items` (the messages in and out) belong to it and
are deleted with it. In memory by default; with a folder (`--data DIR`) in one file there, which
outlives the process.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

MOST = 1000

Body = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    place INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, kind TEXT NOT NULL, used REAL NOT NULL,
    body TEXT NOT NULL, events TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS items (
    place INTEGER PRIMARY KEY, id TEXT NOT NULL, body TEXT NOT NULL,
    parent TEXT NOT NULL REFERENCES objects(id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX IF NOT EXISTS items_by_parent ON items (parent);
CREATE INDEX IF NOT EXISTS items_by_id ON items (id);
PRAGMA user_version = 2;
"""
_LEFT_RUNNING = {"code": "server_error", "message": "The emulator was stopped while it answered."}


class ObjectStore:
    """Objects by kind and id; of each kind the `MOST` that were used last are kept."""

    def __init__(self, folder: Path | None = None) -> None:
        """Open or make the store; raises OSError or sqlite3.Error for a bad folder."""
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        path = ":memory:" if folder is None else folder / "emulator.sqlite3"
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.execute("PRAGMA secure_delete = ON")
        self._db.executescript(_SCHEMA)
        self._fail_what_was_running()

    def save(self, kind: str, body: Body, items: Sequence[Body] = ()) -> None:
        """Store a new object with its items, and drop the objects of its kind beyond `MOST`."""
        with self._db:
            self._db.execute("BEGIN")
            self._db.execute(
                "INSERT INTO objects (id, kind, used, body) VALUES (?, ?, ?, ?)",
                (body["id"], kind, time.time(), json.dumps(body)),
            )
            self._insert_items(body["id"], items)
            self._db.execute(
                """DELETE FROM objects WHERE place IN (SELECT place FROM objects WHERE kind = ?
                ORDER BY used DESC, place DESC LIMIT -1 OFFSET ?)""",
                (kind, MOST),
            )

    def update(self, body: Body, events: Iterable[bytes] = ()) -> None:
        """Replace an object's body, and the events of its stream, which may be asked for again."""
        values = (json.dumps(body), b"".join(events).decode(), body["id"])
        self._db.execute("UPDATE objects SET body = ?, events = ? WHERE id = ?", values)

    def find(self, kind: str, id: str) -> Body | None:
        self._db.execute("UPDATE objects SET used = ? WHERE id = ?", (time.time(), id))
        found = self._one("SELECT body FROM objects WHERE id = ? AND kind = ?", id, kind)
        return json.loads(found) if found else None

    def events(self, id: str) -> list[bytes]:
        """The blocks of an object's event stream; none if they were not kept."""
        stream = self._one("SELECT events FROM objects WHERE id = ?", id) or ""
        return [f"{block}\n\n".encode() for block in stream.split("\n\n")[:-1]]

    def all(self, kind: str) -> list[Body]:
        """The objects of a kind, oldest first."""
        rows = self._db.execute("SELECT body FROM objects WHERE kind = ? ORDER BY place", (kind,))
        return [json.loads(body) for (body,) in rows]

    def delete(self, kind: str, id: str) -> bool:
        done = self._db.execute("DELETE FROM objects WHERE id = ? AND kind = ?", (id, kind))
        return done.rowcount > 0

    def add_items(self, parent: str, items: Sequence[Body]) -> None:
        with self._db:
            self._db.execute("BEGIN")
            self._insert_items(parent, items)

    def items(self, parent: str) -> list[Body]:
        """The items of an object, in order."""
        rows = self._db.execute("SELECT body FROM items WHERE parent = ? ORDER BY place", (parent,))
        return [json.loads(body) for (body,) in rows]

    def item(self, id: str) -> Body | None:
        """An item of any object, by its own id."""
        found = self._one("SELECT body FROM items WHERE id = ? ORDER BY place DESC", id)
        return json.loads(found) if found else None

    def delete_item(self, parent: str, id: str) -> bool:
        done = self._db.execute("DELETE FROM items WHERE parent = ? AND id = ?", (parent, id))
        return done.rowcount > 0

    def rename(self, old: str, new: str) -> None:
        """Give an object another id, for tests that ask for a certain one."""
        body = json.loads(self._one("SELECT body FROM objects WHERE id = ?", old) or "{}")
        self._db.execute(
            "UPDATE objects SET id = ?, body = ? WHERE id = ?",
            (new, json.dumps(body | {"id": new}), old),
        )

    def close(self) -> None:
        self._db.close()

    def _insert_items(self, parent: str, items: Sequence[Body]) -> None:
        self._db.executemany(
            "INSERT INTO items (id, body, parent) VALUES (?, ?, ?)",
            [(item["id"], json.dumps(item), parent) for item in items],
        )

    def _one(self, query: str, *values: str) -> str | None:
        row = self._db.execute(query, values).fetchone()
        return str(row[0]) if row else None

    def _fail_what_was_running(self) -> None:
        """A response in background does not outlive the process that was writing it."""
        for body in self.all("response"):
            if body["status"] in ("queued", "in_progress"):
                self.update(body | {"status": "failed", "error": _LEFT_RUNNING})
