"""Vector engines: how windows and questions become vectors, which are compared by their product.

Everybody has the table; a model replaces it where one is installed. The table alone gives a sum of
words, so two things that a model does by itself are added here by hand: the headings above a window
are mixed into its vector (`CONTEXT_SHARE`), and a question's rare words weigh more in its own
(`RARITY_SHARE`): "When does the dome open?" is about the dome more than about opening.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Protocol

from emulator.retrieval import embedding
from emulator.retrieval.embedding import Floats
from emulator.retrieval.minilm import MiniLM

import numpy as np

Runs = Sequence[tuple[int, int]]

CONTEXT_SHARE = 0.15
"""How much the headings above a window count in its vector, beside its own words."""
RARITY_SHARE = 0.6
"""How much of a question's vector weighs its words by their rarity in the store."""


class VectorEngine(Protocol):
    """`name` stands beside each vector in the database: those of two engines do not compare."""

    name: str
    dimensions: int
    text_share: float
    """How much shared words count beside the product of two vectors."""

    def windows(self, units: Sequence[str], runs: Runs, contexts: Sequence[str]) -> Floats:
        """A unit vector for each run of units, which stands under its context."""

    def question(self, text: str, rarity: Sequence[tuple[str, float]]) -> Floats:
        """A unit vector for a question; `rarity` has those of its words that carry meaning."""


class TableEngine:
    """Sums of the table's rows: small and quick, whatever order the words are in."""

    name = "table-1"
    dimensions = embedding.DIMENSIONS
    text_share = 0.6

    def windows(self, units: Sequence[str], runs: Runs, contexts: Sequence[str]) -> Floats:
        named = list(dict.fromkeys(contexts))
        sums = np.array([_added(text) for text in (*units, *named)])
        # The sum of a run is the difference of two running totals, exact in whole numbers.
        totals = np.zeros((len(units) + 1, self.dimensions), np.int64)
        np.cumsum(sums[: len(units)], axis=0, out=totals[1:])
        bounds = np.array(runs)
        own = embedding.unit(totals[bounds[:, 1]] - totals[bounds[:, 0]])
        above = embedding.unit(sums[len(units) :])
        return embedding.unit(own + CONTEXT_SHARE * above[[named.index(each) for each in contexts]])

    def question(self, text: str, rarity: Sequence[tuple[str, float]]) -> Floats:
        if not rarity:
            return np.zeros(self.dimensions, np.float32)
        sums = np.array([_added(word) for word, _ in rarity])
        weighed = embedding.unit(np.array([[weight for _, weight in rarity]]) @ sums)
        mixed = (1 - RARITY_SHARE) * embedding.embed([text]) + RARITY_SHARE * weighed
        vector: Floats = embedding.unit(mixed)[0]
        return vector


# Cached, since two chunks that overlap share their sentences.
_added = lru_cache(maxsize=4096)(embedding.added)


_chosen: list[VectorEngine] = []


def current_engine() -> VectorEngine:
    """The one that `using_engine` has set, else the best that is installed."""
    return _chosen[-1] if _chosen else _best()


@cache
def _best() -> VectorEngine:
    try:
        return MiniLM()
    except (ImportError, OSError, ValueError):
        return TableEngine()


@contextmanager
def using_engine(chosen: VectorEngine) -> Iterator[None]:
    """A certain engine for a while, to compare them."""
    _chosen.append(chosen)
    try:
        yield
    finally:
        _chosen.pop()
