"""Parameters that the families of vector stores share: how a file is attached, and its failures."""

from collections.abc import Iterable
from math import isfinite
from pathlib import PurePosixPath
from typing import Any

from emulator import params
from emulator.api.storage_access import known_file
from emulator.faults import STORE, Fault
from emulator.params import Check, Param, bad, fields, integer, obj, one_of, text, wrong_type
from emulator.storage.attachment_table import AttachedFile, Attachment
from emulator.storage.file_storage import FileStorage
from emulator.storage.file_table import SEARCHABLE

from starlette.requests import Request

AUTO_SIZE, AUTO_OVERLAP = 800, 400
STATIC = fields(
    {
        "max_chunk_size_tokens": Param(integer(100, 4096), required=True),
        "chunk_overlap_tokens": Param(integer(0), required=True),
    }
)


def _scalar(name: str, value: Any) -> str | float | bool:
    is_infinite = isinstance(value, float) and not isfinite(value)
    if not isinstance(value, str | int | float) or is_infinite:
        raise wrong_type(name, "one of a string, a number or a boolean", value)
    return value


attributes = params.pairs(_scalar)


def chunking(name: str, value: Any) -> tuple[int, int]:
    """The longest chunk and the overlap of two, in tokens."""
    kind = one_of("auto", "static")(f"{name}.type", obj(name, value).get("type"))
    if kind == "auto":
        fields({"type": Param(text)})(name, value)
        return AUTO_SIZE, AUTO_OVERLAP
    read = fields({"type": Param(text), "static": Param(STATIC, required=True)})(name, value)
    size, overlap = read["static"].values()
    if overlap > size // 2:
        inner = f"{name}.static.chunk_overlap_tokens"
        message = f"""Invalid '{inner}': it must not be greater than half of \
'max_chunk_size_tokens', {size // 2}, but is {overlap}."""
        raise bad(message, inner, "invalid_value")
    return size, overlap


ATTACHING: dict[str, Param] = {
    "attributes": Param(attributes),
    "chunking_strategy": Param(chunking, (AUTO_SIZE, AUTO_OVERLAP)),
}


def array_of(most: int, least: int, check: Check) -> Check:
    """An array of `least` to `most` items, each of which passes the check."""

    def checked(name: str, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise wrong_type(name, "an array", value)
        if not least <= len(value) <= most:
            side, word, bound, code = (
                ("long", "maximum", most, "array_above_max_length")
                if len(value) > most
                else ("short", "minimum", least, "array_below_min_length")
            )
            message = f"""Invalid '{name}': array too {side}. Expected an array with {word} length \
{bound}, but got an array with length {len(value)} instead."""
            raise bad(message, name, code)
        return [check(f"{name}[{place}]", each) for place, each in enumerate(value)]

    return checked


def attachment(
    storage: FileStorage, file_id: str, values: dict[str, Any], faults: tuple[str, ...]
) -> Attachment:
    """The attachment of a file that must exist, by the values of `ATTACHING`."""
    name = known_file(storage, file_id).name
    size, overlap = values["chunking_strategy"]
    own = tuple("stuck" if fault == f"stuck={name}" else fault for fault in faults)
    return Attachment(file_id, values.get("attributes") or {}, size, overlap, own)


def refuse_unsupported(storage: FileStorage, request: Request, file_ids: Iterable[str]) -> None:
    """With the fault `400unsupported`, refuse a request that attaches a file of another type than
    those in SEARCHABLE: ApiError (400).

    OpenAI looks at the end of each name before it attaches anything, so one such file stops a whole
    batch. The body is as reported for `files` (stdapi-ai/stdapi.ai #275, September 2026), with the
    param `file_ids`, and for `file_batches` (openai-python #1511, June 2024), with `none` for a
    name without an extension. An ending in capitals (`.PDF`) is reported to be refused, too. How
    OpenAI separates several extensions is not known.

    Without the fault, such a file is attached, and fails alone with `unsupported_file`. That is
    how OpenAI treats a file whose content has another type (openai-openapi #300, July 2024).
    """
    if not any(fault.name == "400unsupported" for fault in request.scope["faults"]):
        return
    kinds = (PurePosixPath(known_file(storage, id).name).suffix for id in file_ids)
    if refused := dict.fromkeys(kind or "none" for kind in kinds if kind not in SEARCHABLE):
        message = f"""Files with extensions [{", ".join(refused)}] are not supported for \
retrieval. See https://platform.openai.com/docs/assistants/tools/file-search/supported-files"""
        raise bad(message, "file_ids", "unsupported_file")


# ------------------------------------------------------------------------- failures
#
# A failure is asked for when a file is attached, and happens later: while a worker indexes it, or
# when it is detached. So its name and argument are stored with the attached file.


def faults_of(request: Request, place: int | None = None) -> tuple[str, ...]:
    """The failures of a file that this request attaches, at this place of its batch if it is one.

    `batch-fail=2/5` lets the first two of every five files of a batch fail. `stuck=NAME` strikes
    the file of that name alone.
    """
    found = []
    for fault in request.scope["faults"]:
        if fault.name == "batch-fail":
            failing, of = map(int, fault.argument.split("/"))
            found += ["fail=invalid_file"] if place is not None and place % of < failing else []
        elif fault.name in STORE:
            found.append(f"{fault.name}={fault.argument}".removesuffix("="))
    return tuple(found)


def is_struck(request: Request, name: str, attached: AttachedFile) -> bool:
    return name in attached.faults or any(fault.name == name for fault in request.scope["faults"])


def lag_of(request: Request, attached: AttachedFile | None = None) -> float:
    """Seconds for which searches still find what this request takes away."""
    stored = [Fault.parse(spec) for spec in attached.faults] if attached else []
    for fault in [*request.scope["faults"], *stored]:
        if fault.name == "lag-delete":
            return int(fault.argument.removesuffix("ms")) / 1000
    return 0.0
