"""Uploaded files as text, which a vector store can search.

Headings are written as in Markdown, since they say what a passage is about. A file counts as read
only if its text was read. Others are refused with the reason: a scan, for example, or a PDF that
has only the shapes of its letters. Nothing is fetched from the network.

Text and code are decoded here. The other formats need a parser, and a hostile file may keep it busy
or crash it. So `reader_process.py` runs `read_text` for them in a process with limits.

The list of formats and encodings is OpenAI's:
https://developers.openai.com/api/docs/guides/tools-file-search
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Any, Literal

MOST_BYTES = 64 * 2**20
"""A larger file is refused. OpenAI takes 512 MB."""
MOST_CHARACTERS = 20_000_000
"""Some 5 million tokens, OpenAI's limit for a file."""
MOST_UNREADABLE = 0.2
"""The largest share of letters without a meaning; a page with a few odd symbols has less."""
SMALL_JSON = 2**16
"""A JSON file of up to so many bytes needs little time and memory, whatever is in it. One of 1 MB
needs seconds if its values are nested 900 deep, as each passes through all the levels."""

RTF = b"{\\rtf"
"""How a file in Rich Text Format begins, which is text with commands in it."""

Code = Literal["unsupported_file", "invalid_file", "server_error"]


class Unreadable(Exception):
    """A file that cannot be searched; `code` and `message` become its `last_error`."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code: Code = code
        self.message = message


def read_text(filename: str, data: bytes) -> str:
    """The text of a file, whose extension says its format; raises Unreadable."""
    check_size(len(data))
    extension = extension_of(filename)
    reader = _READERS.get(extension)
    if reader is None:
        raise Unreadable("unsupported_file", _unsupported(extension))
    text = reader(data)
    # PDF and JSON may contain what can't be written as UTF-8 or kept in a database.
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    text = text.encode(errors="replace").decode()
    _check_text(text, len(data))
    return text


def needs_parser(filename: str, size: int) -> bool:
    """Whether to read a file of `size` bytes in a process with limits."""
    extension = extension_of(filename)
    return extension in _PARSED or (extension == ".json" and size > SMALL_JSON)


def check_size(size: int) -> None:
    """Raises Unreadable for a file with too many bytes."""
    if size > MOST_BYTES:
        limit = f"This emulator reads at most {MOST_BYTES:,}. Split it."
        raise Unreadable("invalid_file", f"The file is too large: {size:,} bytes. {limit}")


def extension_of(filename: str) -> str:
    return PurePath(filename.replace("\\", "/")).suffix.lower()


def _unsupported(extension: str) -> str:
    if extension == ".doc":
        return "OpenAI reads .doc files, but this emulator doesn't. Save the file as .docx."
    known = " ".join(sorted(_READERS))
    return f"Files of type {extension or '(no extension)'} are not supported. Use one of: {known}"


def _check_text(text: str, size: int) -> None:
    """Raises Unreadable if a text is empty, too long, or has too many letters without a meaning."""
    letters = sum(map(len, text.split()))
    if not letters:
        raise Unreadable("invalid_file", f"The file has no text: {size:,} bytes.")
    if len(text) > MOST_CHARACTERS:
        raise Unreadable("invalid_file", f"The text is longer than {MOST_CHARACTERS:,} characters.")
    if len(_MEANINGLESS.findall(text)) > MOST_UNREADABLE * letters:
        raise Unreadable("invalid_file", f"{GIBBERISH} Save it again, with its text as Unicode.")


GIBBERISH = "Many letters of the file have no meaning: it only has their shapes."
# The replacement character, and the characters of the private use areas.
_MEANINGLESS = re.compile("[\ufffd\ue000-\uf8ff\U000f0000-\U0010ffff]")


# --------------------------------------------------------------------- plain text


def _plain(data: bytes) -> str:
    """UTF-8 or UTF-16, with or without a byte order mark; ASCII is UTF-8, too."""
    # Most files with a wrong extension look like badly encoded text. These can be recognized.
    for start, kind in ((b"%PDF-", "PDF"), (b"PK\3\4", "ZIP")):
        if data.startswith(start):
            message = f"It is a {kind} file, but its extension is that of a text. Rename it."
            raise Unreadable("unsupported_file", message)
    if data.startswith(RTF):
        message = "It is an RTF file, but its extension is that of a text. Save it as .docx."
        raise Unreadable("unsupported_file", message)
    encoding = _encoding(data)
    name = encoding.removesuffix("-sig").upper()
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        message = f"It is not {name} text: byte {error.start} cannot be read."
        raise Unreadable("invalid_file", f"{message} Save it as UTF-8.") from None
    text = text.removeprefix("\ufeff")
    if found := _CONTROL.search(text):
        code = f"U+{ord(found[0]):04X}"
        raise Unreadable("invalid_file", f"It is not text: character {found.start()} is {code}.")
    return text


def _encoding(data: bytes) -> str:
    """The encoding that a byte order mark names; without one, that of the first kilobyte."""
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise Unreadable("invalid_file", "It is UTF-32 text. Save it as UTF-8.")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    # In UTF-16, every second byte of a Western text is zero. Other texts have no zeros.
    start = data[:1024]
    zeros = [start[parity::2].count(0) for parity in (0, 1)]
    if len(data) % 2 == 0 and sum(zeros) > len(start) // 4 and not min(zeros):
        return "utf-16-be" if zeros[0] else "utf-16-le"
    return "utf-8-sig"


# Tabs, line breaks, page breaks and Escape (from recorded terminals) are allowed.
_CONTROL = re.compile(r"[\0-\x08\x0e-\x1a\x1c-\x1f]")


# --------------------------------------------------------------------------- JSON


def _json(data: bytes) -> str:
    """A line `name: value` for each value, below headings with the names of lists and objects.

    Numbers stay as they are written. Invalid JSON becomes text as it is.
    """
    text = _plain(data)
    try:
        value = json.loads(text, object_pairs_hook=_Pairs, parse_float=_Number, parse_int=_Number)
        return "\n".join(_lines(value, ""))
    except (ValueError, RecursionError):
        return text


class _Pairs(list[tuple[str, Any]]):
    """An object's names and values. A name may occur twice, but a dict would keep only one."""


