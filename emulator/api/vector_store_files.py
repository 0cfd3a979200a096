"""`/v1/vector_stores/{store}/files`: the files that a store searches, one by one."""

from collections.abc import Mapping, Sequence
from typing import Any

from emulator import params
from emulator.api.paging import page
from emulator.api.storage_access import (
    Body,
    deleted,
    in_storage,
    json_in_storage,
    known_attached_file,
    known_store,
    living_store,
    polled,
)
from emulator.api.vector_store_params import (
    ATTACHING,
    attachment,
    attributes,
    faults_of,
    is_struck,
    lag_of,
    refuse_unsupported,
)
from emulator.errors import ApiError
from emulator.params import Param, bad, one_of, text
from emulator.serving import Reply, send_json
from emulator.storage.attachment_table import AttachedFile
from emulator.storage.file_storage import FileStorage
from emulator.storage.vector_store_table import STATES

from starlette.requests import Request
from starlette.routing import Route

CREATE: Mapping[str, Param] = {"file_id": Param(text, required=True), **ATTACHING}
UPDATE: Mapping[str, Param] = {"attributes": Param(attributes)}


def encode(attached: AttachedFile) -> dict[str, Any]:
    error = attached.error and {"code": attached.error[0], "message": attached.error[1]}
    static = {
        "max_chunk_size_tokens": attached.size,
        "chunk_overlap_tokens": attached.overlap,
    }
    return {
        "id": attached.file_id,
        "object": "vector_store.file",
        "usage_bytes": attached.usage_bytes,
        "created_at": int(attached.created_at),
        "vector_store_id": attached.store_id,
        "status": attached.status,
        "last_error": error,
        "chunking_strategy": {"type": "static", "static": static},
        "attributes": attached.attributes,
    }


@json_in_storage
def create(storage: FileStorage, request: Request, sent: Body) -> Reply:
    """Attach a file; it is indexed in the background."""
    values, _ = params.parse(sent, CREATE)
    store_id = living_store(storage, request.path_params["store"]).id
    refuse_unsupported(storage, request, [values["file_id"]])
    how = attachment(storage, values["file_id"], values, faults_of(request))
    (attached,) = storage.attach(store_id, [how])
    return polled(request, encode(attached))


@in_storage
def retrieve(storage: FileStorage, request: Request) -> Reply:
    return polled(request, encode(_named(storage, request)))


@json_in_storage
def update(storage: FileStorage, request: Request, sent: Body) -> Reply:
    """Replace all attributes; a search by them sees the change at once."""
    values, _ = params.parse(sent, UPDATE)
    if "attributes" not in sent:
        message = "Missing required parameter: 'attributes'."
        raise bad(message, "attributes", "missing_required_parameter")
    attached = _named(storage, request)
    storage.attached.set_attributes(attached.store_id, attached.file_id, values["attributes"] or {})
    return polled(request, encode(_named(storage, request)))


@in_storage
def list_files(storage: FileStorage, request: Request) -> Reply:
    store_id = known_store(storage, request.path_params["store"]).id
    return send_json(request, listed(request, storage.attached.all(store_id)))


def listed(request: Request, files: Sequence[AttachedFile]) -> dict[str, Any]:
    """A page of attached files; with `filter` only those of one status."""
    status = request.query_params.get("filter")
    if status is not None:
        one_of(*STATES)("filter", status)
    return page(
        request,
        [encode(attached) for attached in files],
        order="desc",
        also=("filter",),
        keep=lambda attached: status in (None, attached["status"]),
    )


@in_storage
def delete(storage: FileStorage, request: Request) -> Reply:
    """Detach a file, which stays as such."""
    attached = _named(storage, request)
    storage.detach(attached.store_id, attached.file_id, lag_of(request, attached))
    return deleted(request, attached.file_id, "vector_store.file.deleted")


@in_storage
def content(storage: FileStorage, request: Request) -> Reply:
    """The text that was read from a file; none where it has not been, or could not be."""
    attached = _named(storage, request)
    if is_struck(request, "404content", attached):
        raise ApiError(404, "Not found")
    text = storage.text(attached)
    body = {
        "object": "vector_store.file_content.page",
        "data": [{"type": "text", "text": text}] if text else [],
        "has_more": False,
        "next_page": None,
    }
    return send_json(request, body)


def _named(storage: FileStorage, request: Request) -> AttachedFile:
    """The attached file that the path names; raises ApiError (404)."""
    return known_attached_file(storage, request.path_params["store"], request.path_params["file"])


_STORE = "/v1/vector_stores/{store}/files"
routes = [
    Route(_STORE, create, methods=["POST"]),
    Route(_STORE, list_files, methods=["GET"]),
    Route(_STORE + "/{file}", retrieve, methods=["GET"]),
    Route(_STORE + "/{file}", update, methods=["POST"]),
    Route(_STORE + "/{file}", delete, methods=["DELETE"]),
    Route(_STORE + "/{file}/content", content, methods=["GET"]),
]
