r"""The format: JSON Lines, one request, chunk or message on each, readable in a diff.

    {"cassette":1,"recorded":"2026-11-24","answered_by":"emulator",...}      the header
    {"request":1,"method":"POST","path":"/v1/...","headers":{},"json":{}}    a complete request
    {"response":1,"after":0.012,"status":200,"headers":{}}                   the head of its answer
    {"chunk":1,"after":0.401,"text":"data: ...\n\n"}                         a piece of its body
    {"end":1,"after":2.31,"how":"complete"}                                  complete, cut, or left
    {"frame":2,"after":0.1,"from":"client","text":"..."}                     a WebSocket message
    {"end":2,"after":9.1,"how":"complete","code":1000,"reason":"","by":"client"}    its close
    {"blob":"<sha256>","zlib":"<base64>"}                                    a large body, once
    {"closed":128}                                                           the lines before it

The number says to which exchange a line belongs, `after` is in seconds since the exchange began.
Bodies are `text`, or `base64` where they are no UTF-8.

Each line is sealed: it ends with `crc`, the CRC-32 of its own text, begun with the CRC of the line
before. That makes a chain. A line that was edited does not fit its seal, and where one is missing,
added or moved the next one does not fit, so the error can name the line. `closed` counts the lines:
a file without it was cut off. The seal finds accidents and edits by hand. It can be
computed anew after an edit, so each field is checked as well.

A request that asks for a WebSocket has `"upgrade":"websocket"`; frames follow an answer of 101, any
other answer is a refusal like an answer to HTTP. A text message is `text`, a binary one `base64`;
`"again":"<hash>"` is a large text that an earlier frame has. `complete` is a close with its code
(1005: none was given) and who began it; `cut` and `left` are connections that dropped without one,
on the side of the server and of the client.
"""

import base64
import binascii
import hashlib
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from cassette import FORMAT, CassetteError

LONGEST_LINE = 64 * 2**20
LARGE = 2**10
LATEST_S = 1e6
ENDS = ("complete", "cut", "left")
SIDES = ("client", "server")
SWITCHING = 101

CassetteLine = dict[str, Any]

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def seal(line: Mapping[str, Any], crc: int) -> tuple[bytes, int]:
    """The line as it is in the file, and the CRC that the next one begins with."""
    return seal_text(compact(line), crc)


def compact(line: Mapping[str, Any]) -> bytes:
    """A line as JSON; half a surrogate pair, which UTF-8 cannot express, is escaped."""
    try:
        return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(line, separators=(",", ":")).encode()


def seal_text(text: bytes, crc: int) -> tuple[bytes, int]:
    """Put the CRC of a line's JSON into it, as its last field."""
    crc = zlib.crc32(text, crc)
    return text[:-1] + b',"crc":"%08x"}\n' % crc, crc


def encode(data: bytes) -> CassetteLine:
    """A body as a field: `text` where it is UTF-8, `base64` where it is not."""
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def decode(line: Mapping[str, Any]) -> bytes:
    """The body of a line. Raises ValueError where it is damaged."""
    message = message_of(line)
    return message.encode() if isinstance(message, str) else message


def blob(data: bytes) -> CassetteLine:
    return {"blob": digest(data), "zlib": base64.b64encode(zlib.compress(data, 9)).decode()}


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def text_name(data: bytes) -> str:
    """The name of a large text that may come again, as a piece of silence does again and again."""
    return digest(data)[:16]


def read_lines(path: Path) -> Iterator[tuple[int, CassetteLine]]:
    """(offset, line) of each line, checked one by one. Raises CassetteError, naming the line."""
    crc = 0
    if path.exists() and not path.is_file():
        raise CassetteError(f"{path} cannot be read: it is no file")
    try:
        with path.open("rb") as file:
            number, offset = 1, 0
            while raw := file.readline(LONGEST_LINE):
                line, crc = _unseal(raw, crc, path, number)
                yield offset, line
                number, offset = number + 1, offset + len(raw)
    except OSError as error:
        raise CassetteError(f"{path} cannot be read: {error.strerror}") from None


def _unseal(raw: bytes, crc: int, path: Path, number: int) -> tuple[CassetteLine, int]:
    """Check the seal of a line, and take it off. The next line is checked with the CRC."""
    where = f"{path}, line {number}"
    if number == 1:
        _check_version(raw, where)
    body, mark, tail = raw.rpartition(b',"crc":"')
    crc = zlib.crc32(body + b"}", crc)
    if not mark or tail != b'%08x"}\n' % crc:
        raise CassetteError(f"{where} was edited or damaged, or a line before it is missing")
    return _parse(body + b"}", where), crc