class _Number(str):
    """A number as it is written, whatever its size or its zeros at the end."""


def _lines(value: Any, name: str, depth: int = 1) -> Iterator[str]:
    """A plain value beside its name; the content of an object or a list, below its name."""
    if not _is_nested(value):
        said = ", ".join(map(_said, value if isinstance(value, list) else [value]))
        yield f"{name}: {said}" if name else said
        return
    if name:
        yield f"\n{'#' * min(depth, 6)} {name}\n"
        depth += 1
    if isinstance(value, _Pairs):
        # Plain values come first: after a heading, they would seem to belong to it.
        for key, below in sorted(value, key=lambda item: _is_nested(item[1])):
            yield from _lines(below, key, depth)
    else:
        for item in value:
            yield from _lines(item, "", depth)
            yield ""


def _said(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _is_nested(value: Any) -> bool:
    if isinstance(value, list) and not isinstance(value, _Pairs):
        return any(isinstance(item, list) for item in value)
    return isinstance(value, _Pairs)


# ------------------------------------------------------------------ other formats

# Each parser is imported with the first file that needs it.


def _html(data: bytes) -> str:
    from emulator.retrieval.html_text import html_text

    return _by_parser("HTML", html_text, _plain(data).encode())


def _docx(data: bytes) -> str:
    from emulator.retrieval.office_text import docx_text

    return _by_parser("Word", docx_text, data)


def _pptx(data: bytes) -> str:
    from emulator.retrieval.office_text import pptx_text

    return _by_parser("PowerPoint", pptx_text, data)


def _pdf(data: bytes) -> str:
    from emulator.retrieval.pdf_text import pdf_text

    return _by_parser("PDF", pdf_text, data)


def _by_parser(kind: str, read: Callable[[bytes], str], data: bytes) -> str:
    """The text from a parser. If that raises an error, the file is at fault, not the server."""
    try:
        return read(data)
    except (Unreadable, MemoryError):
        raise
    except Exception as error:
        reason = f"{error or type(error).__name__}".rstrip(".")
        if reason.startswith("unknown error"):  # lxml had no memory left even for its message
            raise MemoryError from error
        message = f"The {kind} file is broken: {reason}. Save it again, or export it as .txt."
        raise Unreadable("invalid_file", message) from error


_TEXT = ".c .cpp .cs .css .go .java .js .md .php .py .rb .sh .tex .ts .txt".split()
_PARSED: dict[str, Callable[[bytes], str]] = {
    ".docx": _docx,
    ".html": _html,
    ".pdf": _pdf,
    ".pptx": _pptx,
}
_READERS = {**dict.fromkeys(_TEXT, _plain), ".json": _json, **_PARSED}
