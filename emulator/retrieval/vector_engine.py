"""What turns texts into the vectors of a store: the table, or a model where one is installed.

An engine makes vectors of windows and of questions, which are compared by their product.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Protocol

from emulator.retrieval import embedding
from emulator.retrieval.minilm import MiniLM

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
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
        """A unit vector for a question, of whose words the rarity is told."""


class TableEngine:
    """Sums of the table's rows: small and quick, without a sense for the order of words."""

    name = "table-1"
    dimensions = embedding.DIMENSIONS
    text_share = 0.6

    def windows(self, units: Sequence[str], runs: Runs, contexts: Sequence[str]) -> Floats:
        named = list(dict.fromkeys(contexts))
        sums = np.array([_added(text) for text in (*units, *named)])
        totals = np.zeros((len(units) + 1, self.dimensions), np.int64)
        np.cumsum(sums[: len(units)], axis=0, out=totals[1:])
        bounds = np.array(runs)
        own = embedding.unit(totals[bounds[:, 1]] - totals[bounds[:, 0]])
        above = embedding.unit(sums[len(units) :])
        return embedding.unit(own + CONTEXT_SHARE * above[[named.index(c) for c in contexts]])

    def question(self, text: str, rarity: Sequence[tuple[str, float]]) -> Floats:
        if not rarity:
            return np.zeros(self.dimensions, np.float32)
        flat: Floats = embedding.embed([text])[0]
        sums = np.array([_added(word) for word, _ in rarity])
        weighed = embedding.unit(np.array([[weight for _, weight in rarity]]) @ sums)[0]
        mixed = (1 - RARITY_SHARE) * flat + RARITY_SHARE * weighed
        vector: Floats = embedding.unit(mixed[None])[0]
        return vector


@lru_cache(maxsize=4096)
def _added(text: str) -> NDArray[np.int32]:
    """Remembered, since two chunks that overlap share their sentences."""
    return embedding.added(text)


_chosen: list[VectorEngine] = []


def current_engine() -> VectorEngine:
    """The best that is installed."""
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
