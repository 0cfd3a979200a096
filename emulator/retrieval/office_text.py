"""The text of Word and PowerPoint files: what a reader of the document sees, each piece once.

Both are ZIP archives of XML parts, which refer to each other by relationships. The order of the
elements is the order of the text, so each part is walked from start to end. Unknown elements are
walked, too, so that new kinds of wrappers lose no text. What is in the file but not visible in the
document is left out: deleted text, the code of fields, hidden text, and the second copy of a
drawing for old programs.

    document.xml  -> headers, then paragraphs and tables, then footers
    slide1.xml... -> the shapes of each slide, then its notes

Notes and text boxes follow the paragraph that they belong to. Names of elements are compared
without their namespaces, because a "strict" file has other ones. Source: ECMA-376.
"""

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator
from functools import cache
from typing import Any

from emulator.retrieval.file_text import RTF, Unreadable, read_text
from emulator.retrieval.paragraphs import Paragraph, joined, raised, table

from lxml import etree  # type: ignore[import-untyped]

MOST_PARTS, MOST_OF_A_PART = 20_000, 32 * 2**20
"""The limits: files in an archive, and bytes of each file that is read."""

_PARSER = etree.XMLParser(
    resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True, remove_comments=True
)
# What a reader doesn't see. All elements below these are left out, too.
_UNSEEN = frozenset(
    """annotationRef del delInstrText delText instrText moveFrom numberingChange pPrChange rPrChange
    rt sdtPr sdtEndPr tblPrChange tcPrChange sectPrChange rPr pPr tblPr tblGrid trPr tcPr sectPr
    txPr spPr style blipFill nvSpPr nvGrpSpPr nvPicPr nvGraphicFramePr nvCxnSpPr tableStyleId
    checkBox textInput name entryMacro exitMacro helpText statusText
    """.split()
)
_BREAKS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
# The letters of the font Symbol. A file has only their positions in that font.
_SYMBOLS = dict(
    zip(
        "abgdezhqiklmnxoprstufcywABGDEZHQIKLMNXOPRSTUFCYW\xa3\xb0\xb1\xb3\xb4\xb7\xb9\xbb\xd6\xae\xac",
        "αβγδεζηθικλμνξοπρστυφχψωΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ≤°±≥×•≠≈√→←",
        strict=True,
    )
)


def docx_text(data: bytes) -> str:
    """The text of a Word file; raises Unreadable, or errors of the parser if its XML is broken."""
    package = _Package(data, "Word")
    return joined(_Document(package).blocks_of_document())


def pptx_text(data: bytes) -> str:
    """The text of a PowerPoint file, slide by slide; raises the same errors."""
    package = _Package(data, "PowerPoint")
    main = package.main_part()
    slides = package.targets(main)
    order = [_attribute(slide, "id", "r") for slide in _within(package.tree(main), "sldId")]
    seen: set[str] = set()
    return joined(
        block
        for id in order
        if id in slides
        for block in _Slide(package, slides[id], seen).blocks_of_slide()
    )


# ------------------------------------------------------------------------ packages


