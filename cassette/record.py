"""The recorder: a loopback proxy that passes everything on at once, and writes it down after."""

import json
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from email.parser import BytesParser
from email.policy import HTTP
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from cassette import FORMAT, CassetteError
from cassette.format import LARGE, Cassette, Line, blob, compact, encode, seal_text, write_closed
from cassette.scrub import Scrubber

import anyio
import httpx2
from starlette.types import Receive, Scope, Send

CONNECT_TIMEOUT_S = 5.0
UNCOMPRESSED = (b"accept-encoding", b"identity")
HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
    "content-length",
    "accept-encoding",
}


class Tape:
    """Writes a cassette line by line into `FILE.part`; `close` makes it `FILE`.

    The file is made when the first answer comes. What goes wrong in writing never disturbs the
    conversation: it is kept, and `close` tells it.
    """

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        """Raises CassetteError where no file can be, before anything is asked."""
        self._path, self._part = path, path.with_name(path.name + ".part")
        self._header = {"cassette": FORMAT, **header}
        self._file: BinaryIO | None = None
        self._waiting: list[Line] = []
        self._failure = ""
        self._crc = self._lines = 0
        self._blobs: set[str] = set()
        self.scrubber = Scrubber()
        self._check_place()

    def write(self, line: Line) -> None:
        """Write a line; before the header, which waits for the first answer, keep it."""
        if self._file is None:
            self._waiting.append(line)
        elif not self._failure:
            sealed, self._crc = seal_text(self.scrubber.clean(compact(line)), self._crc)
            try:
                self._file.write(sealed)
                self._lines += 1
            except OSError as error:
                self._failure = f"{self._path} cannot be written: {error.strerror}"

    def head(self, answered_by: str) -> None:
        """Make the file once it is known who answers; write the header and what has waited."""
        if self._file is not None or self._failure:
            return
        try:
            self._file = os.fdopen(os.open(self._part, _EXCLUSIVE, 0o600), "wb")
        except OSError as error:
            self._failure = f"{self._part} cannot be made: {error.strerror}"
            return
        waiting, self._waiting = self._waiting, []
        for line in [self._header | {"answered_by": answered_by}, *waiting]:
            self.write(line)

    def keep(self, data: bytes) -> Line:
        """A body as a field: a large one once, by its hash."""
        if len(data) < LARGE:
            return encode(data)
        line = blob(data)
        if line["blob"] not in self._blobs:
            self._blobs.add(line["blob"])
            self.write(line)
        return {"blob": line["blob"]}

    def close(self) -> None:
        """End the cassette, and read it once. Raises CassetteError where there is none then."""
        if self._file is None:
            raise CassetteError(self._failure or f"{self._path}: nothing was answered, so no file")
        try:
            self._finish(self._file)
        except CassetteError:
            self._part.unlink(missing_ok=True)
            raise
        self._part.replace(self._path)

    def _finish(self, file: BinaryIO) -> None:
        try:
            write_closed(file, self._crc, self._lines)
            file.close()
        except OSError as error:
            self._failure = self._failure or f"{self._path} cannot be written: {error.strerror}"
        if self.scrubber.leaked:
            self._failure = f"{self._path} was not written: a key came in pieces or in escapes"
        if self._failure:
            raise CassetteError(self._failure)
        Cassette(self._part)

    def _check_place(self) -> None:
        if self._path.exists() and not self._path.is_file():
            raise CassetteError(f"{self._path} cannot be written: it is no file")
        if not os.access(self._path.parent, os.W_OK):
            raise CassetteError(f"{self._path.parent} is no folder that can be written to")
        if self._part.exists():
            why = "another recording is at work, or one was killed; then delete it"
            raise CassetteError(f"{self._part} is in the way: {why}")


_EXCLUSIVE = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)


class Recorder:
    """An ASGI application that hands every request to `upstream` and writes down what crosses."""

    def __init__(self, tape: Tape, upstream: str) -> None:
        self._tape = tape
        self._origin = upstream.removesuffix("/").removesuffix("/v1")
        self._host = httpx2.URL(upstream).netloc.decode("ascii")  # without user and password
        tape.scrubber.learn_url(upstream)
        patient = httpx2.Timeout(None, connect=CONNECT_TIMEOUT_S)
        self._client = httpx2.AsyncClient(timeout=patient, trust_env=not self._is_loopback())
        self._count = 0

    def _is_loopback(self) -> bool:
        return self._host.startswith(("127.0.0.1", "localhost", "[::1]"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self._pass_on(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        """Close the connections to upstream when the server stops."""
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._client.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = time.perf_counter()
        headers = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in scope["headers"]]
        body = await read_body(receive)
        request = self._client.build_request(
            scope["method"],
            self._origin + path_of(scope),
            headers=[pair for pair in scope["headers"] if pair[0].decode() not in HOP_BY_HOP]
            + [UNCOMPRESSED],
            content=body,
        )
        self._count += 1
        self._tape.scrubber.learn(headers)
        exchange = Passage(self._tape, self._count, start)
        exchange.later(partial(self._note_request, self._count, scope, headers, body))
        try:
            response = await self._client.send(request, stream=True)
            is_emulator = "x-openai-emulator" in response.headers
            exchange.later(partial(self._tape.head, "emulator" if is_emulator else self._host))
            await exchange.carry(response, receive, send)
        except httpx2.TransportError as error:
            await self._unreachable(error, exchange, send)
        finally:
            exchange.note_end()

    def _note_request(
        self, number: int, scope: Scope, headers: list[tuple[str, str]], body: bytes
    ) -> None:
        tape = self._tape
        kind = dict(headers).get("content-type", "")
        line = {
            "request": number,
            "method": scope["method"],
            "path": tape.scrubber.path(path_of(scope)),
            "headers": tape.scrubber.headers(headers),
        }
        if kind.startswith("multipart/"):
            line["headers"]["content-type"] = "multipart/form-data"
        tape.write(line | describe(tape, kind, body))

    async def _unreachable(self, error: Exception, exchange: "Passage", send: Send) -> None:
        message = f"The recorder cannot reach {self._host}: {error}"
        fields = {"message": message, "type": "server_error", "param": None, "code": "unreachable"}
        body = json.dumps({"error": fields}).encode()
        headers = {"content-type": "application/json"}
        exchange.later(partial(self._tape.head, self._host))
        exchange.note_head(502, headers)
        exchange.note_chunk(body)
        exchange.how = "complete"
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 502, "headers": raw})
        await send({"type": "http.response.body", "body": body})


