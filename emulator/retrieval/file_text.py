"""Files as text: what a vector store can read of what was uploaded.

Headings are kept as Markdown's, since they tell what a passage is about. Each kind has its bounds,
so that no file takes long or unpacks to more than it may. Nothing is fetched from anywhere.
"""

import codecs
import io
import json
import logging
import re
import time
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Any, Literal

MOST_CHARACTERS = 20_000_000  # some 5 million tokens, OpenAI's limit for a file
MOST_MARKUP = 8 * 2**20
MOST_UNPACKED, MOST_PARTS = 64 * 2**20, 2000
MOST_PAGES, MOST_SECONDS, MOST_OF_A_PAGE = 2000, 30, 16 * 2**20

Code = Literal["unsupported_file", "invalid_file"]


class Unreadable(Exception):
    """A file that cannot be searched; `code` is what a vector store says of it."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code: Code = code
        self.message = message


def read_text(filename: str, data: bytes) -> str:
    """The text of a file, whose kind follows from its name; raises Unreadable."""
    kind = PurePath(filename.replace("\\", "/")).suffix.lower()
    reader = _READERS.get(kind)
    if reader is None:
        raise Unreadable("unsupported_file", _unsupported(kind))
    text = reader(data)
    # What cannot be written as UTF-8, or not be kept in a database, comes out of PDF and JSON.
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    text = text.encode(errors="replace").decode()
    if not text.strip():
        raise Unreadable("invalid_file", f"The file has no text: {len(data)} bytes.")
    if len(text) > MOST_CHARACTERS:
        raise Unreadable("invalid_file", f"The text is longer than {MOST_CHARACTERS:,} characters.")
    return text


def _unsupported(kind: str) -> str:
    if kind in (".doc", ".pptx"):
        advice = "Save it as .docx or .pdf."
        return f"OpenAI reads {kind} files, but this emulator does not. {advice}"
    known = " ".join(sorted(_READERS))
    return f"Files of the kind {kind or '(no extension)'} are not supported. Use one of: {known}"


# --------------------------------------------------------------------- plain text


def _plain(data: bytes) -> str:
    """UTF-8, with a byte order mark or without, or UTF-16 with one; ASCII is UTF-8 too."""
    # Under a wrong name most files only seem to be badly encoded: these two say what they are.
    for start, kind in ((b"%PDF-", "PDF"), (b"PK\3\4", "ZIP")):
        if data.startswith(start):
            raise Unreadable("unsupported_file", f"It is a {kind} file under the name of a text.")
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding, name = ("utf-16", "UTF-16") if is_utf16 else ("utf-8-sig", "UTF-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        message = f"It is not {name} text: byte {error.start} cannot be read."
        raise Unreadable("invalid_file", f"{message} Save it as UTF-8.") from None
    if found := _CONTROL.search(text):
        code = f"U+{ord(found[0]):04X}"
        raise Unreadable("invalid_file", f"It is not text: character {found.start()} is {code}.")
    return text


_CONTROL = re.compile(r"[\0-\x08\x0e-\x1a\x1c-\x1f]")


# --------------------------------------------------------------------------- JSON


def _json(data: bytes) -> str:
    """A line `name: value` for each value, the names of lists and objects as headings above.

    What is not valid JSON is read as it stands.
    """
    text = _plain(data)
    try:
        return "\n".join(_lines(json.loads(text), ""))
    except (ValueError, RecursionError):
        return text


def _lines(value: Any, name: str, depth: int = 1) -> Iterator[str]:
    """A value beside its name; what is inside an object or a list of objects, below its name."""
    if not _is_nested(value):
        values = value if isinstance(value, list) else [value]
        said = ", ".join(item if isinstance(item, str) else json.dumps(item) for item in values)
        yield f"{name}: {said}" if name else said
        return
    if name:
        yield f"\n{'#' * min(depth, 6)} {name}\n"
        depth += 1
    if isinstance(value, dict):
        # First what is plain: what follows a heading seems to belong below it.
        for key, below in sorted(value.items(), key=lambda item: _is_nested(item[1])):
            yield from _lines(below, key.replace("_", " "), depth)
    else:
        for item in value:
            yield from _lines(item, "", depth)
            yield ""


def _is_nested(value: Any) -> bool:
    if isinstance(value, list):
        return any(isinstance(item, (dict, list)) for item in value)
    return isinstance(value, dict)


# --------------------------------------------------------------------------- HTML

_UNSEEN = frozenset(("script", "style", "template", "noscript", "svg", "head", "iframe"))
_INLINE = frozenset(
    """a abbr b bdi bdo cite code data del dfn em font i img ins kbd label mark q s samp small span
    strong sub sup time tt u var wbr tbody thead tfoot""".split()
)
_BEFORE = {f"h{level}": f"\n\n{'#' * level} " for level in range(1, 7)} | {
    **{"p": "\n\n", "li": "\n- ", "tr": "\n", "br": "\n", "dt": "\n", "dd": "\n"},
    **{"td": "\t", "th": "\t"},
}
_OPEN = frozenset(("li", "tr", "br", "dt", "dd", "td", "th"))
"""They end where the next one begins."""


def _html(data: bytes) -> str:
    """What a browser shows: headings as Markdown's, a line for each block, tabs between cells."""
    from lxml import etree, html  # type: ignore[import-untyped]

    if len(data) > MOST_MARKUP:
        raise Unreadable("invalid_file", f"The page is larger than {MOST_MARKUP // 2**20} MB.")
    # As bytes, since a text that names another encoding in its head would be refused.
    parser = html.HTMLParser(encoding="utf-8")
    try:
        tree = html.document_fromstring(_plain(data).encode(), parser=parser)
    except etree.ParserError:
        return ""
    lines = "".join(_seen(tree)).split("\n")
    text = "\n".join(re.sub(r" *\t *", "\t", line).strip() for line in lines)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _seen(tree: Any) -> Iterator[str]:
    """The text of a tree, piece by piece."""
    from lxml import etree

    # Not recursive, as a page may nest tags more deeply than Python may call.
    walk = etree.iterwalk(tree, events=("start", "end", "comment", "pi"))
    for event, element in walk:
        if event == "start":
            if element.tag in _UNSEEN:
                walk.skip_subtree()
                continue
            yield _BEFORE.get(element.tag, "" if element.tag in _INLINE else "\n")
            yield _one_line(element.text)
        else:
            is_block = event == "end" and element.tag not in _INLINE | _UNSEEN | _OPEN
            yield "\n" if is_block else ""
            yield _one_line(element.tail)