class _Package:
    """An archive of parts, their XML trees, and their references to each other."""

    def __init__(self, data: bytes, kind: str) -> None:
        self._kind = kind
        self.hiding: dict[str, bool] = {}
        """By style: whether it hides the text."""
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError):
            raise Unreadable("invalid_file", self._what_it_is(data)) from None
        # Some programs write backslashes, or names that differ from the references in case.
        self._names = {
            name.replace("\\", "/").lstrip("/").lower(): name for name in self._archive.namelist()
        }
        if len(self._names) > MOST_PARTS:
            raise self._refused(f"has more than {MOST_PARTS:,} parts")

    def main_part(self) -> str:
        """The main part of a file: the document or the presentation."""
        for kind, target in self._relations(""):
            if kind == "officeDocument":
                return target
        raise self._refused("has no main part")

    def targets(self, part: str) -> dict[str, str]:
        """The parts that a part refers to, by the id of the relationship."""
        return {id: target for id, _, target in self._relationships(part)}

    def of_kind(self, part: str, kind: str) -> list[str]:
        """The parts of one kind ("footnotes") that a part refers to."""
        return [target for found, target in self._relations(part) if found == kind]

    def read(self, part: str) -> bytes:
        """The bytes of a part; raises Unreadable if they are too many."""
        entry = self._archive.getinfo(self._names[part.lower()])
        if entry.file_size > MOST_OF_A_PART:
            raise self._refused(f"unpacks to more than {MOST_OF_A_PART // 2**20} MB")
        if entry.flag_bits & 1:
            raise self._refused("is protected with a password. Save it without one")
        with self._archive.open(entry) as packed:  # which may be larger than the archive says
            return packed.read(MOST_OF_A_PART)

    def has(self, part: str) -> bool:
        return part.lower() in self._names

    def tree(self, part: str) -> Any:
        """A part as XML; raises Unreadable if it defines entities, which could grow without end."""
        root = etree.fromstring(self.read(part), _PARSER)
        if root.getroottree().docinfo.internalDTD is not None:
            raise self._refused("defines entities of its own, which no office program does")
        return root

    def _relations(self, part: str) -> Iterator[tuple[str, str]]:
        for _, kind, target in self._relationships(part):
            yield kind, target

    def _relationships(self, part: str) -> Iterator[tuple[str, str, str]]:
        """Id, kind and target of each relationship of a part to another one in the archive."""
        folder, name = posixpath.split(part)
        place = posixpath.join(folder, "_rels", f"{name}.rels")
        if not self.has(place):
            return
        for each in _within(self.tree(place), "Relationship"):
            target = posixpath.normpath(posixpath.join("/", folder, each.get("Target", "")))[1:]
            if each.get("TargetMode") != "External" and self.has(target):
                yield each.get("Id", ""), each.get("Type", "").rpartition("/")[2], target

    def _refused(self, why: str) -> Unreadable:
        return Unreadable("invalid_file", f"The {self._kind} file {why}.")

    def _what_it_is(self, data: bytes) -> str:
        if data.startswith(b"\xd0\xcf\x11\xe0"):
            extension = ".docx" if self._kind == "Word" else ".pptx"
            what = f"It is an old {self._kind} file, or one with a password."
            return f"{what} Save it as {extension} without a password."
        if data.startswith(RTF):
            return "It is an RTF file. Open it in Word, and save it as .docx."
        return f"The {self._kind} file is broken, or it is of another type. Save it again."


# --------------------------------------------------------------------- paragraphs


