"""The text of a web page, as a browser shows it: a line for each block, tabs between cells.

The parser is lxml's, which repairs a broken page much as browsers do. Its tree is walked from start
to end, without recursion, because a page may nest tags more deeply than Python can nest calls.
Cells, superscripts and preformatted text can be written only when all of their content is known. So
each of them has a buffer on a stack. So has whatever may be navigation: `<nav>`, and headers,
footers, asides and menus. It is left out if most of its text is links, unless the page has no other
text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from emulator.retrieval.file_text import Unreadable
from emulator.retrieval.paragraphs import LONGEST_CELL, raised

from lxml import etree, html  # type: ignore[import-untyped]

_UNSEEN = frozenset(
    """script style template noscript head iframe object datalist del rp rt desc metadata
    annotation annotation-xml""".split()
)
_INLINE = frozenset(
    """a abbr acronym b bdi bdo big button cite code data dfn em font i img input ins kbd label mark
    math mfrac mi mn mo mrow ms msqrt mstyle msub mtext nobr output picture q rb ruby s samp select
    semantics small span strike strong sub svg tbody textarea tfoot thead time tspan tt u var wbr
    """.split()
)
_BEFORE = {f"h{level}": f"\n\n{'#' * level} " for level in range(1, 7)} | {
    **{"p": "\n\n", "tr": "\n", "br": "\n", "dt": "\n", "dd": "\n"},
    **{"option": " ", "q": '"'},
}
_AFTER = {"q": '"'}
_OPEN = frozenset(("li", "tr", "br", "dt", "dd", "option", "hr"))
"""They end where the next element begins."""
_HELD = frozenset(("pre", "listing", "xmp", "sup", "td", "th"))
_AROUND = frozenset(("nav", "header", "footer", "aside", "menu"))
_NAVIGATES = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|navigation|menu|menubar|breadcrumbs?|sidebar)(?![a-z])", re.I
)
"""A role, a class or an id of what may be navigation."""
_LINKS = frozenset(("a", "button"))
MOST_LINKED, FEWEST_LINKS = 0.6, 2
"""The share of letters in links from which on something is navigation; and how many it has."""
_RAISED_BELOW = {"msup": 1, "msubsup": 2}
_NO_ROW = re.compile(r"\n\s*\n|\n- |\n\d+\. |\n#")
_TYPED = frozenset(("", "text", "search", "tel", "url", "email", "number", "date", "time"))


class _Kept(str):
    """Text whose spaces and line breaks stay as they are."""


def html_text(data: bytes) -> str:
    """The text of a page in UTF-8, whatever encoding the page names; raises Unreadable."""
    parser = html.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True)
    try:
        tree = html.document_fromstring(data, parser=parser)
    except etree.ParserError:
        return ""
    if any(error.type_name == "ERR_RESOURCE_LIMIT" for error in parser.error_log):
        raise Unreadable("invalid_file", "The page nests its elements too deeply to be read.")
    text = _Page().text(tree) or _Page(has_navigation=True).text(tree)
    title = tree.findtext("head/title")
    if title and title.strip() and tree.find(".//h1") is None:
        text = f"# {' '.join(title.split())}\n\n{text}"
    return text.strip("\n") + "\n" if text.strip() else ""


@dataclass
class _Surrounding:
    """What is counted of an element that may be navigation: letters, those in links, and links."""

    fewest: int
    letters: int = 0
    linked: int = 0
    links: int = 0

    @property
    def is_navigation(self) -> bool:
        return self.links >= self.fewest and self.linked >= MOST_LINKED * self.letters

    def __iadd__(self, inner: "_Surrounding") -> Self:
        self.letters += inner.letters
        self.linked += inner.linked
        self.links += inner.links
        return self


class _Page:
    """Writes the text of a tree piece by piece."""

    def __init__(self, *, has_navigation: bool = False) -> None:
        self._buffers: list[list[str]] = [[]]
        self._numbers: list[int | None] = []
        self._kept = 0
        self._has_navigation = has_navigation
        self._around = [_Surrounding(0)]
        self._links = 0

    def text(self, tree: Any) -> str:
        walk = etree.iterwalk(tree, events=("start", "end", "comment", "pi"))
        for event, element in walk:
            if event == "start" and element.tag in _UNSEEN:
                walk.skip_subtree()
            elif event == "start":
                self._start(element)
            else:
                if event == "end" and element.tag not in _UNSEEN:
                    self._end(element)
                self._write(element.tail)
        return _flowed(self._buffers[0]).strip("\n")

    def _start(self, element: Any) -> None:
        name = element.tag
        if name in ("ul", "menu"):
            self._numbers.append(None)
        elif name == "ol":
            self._numbers.append(_start_of(element))
        if name in _LINKS:
            self._links += 1
            self._around[-1].links += 1
        if self._may_navigate(element):
            self._buffers.append(["\n"])
            self._around.append(_Surrounding(1 if name == "nav" else FEWEST_LINKS))
        elif self._is_held(element):
            self._buffers.append([])
            self._kept += name in ("pre", "listing", "xmp")
        else:
            self._add(self._before(element))
        self._write(element.text)

    def _end(self, element: Any) -> None:
        name = element.tag
        self._links -= name in _LINKS
        if self._may_navigate(element):
            self._leave()
        elif self._is_held(element):
            self._release(name, self._buffers.pop())
        elif name not in _INLINE and name not in _OPEN:
            self._add("\n")
        self._add(_AFTER.get(name, ""))
        if name in ("ul", "ol", "menu"):
            self._numbers.pop()

    def _may_navigate(self, element: Any) -> bool:
        name = element.tag
        if self._has_navigation or name in _INLINE or name in _HELD or name in _OPEN:
            return False
        named = (element.get(each, "") for each in ("role", "class", "id"))
        return name in _AROUND or any(map(_NAVIGATES.search, named))

    def _leave(self) -> None:
        """The end of what may be navigation. What isn't is written after all."""
        pieces, inner = self._buffers.pop(), self._around.pop()
        if not inner.is_navigation:
            self._buffers[-1] += [*pieces, "\n"]
            self._around[-1] += inner

    def _before(self, element: Any) -> str:
        """What is written before the text of an element."""
        name = element.tag
        if name == "li":
            return self._mark()
        if name == "img":
            return " ".join(element.get("alt", "").split())
        if name == "input" and element.get("type", "").lower() in _TYPED:
            return " ".join(element.get("value", "").split())
        return _BEFORE.get(name, "" if name in _INLINE else "\n")

    def _mark(self) -> str:
        """The bullet or number of a list item, as a browser shows it."""
        number = self._numbers[-1] if self._numbers else None
        if number is None:
            return "\n- "
        self._numbers[-1] = number + 1
        return f"\n{number}. "

    def _is_held(self, element: Any) -> bool:
        """Whether an element needs a buffer, as `<sup>` and the exponent of MathML's `msup` do."""
        if element.tag in _HELD:
            return True
        above = element.getparent()
        place = _RAISED_BELOW.get(above.tag) if above is not None else None
        return place is not None and above.index(element) == place

    def _release(self, name: str, pieces: list[str]) -> None:
        if name in ("pre", "listing", "xmp"):
            self._kept -= 1
            self._add("\n")
            self._buffers[-1].append(_Kept("".join(pieces).strip("\n")))
            self._add("\n")
        elif name in ("td", "th"):
            self._cell(pieces)
        else:
            self._add(raised(" ".join("".join(pieces).split())))

    def _cell(self, pieces: list[str]) -> None:
        """A cell on the line of its row, unless it has paragraphs or lists, as in page layouts."""
        text = _flowed(pieces).strip("\n")
        is_kept = any(isinstance(piece, _Kept) for piece in pieces)
        if is_kept or len(text) > LONGEST_CELL or (_NO_ROW.search(text) and len(text) > 80):
            self._add("\n")
            self._buffers[-1].append(_Kept(text))
            self._add("\n")
        else:
            self._add("\t" + " ".join(text.split()))

    def _write(self, text: str | None) -> None:
        letters = len((text or "").strip())
        self._around[-1].letters += letters
        self._around[-1].linked += letters if self._links else 0
        if text and self._kept:
            self._add(text)
        elif text:
            self._add(_BLANKS.sub(" ", text))

    def _add(self, text: str) -> None:
        if text:
            self._buffers[-1].append(text)


_BLANKS = re.compile(r"\s+")


def _start_of(numbered: Any) -> int:
    try:
        return int(numbered.get("start", "1"))
    except ValueError:
        return 1


def _flowed(pieces: list[str]) -> str:
    """Pieces as trimmed lines, with at most one empty line between two of them."""
    text, flow = "", ""
    for piece in [*pieces, _Kept("")]:
        if not isinstance(piece, _Kept):
            flow += piece
            continue
        text += re.sub(r"\n{3,}", "\n\n", "\n".join(_lines(flow))) + piece
        flow = ""
    return text.replace("\xad", "")


def _lines(flow: str) -> Iterator[str]:
    for line in flow.split("\n"):
        yield re.sub(r"[^\S\n]*\t[^\S\n]*", "\t", re.sub(r" {2,}", " ", line)).strip()
