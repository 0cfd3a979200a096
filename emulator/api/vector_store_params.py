"""What the families of files and vector stores share: the storage, and the checks of parameters."""

import asyncio
import re
from collections.abc import Callable
from math import isfinite
from typing import Any, TypeVar

from emulator import params
from emulator.errors import ApiError, pretty
from emulator.faults import STORE, Fault
from emulator.params import Check, Param, bad, fields, integer, obj, one_of, text, wrong_type
from emulator.serving import Reply, read_json, send_json, service
from emulator.storage.attachment_table import AttachedFile, Attachment
from emulator.storage.file_storage import DeletedMeanwhile, FileStorage
from emulator.storage.file_table import File
from emulator.storage.vector_store_table import VectorStore

from starlette.requests import Request

POLL_AFTER_MS, LONGEST_POLL_MS = 5, 250
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
Result = TypeVar("Result")


async def use_storage(request: Request, do: Callable[[FileStorage], Result]) -> Result:
    """What `do` gives, done in a thread: another process may be writing, and one has to wait."""
    storage = service(request).file_storage

    def opened() -> Result:
        storage.open()
        try:
            return do(storage)
        except DeletedMeanwhile:
            raise ApiError(404, "The vector store or a file of it was just deleted.") from None

    return await asyncio.to_thread(opened)


async def read_unicode_json(request: Request) -> dict[str, Any]:
    """The body as an object whose texts can be kept and sent back; raises ApiError (400).

    JSON may have half of a surrogate pair, which is no character.
    """
    body = await read_json(request)
    if _SURROGATE.search(await request.body()):
        try:
            pretty(body)
        except UnicodeEncodeError:
            raise ApiError(400, "The body of your request has a text that is no Unicode.") from None
    return body


def polled(request: Request, body: dict[str, Any]) -> Reply:
    """A body that is asked for until it has changed; the SDK waits as long as the header says."""
    waiting = body.get("file_counts", {}).get("in_progress", 1)
    reply = send_json(request, body)
    after_ms = min(LONGEST_POLL_MS, POLL_AFTER_MS * max(1, waiting))
    reply.headers["openai-poll-after-ms"] = str(after_ms)
    return reply


def known_file(storage: FileStorage, id: str) -> File:
    found = storage.files.find(id)
    if found is None:
        raise ApiError(404, f"No such File object: {id}", param="id")
    return found


def known_store(storage: FileStorage, id: str) -> VectorStore:
    found = storage.stores.find(id)
    if found is None:
        raise ApiError(404, f"Vector store with id '{id}' not found.")
    return found


def living_store(storage: FileStorage, id: str) -> VectorStore:
    """A store that can be used; raises ApiError (400) for one that has expired."""
    found = known_store(storage, id)
    if found.is_expired:
        message = f"Vector store with id '{id}' has expired."
        raise ApiError(400, message, code="vector_store_expired")
    return found


def known_attached_file(storage: FileStorage, store_id: str, file_id: str) -> AttachedFile:
    known_store(storage, store_id)
    found = storage.attached.find(store_id, file_id)
    if found is None:
        message = f"No file found with id '{file_id}' in vector store '{store_id}'."
        raise ApiError(404, message)
    return found


def _scalar(name: str, value: Any) -> str | float | bool:
    is_finite = not isinstance(value, float) or isfinite(value)
    if not isinstance(value, str | int | float) or not is_finite:
        raise wrong_type(name, "one of a string, a number or a boolean", value)
    return value


attributes = params.pairs(_scalar)


def chunking(name: str, value: Any) -> tuple[int, int]:
    """The longest passage and the overlap of two, in tokens."""
    kind = one_of("auto", "static")(f"{name}.type", obj(name, value).get("type"))
    if kind == "auto":
        fields({"type": Param(text)})(name, value)
        return 800, 400
    static = fields(
        {
            "max_chunk_size_tokens": Param(integer(100, 4096), required=True),
            "chunk_overlap_tokens": Param(integer(0), required=True),
        }
    )
    read = fields({"type": Param(text), "static": Param(static, required=True)})(name, value)
    size, overlap = read["static"].values()
    if overlap > size // 2:
        inner = f"{name}.static.chunk_overlap_tokens"
        message = f"""Invalid '{inner}': it must not be greater than half of \
'max_chunk_size_tokens', {size // 2}, but is {overlap}."""
        raise bad(message, inner, "invalid_value")
    return size, overlap


def array_of(most: int, least: int, check: Check) -> Check:
    """An array of so many items, each of which is checked."""

    def checked(name: str, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise wrong_type(name, "an array", value)
        for side, word, bound in (("long", "maximum", most), ("short", "minimum", least)):
            if len(value) > bound if side == "long" else len(value) < bound:
                message = f"""Invalid '{name}': array too {side}. Expected an array with \
{word} length {bound}, but got an array with length {len(value)} instead."""
                code = f"array_{'above_max' if side == 'long' else 'below_min'}_length"
                raise bad(message, name, code)
        return [check(f"{name}[{place}]", each) for place, each in enumerate(value)]

    return checked


def attachment(
    storage: FileStorage, file_id: str, values: dict[str, Any], faults: tuple[str, ...]
) -> Attachment:
    """A file that there is, with the attributes and the chunking that were sent."""
    size, overlap = values["chunking_strategy"] or (800, 400)
    known_file(storage, file_id)
    return Attachment(file_id, values["attributes"] or {}, size, overlap, faults)


def faults_of(request: Request) -> tuple[str, ...]:
    """The failures that files meet which this request attaches, as they are noted with them."""
    return tuple(
        f"{fault.name}={fault.argument}" if fault.argument else fault.name
        for fault in request.scope["faults"]
        if fault.name in STORE and fault.name != "batch-fail"
    )


def batch_fault(request: Request, place: int) -> tuple[str, ...]:
    """The failure that the file at this place of a batch meets: with 2/5, two of five do."""
    for fault in request.scope["faults"]:
        if fault.name == "batch-fail":
            failing, of = map(int, fault.argument.split("/"))
            if place % of < failing:
                return ("fail=invalid_file",)
    return ()


def is_struck(request: Request, name: str, entry: AttachedFile) -> bool:
    return name in entry.faults or any(fault.name == name for fault in request.scope["faults"])


def lag_of(request: Request, entry: AttachedFile | None = None) -> float:
    """Seconds for which searches go on finding what this request takes away."""
    noted = [Fault.parse(spec) for spec in entry.faults] if entry else []
    for fault in [*request.scope["faults"], *noted]:
        if fault.name == "lag-delete":
            return int(fault.argument.removesuffix("ms")) / 1000
    return 0.0


ATTACHING: dict[str, params.Param] = {
    "attributes": Param(attributes),
    "chunking_strategy": Param(chunking),
}