def _one_line(text: str | None) -> str:
    return re.sub(r"\s+", " ", text or "")


# ---------------------------------------------------------------------- DOCX, PDF


def _docx(data: bytes) -> str:
    """Paragraphs, headings and tables of a Word file, in order."""
    from docx import Document
    from docx.table import Table

    _check_archive(data)
    # Whatever else the parsers of PDF and Word raise, the file is at fault: a failed file must not
    # look like a fault of the server.
    try:
        document = Document(io.BytesIO(data))
        parts: list[str] = []
        for block in document.iter_inner_content():
            if isinstance(block, Table):
                rows = ("\t".join(cell.text for cell in row.cells) for row in block.rows)
                parts.append("\n".join(rows))
            else:
                style = block.style.name if block.style is not None else ""
                level = re.match(r"(?:Heading (\d)|Title)$", style or "")
                parts.append(("#" * int(level[1] or 1) + " " if level else "") + block.text)
    except Exception as error:
        raise _broken("Word", error) from None
    return "\n\n".join(part for part in parts if part.strip())


def _check_archive(data: bytes) -> None:
    """Raises Unreadable for what is no ZIP archive, is encrypted, or unpacks to too much."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        if data.startswith(b"\xd0\xcf\x11\xe0"):
            message = "It is an encrypted or an old Word file. Save it as .docx without a password."
            raise Unreadable("invalid_file", message) from None
        raise _broken("Word", error) from None
    if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
        limit = f"{MOST_PARTS} parts or {MOST_UNPACKED // 2**20} MB"
        raise Unreadable("invalid_file", f"The Word file unpacks to more than {limit}.")


def _pdf(data: bytes) -> str:
    """The text of each page; a scan has none."""
    import pypdf

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    limits = pypdf.Configuration(
        jbig2dec_binary=None,
        zlib_maximum_output_length=MOST_OF_A_PAGE,
        lzw_maximum_output_length=MOST_OF_A_PAGE,
        run_length_maximum_output_length=MOST_OF_A_PAGE,
        array_based_stream_maximum_output_length=MOST_OF_A_PAGE,
        stream_decoding_work_maximum_length=4 * MOST_OF_A_PAGE,
    )
    deadline = time.monotonic() + MOST_SECONDS

    def check_time(*_: object) -> None:
        if time.monotonic() > deadline:
            raise Unreadable("invalid_file", f"The PDF takes more than {MOST_SECONDS} s to read.")

    # The operands of a page come one by one, so the deadline holds inside a single huge page, too.
    try:
        with pypdf.apply_configuration(limits):
            reader = pypdf.PdfReader(io.BytesIO(data))
            if reader.is_encrypted:
                message = "The PDF is encrypted. Save it without a password."
                raise Unreadable("invalid_file", message)
            if len(reader.pages) > MOST_PAGES:
                raise Unreadable("invalid_file", f"The PDF has more than {MOST_PAGES} pages.")
            pages = []
            for page in reader.pages:
                check_time()
                pages.append(page.extract_text(visitor_operand_before=check_time).strip())
    except Unreadable:
        raise
    except Exception as error:
        raise _broken("PDF", error) from None
    return _LIGATURE.sub(lambda found: unicodedata.normalize("NFKC", found[0]), "\n\n".join(pages))


_LIGATURE = re.compile("[\ufb00-\ufb06]")


def _broken(kind: str, error: Exception) -> Unreadable:
    return Unreadable("invalid_file", f"The {kind} file is broken: {error or type(error).__name__}")


_TEXT = ".c .cpp .cs .css .go .java .js .md .php .py .rb .sh .tex .ts .txt".split()
_READERS: dict[str, Callable[[bytes], str]] = {
    **dict.fromkeys(_TEXT, _plain),
    ".html": _html,
    ".json": _json,
    ".docx": _docx,
    ".pdf": _pdf,
}
