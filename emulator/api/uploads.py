"""`/v1/uploads`: a large file in parts, of which each can be sent again by itself."""

from collections.abc import Callable, Mapping
from typing import Any

from emulator import params
from emulator.api import files
from emulator.api.multipart import MOST_BYTES, receive
from emulator.api.vector_store_params import array_of, read_unicode_json, use_storage
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


async def create(request: Request) -> Reply:
    values, inert = params.parse(await read_unicode_json(request), PARAMS)

    def do(storage: FileStorage) -> Upload:
        storage.files.drop_abandoned()
        return storage.uploads.create(
            values["filename"], values["bytes"], values["purpose"], files.lifetime(values)
        )

    return send_json(request, encode(await use_storage(request, do)), inert)


async def add_part(request: Request) -> Reply:
    upload = await use_storage(request, _pending(request))
    storage, id = service(request).file_storage, f"part_{ids.alphanumeric(24)}"
    form = await receive(request, storage, id, "data", upload.id)

    def keep(storage: FileStorage) -> dict[str, Any]:
        if form.fields or not 0 < form.size <= MOST_BYTES_A_PART:
            storage.files.drop(id)
            why = f"a part has 'data' of 1 to {MOST_BYTES_A_PART} bytes and nothing else"
            raise bad(f"Invalid 'data': {why}.", "data", "invalid_value")
        _pending(request)(storage)
        storage.uploads.keep_part(id)
        created_at = int(storage.now())
        return {
            "id": id,
            "object": "upload.part",
            "created_at": created_at,
            "upload_id": upload.id,
        }

    return send_json(request, await use_storage(request, keep))


async def complete(request: Request) -> Reply:
    values, _ = params.parse(await read_unicode_json(request), COMPLETE)
    parts = values["part_ids"]

    def do(storage: FileStorage) -> Upload:
        upload = _pending(request)(storage)
        for place, part in enumerate(parts):
            name = f"part_ids[{place}]"
            if part in parts[:place] or not storage.uploads.has_part(upload.id, part):
                message = f"Invalid '{name}': no part '{part}' of this upload is left."
                raise bad(message, name, "invalid_value")
        try:
            return storage.uploads.complete(upload.id, parts, values["md5"])
        except Mismatch as error:
            message, param = error.args
            raise bad(
                f"The upload cannot be completed: {message}.", param, "invalid_value"
            ) from None

    return send_json(request, encode(await use_storage(request, do)))


async def cancel(request: Request) -> Reply:
    def do(storage: FileStorage) -> Upload:
        return storage.uploads.cancel(_pending(request)(storage).id)

    return send_json(request, encode(await use_storage(request, do)))


def _pending(request: Request) -> Callable[[FileStorage], Upload]:
    """Finds the upload that the path names; raises ApiError unless it waits for parts."""
    id = request.path_params["id"]

    def found(storage: FileStorage) -> Upload:
        upload = storage.uploads.find(id)
        if upload is None:
            raise ApiError(404, f"No such Upload object: {id}", param="id")
        if upload.status != "pending":
            raise ApiError(400, f"Upload '{id}' is {upload.status}, not pending.")
        return upload

    return found


routes = [
    Route("/v1/uploads", create, methods=["POST"]),
    Route("/v1/uploads/{id}/parts", add_part, methods=["POST"]),
    Route("/v1/uploads/{id}/complete", complete, methods=["POST"]),
    Route("/v1/uploads/{id}/cancel", cancel, methods=["POST"]),
]
