"""Colors for the code of a part: strong ones that can be read from the back row."""

import re
from collections.abc import Sequence
from functools import lru_cache

from presenter.pane import Line, Run

from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String, _TokenType
from rich.cells import cell_len

STYLES: list[tuple[_TokenType, str]] = [
    (Comment, "96"),
    (String, "92"),
    (Number, "92"),
    (Keyword, "1;95"),
    (Operator.Word, "1;95"),
    (Name.Function, "1;93"),
    (Name.Class, "1;93"),
]


@lru_cache(maxsize=64)
def colored(code: tuple[str, ...]) -> tuple[Line, ...]:
    """The lines of Python, each as runs of one color."""
    lines: list[list[Run]] = [[]]
    for kind, text in PythonLexer(stripnl=False, ensurenl=False).get_tokens("\n".join(code)):
        style = next((style for token, style in STYLES if kind in token), "")
        for number, piece in enumerate(text.split("\n")):
            if number:
                lines.append([])
            if piece:
                lines[-1].append((style, piece))
    return tuple(tuple(line) for line in lines)


def folded(line: Line, width: int) -> list[Line]:
    """A line in rows of at most `width` columns, folded at spaces; the others are indented more."""
    text = "".join(piece for _, piece in line)
    if cell_len(text) <= width:
        return [line]
    indent = min(len(text) - len(text.lstrip()) + 4, width // 2)
    ends = _ends(text, width, indent)
    starts = [0, *ends[:-1]]
    return [
        (("", " " * indent if start else ""), *_cut(line, start, end))
        for start, end in zip(starts, ends, strict=True)
    ]


def _ends(text: str, width: int, indent: int) -> list[int]:
    """Where each row of a text ends: after a space, or in the middle of what has none."""
    ends, start = list[int](), 0
    while start < len(text):
        room = max(1, width - (indent if start else 0))
        end = start
        while end < len(text) and cell_len(text[start : end + 1]) <= room:
            end += 1
        end = max(end, start + 1)
        if end < len(text) and (space := re.search(r"(?s)^.*\S +", text[start:end])):
            end = start + space.end()
        ends.append(end)
        start = end
    return ends


def _cut(line: Sequence[Run], start: int, end: int) -> Line:
    """The runs of a line from one letter to another."""
    found, at = list[Run](), 0
    for style, text in line:
        piece = text[max(0, start - at) : max(0, end - at)]
        if piece:
            found.append((style, piece))
        at += len(text)
    return tuple(found)
