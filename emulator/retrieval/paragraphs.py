"""What the readers of documents share: blocks of text, rows of tables, raised characters."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LONGEST_CELL = 400
"""A table with longer cells, in characters, is a layout of the page; its cells are paragraphs."""

NAVIGATION = "\N{INVISIBLE SEPARATOR}"
"""Ends each line of a page's navigation, which can be searched, but isn't quoted."""

_RAISED = str.maketrans("0123456789+-\u2212=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱ")
# A raised ordinal (1st) or a mark (TM) says the same when it is not raised.
_SAME_IF_PLAIN = re.compile(r"[^\W\d_]{2,}|\W*|\[.*\]|\d+[a-z]", re.DOTALL)


@dataclass(frozen=True)
class Paragraph:
    """A paragraph, or a heading of the level 1 to 6."""

    text: str
    level: int = 0

    def __str__(self) -> str:
        mark = "#" * min(self.level, 6) + " "
        return mark + " ".join(self.text.split()) if self.level else self.text


def joined(blocks: Iterable[Paragraph]) -> str:
    """The text of a document: an empty line between its blocks."""
    return "\n\n".join(str(block).strip("\n") for block in blocks if block.text.strip())


def row(cells: Sequence[Sequence[Paragraph]]) -> list[Paragraph]:
    """A row of a table: one line with tabs between its cells, unless it is a layout."""
    texts = [" ".join(" ".join(block.text.split()) for block in cell) for cell in cells]
    if len(cells) < 2 or max(map(len, texts)) > LONGEST_CELL:
        return [block for cell in cells for block in cell]
    return [Paragraph("\t".join(texts))] if any(texts) else []


def table(rows: Iterable[Sequence[Sequence[Paragraph]]]) -> list[Paragraph]:
    """The rows of a table; those that are one line follow each other without an empty one."""
    found: list[Paragraph] = []
    is_line = False
    for cells in rows:
        blocks = row(cells)
        was_line, is_line = is_line, len(blocks) == 1 and "\t" in blocks[0].text
        if was_line and is_line:
            found[-1] = Paragraph(f"{found[-1].text}\n{blocks[0].text}")
        else:
            found += blocks
    return found


def raised(text: str) -> str:
    """A superscript as a line of text can hold it: 2⁷, x^k, e^(a/b), 1st."""
    if _SAME_IF_PLAIN.fullmatch(text):
        return text
    characters = text.translate(_RAISED)
    if not any(character in characters for character in text):
        return characters
    return f"^{text}" if len(text) == 1 else f"^({text})"
