"""The failures that can be asked for, by name: `name[xTIMES][@N[b]][=ARGUMENT]`.

    fin@3          the connection is closed after three blocks of the stream
    rst@120b       the connection is reset after 120 bytes
    500x1          the first request fails, the next one does not
    429=300ms      refused, with the advice to try again in 300 ms

N counts blocks of the stream (`b`: bytes); without TIMES a fault strikes every request. Tests give
them to the emulator as an argument; `python -m emulator --faults` takes them from the request
header `x-emulator-fault`, several divided by commas.

A fault acts in one of four places, and a table for each place lists those that do:

    BEFORE_HANDLER  `app.py` raises it instead of calling the handler: a refusal, or silence
    IN_STREAM       `serving.py` passes the blocks of an answer through it: a generator that leaves
                    blocks out, adds some, or raises where the connection is to end. An exception
                    carries that out, as a generator cannot reach the connection.
    SESSION         `realtime/` reads it from the list of a session's faults
    STORE           it is kept with a file that is attached to a vector store, and may act later
"""

import json
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from emulator.errors import ApiError, bad_key, quota_exceeded, rate_limited, server_error
from emulator.wire import sse

HEADER = "x-emulator-fault"


class ConnectionCut(Exception):
    """Close the connection here; with `reset`, by a TCP reset that drops what is on its way."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__()
        self.reset = reset


class Stall(Exception):
    """Send nothing more, and keep the connection open."""


@dataclass(frozen=True)
class Fault:
    """One failure as it was asked for; `at` counts blocks, or bytes with `in_bytes`."""

    spec: str
    name: str
    times: int | None = None
    at: int = 0
    in_bytes: bool = False
    argument: str = ""

    @classmethod
    def parse(cls, spec: str) -> "Fault":
        """Raises ApiError (400) for a name that there is not."""
        found = _SPEC.fullmatch(spec.strip())
        if found is None or found["name"] not in NAMES:
            raise _invalid(f"Unknown fault: {spec!r}. There are: {', '.join(sorted(NAMES))}.")
        argument = found["argument"] or ""
        pattern, what = _ARGUMENTS.get(found["name"], (".*", ""))
        if not re.fullmatch(pattern, argument):
            raise _invalid(f"The fault {spec!r} needs {what}.")
        times = int(found["times"]) if found["times"] else None
        at, in_bytes = int(found["at"] or 0), found["unit"] == "b"
        return cls(found[0], found["name"], times, at, in_bytes, argument)


Blocks = AsyncIterator[bytes]
Effect = Callable[[Blocks, Fault], Blocks]


class Faults:
    """The faults in force, and how often each has struck."""

    def __init__(self, specs: Sequence[str] = (), *, from_header: bool = False) -> None:
        self._standing = [Fault.parse(spec) for spec in specs]
        self._from_header = from_header
        self._struck: Counter[str] = Counter()

    def strike(self, header: str, path: str, method: str = "POST") -> list[Fault]:
        """Those that strike this request, which carried `header`; counts them as struck."""
        asked = header.split(",") if header and self._from_header else []
        faults = [*self._standing, *map(Fault.parse, asked)]
        if any(fault.name == "failed-only" for fault in faults) and path != "/v1/responses":
            raise _invalid("The fault failed-only is one of /v1/responses alone.")
        return [f for f in faults if _concerns(f, f"{method} {path}") and self._is_due(f)]

    def _is_due(self, fault: Fault) -> bool:
        self._struck[fault.spec] += 1
        return fault.times is None or self._struck[fault.spec] <= fault.times


def before_handler(faults: Sequence[Fault], request_id: str) -> None:
    """Raise the first fault that acts instead of the handler: an ApiError, or Stall."""
    for fault in faults:
        if fault.name in BEFORE_HANDLER:
            raise BEFORE_HANDLER[fault.name](fault, request_id)


def with_faults(blocks: Blocks, faults: Sequence[Fault]) -> Blocks:
    """The blocks as the faults leave them; may raise ConnectionCut or Stall on the way."""
    for fault in faults:
        if fault.name in IN_STREAM:
            blocks = IN_STREAM[fault.name](blocks, fault)
    return blocks


def _concerns(fault: Fault, request: str) -> bool:
    """Whether a request is of the kind that the fault strikes; most strike any."""
    is_for_session = fault.name in SESSION or fault.name == "ws401"
    pattern = _SOCKET if is_for_session else STORE.get(fault.name)
    return pattern is None or pattern.fullmatch(request) is not None


def _invalid(message: str) -> ApiError:
    return ApiError(400, message, param=HEADER, code="invalid_value")


def _refuse_for_now(fault: Fault, request_id: str) -> ApiError:
    milliseconds = fault.argument.removesuffix("ms")
    return rate_limited(int(milliseconds) if milliseconds.isdecimal() else 1000)


async def _upto(blocks: Blocks, fault: Fault) -> Blocks:
    """The blocks before the fault's place; one that the place divides is cut."""
    left = fault.at
    while left > 0:
        block = await anext(blocks, None)
        if block is None:
            return
        yield block[:left] if fault.in_bytes else block
        left -= len(block) if fault.in_bytes else 1


