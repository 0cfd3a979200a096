"""The index of the vector stores: chunks, their words and their vectors, in SQLite.

A chunk's place (its rowid) is the number of its store times `ROOM`, plus a number in the store. So
a store is one range of places, which both tables and FTS5 can be limited to, and the chunks of a
file are neighbours in it.

Words stand in an FTS5 table. It has no copy of the text ("external content"): it reads the text
from `search_chunks`, and wants to see that text again when a row is deleted from it.

Vectors stand as float32 beside the text. Comparing a question with all of them has to be one
product of matrices, so the vectors of a store are read into memory at its first search. They stay
there until the store's stamp changes: every change writes a new random stamp in its own
transaction. So a change by another process is seen, and one that was rolled back is not.

Nothing here commits: whoever changes something has opened the transaction.
"""

import sqlite3
from array import array
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from emulator.retrieval.embedding import DIMENSIONS, ENGINE
from emulator.retrieval.ranking import LoadedStore, Ranking, rank
from emulator.retrieval.windows import EmbeddedChunk, edition, embed_chunks, vectors

import numpy as np
from numpy.typing import NDArray

__all__ = ["EmbeddedChunk", "Hit", "Index", "Ranking", "embed_chunks"]

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
        self._loaded: dict[str, LoadedStore] = {}
        for statement in _SCHEMA.split(";\n"):
            db.execute(statement)

    def add(self, store_id: str, file_id: str, chunks: Sequence[EmbeddedChunk]) -> None:
        """Put these chunks of a file in place of those that are there."""
        self.remove(store_id, file_id)
        number = self._touch(store_id)
        (last,) = self._one("max(place)", "place BETWEEN ? AND ?", *_range(number))
        # New places follow the last one, so that the chunks of a file are neighbours.
        first = _range(number)[0] if last is None else last + 1
        for place, chunk in enumerate(chunks, first):
            blob = chunk.windows.astype("<f4").tobytes()
            self._db.execute(
                "INSERT INTO search_chunks VALUES (?, ?, ?, ?, ?, ?)",
                (place, file_id, ENGINE, chunk.context, chunk.text, blob),
            )
            self._db.execute(
                "INSERT INTO search_words (rowid, context, text) VALUES (?, ?, ?)",
                (place, chunk.context, chunk.text),
            )

    def remove(self, store_id: str, file_id: str | None = None) -> None:
        """Delete a file, or all of a store, from the index."""
        if not (number := self._number(store_id)):
            return
        where, values = _where(number, file_id)
        # First the words: FTS5 reads once more the text whose words it is to delete.
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
        return [text for (text,) in self._select("text", self._number(store_id), file_id)]

    def usage_bytes(self, store_id: str, file_id: str | None = None) -> int:
        """What the text and the vectors of a file, or of a store, take."""
        columns = "length(CAST(text AS BLOB)) + length(vectors)"
        return sum(size for (size,) in self._select(columns, self._number(store_id), file_id))

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

    def _hit(self, loaded: LoadedStore, row: int, score: float) -> Hit:
        (text,) = self._one("text", "place = ?", int(loaded.places[row]))
        file, first = loaded.files[row], row
        while first and loaded.files[first - 1] == file:
            first -= 1
        return Hit(loaded.store_id, file, score, text, row - first)

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        """Inside it every query reads the same state, whatever other processes commit meanwhile."""
        self._db.execute("SAVEPOINT search")
        try:
            yield
        finally:
            self._db.execute("RELEASE search")

    def _load(self, store_id: str) -> LoadedStore | None:
        """The vectors of a store, read anew where its stamp has changed."""
        found = self._db.execute(
            "SELECT number, stamp FROM search_stores WHERE id = ?", (store_id,)
        ).fetchone()
        if found is None:
            self._loaded.pop(store_id, None)
            return None
        number, stamp = found
        known = self._loaded.pop(store_id, None)
        if known is None or known.stamp != stamp:
            del known  # before its successor is read: memory holds one of them at a time
            known = self._read(store_id, number, stamp)
        self._loaded[store_id] = known
        return known

    def _read(self, store_id: str, number: int, stamp: int) -> LoadedStore:
        """All vectors of a store; those that something else has made are made anew from the text.

        A first query reads all but the vectors, so that the size of the matrix is known. A second
        one copies the vectors into it row by row: a large store is never in memory twice.
        """
        places, files, editions, counts = array("q"), list[str](), list[tuple[int, int]](), [0]
        anew: dict[int, NDArray[np.float32]] = {}
        columns = "place, file, engine, context, length(vectors)"
        for place, file, made_by, context, size in self._select(columns, number):
            if made_by != ENGINE:
                (text,) = self._one("text", "place = ?", place)
                anew[place] = vectors(text, context)
            places.append(place)
            files.append(file)
            editions.append(edition(context))
            counts.append(len(anew[place]) if place in anew else size // (4 * DIMENSIONS))
        starts = np.cumsum(counts)
        matrix = np.empty((starts[-1], DIMENSIONS), np.float32)
        # Only now the vectors, each into its place.
        for row, (place, blob) in enumerate(self._select("place, vectors", number)):
            numbers = anew.get(place)
            if numbers is None:
                numbers = np.frombuffer(blob, "<f4").reshape(-1, DIMENSIONS)
            matrix[starts[row] : starts[row + 1]] = numbers
        first, last = _range(number)
        return LoadedStore(
            store_id=store_id,
            stamp=stamp,
            first=first,
            last=last,
            places=np.array(places, np.int64),
            files=files,
            editions=np.array(editions, np.int16).reshape(-1, 2),
            starts=starts[:-1],
            matrix=matrix,
        )

    def _select(self, columns: str, number: int, file_id: str | None = None) -> sqlite3.Cursor:
        """These columns of the chunks of a store, or of one file in it, in order."""
        where, values = _where(number, file_id)
        query = f"SELECT {columns} FROM search_chunks WHERE {where} ORDER BY place"
        return self._db.execute(query, values)

    def _one(self, columns: str, where: str, *values: object) -> tuple[Any, ...]:
        found = self._db.execute(f"SELECT {columns} FROM search_chunks WHERE {where}", values)
        row: tuple[Any, ...] = found.fetchone()
        return row

    def _touch(self, store_id: str) -> int:
        """Give the store a new stamp; its number."""
        self._db.execute(
            """INSERT INTO search_stores (id, stamp) VALUES (?, random())
            ON CONFLICT (id) DO UPDATE SET stamp = random()""",
            (store_id,),
        )
        return self._number(store_id)

    def _number(self, store_id: str) -> int:
        """The number of a store, counted from 1; 0 if nothing was ever added to it."""
        found = self._db.execute("SELECT number FROM search_stores WHERE id = ?", (store_id,))
        return int((found.fetchone() or (0,))[0])


def _range(number: int) -> tuple[int, int]:
    return number * ROOM, (number + 1) * ROOM - 1


def _where(number: int, file_id: str | None) -> tuple[str, tuple[object, ...]]:
    if file_id is None:
        return "place BETWEEN ? AND ?", _range(number)
    return "file = ? AND place BETWEEN ? AND ?", (file_id, *_range(number))
