"""The index of the vector stores: chunks, their words and their vectors, in SQLite.

Words stand in an FTS5 table, vectors as float32 beside the text. The vectors of a store are held in
memory, stamped: every change gives the store a new stamp in the same transaction, so that another
process's change is seen, and one that was rolled back is not. A chunk's place (its rowid) is the
store's number and a number in it, so that a store is one range of places.

Nothing here commits: whoever changes something has opened the transaction.
"""

import sqlite3
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from emulator.retrieval.ranking import Loaded, Ranking, rank
from emulator.retrieval.vector_engine import current_engine
from emulator.retrieval.windows import Passage, edition, passages, vectors

import numpy as np
from numpy.typing import NDArray

__all__ = ["Hit", "Index", "Passage", "Ranking", "passages"]

ROOM = 1 << 32
"""Places of a store: more than it will ever use."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS search_stores (
    number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, stamp INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS search_chunks (
    place INTEGER PRIMARY KEY, file TEXT NOT NULL, engine TEXT NOT NULL, context TEXT NOT NULL,
    text TEXT NOT NULL, vectors BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS search_chunks_by_file ON search_chunks (file, place);
CREATE VIRTUAL TABLE IF NOT EXISTS search_words USING fts5 (
    context, text, content = 'search_chunks', content_rowid = 'place',
    tokenize = 'porter unicode61'
);
"""


@dataclass(frozen=True)
class Hit:
    """A chunk that was found: how well it answers (0..1), and which of its file's it is."""

    store_id: str
    file_id: str
    score: float
    text: str
    place: int


