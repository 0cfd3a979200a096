"""The failures that can be asked for, by name: `name[xTIMES][@N[b]][=ARGUMENT]`.

    fin@3          the line is closed after three blocks of the stream
    rst@120b       the line is reset after 120 bytes
    500x1          the first request fails, the next one does not
    429=300ms      refused, with the advice to try again in 300 ms

N counts blocks of the stream (`b`: bytes); without TIMES a fault strikes every request. Tests give
them to the emulator as an argument; `python -m emulator --faults` takes them from the request
header `x-emulator-fault`, several divided by commas. A fault that strikes at the door answers in
place of the handler, one of the body bends the blocks of its stream. One of a vector store counts
requests that attach or detach files alone, and what it strikes is noted with the file.
"""

import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from emulator.errors import ApiError, bad_key, quota_exceeded, rate_limited, server_error
from emulator.wire import sse

HEADER = "x-emulator-fault"

Blocks = AsyncIterator[bytes]


class Hangup(Exception):
    """Close the line here; with `reset`, by a TCP reset that drops what is on its way."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__()
        self.reset = reset


class Stall(Exception):
    """Send nothing more, and keep the line open."""


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
            message = f"Unknown fault: {spec!r}. There are: {', '.join(sorted(NAMES))}."
            raise ApiError(400, message, param=HEADER, code="invalid_value")
        argument = found["argument"] or ""
        pattern, what = _ARGUMENTS.get(found["name"], (".*", ""))
        if not re.fullmatch(pattern, argument):
            message = f"The fault {spec!r} needs {what}."
            raise ApiError(400, message, param=HEADER, code="invalid_value")
        times = int(found["times"]) if found["times"] else None
        return cls(
            found[0],
            found["name"],
            times,
            int(found["at"] or 0),
            found["unit"] == "b",
            argument,
        )


class Faults:
    """The faults in force, and how often each has struck."""

    def __init__(self, specs: Sequence[str] = (), *, from_header: bool = False) -> None:
        self._standing = [Fault.parse(spec) for spec in specs]
        self._from_header = from_header
        self._struck: Counter[str] = Counter()

    def strike(self, header: str | None, path: str, method: str = "POST") -> list[Fault]:
        """The faults that strike this request to `path`, which carried `header`."""
        asked = header.split(",") if header and self._from_header else []
        faults = [*self._standing, *map(Fault.parse, asked)]
        if any(fault.name == "failed-only" for fault in faults) and path != "/v1/responses":
            message = "The fault failed-only is one of /v1/responses alone."
            raise ApiError(400, message, param=HEADER, code="invalid_value")
        faults = [fault for fault in faults if _concerns(fault, f"{method} {path}")]
        return [fault for fault in faults if self._is_due(fault)]

    def _is_due(self, fault: Fault) -> bool:
        self._struck[fault.spec] += 1
        return fault.times is None or self._struck[fault.spec] <= fault.times


def before_handler(faults: Sequence[Fault], request_id: str) -> None:
    """Raise the first fault that strikes in place of the handler: an ApiError, or Stall."""
    for fault in faults:
        if fault.name in DOOR:
            raise DOOR[fault.name](fault, request_id)


def bend(blocks: Blocks, faults: Sequence[Fault]) -> Blocks:
    """The blocks as the faults leave them; may raise Hangup or Stall on the way."""
    for fault in faults:
        if fault.name in BODY:
            blocks = BODY[fault.name](blocks, fault)
    return blocks


def _concerns(fault: Fault, request: str) -> bool:
    """Whether a request is one that the fault may strike; those of no store strike any."""
    if fault.name in SESSION or fault.name == "ws401":
        return _SOCKET.fullmatch(request) is not None
    pattern = STORE.get(fault.name)
    return pattern is None or pattern.fullmatch(request) is not None


def _refuse_for_now(fault: Fault, request_id: str) -> ApiError:
    milliseconds = fault.argument.removesuffix("ms")
    return rate_limited(int(milliseconds) if milliseconds.isdecimal() else 1000)


async def _upto(blocks: Blocks, fault: Fault) -> AsyncIterator[bytes]:
    """The blocks before the fault's place; one that the place divides is cut."""
    left = fault.at
    while left > 0:
        block = await anext(blocks, None)
        if block is None:
            return
        yield block[:left] if fault.in_bytes else block
        left -= len(block) if fault.in_bytes else 1


