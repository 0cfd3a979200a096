"""What can be quoted of a text: its sentences, the rows of its tables, the lines of its code.

Each is quoted as its reader sees it, letter by letter: only markup is gone, and a paragraph that
was broken for its width is one line. Markdown alone has markup: any other text is what it says. A
row has the titles of its columns beside its cells, all as they are written: "grown-ups: by day 4
euros, public evening 11 euros". A line of code goes together with the lines below it that are
indented or are a comment.

What stands in a list or a piece of code says little without the sentence that announces it, its
**lead**: "To restart, run:". So a quote knows its leads, one for each list that it stands in.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from emulator.retrieval.paragraphs import NAVIGATION
from emulator.text.markdown import VisibleBlock, blocks
from emulator.text.plain_text import code_blocks, text_blocks
from emulator.text.sentences import sentences

CODE = frozenset("c cpp cs css go java js php py rb sh ts".split())
WRAPPED = frozenset("txt tex pdf".split())
"""Kinds of files whose lines may have been broken for their width."""
UNWRAPPED = frozenset("html docx pptx json".split())
"""Kinds of files whose readers write a line for each block."""

LONGEST_ENTRY = 400
"""Characters of code that are quoted together."""

_SAYS = re.compile(r"\w\W+\w|\d")
"""A single word says nothing by itself, though it may announce something: "Run:"."""
_HANGS = (" ", "\t", "# ", "//", "#\t")
_NAME = re.compile(r"[-_./\\\s]+")
_FENCE = re.compile(r"^ {0,3}((?:```|~~~)[^\n`]*)$", re.MULTILINE)
_NAVIGATION = re.compile(rf"[^\n]*{NAVIGATION}")
_TABLE_START = re.compile(r"\s*(?P<row>\|[^\n]*\|)[^\S\n]*(?:\n[^\S\n]*(?P<second>\|[^\n]*)|\n|\Z)")
_RULE = re.compile(r"[|:\s-]*-[|:\s-]*")
_ENDS = re.compile(r"""[.!?…。！？]["'”’»)\]]*$""")
_LEADS = (".", "!", "?", ":", ";", ",", "…")


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
    cells: tuple[str, ...] = field(default=(), compare=False)
    """Those of a row, whose titles another passage may have."""
    leads: tuple[str, ...] = field(default=(), compare=False)
    """What announces it, outermost first."""

    @property
    def placed(self) -> str:
        """The quote behind what says what it is about: its file's name, heading and leads."""
        name = self.source.replace("\\", "/").rpartition("/")[2].rpartition(".")[0]
        above = [" ".join(_NAME.split(name)).strip(), *self.headings[-1:]]
        return ". ".join([*filter(None, above), " ".join([*self.leads, self.text])])

    @property
    def is_sentence(self) -> bool:
        """Whether it ends as a sentence does."""
        return _ENDS.search(self.text) is not None

    @property
    def leads_on(self) -> bool:
        """Whether it announces what follows it, which is part of it then."""
        return self.text.endswith(":")


def quotes(text: str, source: str = "", result: int = 0) -> Iterator[Quote]:
    """What a text has to quote, in order. What its `source` isn't known for is read as Markdown."""
    headings: dict[int, str] = {}
    leads: dict[int, str] = {}
    for block in _blocks(text, source):
        if block.kind == "heading":
            # It ends the headings of its own depth and below.
            headings = {level: each for level, each in headings.items() if level < block.level}
            headings[block.level] = block.text
            leads = {}
            continue
        # A paragraph ends what announced the one before it, a piece of code or a row does not.
        reach = block.depth - (block.kind == "text")
        leads = {depth: lead for depth, lead in leads.items() if depth <= reach}
        above = tuple(headings.values())
        for part in _parts(block):
            if block.kind != "text" or _SAYS.search(part):
                yield Quote(part, source, above, result, block.cells, tuple(leads.values()))
            if block.kind == "text" and part.endswith(":"):
                leads[block.depth] = part


def joined(chosen: Sequence[str]) -> Iterator[str]:
    """What stands before each of these quotes: a blank behind a sentence, else a new line."""
    for place, _ in enumerate(chosen):
        before = chosen[place - 1] if place else ""
        yield "" if not place else " " if _ENDS.search(before) else "\n"


def _blocks(text: str, source: str) -> tuple[VisibleBlock, ...]:
    kind = source.rpartition(".")[2].lower()
    if kind in CODE:
        return code_blocks(text)
    if kind == "html":
        text = _NAVIGATION.sub("", text)
    if kind in WRAPPED | UNWRAPPED:
        return text_blocks(text, is_wrapped=kind in WRAPPED)
    return blocks(_opened(text))


def _opened(text: str) -> str:
    """A passage that begins within a piece of code or a table gets back what opened it.

    Within code, the number of its fences is odd, and the first one names no language, as it closes.
    Within a table, no line of dashes follows the first row; the titles of its columns stay unknown.
    """
    fences = _FENCE.findall(text)
    if len(fences) % 2 and fences[0] in ("```", "~~~"):
        return f"{fences[0]}\n{text}"
    found = _TABLE_START.match(text)
    if found is None or _RULE.fullmatch(found["second"] or ""):
        return text
    columns = len(re.findall(r"(?<!\\)\|", found["row"])) - 1
    start = "|" + " |" * columns + "\n"
    return start + text if _RULE.fullmatch(found["row"]) else f"{start}{'|-' * columns}|\n{text}"


def _parts(block: VisibleBlock) -> Iterator[str]:
    if block.kind == "row":
        yield _row(block.titles, block.cells)
    elif block.kind == "code":
        yield from _entries(block.text)
    elif block.kind == "text":
        yield from filter(None, map(str.strip, sentences(block.text)))


def _entries(code: str) -> Iterator[str]:
    """The lines of code, each with what hangs on it: lines that are indented, or a comment."""
    entry = ""
    for line in filter(str.strip, code.split("\n")):
        hangs = entry and line.startswith(_HANGS) and len(entry) + len(line) < LONGEST_ENTRY
        if entry and not hangs:
            yield entry.strip()
        entry = f"{entry}\n{line}" if hangs else line
    if entry:
        yield entry.strip()


def _row(titles: Sequence[str], cells: Sequence[str]) -> str:
    first, *rest = cells
    named = zip(titles[1:], rest, strict=False)
    others = [f"{title} {cell}".strip() for title, cell in named if cell]
    return _listed(filter(None, [first, _listed(others, ",")]), ":")


def _listed(parts: Iterable[str], mark: str) -> str:
    """The parts with a mark between them, unless one ends with a mark itself."""
    listed = ""
    for part in parts:
        lead = " " if listed.endswith(_LEADS) else f"{mark} " if listed else ""
        listed += lead + part
    return listed
