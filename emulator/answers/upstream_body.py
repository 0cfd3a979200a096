"""The body that another server sends, as objects of JSON: bytes go in, objects come out.

Its label says little: gateways send a stream as `text/html`, and an error with status 200 in place
of a stream. So the first character decides. `{` and `[` begin JSON, `<` begins a web page, and
anything else is a stream of server-sent events.
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
        found = parsed(text)
        if isinstance(found, dict) and "choices" in sound(found):
            yield found
        else:
            raise UpstreamMalformed(f"sent no answer: {reason_in(found) or first_words(text)}")

    def words(self) -> str:
        """How the body begins, for a message about it."""
        return first_words(self._begun.decode("utf-8", "replace"))

    def _line(self, line: bytes) -> Iterator[dict[str, Any]]:
        name, _, value = line.decode("utf-8", "replace").partition(":")
        if name == "data":
            self._data.append(value.removeprefix(" "))
        elif name == "event":
            self._event = value.strip()
        elif not line:
            yield from self._dispatch()

    def _dispatch(self) -> Iterator[dict[str, Any]]:
        data, event = "\n".join(self._data).strip(), self._event
        self._data, self._event, self._size = [], "", 0
        if data.startswith("[DONE]"):
            self.is_done = True
        elif data and not self.is_done:
            found = parsed(data)
            if event == "error":
                raise UpstreamMalformed(f"reported an error: {reason_in(found)}")
            if isinstance(found, dict):  # others, such as null, keep the connection open
                yield sound(found)


def parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise UpstreamMalformed(f"sent malformed JSON: {first_words(text)}") from None


def sound(found: dict[str, Any]) -> dict[str, Any]:
    """The object, if it reports no error."""
    if found.get("error") or "error" in (found.get("object"), found.get("type")):
        raise UpstreamMalformed(f"reported an error: {reason_in(found) or 'it gave no reason'}")
    return found


async def objects(blocks: AsyncIterator[bytes]) -> AsyncGenerator[dict[str, Any], None]:
    """The objects in a body, as they come; raises UpstreamMalformed."""
    reader = BodyReader()
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
