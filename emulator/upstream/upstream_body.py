"""The body that another server sends, as objects of JSON: bytes go in, objects come out.

Its label says little: gateways send a stream as `text/html`, and an error with status 200 in place
of a stream. So the first character decides. `{` and `[` begin JSON, `<` begins a web page, and
anything else is a stream of server-sent events.

Inside a stream, servers break the rules in ways that public bug reports show again and again. What
can mean only one thing is read:

- `error: {...}` where `data: {"error": ...}` should stand (llama.cpp until September 2025)
- an object on a line of its own, without `data:`; two `data: data:`; two objects in one event
- `data: : ping`, `data: null` and an empty `data:`, which keep the connection open
- whole JSON with `data: [DONE]` behind it, and objects one a line
"""

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any

from emulator.wire.reasons import first_words, reason_in

MOST_BYTES = 16 * 1024 * 1024  # of one event, or of a body that is no stream
_BOM = "\ufeff".encode()
# A line break at the very end of what has come may be half of one.
_LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")
_BETWEEN = re.compile(r"(?:\s|data:)*")
_DONE = re.compile(r"(?i)\"?(\[done\]|done)\"?")
_JSON = json.JSONDecoder()


class UpstreamMalformed(Exception):
    """What the server did, as words that follow its name."""


class BodyReader:
    """Takes a body in pieces; raises UpstreamMalformed for an error in it, and for nonsense."""

    def __init__(self) -> None:
        self.is_done = False
        self._is_stream: bool | None = None
        self._rest = bytearray()
        self._begun = b""
        self._data: list[str] = []
        self._event = ""
        self._size = 0

    def feed(self, block: bytes) -> Iterator[dict[str, Any]]:
        """The objects that are complete with this piece."""
        self._begun = (self._begun + block)[:1000]
        # A break at the end of what came before waits for this piece to be looked at.
        has_break = self._rest.endswith(b"\r") or b"\n" in block or b"\r" in block
        self._rest += block
        self._size += len(block)
        if self._is_stream is None:
            self._rest = self._rest.removeprefix(_BOM).lstrip()
            if self._rest:
                self._is_stream = bytes(self._rest[:1]) not in (b"{", b"[", b"<")
        # A long line comes in many pieces: it is looked through when its end has come.
        if self._is_stream and has_break:
            *lines, rest = _LINE_END.split(bytes(self._rest))
            self._rest = bytearray(rest)
            for line in lines:
                yield from self._line(line)
        if self._size > MOST_BYTES:
            raise UpstreamMalformed(f"sent more than {MOST_BYTES:,} bytes at once")

    def end(self) -> Iterator[dict[str, Any]]:
        """The objects that are complete with the end of the body."""
        if self._is_stream is None:
            raise UpstreamMalformed("sent nothing")
        if self._is_stream:
            yield from self._line(bytes(self._rest).rstrip(b"\r"))
            yield from self._line(b"")
            return
        text = self._rest.decode("utf-8", "replace")
        if text.startswith("<"):
            raise UpstreamMalformed(f"sent a web page: {first_words(text)}")
        is_answer = False
        for found in self._values(text):
            is_answer = is_answer or (isinstance(found, dict) and "choices" in sound(found))
            if not is_answer:
                raise UpstreamMalformed(f"sent no answer: {reason_in(found) or first_words(text)}")
            if isinstance(found, dict):
                yield sound(found)

    @property
    def is_marked(self) -> bool:
        """Whether the end is sure: it was marked by `[DONE]`, or the body was JSON."""
        return self.is_done or not self._is_stream

    def words(self) -> str:
        """How the body begins, for a message about it."""
        return first_words(self._begun.decode("utf-8", "replace"))

    def _line(self, line: bytes) -> Iterator[dict[str, Any]]:
        text = line.decode("utf-8", "replace")
        name, _, value = text.partition(":")
        if name == "data":
            self._data.append(value.removeprefix(" "))
        elif name == "event":
            self._event = value.strip()
        elif name == "error":
            self._event = name
            self._data.append(value)
        elif text.lstrip().startswith("{"):
            self._data.append(text)
        elif not line:
            yield from self._dispatch()

    def _dispatch(self) -> Iterator[dict[str, Any]]:
        data, event = "\n".join(self._data), self._event
        self._data, self._event, self._size = [], "", 0
        if event == "error" and data.strip() and not self.is_done:
            raise reported(data)
        for found in self._values(data):
            if isinstance(found, dict):  # others, such as null, keep the connection open
                yield sound(found)

    def _values(self, text: str) -> Iterator[object]:
        """The values of JSON in a text, until it says that all is done."""
        at = 0
        while (at := _next_value(text, at)) < len(text) and not self.is_done:
            if _DONE.match(text, at):
                self.is_done = True
            elif text.startswith(":", at):  # a comment that was sent as data
                at = text.find("\n", at) % (len(text) + 1)
            else:
                value, at = _value(text, at)
                yield value


def _next_value(text: str, at: int) -> int:
    found = _BETWEEN.match(text, at)
    return found.end() if found else at


def _value(text: str, at: int) -> tuple[object, int]:
    """The value of JSON that begins at a place, and where it ends; raises UpstreamMalformed."""
    try:
        return _JSON.raw_decode(text, at)
    except (ValueError, RecursionError):
        said = first_words(text[at : at + 1000])
        raise UpstreamMalformed(f"sent malformed JSON: {said}") from None


def parsed(text: str) -> object:
    """The one value in a text; raises UpstreamMalformed."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise UpstreamMalformed(f"sent malformed JSON: {first_words(text)}") from None


def reported(error: object) -> UpstreamMalformed:
    return UpstreamMalformed(f"reported an error: {reason_in(error) or 'it gave no reason'}")


def sound(found: dict[str, Any]) -> dict[str, Any]:
    """The object, if it reports no error; one whose fields are all null is none."""
    error = found.get("error")
    is_error = any(error.values()) if isinstance(error, dict) else bool(error)
    if is_error or "error" in (found.get("object"), found.get("type")):
        raise reported(found)
    return found


async def objects(
    blocks: AsyncIterator[bytes], reader: BodyReader
) -> AsyncGenerator[dict[str, Any], None]:
    """The objects in a body, as they come; raises UpstreamMalformed."""
    is_empty = True
    async for block in blocks:
        for found in reader.feed(block):
            is_empty = False
            yield found
        if reader.is_done:
            return
    for found in reader.end():
        is_empty = False
        yield found
    if is_empty and not reader.is_done:
        raise UpstreamMalformed(f"sent no stream of events: {reader.words()}")
