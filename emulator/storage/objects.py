"""Responses, completions, conversations and their items, in SQLite.

An object is stored as the JSON of its body. Its `items` (the messages in and out) belong to it and
are deleted with it. In memory by default; with a folder (`--data DIR`) in one file there, which
outlives the process.
"""

import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from emulator.storage.database import Database

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
        self._db = Database(folder, "emulator.sqlite3", _SCHEMA)
        # Uses are numbered. By the time of day, the newest object would be the first to go after
        # somebody has set the clock back.
        last = self._db.row("SELECT MAX(used) AS used FROM objects")
        self._uses = itertools.count(1 + int(last["used"] or 0 if last else 0))
        # A response in the background ends with the process that was writing it.
        for body in self.all("response"):
            if body["status"] in ("queued", "in_progress"):
                self.update(body | {"status": "failed", "error": _LEFT_RUNNING})

    def save(self, kind: str, body: Body, items: Sequence[Body] = ()) -> None:
        """Store a new object with its items, and drop the objects of its kind beyond `MOST`."""
        with self._db.transaction():
            self._db.change(
                "INSERT INTO objects (id, kind, used, body) VALUES (?, ?, ?, ?)",
                *(body["id"], kind, next(self._uses), json.dumps(body)),
            )
            self.add_items(body["id"], items)
            # The oldest go first, by their last use: whoever still asks for one keeps it.
            self._db.change(
                """DELETE FROM objects WHERE place IN (SELECT place FROM objects WHERE kind = ?
                ORDER BY used DESC, place DESC LIMIT -1 OFFSET ?)""",
                *(kind, MOST),
            )

    def update(self, body: Body, events: Iterable[bytes] = ()) -> None:
        """Replace an object's body, and the events of its stream, which may be asked for again."""
        change = "UPDATE objects SET body = ?, events = ? WHERE id = ?"
        self._db.change(change, json.dumps(body), b"".join(events).decode(), body["id"])

    def find(self, kind: str, id: str) -> Body | None:
        self._db.change("UPDATE objects SET used = ? WHERE id = ?", next(self._uses), id)
        row = self._db.row("SELECT body FROM objects WHERE id = ? AND kind = ?", id, kind)
        return json.loads(row["body"]) if row else None

    def events(self, id: str) -> list[bytes]:
        """The blocks of an object's event stream; none if they were not kept."""
        row = self._db.row("SELECT events FROM objects WHERE id = ?", id)
        stream = row["events"] if row else ""
        return [f"{block}\n\n".encode() for block in stream.split("\n\n")[:-1]]

    def all(self, kind: str) -> list[Body]:
        """The objects of a kind, oldest first."""
        return self._bodies("objects WHERE kind = ?", kind)

    def delete(self, kind: str, id: str) -> bool:
        return self._db.change("DELETE FROM objects WHERE id = ? AND kind = ?", id, kind) > 0

    def add_items(self, parent: str, items: Sequence[Body]) -> None:
        insert = "INSERT INTO items (id, body, parent) VALUES (?, ?, ?)"
        with self._db.transaction():
            for item in items:
                self._db.change(insert, item["id"], json.dumps(item), parent)

    def items(self, parent: str) -> list[Body]:
        """The items of an object, in order."""
        return self._bodies("items WHERE parent = ?", parent)

    def item(self, id: str) -> Body | None:
        """An item of any object, by its own id; of several the latest."""
        found = self._bodies("items WHERE id = ?", id)
        return found[-1] if found else None

    def delete_item(self, parent: str, id: str) -> bool:
        return self._db.change("DELETE FROM items WHERE parent = ? AND id = ?", parent, id) > 0

    def rename(self, old: str, new: str) -> None:
        """Give an object another id, for tests that ask for a certain one."""
        for body in self._bodies("objects WHERE id = ?", old):
            change = "UPDATE objects SET id = ?, body = ? WHERE id = ?"
            self._db.change(change, new, json.dumps(body | {"id": new}), old)

    def close(self) -> None:
        self._db.close()

    def _bodies(self, where: str, value: str) -> list[Body]:
        rows = self._db.rows(f"SELECT body FROM {where} ORDER BY place", value)
        return [json.loads(row["body"]) for row in rows]
