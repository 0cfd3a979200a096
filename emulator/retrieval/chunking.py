"""Text cut into overlapping chunks, as a vector store cuts a file.

A text may be cut between any two tokens; the offsets of these cuts in the text are `cuts`. Every
cut has a strength, by what ends there: nothing (the inside of a word), a word, a sentence, a
paragraph or a section. The chunks are made from left to right:

    |<------- a chunk: at most max_tokens ------->|
    |                    | last quarter: its end  |
                 |<-- at most overlap -->|
                 | 1st half: start of the next chunk

The end is the strongest cut of the last quarter, and of several equal ones the latest. Only where
that quarter has not even the end of a word, the end moves further back, to the last word that ends
at all; where there is none, the chunk is one very long word and is cut at the limit.

The next chunk starts at most `overlap` tokens before that end: at the strongest cut of the first
half of the overlap, the earliest of equal ones, else at the first word of the second half, else at
the end itself. So a sentence that is cut off in one chunk is usually whole in the next one.

Tokens are those of `emulator.wire.tokens`; a chunk is a slice of the text, so that its tokens are
the text's own.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import accumulate

from emulator.wire import tokens

INSIDE, WORD, SENTENCE, PARAGRAPH, SECTION = range(5)

_SENTENCE_END = re.compile(r"[.!?…:]['\")\]”’*_]{0,3}$")
_WIDE_STOPS = "。！？"  # they end a sentence without a blank after them
_LONGEST_HEADING = 200


def chunk(text: str, max_tokens: int = 800, overlap: int = 400) -> list[str]:
    """Slices of at most `max_tokens`; neighbours share at most `overlap`, and nothing is left out.

    Raises ValueError where the overlap is more than half of the limit, which OpenAI refuses too.
    """
    return [text[start:end] for start, end in chunk_bounds(text, max_tokens, overlap)]


def chunk_bounds(text: str, max_tokens: int = 800, overlap: int = 400) -> list[tuple[int, int]]:
    """Where each chunk starts and ends in the text."""
    if max_tokens < 4 or not 0 <= overlap <= max_tokens // 2:
        raise ValueError(f"at least 4 tokens, of which 0 to half overlap: {max_tokens}, {overlap}")
    cuts = [0, *accumulate(map(len, tokens.split(text)))]
    last = len(cuts) - 1
    found: list[tuple[int, int]] = []
    start = end = 0
    while end < last:
        limit = min(start + max_tokens, last)
        end = limit if limit == last else _end(text, cuts, start, end, limit)
        found.append((cuts[start], cuts[end]))
        start = _start(text, cuts, max(end - overlap, start + 1), end)
    return found


def _end(text: str, cuts: Sequence[int], start: int, before: int, limit: int) -> int:
    """Which cut ends a chunk; it must be behind the end of the chunk before, or nothing is new."""
    early = max(before, min(limit - 1, limit - (limit - start) // 4))
    best = _strongest(text, cuts, range(limit, early, -1))
    if best is None:
        best = _first_word(text, cuts, range(early, before, -1))
    if best is not None:
        return best
    # One word fills it. Were a run of blanks its end, each blank would become a token.
    return limit - 1 if text[cuts[limit] - 1].isspace() and limit - 1 > before else limit


def _start(text: str, cuts: Sequence[int], earliest: int, end: int) -> int:
    """Which cut the next chunk starts at."""
    middle = earliest + (end - earliest + 1) // 2
    best = _strongest(text, cuts, range(earliest, middle))
    if best is None:
        best = _first_word(text, cuts, range(middle, end))
    return end if best is None else best


def _strongest(text: str, cuts: Sequence[int], choice: Iterable[int]) -> int | None:
    """The first of the strongest among these cuts; None where each is inside a word."""
    found, most = None, INSIDE
    for number in choice:
        if most and text[cuts[number] - 1].isalnum():
            continue  # at best the end of a word, of which there is one already
        if (strength := cut_strength(text, cuts[number])) > most:
            found, most = number, strength
    return found


def _first_word(text: str, cuts: Sequence[int], choice: Iterable[int]) -> int | None:
    return next((number for number in choice if cut_strength(text, cuts[number])), None)


def cut_strength(text: str, place: int) -> int:
    """What ends at a place in the text: a section, ..., a word, or nothing (`INSIDE`)."""
    before, after = text[place - 1], text[place]
    if before == "\n":
        return _line_end(text, place)
    if before in _WIDE_STOPS:
        return SENTENCE
    if not after.isspace():
        return INSIDE
    return SENTENCE if _SENTENCE_END.search(text, max(place - 4, 0), place) else WORD


def _line_end(text: str, place: int) -> int:
    """A heading belongs to what follows: a weak cut behind it, the strongest one before it."""
    if text[place] == "#":
        return SECTION
    line = text[max(place - _LONGEST_HEADING, 0) : place].rstrip("\n").rpartition("\n")[2]
    if line.startswith("#"):
        return WORD
    return PARAGRAPH if text[place - 2] == "\n" else SENTENCE
