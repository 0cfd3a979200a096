"""Files as text: what a vector store can read of what was uploaded.

Headings are kept as Markdown's, since they say what a passage is about. A file counts as read only
if its text was read: a scan, or a PDF whose letters have no meaning to a program, is refused with
the reason. Nothing is fetched from anywhere.

Text and code are decoded here. The other formats need a parser, which a hostile file may keep busy
or crash: `reader_process.py` runs `read_text` for them in a process with limits.

The list of formats and encodings is OpenAI's: https://platform.openai.com/docs/guides/tools-file-search
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Any, Literal

MOST_BYTES = 64 * 2**20
"""A larger file is refused; OpenAI takes 512 MiB."""
MOST_CHARACTERS = 20_000_000
"""Some 5 million tokens, OpenAI's limit for a file."""
MOST_UNREADABLE = 0.2
"""The share of letters that may be without meaning; a page with a few odd symbols has less."""
SMALL_JSON = 2**20
"""A JSON file of so many bytes needs little time and memory, whatever is in it."""

Code = Literal["unsupported_file", "invalid_file", "server_error"]


class Unreadable(Exception):
    """A file that cannot be searched; `code` is what a vector store says of it."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code: Code = code
        self.message = message


def read_text(filename: str, data: bytes) -> str:
    """The text of a file, whose format follows from its name; raises Unreadable."""
    check_size(len(data))
    extension = extension_of(filename)
    reader = _READERS.get(extension)
    if reader is None:
        raise Unreadable("unsupported_file", _unsupported(extension))
    text = reader(data)
    # What cannot be written as UTF-8, or not be kept in a database, comes out of PDF and JSON.
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    text = text.encode(errors="replace").decode()
    _check_text(text, len(data))
    return text


def needs_parser(filename: str, size: int) -> bool:
    """Whether to read such a file, of so many bytes, in a process with limits."""
    extension = extension_of(filename)
    return extension in _PARSED or (extension == ".json" and size > SMALL_JSON)


def check_size(size: int) -> None:
    """Raises Unreadable for a file of too many bytes."""
    if size > MOST_BYTES:
        message = f"The file is too large: {size:,} bytes. This emulator reads {MOST_BYTES:,}."
        raise Unreadable("invalid_file", f"{message} Split it.")


def extension_of(filename: str) -> str:
    return PurePath(filename.replace("\\", "/")).suffix.lower()


def _unsupported(extension: str) -> str:
    if extension == ".doc":
        return "OpenAI reads .doc files, but this emulator doesn't. Save the file as .docx."
    known = " ".join(sorted(_READERS))
    return f"Files of type {extension or '(no extension)'} are not supported. Use one of: {known}"


def _check_text(text: str, size: int) -> None:
    """Raises Unreadable where a text is empty, too long, or has no meaning to a program."""
    letters = sum(map(len, text.split()))
    if not letters:
        raise Unreadable("invalid_file", f"The file has no text: {size:,} bytes.")
    if len(text) > MOST_CHARACTERS:
        raise Unreadable("invalid_file", f"The text is longer than {MOST_CHARACTERS:,} characters.")
    if len(_MEANINGLESS.findall(text)) > MOST_UNREADABLE * letters:
        raise Unreadable("invalid_file", f"{GIBBERISH} Save it again, with its text as Unicode.")


GIBBERISH = "Most letters of the file have no meaning to a program, only a shape."
# The replacement character, and what is private to a font.
_MEANINGLESS = re.compile("[\ufffd\ue000-\uf8ff\U000f0000-\U0010ffff]")


# --------------------------------------------------------------------- plain text


def _plain(data: bytes) -> str:
    """UTF-8 or UTF-16, each with a byte order mark or without; ASCII is UTF-8 too."""
    # Under a wrong name most files only seem to be badly encoded: these two say what they are.
    for start, kind in ((b"%PDF-", "PDF"), (b"PK\3\4", "ZIP")):
        if data.startswith(start):
            raise Unreadable("unsupported_file", f"It is a {kind} file under the name of a text.")
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
    """The encoding that a byte order mark names; without one that of the first kilobyte."""
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise Unreadable("invalid_file", "It is UTF-32 text. Save it as UTF-8.")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    # A Western text in UTF-16 has a zero in every second byte, and other texts have none at all.
    start = data[:1024]
    zeros = [start[parity::2].count(0) for parity in (0, 1)]
    if len(data) % 2 == 0 and sum(zeros) > len(start) // 4 and not min(zeros):
        return "utf-16-be" if zeros[0] else "utf-16-le"
    return "utf-8-sig"


# Not among them: tab, the breaks of lines and pages, and the Escape of a recorded terminal.
_CONTROL = re.compile(r"[\0-\x08\x0e-\x1a\x1c-\x1f]")


# --------------------------------------------------------------------------- JSON


def _json(data: bytes) -> str:
    """A line `name: value` for each value, the names of lists and objects as headings above.

    Numbers stay as they are written. What is not valid JSON is read as it stands.
    """
    text = _plain(data)
    try:
        value = json.loads(text, object_pairs_hook=_Pairs, parse_float=_Number, parse_int=_Number)
        return "\n".join(_lines(value, ""))
    except (ValueError, RecursionError):
        return text


class _Pairs(list[tuple[str, Any]]):
    """An object's names and values. A name may stand in it twice, of which a dict keeps one."""


class _Number(str):
    """A number as it is written, whatever its size or its zeros at the end."""


def _lines(value: Any, name: str, depth: int = 1) -> Iterator[str]:
    """A value beside its name; what is inside an object or a list of objects, below its name."""
    if not _is_nested(value):
        said = ", ".join(map(_said, value if isinstance(value, list) else [value]))
        yield f"{name}: {said}" if name else said
        return
    if name:
        yield f"\n{'#' * min(depth, 6)} {name}\n"
        depth += 1
    if isinstance(value, _Pairs):
        # First what is plain: what follows a heading seems to belong below it.
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
    """The text that a parser gives; whatever it raises, the file is at fault, not the server."""
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