class _Walker:
    """Text and blocks below an element of a part; `_after` has the notes of a paragraph."""

    def __init__(self, package: _Package, part: str) -> None:
        self.package = package
        self.part = part
        self.targets = package.targets(part)
        self._after: list[Paragraph] = []
        self._style = ""
        """That of the paragraph that is being read."""
        self._fields: list[bool] = []
        """Fields of the paragraph, one in another: whether what comes next is code of the field."""

    def blocks(self, element: Any) -> Iterator[Paragraph]:
        """The paragraphs and tables below an element."""
        for child in _seen_children(element):
            name = _name(child)
            if name == "p":
                yield from self.paragraph(child)
            elif name == "tbl":
                yield from self.table(child)
            else:
                yield from self.other(name, child)

    def other(self, name: str, element: Any) -> Iterator[Paragraph]:
        yield from self.blocks(element)

    def paragraph(self, element: Any) -> Iterator[Paragraph]:
        """A paragraph, then its notes and text boxes."""
        outer = self._after, self._style, self._fields
        self._after, self._style, self._fields = [], _style(_child(element, "pPr"), "pStyle"), []
        text = self.inline(element)
        mark = self.mark(element) if text.strip() else ""
        yield Paragraph(mark + text, self.level(element))
        after = self._after
        self._after, self._style, self._fields = outer
        yield from after

    def level(self, paragraph: Any) -> int:
        """The level of a heading; 0 for other paragraphs."""
        return 0

    def mark(self, paragraph: Any) -> str:
        """The number or bullet of a list item."""
        return ""

    def table(self, element: Any) -> list[Paragraph]:
        outer, self._after = self._after, []
        rows = [
            [list(self.blocks(cell)) if _is_own(cell) else [] for cell in _within(each, "tc")]
            for each in _within(element, "tr")
            if not _is_deleted(each)
        ]
        after, self._after = self._after, outer
        return table(rows) + after

    def inline(self, element: Any) -> str:
        """The text of a paragraph or of a part of it."""
        return "".join(self._piece(_name(child), child) for child in _seen_children(element))

    def _piece(self, name: str, element: Any) -> str:
        if name == "t" and any(self._fields):
            return ""
        if name in ("t", "textpath"):
            return str(element.text or "") or element.get("string", "")
        if name in _BREAKS:
            return _BREAKS[name]
        if name == "r":
            return self._run(element)
        if name == "sym":
            return _symbol(element)
        if name == "ddList":
            return _chosen(element)
        if name in _FORMULAS:
            return self._formula(name, element)
        if name == "fldChar":
            return self._field(element)
        if name == "txbxContent":
            self._after += self.blocks(element)
        elif name in ("footnoteReference", "endnoteReference"):
            self._after += self.note(name, _attribute(element, "id"))
        elif name in ("chart", "relIds"):
            self._after += self._drawn(_attribute(element, "dm" if name == "relIds" else "id", "r"))
        else:
            return self.inline(element)
        return ""

    def _run(self, run: Any) -> str:
        text = self.inline(run)
        properties = _child(run, "rPr")
        if self._is_hidden(properties):
            return ""
        if properties is None:
            return text
        raise_by = _child(properties, "vertAlign")
        is_raised = raise_by is not None and _attribute(raise_by, "val") == "superscript"
        if is_raised or int(properties.get("baseline", "0").rstrip("%") or 0) > 0:
            return raised(text)
        return text

    def _is_hidden(self, properties: Any) -> bool:
        """Whether a run with these properties is hidden, by itself or by its styles.

        The style of a paragraph hides what that of a run shows, and the other way around: such a
        property is a switch in each style (ECMA-376, 17.7.3).
        """
        if properties is not None and (own := _child(properties, "vanish")) is not None:
            return _is_on(own)
        styles = self._style, _style(properties, "rStyle")
        return sum(self.package.hiding.get(style, False) for style in styles) == 1

    def _field(self, element: Any) -> str:
        """The beginning, the middle or the end of a field; its code comes before the middle.

        The code may have fields of its own, whose results nobody sees.
        """
        kind = _attribute(element, "fldCharType")
        if kind == "begin":
            self._fields.append(True)
            return self.inline(element)
        if kind == "separate" and self._fields:
            self._fields[-1] = False
        elif kind == "end" and self._fields:
            self._fields.pop()
        return ""

    def _formula(self, name: str, element: Any) -> str:
        """Office Math in one line: (a+b)/c, x², x_1, √(x), ∑_(i=1)^n x."""
        found = [
            (part, self._piece(part, child) if part == "mr" else self.inline(child))
            for child in _seen_children(element)
            if (part := _name(child)) in _PARTS
        ]
        parts = [text for _, text in found if text]
        by_name = dict(found)
        base, below, above = (by_name.get(part, "") for part in ("e", "sub", "sup"))
        properties = _child(element, f"{name}Pr")
        if name == "d":
            between = _sign(properties, "sepChr", "|").join(parts)
            return _sign(properties, "begChr", "(") + between + _sign(properties, "endChr", ")")
        if name == "rad":
            return f"{raised(by_name.get('deg', ''))}√({base})" if base else ""
        if name in ("m", "eqArr"):
            rows = "; ".join(parts)
            return f"[{rows}]" if name == "m" else rows
        if name == "mr":
            return ", ".join(parts)
        if name == "func":
            return " ".join(parts)
        if name == "acc":
            return base + _sign(properties, "chr", "\u0302")
        if name in ("limLow", "limUpp"):
            return base + ("_" if name == "limLow" else "^") + _grouped(by_name.get("lim", ""))
        if name == "f":
            return "/".join(map(_grouped, parts))
        lower, upper = below and f"_{_grouped(below)}", above and raised(above)
        if name == "nary":
            sign = _sign(properties, "chr", "∫")
            return f"{sign}{lower}{above and '^' + _grouped(above)} {base}"
        return (lower + upper + base) if name == "sPre" else _grouped(base) + lower + upper

    def note(self, name: str, id: str) -> Iterator[Paragraph]:
        yield from ()

    def _drawn(self, id: str) -> Iterator[Paragraph]:
        """The texts of a chart or a diagram, which are in a separate part."""
        if id in self.targets:
            part = self.targets[id]
            tree = self.package.tree(part)
            walker = _Walker(self.package, part)
            # The title of a chart and the boxes of a diagram are paragraphs.
            yield from (Paragraph(walker.inline(each)) for each in tree.iter("{*}p"))
            yield from table(_chart_rows(tree))


