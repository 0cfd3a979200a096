"""`/v1/vector_stores/{store}/file_batches`: many files attached at once."""

from collections.abc import Mapping
from typing import Any

from emulator import params
from emulator.api.storage_access import (
    Body,
    in_storage,
    json_in_storage,
    known_store,
    living_store,
    polled,
)
from emulator.api.vector_store_files import listed
from emulator.api.vector_store_params import (
    ATTACHING,
    array_of,
    attachment,
    faults_of,
    refuse_unsupported,
)
from emulator.errors import ApiError
from emulator.params import Param, bad, fields, text
from emulator.serving import Reply, send_json
from emulator.storage.attachment_table import Batch
from emulator.storage.file_storage import FileStorage

from starlette.requests import Request
from starlette.routing import Route

# By openai 3.54's types; OpenAI's guide says 500.
MOST_FILES = 2000

FILE = fields({"file_id": Param(text, required=True), **ATTACHING})
CREATE: Mapping[str, Param] = {
    "file_ids": Param(array_of(MOST_FILES, 1, text)),
    "files": Param(array_of(MOST_FILES, 1, FILE)),
    **ATTACHING,
}


def encode(batch: Batch) -> dict[str, Any]:
    """As the SDK's type has it; `object` was `vector_store.file_batch` in traffic of 2024."""
    return {
        "id": batch.id,
        "object": "vector_store.files_batch",
        "created_at": int(batch.created_at),
        "vector_store_id": batch.store_id,
        "status": batch.status,
        "file_counts": batch.counts,
    }


def chosen(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The files with the attributes and chunking of each; raises ApiError (400)."""
    file_ids, files = values["file_ids"], values["files"]
    if file_ids is not None and files is not None:
        message = "Mutually exclusive parameters: 'file_ids' and 'files' cannot be given together."
        raise bad(message, "files", "mutually_exclusive_parameters")
    if files is not None:
        return list(files)
    if file_ids is None:
        message = "Missing required parameter: 'file_ids'."
        raise bad(message, "file_ids", "missing_required_parameter")
    shared = {key: values[key] for key in ATTACHING}
    return [{"file_id": id, **shared} for id in file_ids]


@json_in_storage
def create(storage: FileStorage, request: Request, sent: Body) -> Reply:
    values, _ = params.parse(sent, CREATE)
    store_id = living_store(storage, request.path_params["store"]).id
    files = chosen(values)
    refuse_unsupported(storage, request, (each["file_id"] for each in files))
    attachments = [
        attachment(storage, each["file_id"], each, faults_of(request, place))
        for place, each in enumerate(files)
    ]
    return polled(request, encode(storage.attach_batch(store_id, attachments)))


@in_storage
def retrieve(storage: FileStorage, request: Request) -> Reply:
    return polled(request, encode(_named(storage, request)))


@in_storage
def cancel(storage: FileStorage, request: Request) -> Reply:
    """Stop indexing: files that are done stay, the others become `cancelled`."""
    storage.attached.cancel_batch(_named(storage, request).id)
    return polled(request, encode(_named(storage, request)))


@in_storage
def list_files(storage: FileStorage, request: Request) -> Reply:
    batch = _named(storage, request)
    return send_json(request, listed(request, storage.attached.of_batch(batch.id)))


def _named(storage: FileStorage, request: Request) -> Batch:
    """The batch that the path names; raises ApiError (404)."""
    store_id, id = request.path_params["store"], request.path_params["batch"]
    known_store(storage, store_id)
    if (found := storage.attached.find_batch(store_id, id)) is None:
        message = f"No file batch found with id '{id}' in vector store '{store_id}'."
        raise ApiError(404, message)
    return found


_STORE = "/v1/vector_stores/{store}/file_batches"
routes = [
    Route(_STORE, create, methods=["POST"]),
    Route(_STORE + "/{batch}", retrieve, methods=["GET"]),
    Route(_STORE + "/{batch}/cancel", cancel, methods=["POST"]),
    Route(_STORE + "/{batch}/files", list_files, methods=["GET"]),
]
