"""`/v1/files`: uploads that other parts of the API refer to by id."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote

from emulator import params
from emulator.api.multipart import receive
from emulator.api.paging import page
from emulator.api.storage_access import deleted, in_storage, known_file, use_storage
from emulator.api.vector_store_params import lag_of
from emulator.errors import ApiError
from emulator.faults import ConnectionCut
from emulator.params import Param, bad, fields, integer, one_of
from emulator.serving import Reply, send_json, service
from emulator.storage import file_table
from emulator.storage.file_storage import FileStorage
from emulator.storage.file_table import File
from emulator.wire import sse

from starlette.requests import Request
from starlette.routing import Route

MOST_FILES = 10_000
MOST_LISTED = 10_000
MONTH_S = 30 * 86_400

PURPOSE = one_of("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
EXPIRES_AFTER = fields(
    {
        "anchor": Param(one_of("created_at"), required=True),
        "seconds": Param(integer(3600, MONTH_S), required=True),
    }
)
PARAMS: Mapping[str, Param] = {
    "purpose": Param(PURPOSE, required=True),
    "expires_after": Param(EXPIRES_AFTER),
}
# OpenAI gives these back to nobody: they are for its tools to read.
NOT_GIVEN_BACK = ("assistants", "user_data")


def encode(file: File) -> dict[str, Any]:
    return {
        "object": "file",
        "id": file.id,
        "purpose": file.purpose,
        "filename": file.name,
        "bytes": file.bytes,
        "created_at": int(file.created_at),
        "expires_at": None if file.expires_at is None else int(file.expires_at),
        "status": "processed",
        "status_details": None,
    }


def lifetime(values: Mapping[str, Any]) -> float | None:
    """Seconds that a file is kept; those of a batch a month where nothing is said."""
    if values["expires_after"] is not None:
        return float(values["expires_after"]["seconds"])
    return MONTH_S if values["purpose"] == "batch" else None


async def create(request: Request) -> Reply:
    storage, id = service(request).file_storage, file_table.new_id()
    await use_storage(request, _check_room)
    form = await receive(request, storage, id, "file")

    def finish(storage: FileStorage) -> File:
        # Only now are all fields known, since they may stand behind the file.
        try:
            values, _ = params.parse(_unfolded(form.fields), PARAMS)
            if not form.size:
                raise bad("The file is empty.", "file", "invalid_value")
        except ApiError:
            storage.files.drop(id)
            raise
        return storage.files.finish(id, form.filename or "", values["purpose"], lifetime(values))

    return send_json(request, encode(await use_storage(request, finish)))


@in_storage
def list_files(storage: FileStorage, request: Request) -> Reply:
    purpose = request.query_params.get("purpose")
    body = page(
        request,
        [encode(file) for file in storage.files.all()],
        order="desc",
        also=("purpose",),
        keep=lambda file: purpose in (None, file["purpose"]),
        most=MOST_LISTED,
    )
    return send_json(request, body)


@in_storage
def retrieve(storage: FileStorage, request: Request) -> Reply:
    return send_json(request, encode(known_file(storage, request.path_params["id"])))


@in_storage
def delete(storage: FileStorage, request: Request) -> Reply:
    """Delete a file, here and in every vector store."""
    id = known_file(storage, request.path_params["id"]).id
    storage.delete_file(id, lag_of(request))
    return deleted(request, id, "file")


async def content(request: Request) -> Reply:
    """The bytes as they were sent, a block at a time."""
    id = request.path_params["id"]
    file = await use_storage(request, lambda storage: known_file(storage, id))
    if file.purpose in NOT_GIVEN_BACK:
        raise ApiError(400, f"Not allowed to download files of purpose: {file.purpose}")
    reply = Reply(request, _blocks(service(request).file_storage, file), "application/octet-stream")
    name = quote(file.name, safe="", errors="replace")
    reply.headers["content-disposition"] = f"attachment; filename*=UTF-8''{name}"
    if not request.scope["faults"]:
        reply.headers["content-length"] = str(file.bytes)
    return reply


async def _blocks(storage: FileStorage, file: File) -> AsyncIterator[bytes]:
    sent = number = 0
    while sent < file.bytes:
        block = await asyncio.to_thread(storage.files.block, file.id, number)
        if block is None:  # it was deleted meanwhile
            raise ConnectionCut(reset=False)
        yield sse.SeparateBlock(block)
        sent += len(block)
        number += 1


def _check_room(storage: FileStorage) -> None:
    if storage.files.count() >= MOST_FILES:
        message = f"The emulator keeps at most {MOST_FILES} files: delete some."
        raise ApiError(409, message, code="too_many_files")


def _unfolded(form: Mapping[str, str]) -> dict[str, Any]:
    """Fields like `expires_after[seconds]` as the object that they stand for."""
    values: dict[str, Any] = {}
    # A form has only texts: a number of seconds becomes one here, and is checked like all others.
    for name, value in form.items():
        outer, _, inner = name.partition("[")
        if not inner:
            values[name] = value
            continue
        key = inner.removesuffix("]")
        number = int(value) if key == "seconds" and value.isdecimal() else value
        values.setdefault(outer, {})
        if isinstance(values[outer], dict):
            values[outer][key] = number
    return values


routes = [
    Route("/v1/files", create, methods=["POST"]),
    Route("/v1/files", list_files, methods=["GET"]),
    Route("/v1/files/{id}", retrieve, methods=["GET"]),
    Route("/v1/files/{id}", delete, methods=["DELETE"]),
    Route("/v1/files/{id}/content", content, methods=["GET"]),
]
