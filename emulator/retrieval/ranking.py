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
- `share` belongs to the engine (0.6 for the table, 0.1 for MiniLM): the better the vectors are,
  the less the words have to add.
- A word in the headings above a window counts `IN_CONTEXT` of one in its text.

A chunk has the raw score of its best window. Where titles name years, the edition that the question
asks for, or else the newest, gets `EDITION` more, and the others less.

A logistic curve turns the raw score into 0..1. It is fitted on questions to the course's handbook:
a chunk that shares words with its question and holds the answer has more than 0.5, while the best
one for a question about something else mostly has less than 0.3.

Two steps keep it fast. One product of matrices gives the cosines of all windows, and one look into
FTS5 for each word the chunks that hold it. Only the best `CANDIDATES` by either are then read and
scored window by window.

Where a caller gives weights (`hybrid_search`), the score is reciprocal rank fusion by these, as the
API says, and 1 for a chunk that is first in both lists.
"""

import math
import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache

from emulator.retrieval.vector_engine import current_engine
from emulator.retrieval.windows import YEAR, windows
from emulator.text.words import terms

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

CANDIDATES = 50
"""Chunks that are scored window by window, by vectors and by words; a search has up to 50 hits."""
MOST_WORDS, MOST_ROWS = 64, 1000
"""A word that more chunks hold finds no candidates, but it counts in those that others find."""
IN_CONTEXT = 0.7
EDITION = 0.15
MIDDLE, SLOPE = 0.7, 7.0
"""The raw value that scores 0.5, and how steep the curve is there."""
RRF_CONSTANT = 60
NOWHERE = -2
"""Less than any cosine, for chunks that the filter leaves out."""

_MATCHING = "FROM search_words WHERE search_words MATCH ? AND rowid BETWEEN ? AND ?"
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")


@dataclass(frozen=True)
class Ranking:
    """How to rank: hits below `threshold` are left out; weights ask for reciprocal rank fusion."""

    threshold: float = 0.0
    embedding_weight: float | None = None
    text_weight: float | None = None


@dataclass(frozen=True)
class LoadedStore:
    """A store in memory. A row is a chunk; its windows are rows of `matrix`, from `starts` on.

    `first` and `last` bound the places that chunks of this store can have.
    """

    store_id: str
    stamp: int
    engine: str
    first: int
    last: int
    places: NDArray[np.int64]
    files: list[str]
    editions: NDArray[np.int16]
    starts: NDArray[np.intp]
    matrix: Floats

    def rows(self, places: Iterable[int]) -> NDArray[np.intp]:
        return np.searchsorted(self.places, np.fromiter(places, np.int64))

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
    found: dict[tuple[int, int], float] = {}
    for number, store in enumerate(stores):
        allowed = _allowed(store, files)
        for query in queries if allowed.any() else ():
            for row, score in _scores(db, store, query, ranking, allowed, limit).items():
                found[number, row] = max(score, found.get((number, row), 0.0))
    order = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    kept = [(place, score) for place, score in order if score >= ranking.threshold]
    return [(stores[number], row, score) for (number, row), score in kept[:limit]]


def _allowed(store: LoadedStore, files: Set[tuple[str, str]] | None) -> NDArray[np.bool_]:
    if files is None:
        return np.ones(len(store.files), bool)
    return np.array([(store.store_id, file) in files for file in store.files], bool)


def _scores(
    db: sqlite3.Connection,
    store: LoadedStore,
    query: str,
    ranking: Ranking,
    allowed: NDArray[np.bool_],
    limit: int,
) -> Mapping[int, float]:
    """The score of each row that is a candidate."""
    words = _words(db, store, query)
    vector = current_engine().question(query, [(word.text, word.rarity) for word in words])
    cosines = store.matrix @ vector
    best = np.where(allowed, np.maximum.reduceat(cosines, store.starts), NOWHERE)
    if ranking.embedding_weight is not None or ranking.text_weight is not None:
        return _fused(best, _by_words(db, store, words, allowed), ranking, limit)
    fit = _edition_fit(store, query)
    best[allowed] += fit[allowed]
    shared = np.zeros(len(best), np.float32)
    for word in words:
        shared[word.rows] += word.rarity
    by_words = _top(np.where(allowed, shared, 0), CANDIDATES, 0)
    return {
        row: _curve(_raw(db, store, row, cosines, words) + float(fit[row]))
        for row in {*_top(best, CANDIDATES, NOWHERE), *by_words}
    }


def _edition_fit(store: LoadedStore, query: str) -> Floats:
    """What to add for the edition: more for the year asked for, less for another or older one."""
    first, last = store.editions.T
    fit = np.zeros(len(first), np.float32)
    asked = np.zeros(len(first), bool)
    years = [int(year) for year in YEAR.findall(query)]
    for year in years:
        asked |= (first <= year) & (year <= last)
    if asked.any():
        fit[first > 0] = -EDITION
        fit[asked] = EDITION
    elif not years:
        fit[(first > 0) & (last < first.max())] = -EDITION
    return fit


def _words(db: sqlite3.Connection, store: LoadedStore, query: str) -> list[QueryWord]:
    """The words of a question that carry meaning, each once."""
    found: dict[str, QueryWord] = {}
    for text in _WORD.findall(query.lower()):
        stem = _stem(text)
        if stem is None or stem in found or len(found) == MOST_WORDS:
            continue
        held = db.execute(
            f"SELECT rowid {_MATCHING} LIMIT ?",
            (f'"{text}"', store.first, store.last, MOST_ROWS),
        )
        rows = store.rows(place for (place,) in held)
        count = float(len(rows) or 1)
        if len(rows) == MOST_ROWS:
            # They come in order of place: if they reach over a tenth of the rows, a tenth of all
            # that there are was read. So the number is estimated, and none is a candidate by it.
            count *= len(store.places) / (rows[-1] + 1)
            rows = rows[:0]
        found[stem] = QueryWord(text, stem, math.log(1 + len(store.matrix) / count), rows)
    return list(found.values())


def _top(scores: Floats, count: int, floor: float) -> list[int]:
    """The rows with the highest scores above `floor`, the earlier one first among equals."""
    rows = np.flatnonzero(scores > floor)
    if len(rows) > count:
        bound = np.partition(scores[rows], -count)[-count]
        rows = rows[scores[rows] >= bound]
    return [int(row) for row in rows[np.argsort(-scores[rows], kind="stable")][:count]]


def _raw(
    db: sqlite3.Connection,
    store: LoadedStore,
    row: int,
    cosines: Floats,
    words: Sequence[QueryWord],
) -> float:
    """The raw score of a chunk's best window, without the edition."""
    text, context = db.execute(
        "SELECT text, context FROM search_chunks WHERE place = ?", (int(store.places[row]),)
    ).fetchone()
    total = sum(word.rarity for word in words) or 1
    most = -1.0
    for cosine, (own, above) in zip(
        cosines[store.windows(row)], _stems(text, context), strict=True
    ):
        shared = sum(
            word.rarity * (1 if word.stem in own else IN_CONTEXT if word.stem in above else 0)
            for word in words
        )
        most = max(most, float(cosine) + current_engine().text_share * (shared / total) ** 2)
    return most


