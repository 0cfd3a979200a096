"""`/v1/vector_stores/{store}/files`: what a store is to find, each file by itself."""

from collections.abc import Mapping
from typing import Any

from emulator import params
from emulator.api.paging import page
from emulator.api.vector_store_params import (
    ATTACHING,
    attachment,
    attributes,
    faults_of,
    is_struck,
    known_attached_file,
    known_store,
    lag_of,
    living_store,
    polled,
    read_unicode_json,
    use_storage,
)
from emulator.errors import ApiError
from emulator.params import Param, one_of, text
from emulator.serving import Reply, send_json
from emulator.storage.attachment_table import AttachedFile
from emulator.storage.file_storage import FileStorage
from emulator.storage.vector_store_table import STATES

from starlette.requests import Request
from starlette.routing import Route

CREATE: Mapping[str, Param] = {"file_id": Param(text, required=True), **ATTACHING}
UPDATE: Mapping[str, Param] = {"attributes": Param(attributes)}


def encode(entry: AttachedFile) -> dict[str, Any]:
    error = entry.error and {"code": entry.error[0], "message": entry.error[1]}
    static = {"max_chunk_size_tokens": entry.size, "chunk_overlap_tokens": entry.overlap}
    return {
        "id": entry.file_id,
        "object": "vector_store.file",
        "usage_bytes": entry.usage_bytes,
        "created_at": int(entry.created_at),
        "vector_store_id": entry.store_id,
        "status": entry.status,
        "last_error": error,
        "chunking_strategy": {"type": "static", "static": static},
        "attributes": entry.attributes,
    }


async def create(request: Request) -> Reply:
    """Attach a file; it is indexed in the background."""
    values, _ = params.parse(await read_unicode_json(request), CREATE)
    store_id, faults = request.path_params["store"], faults_of(request)

    def do(storage: FileStorage) -> AttachedFile:
        living_store(storage, store_id)
        how = attachment(storage, values["file_id"], values, faults)
        return storage.attach(store_id, [how])[0]

    return polled(request, encode(await use_storage(request, do)))


async def retrieve(request: Request) -> Reply:
    return polled(request, encode(await _entry(request)))


async def update(request: Request) -> Reply:
    """Replace all attributes; what is found by them changes at once."""
    sent = await read_unicode_json(request)
    values, _ = params.parse(sent, UPDATE)
    if "attributes" not in sent:
        message = "Missing required parameter: 'attributes'."
        raise params.bad(message, "attributes", "missing_required_parameter")
    store_id, file_id = _place(request)

    def do(storage: FileStorage) -> AttachedFile:
        known_attached_file(storage, store_id, file_id)
        storage.attached.set_attributes(store_id, file_id, values["attributes"] or {})
        return known_attached_file(storage, store_id, file_id)

    return polled(request, encode(await use_storage(request, do)))


async def list_files(request: Request) -> Reply:
    store_id = request.path_params["store"]

    def do(storage: FileStorage) -> list[AttachedFile]:
        known_store(storage, store_id)
        return storage.attached.all(store_id)

    return send_json(request, listed(request, await use_storage(request, do)))


def listed(request: Request, entries: list[AttachedFile]) -> dict[str, Any]:
    """A page of entries; with `filter` only those of one status."""
    status = request.query_params.get("filter")
    if status is not None:
        one_of(*STATES)("filter", status)
    return page(
        request,
        [encode(entry) for entry in entries],
        order="desc",
        also=("filter",),
        keep=lambda entry: status in (None, entry["status"]),
    )


async def delete(request: Request) -> Reply:
    """Detach a file, which stays as such."""
    store_id, file_id = _place(request)

    def do(storage: FileStorage) -> None:
        entry = known_attached_file(storage, store_id, file_id)
        storage.detach(store_id, file_id, lag_of(request, entry))

    await use_storage(request, do)
    deleted = {"id": file_id, "object": "vector_store.file.deleted", "deleted": True}
    return send_json(request, deleted)


async def content(request: Request) -> Reply:
    """The text that was read from a file; none where it has not been, or could not be."""
    entry = await _entry(request)
    if is_struck(request, "404content", entry):
        raise ApiError(404, "Not found")
    text = await use_storage(request, lambda storage: storage.text(entry))
    body = {
        "object": "vector_store.file_content.page",
        "data": [{"type": "text", "text": text}] if text else [],
        "has_more": False,
        "next_page": None,
    }
    return send_json(request, body)


async def _entry(request: Request) -> AttachedFile:
    place = _place(request)
    return await use_storage(request, lambda storage: known_attached_file(storage, *place))


def _place(request: Request) -> tuple[str, str]:
    return request.path_params["store"], request.path_params["file"]


_STORE = "/v1/vector_stores/{store}/files"
routes = [
    Route(_STORE, create, methods=["POST"]),
    Route(_STORE, list_files, methods=["GET"]),
    Route(_STORE + "/{file}", retrieve, methods=["GET"]),
    Route(_STORE + "/{file}", update, methods=["POST"]),
    Route(_STORE + "/{file}", delete, methods=["DELETE"]),
    Route(_STORE + "/{file}/content", content, methods=["GET"]),
]
