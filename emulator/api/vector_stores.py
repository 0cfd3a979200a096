"""`/v1/vector_stores`: files that are searched by what they mean; and the search itself."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emulator import params
from emulator.api import tool_params
from emulator.api.paging import page
from emulator.api.storage_access import (
    Body,
    deleted,
    in_storage,
    json_in_storage,
    known_store,
    living_store,
    polled,
)
from emulator.api.vector_store_params import (
    ATTACHING,
    array_of,
    attachment,
    faults_of,
    refuse_unsupported,
)
from emulator.params import Param, bad, fields, flag, integer, one_of, text
from emulator.retrieval import filters
from emulator.serving import Reply, Service, send_json
from emulator.storage.file_storage import FileStorage
from emulator.storage.vector_store_table import VectorStore
from emulator.text.small_talk import rewrite

from starlette.requests import Request
from starlette.routing import Route

if TYPE_CHECKING:
    from emulator.retrieval.index import Ranking

MOST_FILES_AT_ONCE, MOST_QUERIES = 500, 100
RANKERS = ("none", "auto", "default-2024-11-15", "default-2024-08-21")

EXPIRES_AFTER = fields(
    {
        "anchor": Param(one_of("last_active_at"), required=True),
        "days": Param(integer(1, 365), required=True),
    }
)
UPDATE: Mapping[str, Param] = {
    "name": Param(text),
    "metadata": Param(params.metadata),
    "expires_after": Param(EXPIRES_AFTER),
}
CREATE: Mapping[str, Param] = {
    **UPDATE,
    "description": Param(text),
    "file_ids": Param(array_of(MOST_FILES_AT_ONCE, 0, text), []),
    "chunking_strategy": ATTACHING["chunking_strategy"],
}
RANKING = fields({**tool_params.RANKING, "ranker": Param(one_of(*RANKERS), "auto")})


def queries(name: str, value: Any) -> list[str]:
    """One query, or several: none of them empty."""
    if not isinstance(value, str | list):
        raise params.wrong_type(name, "one of a string or an array of strings", value)
    found = [value] if isinstance(value, str) else array_of(MOST_QUERIES, 1, text)(name, value)
    for place, query in enumerate(found):
        inner = name if isinstance(value, str) else f"{name}[{place}]"
        if not query.strip():
            raise bad(f"Invalid '{inner}': empty string.", inner, "empty_string")
    return found


SEARCH: Mapping[str, Param] = {
    "query": Param(queries, required=True),
    "filters": Param(filters.parse),
    "max_num_results": Param(integer(1, 50), 10),
    "ranking_options": Param(RANKING),
    "rewrite_query": Param(flag, False),
}


def encode(store: VectorStore) -> dict[str, Any]:
    expires_at = store.expires_at
    return {
        "id": store.id,
        "object": "vector_store",
        "created_at": int(store.created_at),
        "name": store.name,
        "description": store.description,
        "usage_bytes": store.usage_bytes,
        "file_counts": store.counts,
        "status": store.status,
        "expires_after": store.days and {"anchor": "last_active_at", "days": store.days},
        "expires_at": None if expires_at is None else int(expires_at),
        "last_active_at": int(store.active_at),
        "metadata": store.metadata,
    }


@json_in_storage
def create(storage: FileStorage, request: Request, sent: Body) -> Reply:
    values, _ = params.parse(sent, CREATE)
    faults = faults_of(request)
    refuse_unsupported(storage, request, values["file_ids"])
    made = storage.create_store(
        values["name"] or "",
        values["description"],
        values["metadata"] or {},
        values["expires_after"] and values["expires_after"]["days"],
        [attachment(storage, id, values, faults) for id in values["file_ids"]],
    )
    return polled(request, encode(made))


@in_storage
def retrieve(storage: FileStorage, request: Request) -> Reply:
    return polled(request, encode(known_store(storage, request.path_params["id"])))


@json_in_storage
def update(storage: FileStorage, request: Request, sent: Body) -> Reply:
    """Replace what is sent; `expires_after` may be null, which ends the expiry."""
    values, _ = params.parse(sent, UPDATE)
    changes = {key: values[key] for key in ("name", "metadata") if values[key] is not None}
    if "expires_after" in sent:
        changes["days"] = values["expires_after"] and values["expires_after"]["days"]
    id = living_store(storage, request.path_params["id"]).id
    storage.stores.update(id, **changes)
    return polled(request, encode(known_store(storage, id)))


@in_storage
def list_stores(storage: FileStorage, request: Request) -> Reply:
    stores = [encode(store) for store in storage.stores.all()]
    return send_json(request, page(request, stores, order="desc"))


@in_storage
def delete(storage: FileStorage, request: Request) -> Reply:
    """Delete a store; its files stay until they are deleted themselves."""
    id = known_store(storage, request.path_params["id"]).id
    storage.delete_store(id)
    return deleted(request, id, "vector_store.deleted")


@json_in_storage
def search(storage: FileStorage, request: Request, sent: Body) -> Reply:
    values, _ = params.parse(sent, SEARCH)
    asked = values["query"]
    if values["rewrite_query"]:
        asked = [rewrite(query) for query in asked]
    limit, ranking = values["max_num_results"], _ranking(values["ranking_options"])
    ids = [request.path_params["id"]]
    # The tool gives the model all of a hit, this page the text in the form of a message's content.
    names = ("file_id", "filename", "score", "attributes")
    data = [
        {name: hit[name] for name in names} | {"content": [{"type": "text", "text": hit["text"]}]}
        for hit in _found(storage, ids, asked, values["filters"], limit, ranking)
    ]
    body = {"object": "vector_store.search_results.page", "search_query": asked, "data": data}
    return send_json(request, body | {"has_more": False, "next_page": None})


def search_stores(
    service: Service,
    store_ids: Sequence[str],
    queries: Sequence[str],
    *,
    filters: object = None,
    limit: int = 10,
    ranking: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """What the file_search tool finds, best first: file_id, filename, score (four decimals),
    attributes, text and vector_store_id of each passage.

    `filters` and `ranking` are the tool's `filters` and `ranking_options` as sent. Best called in a
    worker thread, since it may have to wait for another process that writes. Raises ApiError: 404
    for a store that there is not, 400 for one that has expired and for a bad filter or option.
    """
    # A tool's filters and options come as they were sent: they are checked as those of a search.
    service.file_storage.open()
    keep = None if filters is None else SEARCH["filters"].check("filters", filters)
    options = None if ranking is None else RANKING("ranking_options", dict(ranking))
    return _found(service.file_storage, store_ids, queries, keep, limit, _ranking(options))


def _found(
    storage: FileStorage,
    store_ids: Sequence[str],
    asked: Sequence[str],
    keep: filters.Filter | None,
    limit: int,
    ranking: "Ranking",
) -> list[dict[str, Any]]:
    # All stores are checked before any is searched: a search counts as a use of a store.
    for id in store_ids:
        living_store(storage, id)
    hits = storage.search(store_ids, asked, keep, limit, ranking)
    return [
        {
            "file_id": hit.file_id,
            "filename": attached.file_name,
            "score": round(float(hit.score), 4),
            "attributes": attached.attributes,
            "text": hit.text,
            "vector_store_id": hit.store_id,
        }
        for hit, attached in hits
    ]


def _ranking(options: Mapping[str, Any] | None) -> "Ranking":
    from emulator.retrieval.index import Ranking

    if options is None:
        return Ranking()
    weights = options["hybrid_search"] or {"embedding_weight": None, "text_weight": None}
    ranking = Ranking(options["score_threshold"], **weights)
    # "none" leaves out OpenAI's reranking, which here is the second reading.
    return replace(ranking, reread=0) if options["ranker"] == "none" else ranking


routes = [
    Route("/v1/vector_stores", create, methods=["POST"]),
    Route("/v1/vector_stores", list_stores, methods=["GET"]),
    Route("/v1/vector_stores/{id}", retrieve, methods=["GET"]),
    Route("/v1/vector_stores/{id}", update, methods=["POST"]),
    Route("/v1/vector_stores/{id}", delete, methods=["DELETE"]),
    Route("/v1/vector_stores/{id}/search", search, methods=["POST"]),
]
