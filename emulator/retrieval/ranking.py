"""What answers a question best: vectors lead, and shared words count as far as they are evidence.

Each side alone fails: words find nothing where a question says "pooch" and the text "dogs", and
vectors blur "E15" and "E16". Adding up ranks, one to one, lets the side that has found nothing
spoil what the other has found. So the scores are added, window by window:

    raw = cosine of question and window + share * (rarity of the shared words / of all its words)^2

The square keeps one shared word of five from mattering, and lets four of them tell. A word that
many chunks hold is little evidence; one that few hold, a name or a code, is much. A word in the
headings above a window counts at a part. A chunk is worth its best window.

Where titles name years, a question is for the edition of its year, or for the newest one.

The score is the raw value by a logistic curve, fitted on questions to the course's handbook. A hit
that shares words with its question and holds the answer has more than 0.5; the best hit for a
question about something else mostly has less than 0.3. Where a caller gives weights, the score is
the reciprocal rank fusion of both sides by these, 1 for what is first on both.
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
"""Chunks whose windows are looked at, from each side; OpenAI gives at most 50 hits."""
MOST_WORDS, MOST_ROWS = 64, 1000
"""A word that more chunks hold is too common to look for, though it counts where it is met."""
IN_CONTEXT = 0.7
EDITION = 0.15
MIDDLE, SLOPE = 0.7, 7.0
"""The raw value that scores 0.5, and how steep the curve is there."""
RRF_CONSTANT = 60
NOWHERE = -2
"""Below every cosine: what is not allowed."""

_MATCHING = "FROM search_words WHERE search_words MATCH ? AND rowid BETWEEN ? AND ?"
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")


@dataclass(frozen=True)
class Ranking:
    """How to rank: hits below `threshold` are left out; weights ask for reciprocal rank fusion."""

    threshold: float = 0.0
    embedding_weight: float | None = None
    text_weight: float | None = None


@dataclass(frozen=True)
class Loaded:
    """A store in memory: its chunks' places, files and editions, and where each's windows start."""

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
class Word:
    """A word of a question: how rare it is in the store, and which chunks hold it if few do."""

    text: str
    stem: str
    rarity: float
    rows: NDArray[np.intp]


def rank(
    db: sqlite3.Connection,
    stores: Sequence[Loaded],
    queries: Sequence[str],
    ranking: Ranking,
    files: Set[tuple[str, str]] | None,
    limit: int,
) -> list[tuple[Loaded, int, float]]:
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


def _allowed(store: Loaded, files: Set[tuple[str, str]] | None) -> NDArray[np.bool_]:
    if files is None:
        return np.ones(len(store.files), bool)
    return np.array([(store.store_id, file) in files for file in store.files], bool)


def _scores(
    db: sqlite3.Connection,
    store: Loaded,
    query: str,
    ranking: Ranking,
    allowed: NDArray[np.bool_],
    limit: int,
) -> Mapping[int, float]:
    words = _words(db, store, query)
    asked = current_engine().question(query, [(word.text, word.rarity) for word in words])
    alike = store.matrix @ asked
    best = np.where(allowed, np.maximum.reduceat(alike, store.starts), NOWHERE)
    if ranking.embedding_weight is not None or ranking.text_weight is not None:
        return _fused(best, _by_words(db, store, words, allowed), ranking, limit)
    fit = _edition_fit(store, query)
    best[allowed] += fit[allowed]
    shared = np.zeros(len(best), np.float32)
    for word in words:
        shared[word.rows] += word.rarity
    by_words = _top(np.where(allowed, shared, 0), CANDIDATES, 0)
    return {
        row: _curve(_raw(db, store, row, alike, words) + float(fit[row]))
        for row in {*_top(best, CANDIDATES, NOWHERE), *by_words}
    }


def _edition_fit(store: Loaded, query: str) -> Floats:
    """More for the edition of the year that is asked for, less for another or an outdated one."""
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


def _words(db: sqlite3.Connection, store: Loaded, query: str) -> list[Word]:
    """The words of a question that carry meaning, each once."""
    found: dict[str, Word] = {}
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
            # They come in order: how far they reach tells how many there are.
            count *= len(store.places) / (rows[-1] + 1)
            rows = rows[:0]
        found[stem] = Word(text, stem, math.log(1 + len(store.matrix) / count), rows)
    return list(found.values())


def _top(scores: Floats, count: int, floor: float) -> list[int]:
    """The rows with the highest scores above `floor`, the earlier one first among equals."""
    rows = np.flatnonzero(scores > floor)
    if len(rows) > count:
        bound = np.partition(scores[rows], -count)[-count]
        rows = rows[scores[rows] >= bound]
    return [int(row) for row in rows[np.argsort(-scores[rows], kind="stable")][:count]]


def _raw(
    db: sqlite3.Connection, store: Loaded, row: int, alike: Floats, words: Sequence[Word]
) -> float:
    """The best window's sum of both sides."""
    text, context = db.execute(
        "SELECT text, context FROM search_chunks WHERE place = ?", (int(store.places[row]),)
    ).fetchone()
    total = sum(word.rarity for word in words) or 1
    most = -1.0
    for cosine, (own, above) in zip(alike[store.windows(row)], _stems(text, context), strict=True):
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
    db: sqlite3.Connection, store: Loaded, words: Sequence[Word], allowed: NDArray[np.bool_]
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
    """Each side's weight over the rank there, so that what is first on both sides has 1."""
    weights = (ranking.embedding_weight or 0.0, ranking.text_weight or 0.0)
    sides = (_top(best, limit + CANDIDATES, NOWHERE), by_words[: limit + CANDIDATES])
    whole = sum(weights) / (RRF_CONSTANT + 1)
    scores: dict[int, float] = {}
    for weight, side in zip(weights, sides, strict=True):
        for place, row in enumerate(side if weight else (), start=1):
            scores[row] = scores.get(row, 0.0) + weight / (RRF_CONSTANT + place) / whole
    return scores
