"""Forms with a file in them, read as they arrive: a megabyte in memory, the rest in the storage.

Starlette's own form parser waits for the whole form. Here the parser of `python_multipart` calls an
`_on_...` method for each piece that it recognises. The bytes of the file collect in `pending`, from
which `receive` moves whole blocks to the storage between two reads of the socket: a sender that is
faster than the disk has to wait, and fills no memory.

Fields may stand before the file or behind it. What the sender calls the file is stored unchanged.
"""

import asyncio
import logging
import re
from contextlib import suppress
from itertools import count
from typing import Any
from urllib.parse import unquote

from emulator.errors import ApiError, rate_limited
from emulator.params import bad
from emulator.serving import service
from emulator.storage.file_storage import FileStorage
from emulator.storage.file_table import BLOCK

from starlette.requests import Request

MOST_BYTES = 512 * 2**20
MOST_UPLOADS = 16
LONGEST_FIELD, MOST_FIELDS, MOST_VALUES = 65_536, 20, 200

_PARAMETER = re.compile(r';\s*([\w*-]+)=(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))', re.DOTALL)


class MultipartForm:
    """A form that is being read: its fields, and the `size` bytes of the file in field `wanted`."""

    def __init__(
        self, content_type: str, wanted: str, *, longest_field: int = LONGEST_FIELD
    ) -> None:
        """Raises ApiError (400) where the header names no boundary.

        A field that comes several times has its last value in `fields`, and all in `lists`.
        """
        from python_multipart.exceptions import FormParserError
        from python_multipart.multipart import MultipartParser

        self.fields: dict[str, str] = {}
        self.lists: dict[str, list[str]] = {}
        self._longest_field = longest_field
        self.filename: str | None = None
        self.pending = bytearray()
        self.size = 0
        self.is_whole = False
        self.wanted = wanted
        self._header, self._value, self._headers = b"", b"", dict[bytes, bytes]()
        self._name, self._text = "", bytearray()
        boundary = _parameters(content_type).get("boundary")
        if not boundary:
            raise _unreadable("the content type names no boundary")
        names = [name for name in dir(self) if name.startswith("_on_")]
        callbacks: Any = {name.removeprefix("_"): getattr(self, name) for name in names}
        # It would print about every malformed form on the standard error.
        logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
        try:
            self._parser = MultipartParser(
                boundary.encode("latin-1"), callbacks, max_header_size=LONGEST_FIELD
            )
        except FormParserError as error:
            raise _unreadable(str(error)) from None

    def feed(self, data: bytes) -> None:
        """Take the next bytes; raises ApiError (400, 413)."""
        from python_multipart.exceptions import FormParserError

        try:
            self._parser.write(data)
        except FormParserError as error:
            raise _unreadable(str(error)) from None
        if self.size > MOST_BYTES:
            message = f"Maximum content size limit ({MOST_BYTES}) exceeded ({self.size} bytes read)"
            raise ApiError(413, message)

    def take(self, least: int) -> bytes:
        """The next block of the file if so much of it is there, else nothing."""
        if len(self.pending) < least:
            return b""
        block = bytes(self.pending[:BLOCK])
        del self.pending[:BLOCK]
        return block

    def check_whole(self) -> None:
        """Raises ApiError (400) where the end of the form is missing, or the file."""
        if not self.is_whole:
            raise _unreadable("its end is missing")
        if self.filename is None:
            message = f"Missing required parameter: '{self.wanted}'."
            raise bad(message, self.wanted, "missing_required_parameter")

    def _on_part_begin(self) -> None:
        self._headers, self._name, self._text = {}, "", bytearray()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header = self._value = b""

    def _on_headers_finished(self) -> None:
        header = self._headers.get(b"content-disposition", b"").decode("utf-8", "replace")
        parameters = _parameters(header)
        self._name = parameters.get("name", "")
        if self._name == self.wanted:
            if self.filename is not None:
                raise _unreadable(f"it has more than one '{self.wanted}'")
            # RFC 8187: a name outside ASCII may come as `filename*=UTF-8''%C3%A9.txt`.
            charset, _, encoded = parameters.get("filename*", "").partition("'")
            _, mark, name = encoded.partition("'")
            is_known = mark and charset.lower() in ("utf-8", "iso-8859-1")
            plain = parameters.get("filename", "")
            self.filename = unquote(name, charset, "replace") if is_known else plain

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._name == self.wanted:
            self.size += end - start
            self.pending += data[start:end]
            return
        self._text += data[start:end]
        if len(self._text) > self._longest_field:
            raise _unreadable(f"the field '{self._name}' is too long")

    def _on_part_end(self) -> None:
        if self._name != self.wanted:
            self.fields[self._name] = self._text.decode("utf-8", "replace")
            self.lists.setdefault(self._name, []).append(self.fields[self._name])
        if len(self.fields) > MOST_FIELDS or sum(map(len, self.lists.values())) > MOST_VALUES:
            raise _unreadable(f"it has more than {MOST_FIELDS} fields or {MOST_VALUES} values")

    def _on_end(self) -> None:
        self.is_whole = True


async def receive(
    request: Request, storage: FileStorage, id: str, wanted: str, upload: str | None = None
) -> MultipartForm:
    """Read a form, its file into the storage as `id`; nothing is left of one that breaks off.

    Raises ApiError: 429 for too many uploads at once, 400 for a malformed form. Before either is
    sent, the rest of the form is read: a client that is still sending does not look for an answer.
    A form that is too large (413) is not read to its end.
    """
    emulator = service(request)
    form = MultipartForm(request.headers.get("content-type", ""), wanted)
    if emulator.uploads_under_way >= MOST_UPLOADS:
        await drain(request)
        raise rate_limited(1000)
    emulator.uploads_under_way += 1
    try:
        await asyncio.to_thread(storage.files.begin, id, upload)
        await _read(request, form, storage, id)
    except BaseException as error:  # even if the client has gone, and this task is cancelled
        await asyncio.shield(asyncio.to_thread(storage.files.drop, id))
        if isinstance(error, ApiError) and error.status != 413:
            await drain(request)
        raise
    finally:
        emulator.uploads_under_way -= 1
    return form


async def _read(request: Request, form: MultipartForm, storage: FileStorage, id: str) -> None:
    numbers = count()

    async def store(least: int) -> None:
        while block := form.take(least):
            await asyncio.to_thread(storage.files.append, id, next(numbers), block)

    async for chunk in request.stream():
        form.feed(chunk)
        await store(BLOCK)
    await store(1)
    form.check_whole()


async def drain(request: Request) -> None:
    """Read the rest and drop it."""
    with suppress(RuntimeError):
        async for _ in request.stream():
            pass


def _parameters(header: str) -> dict[str, str]:
    """The parameters behind a header's value, unquoted."""
    return {
        name.lower(): plain or re.sub(r'\\(["\\])', r"\1", quoted)
        for name, quoted, plain in _PARAMETER.findall(header)
    }


def _unreadable(why: str) -> ApiError:
    return ApiError(400, f"We could not parse the multipart form of your request: {why}.")
