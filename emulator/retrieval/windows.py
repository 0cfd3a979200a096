"""A chunk as vectors: one for each window of some sixty tokens, since the mean of 800 is a blur.

A window is a run of whole sentences or lines, its units, of at most `WINDOW` characters. The next
window starts at the unit that reaches over this one's middle, so that half of each is shared and an
answer of two sentences is never divided everywhere.

To a window's vector, the vector of its context is added at a fraction of the weight. The context
is the file's name and the headings above the window, so that "it opens at nine" is near a question
about the dome if it stands under "Dome". A chunk stores only the context that it starts under;
headings inside its text are found again when they are needed.

The encoder reads a window behind the title and the last heading, `LONGEST_ABOVE` characters of
each, as a paragraph rarely names what it is about.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple

from emulator.retrieval import embedding
from emulator.retrieval.chunking import chunk_bounds
from emulator.text.plain_text import heading
from emulator.text.sentences import breaks, ending

import numpy as np
from numpy.typing import NDArray

WINDOW = 300
"""Characters of a window: some sixty tokens."""
LONGEST_UNIT = 400
LONGEST_ABOVE = 80
CONTEXT_SHARE = 0.15
"""How much the headings above a window count in its vector, beside its own words."""
REMEMBERED = 4096
"""Units whose sums are kept, since two chunks that overlap share their windows."""

YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_NAME = re.compile(r"[-_./\\\s]+")

Span = tuple[int, int]
Path = tuple[tuple[int, str], ...]
"""The headings above a place, outermost first, each with its depth."""


class PlacedWindow(NamedTuple):
    """A window as it is written, all that it stands under, and itself as the encoder reads it."""

    text: str
    above: str
    placed: str


@dataclass(frozen=True)
class EmbeddedChunk:
    """A chunk: its text, a unit vector for each window, and the title and headings above it."""

    text: str
    windows: NDArray[np.float32] = field(repr=False)
    context: str = ""


def embed_chunks(
    text: str, max_tokens: int = 800, overlap: int = 400, title: str = ""
) -> list[EmbeddedChunk]:
    """The chunks of a file with their vectors; `title` is its name."""
    above: Path = ((0, " ".join(_NAME.split(title)).strip()),) if title else ()
    headings = list(_paths(text, above))
    made = []
    for start, end in chunk_bounds(text, max_tokens, overlap):
        if text[start:end].strip():
            number = _number_at(headings, start)
            # What stands before the first heading belongs to it: a menu, a date, a blank line.
            is_lead = number == 0 and len(headings) > 1 and headings[1][0] < end
            path = headings[1 if is_lead else number][1]
            context = "\n".join(f"{'#' * depth} {words}".strip() for depth, words in path)
            made.append(EmbeddedChunk(text[start:end], vectors(text[start:end], context), context))
    return made


def vectors(text: str, context: str) -> NDArray[np.float32]:
    """A unit vector for each window of a chunk."""
    units, runs, paths = _windows(text, context)
    contexts = list(map(_words, paths))
    named = list(dict.fromkeys(contexts))
    sums = np.array([_added(each) for each in (*(text[a:b] for a, b in units), *named)])
    # The sum of a run is the difference of two running totals, exact in whole numbers.
    totals = np.zeros((len(units) + 1, embedding.DIMENSIONS), np.int64)
    np.cumsum(sums[: len(units)], axis=0, out=totals[1:])
    bounds = np.array(runs)
    own = embedding.unit(totals[bounds[:, 1]] - totals[bounds[:, 0]])
    above = embedding.unit(sums[len(units) :])
    return embedding.unit(own + CONTEXT_SHARE * above[[named.index(each) for each in contexts]])


_added = lru_cache(REMEMBERED)(embedding.added)


def windows(text: str, context: str) -> list[PlacedWindow]:
    """The windows of a chunk, each with what it stands under."""
    units, runs, paths = _windows(text, context)
    texts = (text[units[first][0] : units[beyond - 1][1]] for first, beyond in runs)
    return [
        PlacedWindow(own, _words(path), _placed(own, path))
        for own, path in zip(texts, paths, strict=True)
    ]


def _words(path: Path) -> str:
    return " ".join(words for _, words in path)


def _placed(own: str, path: Path) -> str:
    titles = (ending(words, LONGEST_ABOVE) for depth, words in path if not depth)
    headings = [words[:LONGEST_ABOVE] for depth, words in path if depth]
    return ". ".join(filter(None, [*titles, *headings[-1:], own]))


def _windows(text: str, context: str) -> tuple[list[Span], list[Span], list[Path]]:
    """The units of a chunk (start, end), which run of them (first, beyond) is a window, and the
    title and the headings above each window, outermost first.
    """
    units = list(_units(text)) or [(0, len(text))]
    runs = list(_runs(units))
    lines = context.split("\n")
    above = tuple((len(line) - len(line.lstrip("#")), line.lstrip("# ")) for line in lines)
    headings = list(_paths(text, above))
    return units, runs, [headings[_number_at(headings, units[first][0])][1] for first, _ in runs]


def _units(text: str) -> Iterator[Span]:
    """Sentences and lines; a very long one in pieces."""
    cuts = [0, *(start for _, start in breaks(text)), len(text)]
    for start, end in pairwise(cuts):
        while end - start > LONGEST_UNIT:
            blank = text.rfind(" ", start + 1, start + WINDOW)
            middle = blank if blank > 0 else start + WINDOW
            yield start, middle
            start = middle
        if text[start:end].strip():
            yield start, end


def _runs(units: Sequence[Span]) -> Iterator[Span]:
    """The windows: as many units as there is room for; one that is too long is alone."""
    first = beyond = 0
    while beyond < len(units):
        beyond = first + 1
        while beyond < len(units) and units[beyond][1] - units[first][0] <= WINDOW:
            beyond += 1
        yield first, beyond
        middle = (units[first][0] + units[beyond - 1][1]) // 2
        first = next((n for n in range(first + 1, beyond) if units[n][0] >= middle), beyond)


def edition(context: str) -> tuple[int, int]:
    """The first and the last year in a title or a heading of the first rank; zeros without one."""
    lines = [line for line in context.split("\n") if not line.startswith("##")]
    years = [int(year) for year in YEAR.findall(" ".join(lines))]
    return (min(years), max(years)) if years else (0, 0)


def _paths(text: str, above: Path) -> Iterator[tuple[int, Path]]:
    """Where the headings change, and to what; the first is what stands above the text."""
    yield 0, above
    place = 0
    for line in text.split("\n"):
        if found := heading(line):
            above = (*(heading for heading in above if heading[0] < found[0]), found)
            yield place, above
        place += len(line) + 1


def _number_at(headings: Sequence[tuple[int, Path]], place: int) -> int:
    """Which of these holds at a place: the last that starts there or before."""
    return bisect_right(headings, place, key=itemgetter(0)) - 1
