"""What is wrong with a run: one fact, with the place in the traffic where it shows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SHOWN = 56
"""Letters of an excerpt: they fit on a line of 80 beside the name of the field."""


@dataclass(frozen=True)
class Excerpt:
    """A piece of the traffic: the name of the field, what stood there, and where the caret points.

    `caret` is a place in `text`, or None. `expected` is what should have stood there, if it is one
    value.
    """

    field: str
    text: str
    caret: int | None = None
    expected: str | None = None


@dataclass(frozen=True)
class Failure:
    """The first wrong fact of a run: a sentence, an excerpt of the traffic, and why it matters.

    `is_absence` says that something never came, which a crash of the program would explain better.
    """

    fact: str
    why: str
    excerpt: Excerpt | None = None
    is_absence: bool = False

    def lines(self) -> list[str]:
        """As plain text, for a terminal of 80 columns; the sentences still have to be wrapped."""
        shown = excerpt_lines(self.excerpt) if self.excerpt else []
        why = " ".join(self.why.split())
        return [self.fact, *([""] if shown else []), *shown, "", f"Why: {why}"]


def excerpt_lines(excerpt: Excerpt) -> list[str]:
    """The field and its text, the caret below, and what was expected."""
    margin = "  "
    title = margin + excerpt.field
    lines = [title, margin * 2 + excerpt.text]
    if excerpt.caret is not None:
        lines.append(margin * 2 + " " * excerpt.caret + "^")
    if excerpt.expected is not None:
        lines += [margin + "expected", margin * 2 + excerpt.expected]
    return lines


def difference(field: str, got: str, expected: str) -> Excerpt:
    """Where two texts first differ: a stretch of each around that place, as JSON writes it."""
    place = next(
        (n for n, (a, b) in enumerate(zip(got, expected, strict=False)) if a != b),
        min(len(got), len(expected)),
    )
    start = max(0, place - SHOWN // 3)
    shown, wanted = _stretch(got, start), _stretch(expected, start)
    before = _stretch(got[:place], start, is_whole=False)
    return Excerpt(field, shown, len(before), wanted)


def _stretch(text: str, start: int, *, is_whole: bool = True) -> str:
    """Some of a text from `start`, quoted; dots stand where more of it is left out."""
    part = text[start : start + SHOWN - 10]
    quoted = json.dumps(part, ensure_ascii=False)[1:-1]
    opening = "..." if start else '"'
    if not is_whole:
        return opening + quoted
    return opening + quoted + ("..." if start + SHOWN - 10 < len(text) else '"')


def cut(text: str, most: int = 60) -> str:
    """A text of at most so many letters; dots stand for what is left out."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def value(field: str, got: Any, expected: str | None = None) -> Excerpt:
    """A value of JSON, cut to a line, with the caret under its start."""
    return Excerpt(field, cut(json.dumps(got, ensure_ascii=False), SHOWN), 0, expected)


def missing(field: str, parent: Mapping[str, Any] | Sequence[Any], expected: str) -> Excerpt:
    """A field that isn't there: what there is instead, with the caret behind it."""
    names = ", ".join(parent) if isinstance(parent, Mapping) else f"{len(parent)} items"
    text = cut(names or "(nothing)", SHOWN)
    return Excerpt(f"{field} (the fields that are there)", text, len(text), expected)
