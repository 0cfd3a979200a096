"""What can be quoted of a text: its sentences, the rows of its tables, the lines of its code.

Each is quoted as its reader sees it, letter by letter: only markup is gone, and a paragraph that
was broken for its width is one line. A row has the titles of its columns beside its cells, all as
they are written: "grown-ups: by day 4 euros, public evening 11 euros".
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from emulator.text.markdown import VisibleBlock, blocks
from emulator.text.sentences import sentences

_NAME = re.compile(r"[-_./\\\s]+")
_FENCE = re.compile(r"^ {0,3}((?:```|~~~)[^\n`]*)$", re.MULTILINE)
_ENDS = re.compile(r"""[.!?…。！？]["'”’»)\]]*$""")


@dataclass(frozen=True)
class Quote:
    """A sentence, row or line; its file, and the headings above it, outermost first.

    `result` is the number of the passage that it stands in. Passages overlap, and begin anywhere,
    so that the same sentence may come from two of them, once with headings and once without.
    """

    text: str
    source: str = ""
    headings: tuple[str, ...] = ()
    result: int = field(default=0, compare=False)

    @property
    def placed(self) -> str:
        """The quote behind what says what it is about: the file's name, and its heading."""
        name = self.source.replace("\\", "/").rpartition("/")[2].rpartition(".")[0]
        above = [" ".join(_NAME.split(name)).strip(), *self.headings[-1:]]
        return ". ".join([*filter(None, above), self.text])

    @property
    def is_sentence(self) -> bool:
        """Whether it ends as a sentence does."""
        return _ENDS.search(self.text) is not None

    @property
    def leads_on(self) -> bool:
        """Whether it announces what follows it, which is part of it then."""
        return self.text.endswith(":")


def quotes(text: str, source: str = "", result: int = 0) -> Iterator[Quote]:
    """What a text of Markdown, or any other text, has to quote, in order."""
    headings: tuple[str, ...] = ()
    depths: tuple[int, ...] = ()
    for block in blocks(_opened(text)):
        if block.kind == "heading":
            # It ends the headings of its own depth and below.
            kept = sum(depth < block.level for depth in depths)
            headings = (*headings[:kept], block.text)
            depths = (*depths[:kept], block.level)
            continue
        for part in _parts(block):
            yield Quote(part, source, headings, result)


def joined(chosen: Sequence[str]) -> Iterator[str]:
    """What stands before each of these quotes: a blank behind a sentence, else a new line."""
    for place, _ in enumerate(chosen):
        before = chosen[place - 1] if place else ""
        yield "" if not place else " " if _ENDS.search(before) else "\n"


def _opened(text: str) -> str:
    """A passage that begins within a piece of code gets the fence back that opened it.

    Then the number of its fences is odd, and the first one names no language, as it closes.
    """
    fences = _FENCE.findall(text)
    return f"{fences[0]}\n{text}" if len(fences) % 2 and fences[0] in ("```", "~~~") else text


def _parts(block: VisibleBlock) -> Iterator[str]:
    if block.kind == "row":
        yield _row(block.titles, block.cells)
    elif block.kind == "code":
        yield from filter(None, map(str.strip, block.text.split("\n")))
    elif block.kind == "text":
        for sentence in sentences(block.text):
            if re.search(r"\w\W+\w|\d", sentence):
                yield sentence.strip()


def _row(titles: Sequence[str], cells: Sequence[str]) -> str:
    first, *rest = cells
    named = zip(titles[1:], rest, strict=False)
    others = ", ".join(f"{title} {cell}".strip() for title, cell in named if cell)
    return ": ".join(filter(None, (first, others)))
