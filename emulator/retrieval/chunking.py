"""Text cut into overlapping chunks, as a vector store cuts a file.

A chunk ends where a reader would pause: after a section, a paragraph or a sentence if one ends in
its last quarter, else between two words. Only what has no blank for a whole chunk is cut inside.
Tokens are those of `emulator.wire.tokens`; a chunk is a slice of the text, so that its tokens are
the text's own.
"""

import re
from collections.abc import Sequence
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
    return [text[start:end] for start, end in spans(text, max_tokens, overlap)]


def spans(text: str, max_tokens: int = 800, overlap: int = 400) -> list[tuple[int, int]]:
    """Where each chunk starts and ends in the text."""
    if max_tokens < 4 or not 0 <= overlap <= max_tokens // 2:
        raise ValueError(f"at least 4 tokens, of which 0 to half overlap: {max_tokens}, {overlap}")
    places = [0, *accumulate(map(len, tokens.split(text)))]
    last = len(places) - 1
    found: list[tuple[int, int]] = []
    start = end = 0
    while end < last:
        limit = min(start + max_tokens, last)
        end = limit if limit == last else _end(text, places, start, end, limit)
        found.append((places[start], places[end]))
        start = _start(text, places, max(end - overlap, start + 1), end)
    return found


def _end(text: str, places: Sequence[int], start: int, before: int, limit: int) -> int:
    """The best place to stop: late, but rather after a sentence than inside one."""
    early = max(before, min(limit - 1, limit - (limit - start) // 4))
    best = _best(text, places, range(limit, early, -1))
    if best is None:
        best = next((p for p in range(early, before, -1) if pause(text, places[p])), None)
    if best is not None:
        return best
    # One word fills it. Were a run of blanks its end, each blank would become a token.
    return limit - 1 if text[places[limit] - 1].isspace() and limit - 1 > before else limit


def _start(text: str, places: Sequence[int], earliest: int, end: int) -> int:
    """Where the next chunk begins: at a sentence in the first half of the overlap, or at a word."""
    middle = earliest + (end - earliest + 1) // 2
    best = _best(text, places, range(earliest, middle))
    if best is None:
        best = next((p for p in range(middle, end) if pause(text, places[p])), end)
    return best


def _best(text: str, places: Sequence[int], choice: range) -> int | None:
    """The first of the best pauses among these places; None where each is inside a word."""
    found, most = None, INSIDE
    for place in choice:
        if most and text[places[place] - 1].isalnum():
            continue  # at best the end of a word, of which there is one already
        if (kind := pause(text, places[place])) > most:
            found, most = place, kind
    return found


def pause(text: str, place: int) -> int:
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
    """A heading belongs to what follows: no good place behind it, the best one before it."""
    if text[place] == "#":
        return SECTION
    line = text[max(place - _LONGEST_HEADING, 0) : place].rstrip("\n").rpartition("\n")[2]
    if line.startswith("#"):
        return WORD
    return PARAGRAPH if text[place - 2] == "\n" else SENTENCE
