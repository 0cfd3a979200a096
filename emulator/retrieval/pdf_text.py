"""The text of a PDF, by PDFium.

A PDF contains glyphs (shapes) at positions, not text. A table beside each font says which letters
the glyphs are. If a program left that table out, PDFium reports it for each character. So a page of
mere shapes can be recognized. A scan has no glyphs at all.

The lines of a paragraph are equally far apart; a larger gap begins the next paragraph. A word that
is divided at the end of a line is joined again.

PDFium is C++ with global state. So only one thread may use it at a time, in a process with limits.
"""

import ctypes
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from typing import Any

from emulator.retrieval.file_text import GIBBERISH, MOST_UNREADABLE, Unreadable

import pypdfium2 as pdfium  # type: ignore[import-untyped]
import pypdfium2.raw as api  # type: ignore[import-untyped]

MOST_SAMPLES = 400
"""Characters of a page that are looked at one by one."""
FEW_LETTERS = 40
"""A page with at most so many letters of its own and a large picture is a picture of a page."""
FEWEST_VOWELS = 0.25
"""The smallest share of vowels in Latin letters that is believed to be language; English: 0.38."""
MOST_ACCENTED = 0.4
"""The largest share of accented letters and signs of Latin-1 that is believed to be language."""
LARGE_PICTURE = 0.5
"""The share of a page that a large picture covers at least."""
WIDE_GAP = 1.3
"""A gap of so many times the usual distance between lines separates two paragraphs."""

MOST_OF_OBJECTS = 2**20
"""Bytes of a stream of objects that are unpacked, to find the catalog."""

_HIDDEN = 2
_PASSWORD_FIELD = 1 << 13
_DIVIDED = "\ufffe"
"""What PDFium writes in place of a hyphen and the line break after it."""


@dataclass
class PdfPage:
    """What was read of one page.

    `sampled` characters were looked at. `unmapped` has the font's own codes of those among them
    whose meaning the font doesn't say.
    """

    text: str
    sampled: int
    unmapped: str
    is_picture: bool


def pdf_text(data: bytes) -> str:
    """The text of all pages, with the values in its form; raises Unreadable and PdfiumError."""
    document = _opened(data)
    try:
        if document.get_formtype() == api.FORMTYPE_XFA_FULL:
            message = "The PDF is a form that only Adobe Reader can show (XFA)."
            raise Unreadable("invalid_file", f"{message} Print it to a PDF.")
        if (files := api.FPDFDoc_GetAttachmentCount(document)) > 0 and _is_portfolio(data):
            what = f"a portfolio, which holds {files} other file{'s' * (files > 1)}"
            raise Unreadable("invalid_file", f"The PDF is {what}. Extract and upload them.")
        document.init_forms()
        reader = _PdfReader(document)
        pages = [reader.page(number) for number in range(len(document))]
    finally:
        document.close()
    _check_letters(pages)
    _check_pictures(pages)
    return _whole_words("\n\n".join(page.text for page in pages if page.text))


def _opened(data: bytes) -> Any:
    try:
        return pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if error.err_code == api.FPDF_ERR_PASSWORD:
            message = "The PDF opens only with a password. Save it without one."
        elif error.err_code == api.FPDF_ERR_SECURITY:
            message = "The PDF is encrypted in a way that cannot be read. Save it unencrypted."
        else:
            message = "The PDF file is broken, or it is not a PDF. Save it again."
        raise Unreadable("invalid_file", message) from None


def _is_portfolio(data: bytes) -> bool:
    """Whether the PDF is a mere wrapper of files: its catalog then has the entry Collection.

    PDFium doesn't show the catalog, which may be packed into a stream with other objects.
    """
    parts = [data]
    for found in _OBJECTS.finditer(data):
        with suppress(zlib.error):
            packed = data[found.end() : data.find(b"endstream", found.end())]
            parts.append(zlib.decompressobj().decompress(packed, MOST_OF_OBJECTS))
    return any(_COLLECTION.search(part) for part in parts)


def _check_letters(pages: list[PdfPage]) -> None:
    """Raises Unreadable if too many letters are mere shapes, whose codes read as gibberish."""
    sampled = sum(page.sampled for page in pages)
    unmapped = "".join(page.unmapped for page in pages)
    # A font's own codes are often those of Unicode. If they number its glyphs, they look different.
    meant = "".join(_PLAUSIBLE.findall(unmapped))
    letters = re.findall("[A-Za-z]", meant)
    vowels = re.findall("[AEIOUaeiou]", meant)
    if len(letters) >= 20 and len(vowels) < FEWEST_VOWELS * len(letters):
        meant = ""
    # If the bytes of Chinese text are taken for Latin-1, nearly all letters are accented.
    text = "".join(page.text for page in pages)
    accented = len(re.findall("[\x80-\xff]", text)) / max(1, len(re.findall(r"\S", text)))
    if len(unmapped) - len(meant) > MOST_UNREADABLE * sampled or accented > MOST_ACCENTED:
        advice = "Export it again with Unicode text, or run text recognition (OCR) on it."
        raise Unreadable("invalid_file", f"{GIBBERISH} {advice}")