def _ending(end: Callable[[Fault], bytes | Exception]) -> Effect:
    """Pass the blocks before the fault's place, then send or raise what `end` makes."""

    async def ended(blocks: Blocks, fault: Fault) -> Blocks:
        async for block in _upto(blocks, fault):
            yield block
        last = end(fault)
        if isinstance(last, Exception):
            raise last
        yield last

    return ended


def _nested_error(fault: Fault) -> bytes:
    return sse.data(sse.compact({"error": server_error("req_fault").fields()}))


def _flat_error(fault: Fault) -> bytes:
    error = server_error("req_fault").fields() | {"type": "error", "code": "server_error"}
    return sse.event("error", sse.compact(error | {"sequence_number": fault.at}))


def _refusing(error: Callable[[], ApiError]) -> Effect:
    """An error after status 200, as an account without credit gets it, in the shape of the stream.

    In Responses it comes after `response.in_progress` or later: `error`, then `response.failed`
    (recorded in October 2025). In chat it is a chunk of its own without `[DONE]`.
    """

    async def refused(blocks: Blocks, fault: Fault) -> Blocks:
        first, sent = await anext(blocks), 0
        is_response = first.startswith(b"event: response.created")
        at = max(fault.at, 2) if is_response else fault.at
        if not is_response and not first.startswith(b"data: "):
            at = sys.maxsize  # a whole body is no stream
        async for block in _upto(_joined(first, blocks), replace(fault, at=at, in_bytes=False)):
            yield block
            sent += 1
        for block in _failure(first, sent, error()) if at < sys.maxsize else ():
            yield block

    return refused


def _failure(first: bytes, number: int, error: ApiError) -> Iterator[bytes]:
    """The blocks of an error; in Responses they are numbered from `number`."""
    if first.startswith(b"data: "):
        yield sse.data(sse.compact({"error": error.fields()}))
        return
    yield _numbered("error", number, error=error.streamed())
    why = {"code": error.code or "server_error", "message": error.message}
    yield _numbered("response.failed", number + 1, response=_failed(first, why))


async def _joined(first: bytes, rest: Blocks) -> Blocks:
    yield first
    async for block in rest:
        yield block


def _numbered(kind: str, number: int, **fields: object) -> bytes:
    """An event of Responses."""
    body = {"type": kind, **fields, "sequence_number": number}
    return sse.event(kind, sse.compact(body))


def _failed(created: bytes, error: dict[str, str]) -> dict[str, object]:
    """The response of a `response.created` event, as it stands after an error."""
    response: dict[str, object] = json.loads(created.partition(b"data: ")[2])["response"]
    return response | {"status": "failed", "error": error}


async def _failed_only(blocks: Blocks, fault: Fault) -> Blocks:
    """Responses: `response.failed` with a code that the SDK's types do not know, and no `error`."""
    first = await anext(blocks)
    yield first
    async for block in _upto(blocks, fault):
        yield block
    why = {"code": "server_is_overloaded", "message": "Overloaded."}
    yield _numbered("response.failed", fault.at + 1, response=_failed(first, why))


async def _buffer(blocks: Blocks, fault: Fault) -> Blocks:
    """Everything at once, at the time of the last piece, as through a proxy that buffers."""
    whole = b""
    async for block in blocks:
        if isinstance(block, sse.TextBlock):
            yield sse.TextBlock()  # empty, but it takes its time
        whole += block
    yield sse.SeparateBlock(whole)