_FORMULAS = frozenset(
    "f rad d nary m mr func eqArr acc limLow limUpp sSup sSub sSubSup sPre".split()
)
_PARTS = ("num", "den", "e", "sup", "sub", "deg", "lim", "mr", "fName")


def _sign(properties: Any, name: str, usual: str) -> str:
    """A sign that the properties of a formula name; it may be named as none at all."""
    sign = None if properties is None else _child(properties, name)
    return usual if sign is None else _attribute(sign, "val")


def _grouped(part: str) -> str:
    """A part of a formula, in brackets if it could be mistaken in one line: (2²)³ is not 2²³."""
    return part if re.fullmatch(r"[^\W_¹²³⁰-ⁿ]*|[(\[√][^()]*[)\]]|.", part) else f"({part})"


def _chart_rows(chart: Any) -> Iterator[list[list[Paragraph]]]:
    """The data of a chart: a column for each series, a row for each category."""
    series = list(chart.iter("{*}ser"))
    columns = [_points(each, "val") or _points(each, "yVal") for each in series]
    if not columns:
        return
    categories = _points(series[0], "cat") or _points(series[0], "xVal")
    yield [[Paragraph(text)] for text in ["", *(" ".join(_points(each, "tx")) for each in series)]]
    for place in range(max(map(len, columns))):
        cells = [column[place] if place < len(column) else "" for column in columns]
        category = categories[place] if place < len(categories) else ""
        yield [[Paragraph(text)] for text in [category, *cells]]


def _points(series: Any, name: str) -> list[str]:
    return [value.text or "" for child in _within(series, name) for value in _within(child, "v")]


# --------------------------------------------------------------------------- Word


class _Document(_Walker):
    """A Word document, with its styles, notes, headers and footers."""

    def __init__(self, package: _Package) -> None:
        super().__init__(package, package.main_part())
        self._levels = _heading_levels(package, self.part)
        package.hiding = _hiding_styles(package, self.part)
        self._numbering = _Numbering(package, self.part)
        self._notes = {kind: self._note_elements(kind) for kind in ("footnote", "endnote")}

    def blocks_of_document(self) -> Iterator[Paragraph]:
        tree = self.package.tree(self.part)
        yield from self._running(tree, "headerReference")
        yield from self.blocks(tree)
        yield from self._running(tree, "footerReference")

    def level(self, paragraph: Any) -> int:
        properties = _child(paragraph, "pPr")
        if properties is None:
            return 0
        own, style = _child(properties, "outlineLvl"), _child(properties, "pStyle")
        if own is not None:
            return _outline_level(own)
        return self._levels.get(_attribute(style, "val"), 0) if style is not None else 0

    def mark(self, paragraph: Any) -> str:
        return self._numbering.mark(_child(paragraph, "pPr"))

    def other(self, name: str, element: Any) -> Iterator[Paragraph]:
        if name == "altChunk":
            yield from self._imported(self.targets.get(_attribute(element, "id", "r"), ""))
        else:
            yield from self.blocks(element)

    def note(self, name: str, id: str) -> Iterator[Paragraph]:
        walker, notes = self._notes[name.removesuffix("Reference")]
        if (element := notes.pop(id, None)) is not None:  # two references may name one note
            yield from walker.blocks(element)

    def _note_elements(self, kind: str) -> tuple[_Walker, dict[str, Any]]:
        parts = self.package.of_kind(self.part, f"{kind}s")
        walker = _Walker(self.package, parts[0]) if parts else self
        notes = _within(self.package.tree(parts[0]), kind) if parts else ()
        # Those with another type are the lines between a page and its notes.
        is_own = (note for note in notes if _attribute(note, "type") in ("", "normal"))
        return walker, {_attribute(note, "id"): note for note in is_own}

    def _running(self, tree: Any, reference: str) -> Iterator[Paragraph]:
        """The headers or the footers of all sections, each text once."""
        ids = dict.fromkeys(_attribute(each, "id", "r") for each in tree.iter(f"{{*}}{reference}"))
        seen: set[str] = set()
        for part in dict.fromkeys(self.targets[id] for id in ids if id in self.targets):
            walker = _Walker(self.package, part)
            blocks = list(walker.blocks(self.package.tree(part)))
            text = " ".join(" ".join(block.text.split()) for block in blocks)
            if text not in seen:
                seen.add(text)
                yield from blocks

    def _imported(self, part: str) -> Iterator[Paragraph]:
        """A file of another format inside a document. Programs that write HTML make such files."""
        extension = posixpath.splitext(part)[1].replace(".xhtml", ".html").replace(".htm", ".html")
        if extension.startswith(".html"):
            extension = ".html"
        if extension not in (".html", ".txt", ".docx"):
            message = f"The Word file has its text in a {extension or 'missing'} file within it."
            raise Unreadable("invalid_file", f"{message} Open it in Word and save it again.")
        yield Paragraph(read_text(f"part{extension}", self.package.read(part)).strip())