def _check_pictures(pages: list[PdfPage]) -> None:
    """Raises Unreadable if half of the pages or more are pictures: a scan without a text layer."""
    # A stamp or a page number that is on several pages doesn't count as text of a page.
    lines = Counter(line for page in pages for line in set(_plain_lines(page.text)))
    pictures = sum(
        page.is_picture
        and sum(len(line) for line in _plain_lines(page.text) if lines[line] < 2) <= FEW_LETTERS
        for page in pages
    )
    if pictures and pictures * 2 >= len(pages) and not _is_poster(pages):
        message = (
            f"The PDF is a scan: {pictures} of {len(pages)} pages have no text, only a picture."
        )
        raise Unreadable("invalid_file", f"{message} Run text recognition (OCR) on it.")


def _is_poster(pages: list[PdfPage]) -> bool:
    """A single page with words on a picture. On several pages, so few words would be stamps."""
    return len(pages) == 1 and bool(pages[0].text)


def _plain_lines(text: str) -> list[str]:
    lines = (re.sub(r"[\d\s]+", "", line) for line in text.split("\n"))
    return [line for line in lines if line]


# -------------------------------------------------------------------------- pages


class _PdfReader:
    """Reads the pages of a document one by one; each field of its form counts once."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self._seen: set[tuple[str, str]] = set()

    def page(self, number: int) -> PdfPage:
        page = self._document[number]
        try:
            characters = page.get_textpage()
            text = _paragraphs(characters, characters.get_text_range())
            sampled, unmapped = _unmapped(characters)
            values = [text, "\n".join(self._values(page))]
            text = "\n\n".join(value for value in values if value)
            letters = len(re.sub(r"\s", "", text))
            # A scan may have a stamp on each page, which shows only when all pages are compared.
            is_picture = letters < 10 * FEW_LETTERS and _has_large_picture(page)
            text = _CJK_BLANK.sub("", text)
            text = _CONTROL.sub("\ufffd", _LIGATURE.sub(_normal, text))
            return PdfPage(text, sampled, unmapped, is_picture)
        finally:
            page.close()

    def _values(self, page: Any) -> Iterator[str]:
        """What was filled in or written over a page, each value beside the name of its field."""
        for place in range(api.FPDFPage_GetAnnotCount(page)):
            annotation = api.FPDFPage_GetAnnot(page, place)
            try:
                name, value = self._value(annotation)
            finally:
                api.FPDFPage_CloseAnnot(annotation)
            if value and (name, value) not in self._seen:
                self._seen.add((name, value))
                yield f"{name}: {value}" if name else value

    def _value(self, annotation: Any) -> tuple[str, str]:
        """Name and value; two empty texts if it isn't filled in or is hidden."""
        subtype = api.FPDFAnnot_GetSubtype(annotation)
        if api.FPDFAnnot_GetFlags(annotation) & _HIDDEN:
            return "", ""
        if subtype == api.FPDF_ANNOT_FREETEXT:
            key = b"Contents"
            return "", _string(lambda *room: api.FPDFAnnot_GetStringValue(annotation, key, *room))
        form = self._document.formenv
        if subtype != api.FPDF_ANNOT_WIDGET or form is None:
            return "", ""
        about = (form, annotation)
        name = _string(lambda *room: api.FPDFAnnot_GetFormFieldAlternateName(*about, *room))
        name = name or _string(lambda *room: api.FPDFAnnot_GetFormFieldName(*about, *room))
        return name, _field_value(*about)


def _field_value(form: Any, widget: Any) -> str:
    """The text of a field, the label of a choice, or the value of a checked box."""
    kind = api.FPDFAnnot_GetFormFieldType(form, widget)
    if kind == api.FPDF_FORMFIELD_TEXTFIELD:
        if api.FPDFAnnot_GetFormFieldFlags(form, widget) & _PASSWORD_FIELD:
            return ""
        return _string(lambda *room: api.FPDFAnnot_GetFormFieldValue(form, widget, *room))
    if kind in (api.FPDF_FORMFIELD_CHECKBOX, api.FPDF_FORMFIELD_RADIOBUTTON):
        if not api.FPDFAnnot_IsChecked(form, widget):
            return ""
        return _string(lambda *room: api.FPDFAnnot_GetFormFieldExportValue(form, widget, *room))
    if kind in (api.FPDF_FORMFIELD_COMBOBOX, api.FPDF_FORMFIELD_LISTBOX):
        chosen = [
            _string(lambda *room, n=n: api.FPDFAnnot_GetOptionLabel(form, widget, n, *room))
            for n in range(max(0, api.FPDFAnnot_GetOptionCount(form, widget)))
            if api.FPDFAnnot_IsOptionSelected(form, widget, n)
        ]
        written = _string(lambda *room: api.FPDFAnnot_GetFormFieldValue(form, widget, *room))
        return ", ".join(chosen) or written
    return ""


