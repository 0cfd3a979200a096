"""How well a chunk answers a question: similar vectors first, shared words as further evidence.

Neither is enough alone. Words find nothing where the question says "pooch" and the text "dogs";
vectors hardly tell "E15" from "E16". The usual remedy, reciprocal rank fusion, adds the ranks that
a chunk has in both lists. It was measured to be worse here than vectors alone: six of ten questions
share no word with their answer, and then the list by words is noise that counts as much as the
other list. So scores are added instead, for each window of a chunk:

    raw = cosine(question, window) + share * (rarity of shared words / rarity of all words) ** 2

- Rarity is log(1 + windows / chunks that hold the word): a name or a code is strong evidence, a
  word that every chunk holds is nearly none.
- The square makes one shared word of five count 1/25 and four of five 16/25: a single common word
  proves little, while most of a question's words together are no accident.
- A word in the headings above a window counts `IN_CONTEXT` of one in its text.

A chunk has the raw value of its best window. Where titles name years, the edition that the question
asks for, or else the newest, gets `EDITION` more, and the others less.

Three steps keep it fast. One product of matrices gives the cosines of all windows by the table, and
one look into FTS5 for each word the chunks that hold it. Only the best `CANDIDATES` by either are
then read and ranked window by window. The best windows of these are read again by the encoder, and
scored (second_reading.py).

Where a caller gives weights (`hybrid_search`), the score is reciprocal rank fusion by these, as the
API says, and 1 for a chunk that is first in both lists.
"""

import math
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache

from emulator.retrieval import embedding
from emulator.retrieval.second_reading import READ_AGAIN, Place, Window, scored
from emulator.retrieval.windows import YEAR, windows
from emulator.text.words import terms

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

CANDIDATES = 50
"""Chunks that are scored window by window, by vectors and by words; a search has up to 50 hits."""
MOST_WORDS, MOST_ROWS = 64, 1000
"""A word that more chunks hold finds no candidates, but it counts in those that others find."""
LONGEST_QUERY = 2_000
"""Characters of a query that are read: the encoder takes 30 ms and more for every 1,000."""
IN_CONTEXT = 0.7
EDITION = 0.15
RARITY_SHARE = 0.6
"""How much of a question's vector weighs its words by their rarity in the store."""
FULL_QUERIES = 4
"""Queries of one search that each get all the windows of a second reading."""
RRF_CONSTANT = 60
NOWHERE = -2
"""Less than any cosine, for chunks that the filter leaves out."""

_added = lru_cache(4096)(embedding.added)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")


@dataclass(frozen=True)
class Ranking:
    """How to rank: hits below `threshold` are left out; weights ask for reciprocal rank fusion.

    `reread` windows are read again by the encoder. With none the table and the words decide.
    """

    threshold: float = 0.0
    embedding_weight: float | None = None
    text_weight: float | None = None
    reread: int = READ_AGAIN


@dataclass(frozen=True)
class LoadedStore:
    """A store in memory. A row is a chunk; its windows are rows of `matrix`, from `starts` on.

    `first` and `last` bound the places that chunks of this store can have.
    """

    store_id: str
    stamp: int
    first: int
    last: int
    places: NDArray[np.int64]
    files: list[str]
    editions: NDArray[np.int16]
    starts: NDArray[np.intp]
    matrix: Floats

    def windows(self, row: int) -> slice:
        beyond = self.starts[row + 1] if row + 1 < len(self.starts) else len(self.matrix)
        return slice(self.starts[row], beyond)


@dataclass(frozen=True)
class QueryWord:
    """A word of a question, its rarity in the store, and the rows that hold it, unless many do."""

    text: str
    stem: str
    rarity: float
    rows: NDArray[np.intp]


