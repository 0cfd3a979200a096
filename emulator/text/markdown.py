"""The visible text of Markdown: blocks without markup, with everything else as it was written.

A parser decides what is markup (markdown-it-py, with tables, footnotes, front matter, definitions,
notes and formulas). It follows CommonMark, which mistakes some code and formulas outside backticks
for markup. Five rules keep these as they were written:

- `*` between letters, digits or brackets is an operator and no emphasis: `2*3*volts`. The same is
  true before Python's `*args` and `**kwargs`.
- `__init__`, a single lower-case name between underscores, is a name and not bold text.
- A tag is markup only if it exists in HTML and is closed: `List<Message>` and `vec<i>` stay.
- A URL is kept whole, as GitHub links it: `https://a.b/?c=*d*`.
- `<sup>` and `<sub>` stay, because 2<sup>7</sup> is not 27. So do the dollar signs of a formula.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

SHORT_LINE = 40
"""Characters. A shorter line was not wrapped at a width: its author broke it."""
LOWEST = 6
"""The level of a heading that names none."""
TITLE = re.compile(r"[A-Z][^\d.!?;:,|\t@=/\\_]{2,39}")
"""A few words by themselves that are no sentence. With a number, they may be a fact."""
_DEEPEST = 30  # the parser drops what is nested deeper

_INLINE_TAGS = frozenset(
    """a abbr b bdi bdo big cite code del dfn em font i ins kbd mark q s samp small span strike
    strong tt u var""".split()
)
_BLOCK_TAGS = frozenset(
    """address article aside blockquote body caption center dd details div dl dt fieldset figcaption
    figure footer form h1 h2 h3 h4 h5 h6 head header html main nav ol option picture pre section
    select source summary table tbody td tfoot th thead title tr ul""".split()
)
# These need not be closed.
_OPEN_TAGS = frozenset("br hr img li p wbr".split())
_SIGN = re.compile(
    r"""(?<=[a-zA-Z0-9)\]])(?:\*|(?<=[0-9])\*+|\*+(?=[0-9]))(?=[a-zA-Z0-9(\[])
    |(?<![*\w])\*{1,2}(?=(?:kw)?args\b(?!\*))""",
    re.VERBOSE,
)
# From the colon on, without the marks after it. A bracket may close what is around the URL.
_URL = re.compile(
    r"""(?:(?<=\bhttps)|(?<=\bhttp)|(?<=\bftp)|(?<=\bfile)):
    //(?:(?:[^\s<>\[\]()"'`?!.,:;*_~|]|[?!.,:;*_~|]+(?=[^\s<>\[\]()"'`?!.,:;*_~|])
    |\([^\s<>\[\]()"'`]*\))*)""",
    re.IGNORECASE | re.VERBOSE,
)
_TAG = re.compile(r"<(/?)([a-z][\w-]*)")
_HTML = "html_inline"
_OPENS, _CLOSES = ("em_open", "strong_open", "s_open"), ("em_close", "strong_close", "s_close")
_BREAK = "\N{LINE SEPARATOR}"
_ALERT = re.compile(r"\A\[!(?:NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]\s*")
_LABEL = re.compile(r"[\w ]{1,30}: |\S*\t|\|")


@dataclass(frozen=True)
class VisibleBlock:
    """A paragraph, heading, table row or piece of code, as a reader sees it.

    `kind` is `heading`, `text`, `titles` (the first row of a table), `row` or `code`. `text` has
    line breaks only where the author meant them. `level` is 1 to 6 for a heading. `depth` says in
    how many lists the block stands, one inside the other, and `marker` is the number of a list item
    ("2."). A row has its `cells`, and the `titles` of its columns.
    """

    kind: str
    text: str
    level: int = 0
    depth: int = 0
    marker: str = ""
    cells: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()


def plain(text: str) -> str:
    """The visible text of Markdown: a line for each block, " | " between the cells of a row."""
    return "\n".join(f"{block.marker} {block.text}".strip() for block in blocks(text))


@lru_cache(maxsize=512)
def blocks(text: str) -> tuple[VisibleBlock, ...]:
    """The blocks of Markdown that have text, in order. The result is cached."""
    found: list[VisibleBlock] = []
    for block in _blocks(_parser().parse(text)):
        # The number of an item belongs to the next block, unless that is an item itself.
        if found and not found[-1].text and not block.marker:
            found[-1] = replace(block, marker=found[-1].marker)
        elif block.marker or block.text.strip():
            found.append(block)
    return tuple(found)


@cache
def _parser() -> "MarkdownIt":
    """Made when it is first needed, so that the emulator starts at once."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.admon import admon_plugin
    from mdit_py_plugins.deflist import deflist_plugin
    from mdit_py_plugins.dollarmath import dollarmath_plugin
    from mdit_py_plugins.footnote import footnote_plugin
    from mdit_py_plugins.front_matter import front_matter_plugin

    parser = MarkdownIt("commonmark", {"maxNesting": _DEEPEST}).enable(["table", "strikethrough"])
    parser.use(front_matter_plugin).use(footnote_plugin).use(deflist_plugin).use(admon_plugin)
    parser.inline.ruler.before("emphasis", "sign", partial(_read_as_text, _SIGN))
    parser.inline.ruler.before("escape", "url", partial(_read_as_text, _URL))
    parser.use(dollarmath_plugin, allow_digits=False, allow_space=False)
    # These rules move footnotes to the end, and drop those whose mark is in another passage.
    return parser.disable(["footnote_tail", "footnote_inline"])


@cache
def _html_parser() -> "MarkdownIt":
    """In a block of HTML, only tags and entities are markup."""
    from markdown_it import MarkdownIt

    return MarkdownIt("zero", {"html": True}).enable(["html_inline", "entity", "newline"])


def _read_as_text(pattern: re.Pattern[str], state: "StateInline", silent: bool) -> bool:
    """A rule of the parser: what the pattern finds is text. If `silent`, only skip it."""
    found = pattern.match(state.src, state.pos)
    if found is None:
        return False
    state.pending += "" if silent else found[0]
    state.pos = found.end()
    return True


def _blocks(tokens: Iterable["Token"]) -> Iterator[VisibleBlock]:
    """The blocks, some of them empty; the number of an item is a block by itself."""
    level = depth = 0
    titles: tuple[str, ...] = ()
    cells: list[str] | None = None
    for token in tokens:
        if token.type.endswith("_list_open"):
            depth += 1
        elif token.type.endswith("_list_close"):
            depth -= 1
        elif token.type == "heading_open":
            level = int(token.tag[1])
        elif token.type == "heading_close":
            level = 0
        elif token.type == "list_item_open" and token.info:
            yield VisibleBlock("text", "", 0, depth, f"{token.info}{token.markup}")
        elif token.type == "tr_open":
            cells = []
        elif token.type == "tr_close" and cells is not None:
            row = tuple(cells)
            kind = "row" if titles else "titles"
            yield VisibleBlock(kind, " | ".join(row), 0, depth, cells=row, titles=titles)
            titles, cells = titles or row, None
        elif token.type == "table_close":
            titles = ()
        elif token.type == "inline" and cells is not None:
            cells.append(_visible(token.children or ()).replace("\n", " "))
        elif token.type == "inline":
            seen = _ALERT.sub("", _visible(token.children or ()))
            rank = level or LOWEST * _is_title(token.children or (), seen)
            yield VisibleBlock("heading" if rank else "text", seen, rank, depth)
        elif token.type == "html_block":
            yield VisibleBlock("text", _html(token.content), depth=depth)
        elif token.type in ("fence", "code_block"):
            yield VisibleBlock("code", token.content.rstrip("\n"), depth=depth)
        elif token.type.startswith("math_block"):
            yield VisibleBlock("text", f"$${token.content}$$", depth=depth)


def _visible(tokens: Sequence["Token"], *, in_html: bool = False) -> str:
    """The visible text inside a block, with line breaks only where the author meant them."""
    tags = Counter(_TAG.findall("".join(t.content.lower() for t in tokens if t.type == _HTML)))
    seen = ""
    kept: list[bool] = []
    for place, token in enumerate(tokens):
        if token.type == "softbreak":
            seen += "\n"
        elif token.type == "hardbreak":
            seen += _BREAK
        elif token.type == _HTML:
            seen += _seen_of_tag(token.content, tags, in_html)
        elif token.type == "image":
            seen += _visible(token.children or ())
        elif token.type.startswith("math_inline"):
            seen += f"{token.markup}{token.content}{token.markup}"
        elif token.type in _OPENS:
            kept.append(_is_name(token, tokens[place + 1 : place + 3]))
            seen += token.markup if kept[-1] else ""
        elif token.type in _CLOSES:
            seen += token.markup if kept.pop() else ""
        else:
            seen += token.content
    return unwrapped(seen.replace("\N{SOFT HYPHEN}", ""))


def _is_title(tokens: Sequence["Token"], seen: str) -> bool:
    """Whether a paragraph is nothing but a few bold words, and so is a heading."""
    types = [token.type for token in tokens if token.content or token.type != "text"]
    is_bold = types[:1] == ["strong_open"] and types.index("strong_close") == len(types) - 1
    return is_bold and TITLE.fullmatch(seen) is not None


def _is_name(strong: "Token", inside: Sequence["Token"]) -> bool:
    """Whether the mark that opens bold text is the start of a name, such as `__init__`."""
    name = inside[0].content
    is_alone = inside[1].type == "strong_close" and name.isidentifier()
    return strong.markup == "__" and is_alone and name.islower()


def _seen_of_tag(tag: str, tags: Mapping[tuple[str, str], int], in_html: bool) -> str:
    """What a reader sees of a tag: nothing, a line break, or the tag itself if it isn't markup.

    `tags` counts the opening and the closing tags of each name in the block.
    """
    found = _TAG.match(tag.lower())
    if found is None:
        return ""  # a comment, or an instruction
    name = found[2]
    is_closed = in_html or name in _OPEN_TAGS or tags["", name] == tags["/", name]
    if not is_closed or name not in _INLINE_TAGS | _BLOCK_TAGS | _OPEN_TAGS:
        return tag
    return "" if name in _INLINE_TAGS | {"img", "wbr"} else _BREAK


def _html(content: str) -> str:
    """The text of a block of HTML."""
    if content.lower().startswith(("<script", "<style")):
        return ""
    return _visible(_html_parser().parseInline(content)[0].children or (), in_html=True)


def unwrapped(text: str) -> str:
    """Join the lines of a paragraph that was wrapped at a width."""
    lines = [line.strip() for line in text.split("\n")]
    joined = lines[0]
    for before, line in pairwise(lines):
        goes_on = len(before) >= SHORT_LINE and not before.endswith(":") and not _LABEL.match(line)
        joined += (" " if goes_on or line[:1].islower() else _BREAK) + line
    return "\n".join(filter(None, map(str.strip, joined.split(_BREAK))))
