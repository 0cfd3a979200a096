"""`/v1/uploads`: a large file in parts, of which each can be sent again by itself."""

from collections.abc import Mapping
from typing import Any

from emulator import params
from emulator.api import files
from emulator.api.multipart import MOST_BYTES, receive
from emulator.api.storage_access import Body, in_storage, json_in_storage, use_storage
from emulator.api.vector_store_params import array_of
from emulator.errors import ApiError
from emulator.params import Param, bad, integer, text
from emulator.serving import Reply, send_json, service
from emulator.storage.file_storage import FileStorage
from emulator.storage.upload_table import Mismatch, Upload
from emulator.wire import ids

from starlette.requests import Request
from starlette.routing import Route

MOST_BYTES_A_PART = 64 * 2**20

PARAMS: Mapping[str, Param] = {
    "bytes": Param(integer(0, MOST_BYTES), required=True),
    "filename": Param(text, required=True),
    "mime_type": Param(text, required=True, inert=True),
    "purpose": Param(files.PURPOSE, required=True),
    "expires_after": Param(files.EXPIRES_AFTER),
}
COMPLETE: Mapping[str, Param] = {
    "part_ids": Param(array_of(10_000, 1, text), required=True),
    "md5": Param(text),
}


def encode(upload: Upload) -> dict[str, Any]:
    return {
        "id": upload.id,
        "object": "upload",
        "bytes": upload.bytes,
        "created_at": int(upload.created_at),
        "filename": upload.name,
        "purpose": upload.purpose,
        "status": upload.status,
        "expires_at": int(upload.expires_at),
        "file": None if upload.file is None else files.encode(upload.file),
    }


@json_in_storage
def create(storage: FileStorage, request: Request, sent: Body) -> Reply:
    values, inert = params.parse(sent, PARAMS)
    storage.files.drop_abandoned()
    begun = storage.uploads.create(
        values["filename"], values["bytes"], values["purpose"], files.lifetime(values)
    )
    return send_json(request, encode(begun), inert)


async def add_part(request: Request) -> Reply:
    upload = await use_storage(request, lambda storage: _pending(storage, request))
    storage, id = service(request).file_storage, f"part_{ids.alphanumeric(24)}"
    form = await receive(request, storage, id, "data", upload.id)

    def keep(storage: FileStorage) -> dict[str, Any]:
        if form.fields or not 0 < form.size <= MOST_BYTES_A_PART:
            storage.files.drop(id)
            why = f"a part has 'data' of 1 to {MOST_BYTES_A_PART} bytes and nothing else"
            raise bad(f"Invalid 'data': {why}.", "data", "invalid_value")
        # It may have been completed or cancelled while the part was on its way.
        _pending(storage, request)
        storage.uploads.keep_part(id)
        created_at = int(storage.now())
        return {"id": id, "object": "upload.part", "created_at": created_at, "upload_id": upload.id}

    return send_json(request, await use_storage(request, keep))


@json_in_storage
def complete(storage: FileStorage, request: Request, sent: Body) -> Reply:
    values, _ = params.parse(sent, COMPLETE)
    # Each part belongs to this upload and comes once: its bytes are moved, not copied.
    upload, parts = _pending(storage, request), values["part_ids"]
    for place, part in enumerate(parts):
        if part in parts[:place] or not storage.uploads.has_part(upload.id, part):
            name = f"part_ids[{place}]"
            message = f"Invalid '{name}': no part '{part}' of this upload is left."
            raise bad(message, name, "invalid_value")
    try:
        made = storage.uploads.complete(upload.id, parts, values["md5"])
    except Mismatch as error:
        message = f"The upload cannot be completed: {error}."
        raise bad(message, error.param, "invalid_value") from None
    return send_json(request, encode(made))


@in_storage
def cancel(storage: FileStorage, request: Request) -> Reply:
    return send_json(request, encode(storage.uploads.cancel(_pending(storage, request).id)))


def _pending(storage: FileStorage, request: Request) -> Upload:
    """The upload that the path names; raises ApiError unless it waits for parts."""
    id = request.path_params["id"]
    if (upload := storage.uploads.find(id)) is None:
        raise ApiError(404, f"No such Upload object: {id}", param="id")
    if upload.status != "pending":
        raise ApiError(400, f"Upload '{id}' is {upload.status}, not pending.")
    return upload


routes = [
    Route("/v1/uploads", create, methods=["POST"]),
    Route("/v1/uploads/{id}/parts", add_part, methods=["POST"]),
    Route("/v1/uploads/{id}/complete", complete, methods=["POST"]),
    Route("/v1/uploads/{id}/cancel", cancel, methods=["POST"]),
]
