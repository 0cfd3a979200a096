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

from collections.abc import Iterable
from itertools import accumulate

from emulator.text.plain_text import LONGEST_HEADING
from emulator.text.sentences import breaks
from emulator.wire import tokens

INSIDE, WORD, SENTENCE, PARAGRAPH, SECTION = range(5)


def chunk(text: str, max_tokens: int = 800, overlap: int = 400) -> list[str]:
    """Slices of at most `max_tokens`; neighbours share at most `overlap`, and nothing is left out.

    Raises ValueError where the overlap is more than half of the limit, which OpenAI refuses too.
    """
    return [text[start:end] for start, end in chunk_bounds(text, max_tokens, overlap)]


def chunk_bounds(text: str, max_tokens: int = 800, overlap: int = 400) -> list[tuple[int, int]]:
    """Where each chunk starts and ends in the text."""
    if max_tokens < 4 or not 0 <= overlap <= max_tokens // 2:
        raise ValueError(f"at least 4 tokens, of which 0 to half overlap: {max_tokens}, {overlap}")
    cuts = _Cuts(text)
    last = len(cuts.places) - 1
    found: list[tuple[int, int]] = []
    start = end = 0
    while end < last:
        limit = min(start + max_tokens, last)
        end = limit if limit == last else _end(cuts, start, end, limit)
        found.append((cuts.places[start], cuts.places[end]))
        start = _start(cuts, max(end - overlap, start + 1), end)
    return found


class _Cuts:
    """The places between the tokens of a text, and what ends at each of them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.places = [0, *accumulate(map(len, tokens.split(text)))]
        self._sentence_ends = frozenset(end for end, _ in breaks(text))

    def strongest(self, choice: Iterable[int]) -> int | None:
        """The first of the strongest among these cuts; None where each is inside a word."""
        found, most = None, INSIDE
        for number in choice:
            if most and self.text[self.places[number] - 1].isalnum():
                continue  # at best the end of a word, of which there is one already
            if (strength := self._strength(self.places[number])) > most:
                found, most = number, strength
        return found

    def first_word(self, choice: Iterable[int]) -> int | None:
        return next((number for number in choice if self._strength(self.places[number])), None)

    def _strength(self, place: int) -> int:
        """What ends at a place in the text: a section, ..., a word, or nothing (`INSIDE`)."""
        if self.text[place - 1] == "\n":
            return _line_end(self.text, place)
        if place in self._sentence_ends and self.text[place] != "\n":
            return SENTENCE
        return WORD if self.text[place].isspace() else INSIDE


def _end(cuts: _Cuts, start: int, before: int, limit: int) -> int:
    """Which cut ends a chunk; it must be behind the end of the chunk before, or nothing is new."""
    early = max(before, min(limit - 1, limit - (limit - start) // 4))
    best = cuts.strongest(range(limit, early, -1))
    if best is None:
        best = cuts.first_word(range(early, before, -1))
    if best is not None:
        return best
    # One word fills it. Were a run of blanks its end, each blank would become a token.
    is_blank = cuts.text[cuts.places[limit] - 1].isspace()
    return limit - 1 if is_blank and limit - 1 > before else limit


def _start(cuts: _Cuts, earliest: int, end: int) -> int:
    """Which cut the next chunk starts at."""
    middle = earliest + (end - earliest + 1) // 2
    best = cuts.strongest(range(earliest, middle))
    if best is None:
        best = cuts.first_word(range(middle, end))
    return end if best is None else best


def _line_end(text: str, place: int) -> int:
    """A heading belongs to what follows: a weak cut behind it, the strongest one before it."""
    if text[place] == "#":
        return SECTION
    line = text[max(place - LONGEST_HEADING, 0) : place].rstrip("\n").rpartition("\n")[2]
    if line.startswith("#"):
        return WORD
    return PARAGRAPH if text[place - 2] == "\n" else SENTENCE