def _heading_levels(package: _Package, part: str) -> dict[str, int]:
    """The level of each heading style; a style may inherit it from another one."""
    found = {f"Heading{level}": level for level in range(1, 7)} | {"Title": 1}
    based: dict[str, str] = {}
    for styles in package.of_kind(part, "styles"):
        for style in _within(package.tree(styles), "style"):
            id, name, outline = _attribute(style, "styleId"), _child(style, "name"), None
            title = _attribute(name, "val").lower() if name is not None else ""
            for outline in style.iter("{*}outlineLvl"):
                found[id] = _outline_level(outline)
            if match := re.fullmatch(r"heading (\d)|title", title):
                found[id] = int(match[1] or 1)
            if (parent := _child(style, "basedOn")) is not None:
                based[id] = _attribute(parent, "val")
    for id in based:
        seen, parent = {id}, based[id]
        while parent in based and parent not in found and parent not in seen:
            seen.add(parent)
            parent = based[parent]
        found.setdefault(id, found.get(parent, 0))
    return found


def _hiding_styles(package: _Package, part: str) -> dict[str, bool]:
    """Whether each style hides its text; a style may inherit that from another one."""
    found: dict[str, bool] = {}
    based: dict[str, str] = {}
    for styles in package.of_kind(part, "styles"):
        for style in _within(package.tree(styles), "style"):
            id, properties = _attribute(style, "styleId"), _child(style, "rPr")
            own = None if properties is None else _child(properties, "vanish")
            if own is not None:
                found[id] = _is_on(own)
            elif (parent := _child(style, "basedOn")) is not None:
                based[id] = _attribute(parent, "val")
    for id in based:
        seen, parent = {id}, based[id]
        while parent in based and parent not in seen:
            seen.add(parent)
            parent = based[parent]
        found.setdefault(id, found.get(parent, False))
    return found


