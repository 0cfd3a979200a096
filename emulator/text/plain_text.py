"""The blocks of a text in which nothing is markup: plain text, code, and what a page was read as.

Every sign of it is text: `_private_`, `C:\\path\\*.txt`. Only how its lines hang together has to be
found out:

- A line of code stands alone, unless it and the next are prose, as in a comment of several lines.
- Lines that were broken for their width are one paragraph. A line with a bullet, a number or a tab
  (a row of a table) begins anew.
- A **heading** is not a sentence. It begins with `#`, as the readers of documents write it, or it
  is underlined, numbered, in capitals or a few words by themselves.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from emulator.text.markdown import LOWEST, SHORT_LINE, TITLE, VisibleBlock, unwrapped

LONGEST_HEADING = 200
"""Characters of a line that can be a heading, with its marks."""

_HEADING = re.compile(
    r"""^(?:(?P<marks>\#{1,6})[ ]+(?P<marked>\S.*?)[ #]*
    |(?P<numbered>\d+(?:\.\d+)*\.?[ ][A-Z][^.;:,\n]{2,60})
    |(?P<capitals>(?=.*[A-Z]{3})[^a-z\n.;:]{4,80}))$""",
    re.VERBOSE,
)
_EMPTY_LINE = re.compile(r"\n[^\S\n]*\n")
_UNDERLINE = re.compile(r"={3,}|-{3,}")
_BULLET = re.compile(r"[-*+•–]\s+(?=\S)")
_ITEM = re.compile(rf"{_BULLET.pattern}|\d{{1,3}}[.)]\s")
_PROSE = re.compile(r"[^=(){}\[\];<>|\\]+")


def heading(line: str) -> tuple[int, str] | None:
    """The depth (1 to 6) and the words of a line that looks like a heading.

    None for a line of more than `LONGEST_HEADING` characters, as each chunk below repeats it.
    """
    return _heading(line) if len(line) <= LONGEST_HEADING else None


@lru_cache(maxsize=4096)
def _heading(line: str) -> tuple[int, str] | None:
    found = _HEADING.match(line)
    if not found:
        return None
    if found["marks"]:
        return len(found["marks"]), found["marked"]
    return LOWEST, line


@lru_cache(maxsize=512)
def code_blocks(text: str) -> tuple[VisibleBlock, ...]:
    """The lines of code that have text, lines of prose joined; the result is cached."""
    found: list[str] = []
    before = ""
    for line in text.split("\n"):
        if _goes_on(before, line):
            found[-1] += f" {line.strip()}"
        elif line.strip():
            found.append(line.strip())
        before = line
    return tuple(VisibleBlock("code", each) for each in found)


def _goes_on(before: str, line: str) -> bool:
    """Whether a line is the rest of a sentence of the line before, with the same indentation."""
    start, previous = line.lstrip(), before.lstrip()
    return (
        start[:1].islower()
        and len(line) - len(start) == len(before) - len(previous)
        and len(previous) >= SHORT_LINE
        and bool(_PROSE.fullmatch(previous) and _PROSE.fullmatch(start))
    )


@lru_cache(maxsize=512)
def text_blocks(text: str, *, is_wrapped: bool) -> tuple[VisibleBlock, ...]:
    """The headings, paragraphs, list items and rows of a text; the result is cached.

    If `is_wrapped`, lines may have been broken for their width. Otherwise each is a block, and only
    `#` begins a heading.
    """
    paragraphs = [each for each in _EMPTY_LINE.split(text) if each.strip()]
    begins = ["", *(each.lstrip()[:1] for each in paragraphs), ""]
    found: list[VisibleBlock] = []
    for number, paragraph in enumerate(paragraphs):
        # Numbered paragraphs that follow each other are a list.
        is_item = begins[number + 1].isdecimal() and (
            begins[number].isdecimal() or begins[number + 2].isdecimal()
        )
        found += _blocks(paragraph, is_wrapped, is_item)
    return tuple(found)


def _blocks(paragraph: str, is_wrapped: bool, is_item: bool) -> Iterator[VisibleBlock]:
    lines = [line for line in paragraph.split("\n") if line.strip()]
    if not is_item and (title := _title(lines, is_wrapped)):
        level, words = title
        yield VisibleBlock("heading", words.strip(), level)
        is_underlined = is_wrapped and len(lines) > 1 and _UNDERLINE.fullmatch(lines[1].strip())
        del lines[: 2 if is_underlined else 1]
    item: list[str] = []
    for line in lines:
        is_row = "\t" in line.strip()
        if item and (not is_wrapped or is_row or _ITEM.match(line.lstrip())):
            yield _text(item)
            item = []
        if is_row:
            yield VisibleBlock("code", line.strip())
        else:
            item.append(line)
    if item:
        yield _text(item)


def _title(lines: list[str], is_wrapped: bool) -> tuple[int, str] | None:
    """The level and the words of a heading that a paragraph begins with."""
    first, *rest = (line.strip() for line in lines)
    found = heading(first)
    if not is_wrapped or first.startswith("#"):
        return found if first.startswith("#") else None
    if rest and _UNDERLINE.fullmatch(rest[0]):
        return (1 if rest[0][0] == "=" else 2), first
    if rest:
        # A number may begin a list instead.
        return None if first[0].isdecimal() else found
    return found or ((LOWEST, first) if TITLE.fullmatch(first) else None)


def _text(lines: list[str]) -> VisibleBlock:
    text = unwrapped("\n".join(lines).replace("\N{SOFT HYPHEN}", ""))
    bullet = _BULLET.match(text)
    depth = 1 if _ITEM.match(text) else 0
    return VisibleBlock("text", text[bullet.end() :] if bullet else text, depth=depth)