class Index:
    """The chunks of all stores; one thread at a time."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._loaded: dict[str, Loaded] = {}
        for statement in _SCHEMA.split(";\n"):
            db.execute(statement)

    def add(self, store_id: str, file_id: str, passages: Sequence[Passage]) -> None:
        """Put a file's chunks in place of those that are there of it."""
        self.remove(store_id, file_id)
        number = self._touch(store_id)
        (last,) = self._db.execute(
            "SELECT max(place) FROM search_chunks WHERE place BETWEEN ? AND ?", _range(number)
        ).fetchone()
        first = _range(number)[0] if last is None else last + 1
        for place, passage in enumerate(passages, first):
            self._db.execute(
                "INSERT INTO search_chunks VALUES (?, ?, ?, ?, ?, ?)",
                (
                    place,
                    file_id,
                    current_engine().name,
                    passage.context,
                    passage.text,
                    passage.windows.astype("<f4").tobytes(),
                ),
            )
            self._db.execute(
                "INSERT INTO search_words (rowid, context, text) VALUES (?, ?, ?)",
                (place, passage.context, passage.text),
            )

    def remove(self, store_id: str, file_id: str | None = None) -> None:
        """Forget a file, or all of a store."""
        if (number := self._number(store_id)) is None:
            return
        where, values = _where(number, file_id)
        self._db.execute(
            f"""INSERT INTO search_words (search_words, rowid, context, text)
            SELECT 'delete', place, context, text FROM search_chunks WHERE {where}""",
            values,
        )
        self._db.execute(f"DELETE FROM search_chunks WHERE {where}", values)
        if file_id is None:
            self._db.execute("DELETE FROM search_stores WHERE number = ?", (number,))
            self._loaded.pop(store_id, None)
        else:
            self._touch(store_id)

    def texts(self, store_id: str, file_id: str) -> list[str]:
        """The chunks of a file, in order."""
        return [text for (text,) in self._select("text", store_id, file_id)]

    def usage_bytes(self, store_id: str, file_id: str | None = None) -> int:
        """What the text and the vectors of a file, or of a store, take."""
        columns = "length(CAST(text AS BLOB)) + length(vectors)"
        return sum(size for (size,) in self._select(columns, store_id, file_id))

    def search(
        self,
        store_ids: Sequence[str],
        queries: Sequence[str],
        *,
        limit: int = 10,
        ranking: Ranking = Ranking(),  # noqa: B008 - it is frozen
        files: Set[tuple[str, str]] | None = None,
    ) -> list[Hit]:
        """The chunks that answer one of the queries best; of `files` alone where they are given."""
        with self._snapshot():
            stores = [self._load(id) for id in dict.fromkeys(store_ids)]
            known = [store for store in stores if store and len(store.places)]
            ranked = rank(self._db, known, queries, ranking, files, limit)
            return [self._hit(*found) for found in ranked]

    def _hit(self, loaded: Loaded, row: int, score: float) -> Hit:
        place = int(loaded.places[row])
        (text,) = self._db.execute(
            "SELECT text FROM search_chunks WHERE place = ?", (place,)
        ).fetchone()
        file, first = loaded.files[row], row
        while first and loaded.files[first - 1] == file:
            first -= 1
        return Hit(loaded.store_id, file, score, text, row - first)

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        """All that is read inside is of one moment, whatever other processes write meanwhile."""
        self._db.execute("SAVEPOINT search")
        try:
            yield
        finally:
            self._db.execute("RELEASE search")

    def _load(self, store_id: str) -> Loaded | None:
        """The vectors of a store, read anew where its stamp has changed."""
        found = self._db.execute(
            "SELECT number, stamp FROM search_stores WHERE id = ?", (store_id,)
        ).fetchone()
        if found is None:
            self._loaded.pop(store_id, None)
            return None
        number, stamp = found
        known = self._loaded.pop(store_id, None)
        if known is None or (known.stamp, known.engine) != (stamp, current_engine().name):
            del known  # before its successor is read: memory holds one of them at a time
            known = self._read(store_id, number, stamp)
        self._loaded[store_id] = known
        return known

    def _read(self, store_id: str, number: int, stamp: int) -> Loaded:
        """All vectors of a store; those of another engine are made anew from the text."""
        name, width = current_engine().name, current_engine().dimensions
        where, values = (
            "FROM search_chunks WHERE place BETWEEN ? AND ? ORDER BY place",
            _range(number),
        )
        rows = self._db.execute(
            f"SELECT place, file, engine = ?, length(vectors), context {where}", (name, *values)
        ).fetchall()
        others = {place: self._made_anew(place) for place, _, is_ours, *_ in rows if not is_ours}
        counts = [
            size // (4 * width) if is_ours else len(others[place])
            for place, _, is_ours, size, _ in rows
        ]
        starts = np.cumsum([0, *counts])
        matrix = np.empty((starts[-1], width), np.float32)
        read = self._db.execute(f"SELECT place, vectors {where}", values)
        for row, (place, blob) in enumerate(read):
            stored = others.get(place)
            numbers = np.frombuffer(blob, "<f4").reshape(-1, width) if stored is None else stored
            matrix[starts[row] : starts[row + 1]] = numbers
        places = np.array([place for place, *_ in rows], np.int64)
        files = [file for _, file, *_ in rows]
        editions = np.array([edition(context) for *_, context in rows], np.int16).reshape(-1, 2)
        return Loaded(store_id, stamp, name, *values, places, files, editions, starts[:-1], matrix)

    def _made_anew(self, place: int) -> NDArray[np.float32]:
        found = self._db.execute(
            "SELECT text, context FROM search_chunks WHERE place = ?", (place,)
        )
        text, context = found.fetchone()
        return vectors(text, context)

    def _touch(self, store_id: str) -> int:
        """Give the store a new stamp; its number."""
        self._db.execute(
            """INSERT INTO search_stores (id, stamp) VALUES (?, random())
            ON CONFLICT (id) DO UPDATE SET stamp = random()""",
            (store_id,),
        )
        number = self._number(store_id)
        assert number is not None
        return number

    def _number(self, store_id: str) -> int | None:
        found = self._db.execute("SELECT number FROM search_stores WHERE id = ?", (store_id,))
        row = found.fetchone()
        return int(row[0]) if row else None

    def _select(self, columns: str, store_id: str, file_id: str | None) -> list[tuple[Any, ...]]:
        if (number := self._number(store_id)) is None:
            return []
        where, values = _where(number, file_id)
        return self._db.execute(
            f"SELECT {columns} FROM search_chunks WHERE {where} ORDER BY place", values
        ).fetchall()


def _range(number: int) -> tuple[int, int]:
    return number * ROOM, (number + 1) * ROOM - 1


def _where(number: int, file_id: str | None) -> tuple[str, tuple[object, ...]]:
    if file_id is None:
        return "place BETWEEN ? AND ?", _range(number)
    return "file = ? AND place BETWEEN ? AND ?", (file_id, *_range(number))
