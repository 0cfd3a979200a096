"""Text as vectors: texts with similar meanings get vectors with similar directions.

A table holds 128 numbers for each of BERT's 30,522 word pieces, distilled from all-MiniLM-L6-v2 by
`tools/build_embedding_table.py`. A text is split into pieces as BERT does it, and their rows are
added up. Word order doesn't count, nor does a word's meaning in its sentence. The table knows
English, and other languages only as far as they share words with it. It is quick, so it finds the
candidates of a search; encoder.py, which knows sentences, reads the best of them again.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

DIMENSIONS = 128
ENGINE = "table-1"
"""Stands beside each vector in a database: those that something else has made don't compare."""
TABLE = Path(__file__).with_name("table.npz")
LONGEST_WORD = 100
MOST_WORDS, MOST_MARKS = 16_384, 16_384
"""Words and characters that are remembered: some 300 and 150 bytes each."""

# Ranges of Chinese characters, each of which is a word to BERT.
_IDEOGRAPHS = (
    range(0x4E00, 0xA000),
    range(0x3400, 0x4DC0),
    range(0x20000, 0x2A6E0),
    range(0x2A700, 0x2CEB0),
    range(0xF900, 0xFB00),
    range(0x2F800, 0x2FA20),
)


@dataclass(frozen=True)
class EmbeddingTable:
    """The word pieces in the order of their ids, the way back, and a row for each."""

    words: list[str]
    ids: dict[str, int]
    rows: NDArray[np.int8]


@cache
def table() -> EmbeddingTable:
    """The table, read once."""
    with np.load(TABLE) as file:
        words = file["words"].tobytes().decode().split("\n")
        return EmbeddingTable(
            words, {word: place for place, word in enumerate(words)}, file["rows"]
        )


def embed(texts: Sequence[str]) -> Floats:
    """A vector of unit length for each text: shape (texts, DIMENSIONS).

    A text without a known word gets the same vector as the empty one.
    """
    return unit(np.array([added(text) for text in texts]).reshape(-1, DIMENSIONS))


def added(text: str) -> NDArray[np.int32]:
    """The rows of a text's word pieces, added up: whole numbers, exact in whatever order."""
    rows = table().rows.take(np.array(token_ids(text), np.intp), axis=0)
    total: NDArray[np.int32] = rows.sum(axis=0, dtype=np.int32)
    return total


def resized(vectors: Floats, length: int) -> Floats:
    """The vectors cut to `length` and made unit again, or filled up with zeros."""
    if length < vectors.shape[1]:
        return unit(vectors[:, :length])
    longer = np.zeros((len(vectors), length), np.float32)
    longer[:, : vectors.shape[1]] = vectors
    return longer


def unit(vectors: NDArray[np.generic]) -> Floats:
    """The vectors at length 1; a zero one becomes the first axis."""
    exact = vectors.astype(np.float64)
    exact[~exact.any(axis=1), 0] = 1
    lengths = np.linalg.norm(exact, axis=1, keepdims=True)
    return np.asarray(exact / lengths, np.float32)


def token_ids(text: str) -> list[int]:
    """The ids of a text's word pieces, as BERT (uncased) cuts it."""
    unknown = (table().ids["[UNK]"],)
    # A word that is too long is not even remembered, as it may have megabytes.
    return list(
        chain.from_iterable(
            _pieces(word) if len(word) <= LONGEST_WORD else unknown for word in words(text)
        )
    )


def words(text: str) -> list[str]:
    """Lower case, without accents, cut at blanks and around each sign and each ideograph."""
    return unicodedata.normalize("NFD", text.lower()).translate(_MARKS).split()


@lru_cache(MOST_WORDS)
def _pieces(word: str) -> tuple[int, ...]:
    """The longest known beginning, then the longest that goes on, ...; else it is unknown."""
    known, found, start = table().ids, list[int](), 0
    while start < len(word):
        prefix = "##" if start else ""
        ends = (end for end in range(len(word), start, -1) if prefix + word[start:end] in known)
        end = next(ends, start)
        if end == start:
            break
        found.append(known[prefix + word[start:end]])
        start = end
    return tuple(found) if start == len(word) else (known["[UNK]"],)


class _Marks(dict[int, str]):
    """What replaces a character, by its code, as a cache for `str.translate`."""

    def __missing__(self, code: int) -> str:
        if len(self) >= MOST_MARKS:  # Unicode has seventy times as many
            self.clear()
        self[code] = _mark(chr(code))
        return self[code]


def _mark(character: str) -> str:
    category = unicodedata.category(character)
    if character in "\t\n\r" or category == "Zs":
        return " "
    if character in "\0\ufffd" or category in ("Cc", "Cf", "Co", "Cs", "Mn"):
        return ""
    is_ascii_sign = character.isascii() and not character.isalnum()
    is_ideograph = any(ord(character) in block for block in _IDEOGRAPHS)
    if is_ascii_sign or is_ideograph or category.startswith("P"):
        return f" {character} "
    return character


_MARKS = _Marks()