class _Numbering:
    """The numbers that Word shows before paragraphs: "3.2", "b)", and "-" for a bullet.

    A paragraph, or its style, names a list and a level. Each level of a list has a counter, and a
    number on one level resets the deeper levels. A list also says how its numbers are written:
    "%1.%2" takes those of the first two levels.
    """

    def __init__(self, package: _Package, part: str) -> None:
        self._lists: dict[str, str] = {}
        self._formats: dict[tuple[str, int], tuple[str, str, int]] = {}
        self._styles: dict[str, Any] = {}
        self._counts: dict[str, list[int]] = {}
        self._restarts: dict[str, int] = {}
        for name in package.of_kind(part, "numbering"):
            self._read(package.tree(name))
        for name in package.of_kind(part, "styles") if self._lists else ():
            for style in _within(package.tree(name), "style"):
                properties = _child(style, "pPr")
                self._styles[_attribute(style, "styleId")] = properties

    def mark(self, properties: Any) -> str:
        """The number of a paragraph with these properties, and a space; "" if it is in no list."""
        id, level = self._place(properties)
        list_ = self._lists.get(id, "")
        if (list_, level) not in self._formats:
            return ""
        kind, text, _ = self._formats[list_, level]
        if (restart := self._restarts.pop(id, None)) is not None:
            self._counts[list_] = [restart - 1]
        counts = self._counts.setdefault(list_, [])
        for deeper in range(len(counts), level + 1):
            counts.append(self._formats.get((list_, deeper), ("", "", 1))[2] - (deeper == level))
        counts[level] += 1
        del counts[level + 1 :]
        if kind == "bullet":
            return "- "
        text = re.sub(r"%(\d)", lambda found: self._written(list_, int(found[1]) - 1), text)
        return f"{text} " if text else ""

    def _read(self, tree: Any) -> None:
        for list_ in _within(tree, "abstractNum"):
            for level in _within(list_, "lvl"):
                values = [_child(level, name) for name in ("numFmt", "lvlText", "start")]
                kind, text, start = (_attribute(v, "val") if v is not None else "" for v in values)
                place = (_attribute(list_, "abstractNumId"), int(_attribute(level, "ilvl") or 0))
                self._formats[place] = (kind, text, int(start or 1))
        for number in _within(tree, "num"):
            if (list_ := _child(number, "abstractNumId")) is not None:
                self._lists[_attribute(number, "numId")] = _attribute(list_, "val")
            for start in _within(number, "startOverride"):
                self._restarts.setdefault(
                    _attribute(number, "numId"), int(_attribute(start, "val"))
                )

    def _place(self, properties: Any) -> tuple[str, int]:
        """The list and the level of a paragraph, from its own properties or its style."""
        if properties is None or not self._lists:
            return "", 0
        if (own := _child(properties, "numPr")) is not None:
            id, level = _child(own, "numId"), _child(own, "ilvl")
            if id is not None:
                return _attribute(id, "val"), self._level(level)
        style = _child(properties, "pStyle")
        by_style = self._styles.get(_attribute(style, "val")) if style is not None else None
        if by_style is None or _child(by_style, "numPr") is None:
            return "", 0
        id, level = (_child(_child(by_style, "numPr"), name) for name in ("numId", "ilvl"))
        return (_attribute(id, "val") if id is not None else ""), self._level(level)

    def _level(self, element: Any) -> int:
        return min(8, int(_attribute(element, "val") or 0)) if element is not None else 0

    def _written(self, list_: str, level: int) -> str:
        """The counter of a level, in the format of that level."""
        count = self._counts[list_][level] if level < len(self._counts[list_]) else 1
        kind = self._formats.get((list_, level), ("decimal", "", 1))[0]
        if kind in ("lowerLetter", "upperLetter") and count > 0:
            letter = chr(ord("a") + (count - 1) % 26) * ((count - 1) // 26 + 1)
            return letter if kind == "lowerLetter" else letter.upper()
        if kind in ("lowerRoman", "upperRoman"):
            return _roman(count) if kind == "upperRoman" else _roman(count).lower()
        return "" if kind == "none" else str(count)


def _roman(number: int) -> str:
    text = ""
    for value, letters in _ROMAN:
        text += letters * (number // value)
        number %= value
    return text


_ROMAN = [(1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L")]
_ROMAN += [(40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")]


def _outline_level(element: Any) -> int:
    """Word counts levels from 0; 9 is body text."""
    level = int(_attribute(element, "val") or 9)
    return level + 1 if level < 9 else 0


# --------------------------------------------------------------------- PowerPoint


class _Slide(_Walker):
    """A slide: its title as a heading, its shapes, and the speaker's notes."""

    def __init__(self, package: _Package, part: str, seen: set[str]) -> None:
        super().__init__(package, part)
        self._seen = seen
        self._level = 0

    def blocks_of_slide(self) -> Iterator[Paragraph]:
        yield from self.blocks(self.package.tree(self.part))
        yield from self._after
        for part in self.package.of_kind(self.part, "notesSlide"):
            for shape in self.package.tree(part).iter("{*}sp"):
                if _placeholder(shape) in ("body", "obj"):
                    yield from _Slide(self.package, part, self._seen).blocks(shape)

    def level(self, paragraph: Any) -> int:
        return self._level

    def other(self, name: str, element: Any) -> Iterator[Paragraph]:
        if name in ("chart", "relIds"):
            self._piece(name, element)
            return
        place = _placeholder(element) if name == "sp" else ""
        if place == "sldNum":
            return
        outer, self._level = self._level, int(place in ("title", "ctrTitle")) or self._level
        blocks = list(self.blocks(element))
        self._level = outer
        if place in ("ftr", "dt"):  # the same on every slide
            blocks = [block for block in blocks if block.text not in self._seen]
            self._seen.update(block.text for block in blocks)
        yield from blocks


def _placeholder(shape: Any) -> str:
    """The type of a shape's placeholder: title, body, ftr, ...; "" if it is none."""
    place = shape
    for name in ("nvSpPr", "nvPr", "ph"):
        if (place := _child(place, name)) is None:
            return ""
    return str(place.get("type", "obj"))


# ------------------------------------------------------------------------ elements


def _name(element: Any) -> str:
    """An element's name without its namespace; "" for anything but an element."""
    return _local(element.tag)


@cache
def _local(tag: Any) -> str:
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _seen_children(element: Any) -> Iterator[Any]:
    """The children that a reader sees; if a drawing has two forms, only the first."""
    for child in element:
        name = _name(child)
        if name == "AlternateContent":
            yield from list(child)[:1]
        elif name not in _UNSEEN:
            yield child


def _child(element: Any, name: str) -> Any:
    for child in element:
        if _name(child) == name:
            return child
    return None


def _within(element: Any, name: str) -> Iterator[Any]:
    """The outermost elements with this name below an element, in order."""
    for child in element:
        if _name(child) == name:
            yield child
        elif _name(child) != "tbl" or name not in ("tr", "tc"):
            yield from _within(child, name)


def _attribute(element: Any, name: str, prefix: str = "") -> str:
    """An attribute of any namespace; with `prefix` "r", only that of relationships."""
    for key, value in element.attrib.items():
        space, _, local = key.rpartition("}")
        if local == name and (not prefix or space.endswith("relationships")):
            return str(value)
    return ""


def _style(properties: Any, name: str) -> str:
    """The style that the properties of a paragraph or a run name; "" if they name none."""
    style = None if properties is None else _child(properties, name)
    return "" if style is None else _attribute(style, "val")


def _is_on(element: Any) -> bool:
    return element is not None and _attribute(element, "val") not in ("0", "false", "off")


def _is_deleted(row_: Any) -> bool:
    properties = _child(row_, "trPr")
    return properties is not None and _child(properties, "del") is not None


def _is_own(cell: Any) -> bool:
    """Whether a cell has its own text; one that is merged into another cell has none."""
    if cell.get("hMerge") in ("1", "true") or cell.get("vMerge") in ("1", "true"):
        return False
    properties = _child(cell, "tcPr")
    if properties is None:
        return True
    if _child(properties, "cellDel") is not None:
        return False
    merged = [_child(properties, name) for name in ("vMerge", "hMerge")]
    return all(_attribute(each, "val") == "restart" for each in merged if each is not None)


def _chosen(choice: Any) -> str:
    """The selected entry of an old drop-down list; it is written nowhere else."""
    entries = [_attribute(entry, "val") for entry in _within(choice, "listEntry")]
    result = _child(choice, "result")
    place = int(_attribute(result, "val") or 0) if result is not None else 0
    return entries[place] if place < len(entries) else ""


def _symbol(element: Any) -> str:
    """A character of a symbol font; "" if it has a meaning only in that font."""
    code = int(_attribute(element, "char") or "0", 16)
    if code < 0xF000:
        return chr(code)
    return _SYMBOLS.get(chr(code - 0xF000), "") if _attribute(element, "font") == "Symbol" else ""