def rank(
    db: sqlite3.Connection,
    stores: Sequence[LoadedStore],
    queries: Sequence[str],
    ranking: Ranking,
    files: Set[tuple[str, str]] | None,
    limit: int,
) -> list[tuple[LoadedStore, int, float]]:
    """(store, row of its chunk, score), best first; of several queries the one that fits best."""
    found: dict[Place, float] = {}
    allowed = [_allowed(store, files) for store in stores]
    for query in (query[:LONGEST_QUERY] for query in queries):
        questions = [
            _Question(db, query, number, store, allowed[number])
            for number, store in enumerate(stores)
            if allowed[number].any()
        ]
        for place, score in _scores(query, questions, ranking, limit, len(queries)).items():
            found[place] = max(score, found.get(place, 0.0))
    # Of equal scores the earlier chunk is first, so that a search gives the same twice.
    order = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    kept = [(place, score) for place, score in order if score >= ranking.threshold]
    return [(stores[number], row, score) for (number, row), score in kept[:limit]]


def _scores(
    query: str, questions: Sequence["_Question"], ranking: Ranking, limit: int, queries: int
) -> Mapping[Place, float]:
    """The score of each chunk that is a candidate for one query, in any of the stores."""
    if ranking.embedding_weight is not None or ranking.text_weight is not None:
        fused = [each.fused(ranking, limit) for each in questions]
        return {place: score for each in fused for place, score in each.items()}
    windows = [window for each in questions for window in each.windows()]
    # Many queries share the time that a few would take.
    count = min(ranking.reread, -(-ranking.reread * FULL_QUERIES // queries))
    return scored(query, windows, count)


def _allowed(store: LoadedStore, files: Set[tuple[str, str]] | None) -> NDArray[np.bool_]:
    if files is None:
        return np.ones(len(store.files), bool)
    return np.array([(store.store_id, file) in files for file in store.files], bool)


def _question_vector(query: str, words: Sequence[QueryWord]) -> Floats:
    """The table's vector of a question, in which rare words weigh more; zeros if none has meaning.

    "When does the dome open?" is about the dome more than about opening.
    """
    if not words:
        return np.zeros(embedding.DIMENSIONS, np.float32)
    sums = np.array([_added(word.text) for word in words])
    weighed = embedding.unit(np.array([[word.rarity for word in words]]) @ sums)
    mixed = (1 - RARITY_SHARE) * embedding.embed([query]) + RARITY_SHARE * weighed
    vector: Floats = embedding.unit(mixed)[0]
    return vector


class _Question:
    """A question to one store: its words, its cosine to each window, and to each chunk the best."""

    def __init__(
        self,
        db: sqlite3.Connection,
        query: str,
        number: int,
        store: LoadedStore,
        allowed: NDArray[np.bool_],
    ) -> None:
        self._db, self._query, self._number = db, query, number
        self._store, self._allowed = store, allowed
        self._words = list(self._read_words())
        self._cosines: Floats = store.matrix @ _question_vector(query, self._words)
        best = np.maximum.reduceat(self._cosines, store.starts)
        self._best: Floats = np.where(allowed, best, NOWHERE)

    def windows(self) -> Iterator[Window]:
        """The windows of all chunks that are candidates, by vectors or by words."""
        edition = self._edition_fit()
        by_vectors = np.where(self._allowed, self._best + edition, NOWHERE)
        shared = np.zeros(len(edition), np.float32)
        for word in self._words:
            shared[word.rows] += word.rarity
        by_words = np.where(self._allowed, shared, 0)
        for row in {*_top(by_vectors, CANDIDATES, NOWHERE), *_top(by_words, CANDIDATES, 0)}:
            yield from self._windows(row, float(edition[row]))

    def _edition_fit(self) -> Floats:
        """What to add for editions: more for the year asked for, less for another or older one."""
        first, last = self._store.editions.T
        fit = np.zeros(len(first), np.float32)
        asked = np.zeros(len(first), bool)
        # Years of (0, 0) are no edition: such a chunk is neither preferred nor held back.
        years = [int(year) for year in YEAR.findall(self._query)]
        for year in years:
            asked |= (first <= year) & (year <= last)
        if asked.any():
            fit[first > 0] = -EDITION
            fit[asked] = EDITION
        elif not years:
            fit[(first > 0) & (last < first.max())] = -EDITION
        return fit

    def _read_words(self) -> Iterator[QueryWord]:
        """The words of the question that carry meaning, each once."""
        store, known = self._store, set[str]()
        for text in _WORD.findall(self._query.lower()):
            stem = _stem(text)
            if stem is None or stem in known or len(known) == MOST_WORDS:
                continue
            known.add(stem)
            rows = self._matching(f'"{text}"', "rowid")
            count = float(len(rows) or 1)
            if len(rows) == MOST_ROWS:
                # They come in order of place: if they reach over a tenth of the rows, a tenth of
                # all that there are was read. So their number is estimated, and they are no
                # candidates by this word.
                count *= len(store.places) / (rows[-1] + 1)
                rows = rows[:0]
            yield QueryWord(text, stem, math.log(1 + len(store.matrix) / count), rows)

    def _windows(self, row: int, edition: float) -> Iterator[Window]:
        """The windows of a chunk."""
        text, context = self._db.execute(
            "SELECT text, context FROM search_chunks WHERE place = ?",
            (int(self._store.places[row]),),
        ).fetchone()
        total = sum(word.rarity for word in self._words) or 1
        cosines = self._cosines[self._store.windows(row)]
        for cosine, (placed, stems, above) in zip(cosines, _stems(text, context), strict=True):
            shared = sum(
                word.rarity * (1 if word.stem in stems else IN_CONTEXT if word.stem in above else 0)
                for word in self._words
            )
            place = self._number, row
            yield Window(place, placed, float(cosine), (shared / total) ** 2, edition)

    def _matching(self, words: str, order: str) -> NDArray[np.intp]:
        """The rows that FTS5 finds for these words, the first `MOST_ROWS` in this order."""
        store = self._store
        places = self._db.execute(
            f"""SELECT rowid FROM search_words WHERE search_words MATCH ? AND rowid BETWEEN ? AND ?
            ORDER BY {order} LIMIT ?""",
            (words, store.first, store.last, MOST_ROWS),
        )
        return np.searchsorted(store.places, np.fromiter((place for (place,) in places), np.int64))

    def fused(self, ranking: Ranking, limit: int) -> Mapping[Place, float]:
        """The sum of weight / (60 + rank) over both lists, scaled so that first in both is 1.

        The list by words holds what has any of them, by BM25. Both are cut off a little behind
        `limit`: further ranks would hardly differ.
        """
        words = " OR ".join(f'"{word.text}"' for word in self._words)
        matching = self._matching(words, "rank, rowid") if words else ()
        by_words = [int(row) for row in matching if self._allowed[row]][: limit + CANDIDATES]
        lists = (_top(self._best, limit + CANDIDATES, NOWHERE), by_words)
        weights = (ranking.embedding_weight or 0.0, ranking.text_weight or 0.0)
        # What is first in both lists has all of the weights over 61: that becomes 1.
        whole = sum(weights) / (RRF_CONSTANT + 1)
        scores: dict[Place, float] = defaultdict(float)
        for weight, rows in zip(weights, lists, strict=True):
            for rank, row in enumerate(rows if weight else (), start=1):
                scores[self._number, row] += weight / (RRF_CONSTANT + rank) / whole
        return scores


def _top(scores: Floats, count: int, floor: float) -> list[int]:
    """The rows with the highest scores above `floor`, the earlier one first among equals."""
    rows = np.flatnonzero(scores > floor)
    if len(rows) > count:
        bound = np.partition(scores[rows], -count)[-count]
        rows = rows[scores[rows] >= bound]
    return [int(row) for row in rows[np.argsort(-scores[rows], kind="stable")][:count]]


@lru_cache(maxsize=1024)
def _stems(text: str, context: str) -> list[tuple[str, Set[str], Set[str]]]:
    """Each window of a chunk behind its heading, the stems in it, and those in what is above it."""
    return [(each.placed, _known(each.text), _known(each.above)) for each in windows(text, context)]


def _known(text: str) -> Set[str]:
    return {stem for word in _WORD.findall(text.lower()) if (stem := _stem(word))}


@lru_cache(maxsize=65536)
def _stem(word: str) -> str | None:
    """What the word is compared by; None for one that carries no meaning."""
    return next(iter(terms(word)), None)