class Passage:
    """One answer on its way through: sent on first, noted after.

    Until the first block of the body has been sent on, notes are only kept, so that writing them
    down delays nobody. `how` it ended: `complete`, `cut` by the server, or `left` by the client.
    """

    def __init__(self, tape: Tape, number: int, start: float) -> None:
        self._tape, self._number, self._start = tape, number, start
        self._kept: list[Callable[[], None]] | None = []
        self.how = "left"

    def later(self, note: Callable[[], None]) -> None:
        """Write a note, but not before the first block is on its way."""
        if self._kept is None:
            note()
        else:
            self._kept.append(note)

    def catch_up(self) -> None:
        """Write the notes that were kept."""
        notes, self._kept = self._kept or [], None
        for note in notes:
            note()

    async def carry(self, response: httpx2.Response, receive: Receive, send: Send) -> None:
        """Pass an answer on; if the client leaves, leave as well."""
        raw = [(n.lower(), v) for n, v in response.headers.raw]
        packed = response.headers.get("content-encoding", "identity") != "identity"
        dropped = HOP_BY_HOP | {"content-encoding"} if packed else HOP_BY_HOP - {"content-length"}
        kept = [pair for pair in raw if pair[0].decode("latin-1") not in dropped]
        await send({"type": "http.response.start", "status": response.status_code, "headers": kept})
        named = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in kept]
        self.note_head(response.status_code, self._tape.scrubber.headers(named))
        async with anyio.create_task_group() as group:

            async def watch() -> None:
                await hangup(receive)
                group.cancel_scope.cancel()

            group.start_soon(watch)
            # Some servers compress although told not to: then it is unpacked, for the file to read.
            blocks = response.aiter_bytes() if packed else response.aiter_raw()
            await self._body(response, blocks, send)
            group.cancel_scope.cancel()
        if self.how == "complete":
            await send({"type": "http.response.body", "body": b""})

    async def _body(
        self, response: httpx2.Response, blocks: AsyncIterator[bytes], send: Send
    ) -> None:
        try:
            async for block in blocks:
                await send({"type": "http.response.body", "body": block, "more_body": True})
                self.note_chunk(block)
                self.catch_up()
        except httpx2.TransportError:
            self.how = "cut"
        else:
            self.how = "complete"
        finally:
            with anyio.CancelScope(shield=True):
                await response.aclose()

    def note_head(self, status: int, headers: Mapping[str, str]) -> None:
        self._note({"response": self._number}, {"status": status, "headers": dict(headers)})

    def note_chunk(self, block: bytes) -> None:
        scrubber = self._tape.scrubber
        scrubber.watch(self._number, block)
        body = encode(block)
        # Text is cleaned when its line is written; what base64 hides has to be cleaned before.
        self._note(
            {"chunk": self._number}, body if "text" in body else encode(scrubber.clean(block))
        )

    def note_end(self) -> None:
        self.catch_up()
        self._note({"end": self._number}, {"how": self.how})

    def _note(self, kind: Line, fields: Line) -> None:
        after = round(time.perf_counter() - self._start, 4)
        self.later(partial(self._tape.write, kind | {"after": after} | fields))


def path_of(scope: Scope) -> str:
    query = scope["query_string"].decode("ascii")
    path: str = scope["raw_path"].decode("ascii")
    return f"{path}?{query}" if query else path


async def read_body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


async def hangup(receive: Receive) -> None:
    """Return once the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


class Keeper(Protocol):
    """Whoever may describe bodies: the tape, which writes large ones down, and the player."""

    scrubber: Scrubber

    def keep(self, data: bytes) -> Line: ...


def describe(tape: Keeper, kind: str, body: bytes) -> Line:
    """A request's body as fields: JSON as such, a form part by part, anything else as it is."""
    if not body:
        return {}
    clean = tape.scrubber.clean(body)
    with suppress(ValueError, LookupError, RecursionError):
        if kind.startswith("multipart/"):
            return {"form": [describe_part(tape, *part) for part in parts_of(kind, body)]}
        if kind.startswith("application/json"):
            value = json.loads(clean)
            json.dumps(value, allow_nan=False)  # what the format could not hold is kept as it is
            return {"json": value}
    return {"body": tape.keep(clean)}


def describe_part(tape: Keeper, name: str, filename: str | None, kind: str, data: bytes) -> Line:
    part = {"name": name, "filename": filename, "type": kind}
    return part | tape.keep(tape.scrubber.clean(data))


def parts_of(kind: str, body: bytes) -> list[tuple[str, str | None, str, bytes]]:
    """(name, file name, type, content) of each part of a form; the boundary is forgotten."""
    head = f"content-type: {kind}\r\n\r\n".encode("latin-1")
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    return [
        (
            str(part.get_param("name", header="content-disposition")),
            part.get_filename(),
            part.get_content_type(),
            bytes(part.get_payload(decode=True) or b""),
        )
        for part in message.iter_parts()
    ]
