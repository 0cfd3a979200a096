"""Sentences: where one ends, and where a long one may be cut so that its sound can start early."""

import re
from collections.abc import Iterator

LONGEST = 220
"""Characters of a piece: the sound of a sentence is made at once, and cannot be sent before."""

_END = re.compile(r"""(?<![.!?…])[.!?…]+["'”’»)\]*_`]*\s+|\n\s*""")
_ABBREVIATIONS = frozenset(
    "approx. ca. cf. dr. fr. jr. messrs. mr. mrs. ms. mt. prof. rev. sr. st. vs.".split()
)
_BEFORE_NUMBER = frozenset("art. fig. no. nos. nr. p. pp. sec. tel. vol.".split())
_LETTERS = re.compile(r"(?:[a-z]\.)+")
_COMMA = re.compile(r"[,;:—–]\s+")


def sentences(text: str) -> list[str]:
    """The sentences of a text, each with the blanks behind it: joined they are the text again.

    A line ends a sentence, too. What is longer than LONGEST is cut behind a comma or, without one,
    at a blank.
    """
    return [piece for sentence in _sentences(text) for piece in _pieces(sentence)]


def _sentences(text: str) -> Iterator[str]:
    start = 0
    for found in _END.finditer(text):
        if _is_end(text, start, found) and text[start : found.end()].strip():
            yield text[start : found.end()]
            start = found.end()
    if start < len(text):
        yield text[start:]


def _is_end(text: str, start: int, found: re.Match[str]) -> bool:
    """Not before a small letter, nor behind `Dr.`, `a.m.`, `No.` or the number of an item."""
    if "\n" in found[0]:
        return True
    follows = text[found.end() : found.end() + 1]
    before = text[max(start, found.start() - 20) : found.end()].split()
    word = before[-1].lower().lstrip("([{\"'“‘«*_`")
    if word in _ABBREVIATIONS or _LETTERS.fullmatch(word):
        return False
    if len(before) == 1 and word[:-1].isdecimal():
        return False
    return not (follows.islower() or (word in _BEFORE_NUMBER and follows.isdecimal()))


def _pieces(sentence: str) -> Iterator[str]:
    while len(sentence) > LONGEST:
        commas = [found.end() for found in _COMMA.finditer(sentence, 0, LONGEST)]
        blank = sentence.rfind(" ", 1, LONGEST) + 1
        cut = commas[-1] if commas else blank or LONGEST
        yield sentence[:cut]
        sentence = sentence[cut:]
    yield sentence