@lru_cache(maxsize=1024)
def _stems(text: str, context: str) -> list[tuple[Set[str], Set[str]]]:
    """The stems in each window of a chunk, and in what it stands under."""
    return [(_known(own), _known(above)) for own, above in windows(text, context)]


def _known(text: str) -> Set[str]:
    return {stem for word in _WORD.findall(text.lower()) if (stem := _stem(word))}


@lru_cache(maxsize=65536)
def _stem(word: str) -> str | None:
    """What the word is compared by; None for one that carries no meaning."""
    return next(iter(terms(word)), None)


def _curve(raw: float) -> float:
    return 1 / (1 + math.exp(-SLOPE * (raw - MIDDLE)))


# --------------------------------------------------------------- reciprocal rank fusion


def _by_words(
    db: sqlite3.Connection,
    store: LoadedStore,
    words: Sequence[QueryWord],
    allowed: NDArray[np.bool_],
) -> list[int]:
    """The rows that hold any of the words, by BM25."""
    if not words:
        return []
    places = db.execute(
        f"SELECT rowid {_MATCHING} ORDER BY rank, rowid LIMIT ?",
        (" OR ".join(f'"{word.text}"' for word in words), store.first, store.last, MOST_ROWS),
    )
    return [int(row) for row in store.rows(place for (place,) in places) if allowed[row]]


def _fused(
    best: Floats, by_words: Sequence[int], ranking: Ranking, limit: int
) -> Mapping[int, float]:
    """The sum of weight / (60 + rank) over both lists, scaled so that first in both is 1.

    A list is cut off a little behind `limit`: its further ranks would hardly differ.
    """
    weights = (ranking.embedding_weight or 0.0, ranking.text_weight or 0.0)
    sides = (_top(best, limit + CANDIDATES, NOWHERE), by_words[: limit + CANDIDATES])
    whole = sum(weights) / (RRF_CONSTANT + 1)
    scores: dict[int, float] = {}
    for weight, side in zip(weights, sides, strict=True):
        for place, row in enumerate(side if weight else (), start=1):
            scores[row] = scores.get(row, 0.0) + weight / (RRF_CONSTANT + place) / whole
    return scores
