"""Marks of passages in a text that comes in pieces: `[1]` and `[1, 2]` become citations.

A mark behind a letter, a digit or a bracket is none: `rows[1]` is code, as is all between
backticks. A mark whose numbers name no passage stays text.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from emulator.answers.answer import Citation

_MARK = re.compile(r"\[\d{1,2}(?:[,;] ?\d{1,2})*\]")
_BEGUN = re.compile(r"\[(?:\d{1,2}[,;] ?)*\d{0,2}$")
_NO_MARK_BEHIND = re.compile(r"[A-Za-z0-9_\])]")


class MarkReader:
    """Takes pieces of a text and gives back what is to be shown; keeps the citations."""

    def __init__(self, passages: Sequence[Mapping[str, Any]]) -> None:
        self.citations: list[Citation] = []
        self._passages = dict(enumerate(passages, 1))
        self._held = ""
        self._length = 0
        self._last = ""
        self._is_code = False

    def take(self, piece: str) -> list[str]:
        """The text without its marks, cut where one stood; what may become one is held back."""
        text = self._held + piece
        begun = _BEGUN.search(text) if self._passages else None
        end = begun.start() if begun else len(text)
        self._held = text[end:]
        return self._without_marks(text[:end])

    def rest(self) -> list[str]:
        """What was held back, and became no mark."""
        return [self._held] if self._held else []

    def _without_marks(self, text: str) -> list[str]:
        kept, at = [""], 0
        for mark in _MARK.finditer(text):
            kept[-1] += self._keep(text[at : mark.start()])
            if self._cite(mark[0]):
                kept.append("")
            else:
                kept[-1] += self._keep(mark[0])
            at = mark.end()
        kept[-1] += self._keep(text[at:])
        return [piece for piece in kept if piece]

    def _keep(self, text: str) -> str:
        self._length += len(text)
        self._last = text[-1:] or self._last
        self._is_code ^= text.count("`") % 2 == 1
        return text

    def _cite(self, mark: str) -> bool:
        """Note what a mark names; whether it is one."""
        if self._is_code or _NO_MARK_BEHIND.match(self._last):
            return False
        numbers = map(int, re.findall(r"\d+", mark))
        named = [self._passages[number] for number in numbers if number in self._passages]
        self.citations += [
            Citation(self._length, passage["file_id"], passage["filename"]) for passage in named
        ]
        return bool(named)
