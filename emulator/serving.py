"""From a request to blocks on a connection, which is all of the emulator that takes time.

The life of a request:

    accept     `app.py` checks it (`guard.py`), notes which faults strike it, and picks the handler
    parse      the handler in `api/` reads the body with `read_json` and checks each parameter
    generate   `Service.generate` has it answered: by `answers/`, or by another server
    encode     `encode/` turns that answer into one body, or into blocks of a stream
    send       the handler returns a `Reply` of those blocks, and starlette calls it

A `Reply` waits for two things at a time: the next block, and the caller's leaving. Blocks are taken
one by one from a generator, each when a `Metronome` says that it is due, so that an answer is
encoded no faster than it is sent; where nothing has to wait, up to `BATCH` blocks share a write. If
the caller disconnects the writing is cancelled at once, as at OpenAI; a fault may end it, too, by
an exception.
"""

import asyncio
import json
import re
import socket
import struct
import threading
from collections import OrderedDict
from collections.abc import (
    AsyncIterator,
    Callable,
    Collection,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from emulator.answers.answer import Answer, Prompt, Search, Write
from emulator.answers.corpus import Corpus
from emulator.answers.question import understand
from emulator.answers.reply import answer
from emulator.background import BackgroundResponses
from emulator.client_secrets import ClientSecrets
from emulator.deadline import DeadlineThreads
from emulator.errors import ApiError, pretty, rate_limited
from emulator.faults import ConnectionCut, Fault, Faults, Stall, with_faults
from emulator.limits import Limits
from emulator.pace import Metronome, Pace, Sleep
from emulator.params import Param, parse
from emulator.storage.file_storage import FileStorage
from emulator.storage.objects import ObjectStore
from emulator.wire import sse

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

if TYPE_CHECKING:
    from emulator.retrieval.embedding import Floats

Embed = Callable[[Sequence[str]], Coroutine[Any, Any, "Floats"]]
"""Makes a unit vector for each text; raises ApiError where it can't."""
MOST_STREAMS = 128
MOST_STEPS = 2
"""Steps of long work that are done at a time; the other worker threads are left to the rest."""
MOST_EMBEDDING, EMBEDDING_LIMIT_S = 64, 600.0
"""Requests for embeddings that have a thread each, and how long one may take: the most tokens that
a request may have take minutes. Nearly all of the threads wait for a core (encoder.py)."""
BATCH = 64
MOST_WRITTEN = 128_000
"""Tokens of all the answers to a request together: as many as GPT-5 writes at most."""
LARGE = 2**16
"""Bytes of a body from which on its parameters are checked beside the event loop, and letters of a
prompt from which on its tokens are counted there."""
MOST_SEPARATORS = 2**15
"""Arrays, objects and commas in a body. An empty array takes 2 bytes there, and 56 in memory."""
EVENTS = "text/event-stream; charset=utf-8"
_WITH_SCHEMA = {"tools", "text", "response_format"}


Result = TypeVar("Result")
Part = TypeVar("Part")


class _End:
    """What comes after the last step."""


_END = _End()


class StepRunner:
    """Does long work on worker threads, step by step, MOST_STEPS at a time.

    A process has a few such threads for everything. If every long recording had one, a phone call
    would wait for all of them. So all work of a kind shares a runner, and takes turns.
    """

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(MOST_STEPS)

    async def results(self, work: Iterator[Part]) -> AsyncIterator[Part]:
        """What a generator gives, each of whose steps runs on a worker thread."""
        while not isinstance(part := await self._step(work), _End):
            yield part

    async def _step(self, work: Iterator[Part]) -> "Part | _End":
        await self._free.acquire()
        step = asyncio.get_running_loop().run_in_executor(None, next, work, _END)
        step.add_done_callback(self._end_step)
        # Who stops waiting can't stop the thread, which still counts until it is done.
        return await asyncio.shield(step)

    def _end_step(self, step: "asyncio.Future[Any]") -> None:
        self._free.release()
        if not step.cancelled():
            step.exception()  # nobody may be waiting for it any more


@dataclass
class Exchange:
    """One request and how it went, as tests and benchmarks read it; nothing secret is kept.

    `ended` is `open`, `complete`, `disconnected` (by the caller) or `broken` (by a fault or an
    error); `finished` is set then, for whoever waits in another thread.
    """

    method: str
    path: str
    request_id: str
    status: int = 0
    blocks: int = 0
    limits: dict[str, str] = field(default_factory=dict)
    ended: str = "open"
    finished: threading.Event = field(default_factory=threading.Event)

    def end(self, how: str) -> None:
        self.ended = how
        self.finished.set()


@dataclass
class Service:
    """What every handler may use; `connections` are uvicorn's protocols, one for each."""

    corpus: Corpus
    store: ObjectStore
    pace: Pace
    faults: Faults
    upstream: Write | None = None
    embeddings_upstream: Embed | None = None
    limits: Limits = field(default_factory=Limits)
    background: BackgroundResponses = field(default_factory=BackgroundResponses)
    file_storage: FileStorage = field(default_factory=FileStorage)
    secrets: ClientSecrets = field(default_factory=ClientSecrets)
    exchanges: list[Exchange] = field(default_factory=list)
    cursors: OrderedDict[tuple[str, str], list[str]] = field(default_factory=OrderedDict)
    connections: Collection[Any] = ()
    open_streams: int = 0
    uploads_under_way: int = 0
    wait_for_body: Sleep = asyncio.sleep
    hearing: StepRunner = field(default_factory=StepRunner)
    speaking: StepRunner = field(default_factory=StepRunner)
    thinking: DeadlineThreads = field(default_factory=DeadlineThreads)
    embedding: DeadlineThreads = field(
        default_factory=lambda: DeadlineThreads(EMBEDDING_LIMIT_S, MOST_EMBEDDING)
    )

    async def generate(
        self, prompt: Prompt, variants: Sequence[int] = (0,), search: Search | None = None
    ) -> list[Answer]:
        """An answer for each variant, by the server upstream if there is one; raises ApiError.

        With `search` they are drawn from what that finds. How long it takes depends on what was
        sent. So it is found beside the event loop, and given up at a deadline, which is one for all
        of them. The tokens of the prompt are counted there, too, as encoding needs them.
        """
        if self.upstream is None:
            return await self.thinking.run(partial(self._think, prompt, variants, search))
        found = None
        if search is not None:
            found = await self.thinking.run(partial(search, prompt.questions[-1:]))
        return [await self.upstream(prompt, found) for _ in variants]

    def _think(
        self, prompt: Prompt, variants: Sequence[int], search: Search | None
    ) -> list[Answer]:
        most = MOST_WRITTEN // len(variants)
        bounded = replace(prompt, max_tokens=min(prompt.max_tokens or most, most))
        question = understand(bounded, self.corpus)
        if prompt.letters > LARGE or prompt.tools or prompt.schema:
            prompt.prompt_tokens()
        return [
            answer(bounded, self.corpus, variant, search=search, question=question)
            for variant in variants
        ]

    def transport(self, client: object) -> asyncio.Transport | None:
        """The connection of a scope's `client`, if it is still open."""
        found = (each.transport for each in self.connections if each.client == client)
        return next(found, None)

    def reset(self, client: object) -> None:
        """Drop a connection at once, and what is on its way (RST)."""
        transport = self.transport(client)
        if transport is None:
            return
        # A socket that is closed with `linger` on and no time to linger sends a reset.
        linger = struct.pack("hh" if _IS_WINDOWS else "ii", 1, 0)
        with suppress(OSError):
            raw: socket.socket = transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()


def service(request: Request) -> Service:
    found: Service = request.scope["emulator"]
    return found


async def parsed(
    request: Request, body: Mapping[str, Any], table: Mapping[str, Param]
) -> tuple[dict[str, Any], list[str]]:
    """What `params.parse` gives; beside the event loop where that may take long.

    It does where a caller's schema has to be tried, and where the body is large.
    """
    work = partial(parse, body, table)
    takes_long = body.keys() & _WITH_SCHEMA or len(await request.body()) >= LARGE
    return await service(request).thinking.run(work) if takes_long else work()


async def generated(
    request: Request, prompt: Prompt, count: int = 1, search: Search | None = None
) -> list[Answer]:
    """So many answers to a request; raises ClientDisconnect where the caller leaves first.

    What is still being written when the request ends is given up then, however it ends. So another
    server is asked for one answer at a time.
    """
    answers: list[Answer] = request.scope["answers"]
    is_here = service(request).upstream is None
    for variants in [range(count)] if is_here else [[variant] for variant in range(count)]:
        writing = service(request).generate(prompt, variants, search)
        answers += await while_connected(request, writing)
    return list(answers)


async def finished(request: Request, answers: Sequence[Answer]) -> None:
    """Wait until all is written; raises ClientDisconnect where the caller leaves first."""
    for each in answers:
        writing = each.finished()
        await (while_connected(request, writing) if each.is_live else writing)


def count_request(request: Request, model: str, tokens: int) -> None:
    """Take a request from the model's limits; the answer's headers say what is left of them."""
    request.scope["exchange"].limits = service(request).limits.spend(model, tokens)


def stored_object(request: Request, kind: str, message: str) -> dict[str, Any]:
    """The object that the path names; raises ApiError (404), whose message has its `{id}`."""
    id = request.path_params["id"]
    found = service(request).store.find(kind, id)
    if found is None:
        raise ApiError(404, message.format(id=id))
    return found


async def read_json(
    request: Request, *, allows_surrogates: bool = False, most: int = MOST_SEPARATORS
) -> dict[str, Any]:
    """The body as an object; raises ApiError (400) where it is none, or can't be sent back.

    JSON can hold half of a surrogate pair (`\\ud83d` alone), which UTF-8 can't: such a text could
    be neither stored nor sent.
    """
    _check_size(await request.body(), most)
    try:
        body = json.loads(await request.body(), parse_constant=no_constants)
    except (ValueError, RecursionError):
        message = """We could not parse the JSON body of your request. (HINT: This likely means \
you aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was \
sent was not valid JSON.)"""
        raise ApiError(400, message) from None
    if not isinstance(body, dict):
        message = "Invalid type for the request body: expected an object."
        raise ApiError(400, message, code="invalid_type")
    if not allows_surrogates and _SURROGATE.search(await request.body()):
        try:
            pretty(body)
        except UnicodeEncodeError:
            raise ApiError(400, "The body of your request has a text that is no Unicode.") from None
    return body


def _check_size(body: bytes, most: int) -> None:
    """Raise ApiError (400) for JSON that would take long to read, and much memory to hold.

    Brackets and commas are counted, first all of them, and those outside of texts where these are
    too many. Nothing else separates values.
    """
    if sum(map(body.count, _SEPARATORS)) <= most:
        return
    found = (each for each in _TEXT_OR_SEPARATOR.finditer(body) if each[0] in _SEPARATORS)
    if next(islice(found, most, None), None) is not None:
        message = f"""The body of your request has more than {most} arrays, objects and \
values. This emulator reads no more in one request."""
        raise ApiError(400, message, code="request_too_large")


def send_json(
    request: Request, value: object, inert: Sequence[str] = (), answers: Sequence[Answer] = ()
) -> "Reply":
    """A whole body, held back as long as a model would take to write its `answers`."""
    body = pretty(value)
    delay_s = service(request).pace.whole(answers)
    reply = Reply(request, as_stream([body]), "application/json", inert, delay_s)
    if not request.scope["faults"]:
        reply.headers["content-length"] = str(len(body))
    return reply


def send_stream(
    request: Request,
    blocks: AsyncIterator[bytes],
    inert: Sequence[str] = (),
    media_type: str = EVENTS,
) -> "Reply":
    """Server-sent events, or sound; raises ApiError (429) when too many streams are open."""
    if service(request).open_streams >= MOST_STREAMS:
        raise rate_limited(1000)
    return Reply(request, blocks, media_type, inert)


class Reply(Response):
    """Blocks that are being sent to a caller, who may disconnect at any moment."""

    def __init__(
        self,
        request: Request,
        blocks: AsyncIterator[bytes],
        media_type: str,
        inert: Sequence[str] = (),
        delay_s: float = 0.0,
    ) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers({"content-type": media_type, "cache-control": "no-cache"})
        if inert:
            self.headers["x-openai-emulator-inert"] = ", ".join(inert)
        self._service = service(request)
        self._exchange: Exchange = request.scope["exchange"]
        faults: list[Fault] = request.scope["faults"]
        self._blocks = with_faults(blocks, faults)
        if any(fault.name == "html200" for fault in faults):
            self.headers["content-type"] = "text/html; charset=utf-8"
        self._delay_s = delay_s
        self._batch: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._send = send
        self._gone = asyncio.ensure_future(disconnected(receive))
        self._service.open_streams += 1
        how = "disconnected"
        try:
            how = await self._write_all(scope)
        finally:
            self._service.open_streams -= 1
            self._gone.cancel()
            self._exchange.end(how)

    async def _write_all(self, scope: Scope) -> str:
        """Send head and body; how it ended, as an Exchange has it."""
        writing = asyncio.ensure_future(self._write_blocks())
        try:
            await asyncio.wait({writing, self._gone}, return_when=asyncio.FIRST_COMPLETED)
            if not writing.done():
                return "disconnected"
            await writing
        except ConnectionCut as fault:
            await self._flush()
            self._cut(scope["client"], reset=fault.reset)
            return "broken"
        except Stall:
            await self._flush()
            await self._gone
            return "broken"
        finally:
            writing.cancel()
            await asyncio.wait({writing})
        # All of it was written, even if the client has left since, as after the end mark.
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        return "complete"

    async def _write_blocks(self) -> None:
        """The first block goes out alone; then a write is shared until a block has to wait."""
        pace, room = self._service.pace, 1
        if self._delay_s:
            await pace.sleep(self._delay_s)
        status, headers = self.status_code, self.raw_headers
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        metronome = Metronome(pace)
        async for block in self._blocks:
            if wait := metronome.wait(block):
                await self._flush()
                await pace.sleep(wait)
            self._batch.append(block)
            if len(self._batch) >= room or isinstance(block, sse.SeparateBlock):
                await self._flush()
                room = BATCH
        await self._flush()

    async def _flush(self) -> None:
        if not self._batch:
            return
        body = b"".join(self._batch)
        self._exchange.blocks += len(self._batch)
        self._batch.clear()
        await self._send({"type": "http.response.body", "body": body, "more_body": True})
        await asyncio.sleep(0)  # a write that need not wait would let nobody else go on

    def _cut(self, client: object, *, reset: bool) -> None:
        """Close the connection: after what is on its way (FIN), or at once, dropping it (RST)."""
        if reset:
            self._service.reset(client)
        elif transport := self._service.transport(client):
            transport.close()


async def as_stream(blocks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for block in blocks:
        yield block


async def before_last(blocks: AsyncIterator[bytes], do: Callable[[], None]) -> AsyncIterator[bytes]:
    """The blocks; `do` is called before the last, so that what it stores is there by then."""
    async for block in blocks:
        if isinstance(block, sse.FinalBlock):
            do()
        yield block


async def disconnected(receive: Receive) -> None:
    """Return once the caller has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def while_connected(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """What `work` gives; raises ClientDisconnect, and stops it, where the client leaves first.

    The body of the request must have been read.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(disconnected(request.receive))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        gone.cancel()
        task.cancel()


def no_constants(name: str) -> None:
    """Python reads NaN and Infinity as well, which JSON lacks; raises ValueError."""
    raise ValueError(f"expected JSON, not {name}")


# Half of a pair, as an escape or as the three bytes that UTF-8 does not allow.
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]")
_SEPARATORS = (b"[", b"{", b",")
# A text matches at each quote, even if no other follows. Otherwise each of them would be a new
# beginning, and reading would take as long as the square of their number.
_TEXT_OR_SEPARATOR = re.compile(rb'"(?:[^"\\]++|\\.?)*+"?|[\[{,]', re.DOTALL)
_IS_WINDOWS = hasattr(socket, "SIO_RCVALL")