async def _fin(blocks: Blocks, fault: Fault) -> AsyncIterator[bytes]:
    async for block in _upto(blocks, fault):
        yield block
    raise Hangup(reset=False)


async def _rst(blocks: Blocks, fault: Fault) -> AsyncIterator[bytes]:
    async for block in _upto(blocks, fault):
        yield block
    raise Hangup(reset=True)


async def _stall(blocks: Blocks, fault: Fault) -> AsyncIterator[bytes]:
    async for block in _upto(blocks, fault):
        yield block
    raise Stall


async def _half_json(blocks: Blocks, fault: Fault) -> AsyncIterator[bytes]:
    async for block in _upto(blocks, fault):
        yield block
    yield b'data: {"half":\n\n'


async def _error_nested(blocks: Blocks, fault: Fault) -> AsyncIterator[bytes]:
    async for block in _upto(blocks, fault):
        yield block
    yield sse.data(sse.compact({"error": server_error("req_fault").fields()}))


async def _error_flat(blocks: Blocks, fault: Fault) -> AsyncIterator[bytes]:
    async for block in _upto(blocks, fault):
        yield block
    error = server_error("req_fault").fields() | {"type": "error", "code": "server_error"}
    yield sse.event("error", sse.compact(error | {"sequence_number": fault.at}))


async def _failed_only(blocks: Blocks, fault: Fault) -> AsyncIterator[bytes]:
    """Responses: `response.failed` with a code that the SDK's types do not know, and no `error`."""
    first = await anext(blocks)
    yield first
    async for block in _upto(blocks, fault):
        yield block
    response = json.loads(first.partition(b"data: ")[2])["response"]
    response |= {
        "status": "failed",
        "error": {"code": "server_is_overloaded", "message": "Overloaded."},
    }
    failed = {"type": "response.failed", "response": response, "sequence_number": fault.at + 1}
    yield sse.event("response.failed", sse.compact(failed))


async def _buffer(blocks: Blocks, fault: Fault) -> AsyncIterator[bytes]:
    """Everything at once, at the time of the last piece, as through a proxy that buffers."""
    whole = b""
    async for block in blocks:
        if isinstance(block, sse.Piece):
            yield sse.Piece()
        whole += block
    yield sse.Alone(whole)


async def _html(blocks: Blocks, fault: Fault) -> AsyncIterator[bytes]:
    yield b"<!DOCTYPE html><title>Log in</title><p>Log in to use this network.\n"


async def _split(blocks: Blocks, fault: Fault) -> AsyncIterator[bytes]:
    """Every block in parts of `argument` bytes, so that letters are cut in two."""
    size = int(fault.argument)
    async for block in blocks:
        for start in range(0, len(block), size):
            yield sse.Alone(block[start : start + size])


def _before_each(extra: bytes) -> Callable[[Blocks, Fault], AsyncIterator[bytes]]:
    async def bent(blocks: Blocks, fault: Fault) -> AsyncIterator[bytes]:
        left = fault.at
        async for block in blocks:
            if left <= 0:
                yield extra
            left -= 1
            yield block

    return bent


DOOR: dict[str, Callable[[Fault, str], Exception]] = {
    "401": lambda fault, request_id: bad_key(),
    "ws401": lambda fault, request_id: bad_key(),
    "429": _refuse_for_now,
    "429quota": lambda fault, request_id: quota_exceeded(),
    "500": lambda fault, request_id: server_error(request_id),
    "stall-head": lambda fault, request_id: Stall(),
}
BODY: dict[str, Callable[[Blocks, Fault], AsyncIterator[bytes]]] = {
    "fin": _fin,
    "rst": _rst,
    "eof": _upto,
    "stall": _stall,
    "halfjson": _half_json,
    "error-nested": _error_nested,
    "error-flat": _error_flat,
    "failed-only": _failed_only,
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
# Faults of Realtime sessions: they bend the session, or break its line.
SESSION = {
    "short-by",
    "late-deltas",
    "expire",
    "abort",
    "close",
    "transcript-late",
    "unknown-event",
}
# Faults of vector stores, and the requests that they may strike.
STORE = {
    "stuck": re.compile(_ATTACH),
    "fail": re.compile(_ATTACH),
    "batch-fail": re.compile(_ATTACH),
    "lag-delete": re.compile(f"{_ATTACH}|{_DETACH}"),
    "404content": re.compile(f"{_ATTACH}|{_CONTENT}"),
}
NAMES = DOOR.keys() | BODY.keys() | STORE.keys() | SESSION

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
