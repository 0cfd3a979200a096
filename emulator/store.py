"""What the emulator remembers, in SQLite: for now the responses that later ones may follow.

In memory by default; with a folder (`--data DIR`) in one file there, which outlives the process.
"""

import json
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emulator.answers.answer import Message

MOST_RESPONSES = 1000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS responses (
    id TEXT PRIMARY KEY, used REAL NOT NULL, body TEXT NOT NULL, messages TEXT NOT NULL
)"""


class Store:
    """The stored responses, the least recently used dropped beyond `MOST_RESPONSES`."""

    def __init__(self, folder: Path | None = None) -> None:
        """Open or make the store; raises OSError or sqlite3.Error for a bad folder."""
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        path = ":memory:" if folder is None else folder / "emulator.sqlite3"
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute(_SCHEMA)

    def save_response(self, body: dict[str, Any], messages: Sequence[Message]) -> None:
        """Keep a response and the conversation up to it, its own answer included."""
        said = json.dumps([[message.role, message.text] for message in messages])
        row = (body["id"], time.time(), json.dumps(body), said)
        self._db.execute("INSERT INTO responses VALUES (?, ?, ?, ?)", row)
        self._db.execute(
            """DELETE FROM responses WHERE id IN
            (SELECT id FROM responses ORDER BY used DESC, rowid DESC LIMIT -1 OFFSET ?)""",
            (MOST_RESPONSES,),
        )

    def response(self, id: str) -> dict[str, Any] | None:
        row = self._use("body", id)
        return json.loads(row) if row else None

    def conversation(self, id: str) -> list[Message] | None:
        """What was said up to and with the response; None if there is none of that id."""
        row = self._use("messages", id)
        return [Message(role, text) for role, text in json.loads(row)] if row else None

    def delete_response(self, id: str) -> bool:
        return self._db.execute("DELETE FROM responses WHERE id = ?", (id,)).rowcount > 0

    def close(self) -> None:
        self._db.close()

    def _use(self, column: str, id: str) -> str | None:
        self._db.execute("UPDATE responses SET used = ? WHERE id = ?", (time.time(), id))
        row = self._db.execute(f"SELECT {column} FROM responses WHERE id = ?", (id,)).fetchone()
        return str(row[0]) if row else None