def _string(read: Callable[..., int]) -> str:
    """A text that PDFium writes into a buffer, as UTF-16 with a zero at its end."""
    size = read(None, 0)
    if size <= 2:
        return ""
    buffer = (ctypes.c_ushort * (size // 2 + 1))()
    read(buffer, size)
    text = bytes(buffer)[: size - 2].decode("utf-16-le", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _unmapped(characters: Any) -> tuple[int, str]:
    """How many characters of a page were looked at, and those whose font gives no meaning."""
    step = max(1, characters.count_chars() // MOST_SAMPLES)
    places = range(0, characters.count_chars(), step)
    seen = [place for place in places if not api.FPDFText_IsGenerated(characters, place)]
    bare = [place for place in seen if api.FPDFText_HasUnicodeMapError(characters, place) == 1]
    codes = [api.FPDFText_GetUnicode(characters, place) for place in bare]
    return len(seen), "".join(chr(code) if code < 0x110000 else "\ufffd" for code in codes)


def _has_large_picture(page: Any) -> bool:
    room = float(page.get_width() * page.get_height()) * LARGE_PICTURE
    covered = 0.0
    for image in page.get_objects(filter=[api.FPDF_PAGEOBJ_IMAGE], max_depth=4):
        left, bottom, right, top = image.get_bounds()
        covered += abs((right - left) * (top - bottom))
    return 0 < room <= covered


# ----------------------------------------------------------------- lines and words


def _paragraphs(characters: Any, text: str) -> str:
    """The lines of a page, with an empty line where a gap is wider than usual."""
    lines = text.split("\r\n")
    heights = list(_heights(characters, lines)) if len(text) == characters.count_chars() else []
    gaps = [above - below for above, below in zip(heights, heights[1:], strict=False)]
    usual = [gap for gap in gaps if gap > 0]
    widest = WIDE_GAP * median(usual) if usual else 0
    parts = [lines[0]]
    for place, line in enumerate(lines[1:]):
        is_wide = place < len(gaps) and gaps[place] > widest
        parts.append(("\n\n" if is_wide else "\n") + line)
    cleaned = re.sub(r"[^\S\n]*\n[^\S\n]*", "\n", "".join(parts).replace("\r", "\n"))
    return re.sub(r"\n{3,}", "\n\n", cleaned).strip()


def _heights(characters: Any, lines: list[str]) -> Iterator[float]:
    """The height of each line in points from below; an empty line has that of the one before."""
    x, y = ctypes.c_double(), ctypes.c_double()
    start = 0
    for line in lines:
        place = start + len(line) - len(line.lstrip())
        if line.strip():
            api.FPDFText_GetCharOrigin(characters, place, x, y)
        yield y.value
        start += len(line) + 2


def _whole_words(text: str) -> str:
    """Join the words that were divided at the end of a line, and remove soft hyphens.

    A hyphen stays only if the rest of the text has the same word with it.
    """
    text = text.replace("\xad\n", _DIVIDED)
    known = set(re.findall(r"\w+-\w+", text)) if _DIVIDED in text else set()

    def joined(found: re.Match[str]) -> str:
        before, after = found.groups()
        return f"{before}-{after}" if f"{before}-{after}" in known else before + after

    text = re.sub(rf"(\w+){_DIVIDED}(\w+)", joined, text)
    return text.replace(_DIVIDED, "-").replace("\xad", "")


def _normal(found: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", found[0])


_COLLECTION = re.compile(rb"/Collection(?![A-Za-z])")
_OBJECTS = re.compile(rb"/ObjStm\b[^\0]{0,400}?stream\r?\n")
_LIGATURE = re.compile("[\ufb00-\ufb06]")
_CONTROL = re.compile(r"[\0-\x08\x0b-\x1f]")
# Wide letters are far apart on a page, but their scripts have no spaces between words.
_WIDE = "\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef"
_CJK_BLANK = re.compile(f"(?<=[{_WIDE}]) (?=[{_WIDE}])")
# ASCII and the letters of Chinese, Japanese and Korean; the numbers of glyphs are lower than these.
_PLAUSIBLE = re.compile(r"[ -~\u3000-\u30ff\u4e00-\u9fff\uac00-\ucfff\uff00-\uffef]")