def _check_version(raw: bytes, where: str) -> None:
    """Checked before the seal, which a newer format may lay out in another way."""
    try:
        header = json.loads(raw)
        version = header["cassette"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise CassetteError(f"{where} is no header of a cassette") from None
    if version != FORMAT:
        raise CassetteError(f"{where} has format {version!r}; this course reads format {FORMAT}")


def _parse(text: bytes, where: str) -> CassetteLine:
    try:
        # The text ends with a brace, so whatever can be read is an object.
        line: CassetteLine = json.loads(text, parse_constant=_refuse, object_pairs_hook=_once_each)
    except (ValueError, RecursionError):
        raise CassetteError(f"{where} is no line of a cassette") from None
    return line


def _refuse(name: str) -> None:
    raise ValueError(f"expected a number, not {name}")


def _once_each(pairs: list[tuple[str, Any]]) -> CassetteLine:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("expected each key once")
    return found


def message_of(line: Mapping[str, Any]) -> str | bytes:
    """The message of a frame: text or binary. Raises ValueError where it is damaged."""
    if "text" not in line:
        return base64.b64decode(line["base64"], validate=True)
    if not isinstance(line["text"], str):
        raise ValueError("expected text")
    return line["text"]


@dataclass
class RecordedExchange:
    """An exchange of a cassette: its request, and where in the file its answer is."""

    number: int
    request: CassetteLine
    offsets: list[int] = field(default_factory=list)
    status: int = 0
    how: str = ""

    @property
    def is_socket(self) -> bool:
        """Whether it became a WebSocket."""
        return self.status == SWITCHING


class Cassette:
    """A cassette, checked from end to end; its answers are read from the file when played."""

    def __init__(self, path: Path) -> None:
        """Raises CassetteError for a file that is damaged anywhere."""
        self.path = path
        self.header: CassetteLine = {}
        self.exchanges: dict[int, RecordedExchange] = {}
        self._texts: dict[str, int] = {}
        count = self._read()
        if not self.header:
            raise CassetteError(f"{path} is empty")
        self._check_whole(count)

    def answer(self, exchange: RecordedExchange) -> Iterator[CassetteLine]:
        """The lines of an answer, from the file, so that a long one costs no memory."""
        with self.path.open("rb") as file:
            for offset in exchange.offsets:
                line = _line_at(file, offset)
                if "again" in line:
                    line["text"] = _line_at(file, self._texts[line["again"]])["text"]
                yield line

    def _read(self) -> int:
        """Check each line, and keep what is needed to play: requests, and where answers are.

        Readers raise whatever Python raises for a field of another type; the line is named here.
        """
        count = 0
        self._closed: int | None = None
        for offset, line in read_lines(self.path):
            if self._closed is not None:
                raise CassetteError(f"{self.path}, line {count + 1} comes after the end")
            try:
                self._read_line(line, offset)
            except (KeyError, TypeError, ValueError, binascii.Error, zlib.error):
                raise CassetteError(
                    f"{self.path}, line {count + 1} does not fit its format"
                ) from None
            count += 1
        return count

    def _read_line(self, line: CassetteLine, offset: int) -> None:
        """The first field says what a line is; the player then goes by its other fields."""
        kind = next(iter(line), "")
        if kind in ANSWER_FIELDS and not line.keys() <= ANSWER_FIELDS[kind]:
            raise ValueError("expected no other fields")
        LINE_READERS[kind](self, line, offset)

    def _read_header(self, line: CassetteLine, offset: int) -> None:
        if self.header:
            raise ValueError("expected one header")
        _check_strings(line["recorded"], line["answered_by"])
        self.header = line

    def _read_request(self, line: CassetteLine, offset: int) -> None:
        number = line["request"]
        if type(number) is not int or number in self.exchanges or not self.header:
            raise ValueError("expected each number once, behind the header")
        _check_strings(line["method"], line["path"])
        _check_headers(line["headers"])
        self.exchanges[line["request"]] = RecordedExchange(line["request"], line)

    def _read_response(self, line: CassetteLine, offset: int) -> None:
        _check_time(line)
        exchange = self.exchanges[line["response"]]
        statuses = [SWITCHING] if "upgrade" in exchange.request else []
        status = line["status"]
        if type(status) is not int or status not in (*statuses, *range(200, 600)):
            raise ValueError("expected a status")
        if exchange.offsets:
            raise ValueError("expected one answer to each request")
        _check_headers(line["headers"])
        exchange.status = line["status"]
        exchange.offsets.append(offset)

    def _read_chunk(self, line: CassetteLine, offset: int) -> None:
        _check_time(line)
        decode(line)
        self._open_exchange(line["chunk"], is_socket=False).offsets.append(offset)

    def _read_frame(self, line: CassetteLine, offset: int) -> None:
        _check_time(line)
        if line["from"] not in SIDES:
            raise ValueError("expected client or server")
        if "again" not in line:
            self._note_text(decode(line), line, offset)
        elif line["again"] not in self._texts:
            raise ValueError("expected a text that came before")
        self._open_exchange(line["frame"], is_socket=True).offsets.append(offset)

    def _note_text(self, data: bytes, line: CassetteLine, offset: int) -> None:
        if "text" in line and len(data) >= LARGE:
            self._texts[text_name(data)] = offset

    def _read_end(self, line: CassetteLine, offset: int) -> None:
        """The end of an exchange. A client may leave before the head; then the end is all."""
        _check_time(line)
        if line["how"] not in ENDS:
            raise ValueError("expected a known end")
        exchange = self.exchanges[line["end"]]
        if exchange.how or (line["how"] == "complete" and not exchange.offsets):
            raise ValueError("expected one end, and none that is complete without a head")
        if exchange.is_socket and line["how"] == "complete":
            _check_close(line)
        exchange.how = line["how"]
        exchange.offsets.append(offset)

    def _read_blob(self, line: CassetteLine, offset: int) -> None:
        data = zlib.decompressobj().decompress(base64.b64decode(line["zlib"]), LONGEST_LINE)
        if digest(data) != line["blob"]:
            raise ValueError("expected a body of this hash")

    def _read_closed(self, line: CassetteLine, offset: int) -> None:
        self._closed = line["closed"]

    def _open_exchange(self, number: int, *, is_socket: bool) -> RecordedExchange:
        exchange = self.exchanges[number]
        if not exchange.offsets or exchange.how or exchange.is_socket != is_socket:
            raise ValueError("expected a body of its kind between head and end")
        return exchange

    def _check_whole(self, count: int) -> None:
        if self._closed != count - 1:
            raise CassetteError(f"{self.path} breaks off after line {count}")
        for exchange in self.exchanges.values():
            if not exchange.how:
                raise CassetteError(f"{self.path}: request {exchange.number} has no end")


LINE_READERS = {
    "cassette": Cassette._read_header,
    "request": Cassette._read_request,
    "response": Cassette._read_response,
    "chunk": Cassette._read_chunk,
    "frame": Cassette._read_frame,
    "end": Cassette._read_end,
    "blob": Cassette._read_blob,
    "closed": Cassette._read_closed,
}


# The lines of an answer may have these fields.
ANSWER_FIELDS = {
    "response": {"response", "after", "status", "headers"},
    "chunk": {"chunk", "after", "text", "base64"},
    "frame": {"frame", "after", "from", "text", "base64", "again"},
    "end": {"end", "after", "how", "code", "reason", "by"},
}


def _line_at(file: BinaryIO, offset: int) -> CassetteLine:
    file.seek(offset)
    line: CassetteLine = json.loads(file.readline())
    return line


def _check_close(line: CassetteLine) -> None:
    if type(line["code"]) is not int or not 1000 <= line["code"] < 5000:
        raise ValueError("expected a code of a close")
    if not isinstance(line["reason"], str) or line["by"] not in SIDES:
        raise ValueError("expected a reason, and client or server")


def _check_time(line: CassetteLine) -> None:
    after = line["after"]
    if isinstance(after, bool) or not isinstance(after, int | float):
        raise ValueError("expected seconds")
    if not 0 <= after <= LATEST_S:
        raise ValueError("expected seconds from 0 up")


def _check_headers(headers: Any) -> None:
    if not isinstance(headers, dict) or not all(map(_HEADER_NAME.fullmatch, headers)):
        raise ValueError("expected headers by their names")
    _check_strings(*headers.values())
    for value in headers.values():
        value.encode("latin-1")  # as HTTP sends it; raises ValueError


def _check_strings(*values: object) -> None:
    if not all(isinstance(value, str) and value.isprintable() for value in values):
        raise ValueError("expected text on one line")


def write_closed(file: BinaryIO, crc: int, lines: int) -> None:
    """The last line: a file without it was cut off."""
    file.write(seal({"closed": lines}, crc)[0])