async def _html(blocks: Blocks, fault: Fault) -> Blocks:
    yield b"<!DOCTYPE html><title>Log in</title><p>Log in to use this network.\n"


async def _split(blocks: Blocks, fault: Fault) -> Blocks:
    """Every block in parts of `argument` bytes, so that letters are cut in two."""
    size = int(fault.argument)
    async for block in blocks:
        for start in range(0, len(block), size):
            yield sse.SeparateBlock(block[start : start + size])


def _before_each(extra: bytes) -> Effect:
    async def preceded(blocks: Blocks, fault: Fault) -> Blocks:
        left = fault.at
        async for block in blocks:
            if left <= 0:
                yield extra
            left -= 1
            yield block

    return preceded


BEFORE_HANDLER: dict[str, Callable[[Fault, str], Exception]] = {
    "401": lambda fault, request_id: bad_key(),
    "ws401": lambda fault, request_id: bad_key(),
    "429": _refuse_for_now,
    "429quota": lambda fault, request_id: quota_exceeded(),
    "500": lambda fault, request_id: server_error(request_id),
    "stall-head": lambda fault, request_id: Stall(),
}
IN_STREAM: dict[str, Effect] = {
    "fin": _ending(lambda fault: ConnectionCut(reset=False)),
    "rst": _ending(lambda fault: ConnectionCut(reset=True)),
    "eof": _upto,
    "stall": _ending(lambda fault: Stall()),
    "halfjson": _ending(lambda fault: b'data: {"half":\n\n'),
    "error-nested": _ending(_nested_error),
    "error-flat": _ending(_flat_error),
    "failed-only": _failed_only,
    "stream-quota": _refusing(quota_exceeded),
    "stream-429": _refusing(lambda: rate_limited(1000)),
    "stream-500": _refusing(lambda: server_error("req_fault")),
    "html200": _html,
    "buffer": _buffer,
    "split": _split,
    "comment": _before_each(b": ping\n\n"),
    "retry-block": _before_each(b"retry: 3000\n\n"),
    "empty-data": _before_each(b"data:\n\n"),
    "id+comment": _before_each(b"id: 7\n: ping\n\n"),
}
_ATTACH = r"POST /v1/vector_stores(/[^/]+/(files|file_batches))?"
_DETACH = r"DELETE /v1/(files/[^/]+|vector_stores/[^/]+/files/[^/]+)"
_CONTENT = r"GET /v1/vector_stores/[^/]+/files/[^/]+/content"
_SOCKET = re.compile("GET /v1/realtime")
SESSION = set("short-by late-deltas expire abort close transcript-late unknown-event".split())
# With the requests that they may strike.
STORE = {
    "stuck": re.compile(_ATTACH),
    "fail": re.compile(_ATTACH),
    "batch-fail": re.compile(_ATTACH),
    "lag-delete": re.compile(f"{_ATTACH}|{_DETACH}"),
    "404content": re.compile(f"{_ATTACH}|{_CONTENT}"),
    "400unsupported": re.compile(_ATTACH),
}
NAMES = BEFORE_HANDLER.keys() | IN_STREAM.keys() | STORE.keys() | SESSION

_ARGUMENTS = {
    "split": (r"[1-9]\d*", "a number of bytes, as in split=1"),
    "fail": ("invalid_file|unsupported_file|server_error", "a code, as in fail=invalid_file"),
    "batch-fail": (r"\d+/[1-9]\d*", "how many of how many, as in batch-fail=2/5"),
    "lag-delete": (r"\d+ms", "a time, as in lag-delete=500ms"),
    "short-by": (r"\d+ms", "a time, as in short-by=85ms"),
    "late-deltas": (r"\d+", "a number of deltas, as in late-deltas=3"),
    "expire": (r"\d+(ms|s)", "a time, as in expire=3s"),
    "close": (r"([34]\d{3}|1011|1001|1000)?", "a code, as in close=1011"),
}

_SPEC = re.compile(
    r"(?P<name>[a-z0-9+-]+?)(?:x(?P<times>\d+))?(?:@(?P<at>\d+)(?P<unit>b?))?(?:=(?P<argument>.*))?"
)
