"""The completions that were made with `store`: listed, read, labelled and deleted."""

from collections.abc import Mapping
from typing import Any

from emulator import params
from emulator.api import paging
from emulator.api.model_list import find_model
from emulator.errors import ApiError
from emulator.params import Param
from emulator.serving import Reply, read_json, send_json, service

from starlette.requests import Request
from starlette.routing import Route


async def list_stored(request: Request) -> Reply:
    """The stored completions, oldest first; of one model, or with certain metadata, if asked."""
    query = request.query_params
    labels = _metadata(query)
    known = find_model(query.get("model", ""))
    wanted = known.answers_as if known else query.get("model")

    def is_wanted(body: dict[str, Any]) -> bool:
        is_of_model = wanted in (None, body["model"])
        return bool(is_of_model and labels.items() <= body["metadata"].items())

    stored = service(request).store.all("completion")
    also = ("model", "metadata")
    return send_json(request, paging.page(request, stored, order="asc", also=also, keep=is_wanted))


async def retrieve(request: Request) -> Reply:
    return send_json(request, _found(request))


async def update(request: Request) -> Reply:
    values, _ = params.parse(
        await read_json(request), {"metadata": Param(params.metadata, {}, required=True)}
    )
    body = _found(request) | values
    service(request).store.update(body)
    return send_json(request, body)


async def delete(request: Request) -> Reply:
    id = _found(request)["id"]
    service(request).store.delete("completion", id)
    return send_json(request, {"object": "chat.completion.deleted", "id": id, "deleted": True})


async def list_messages(request: Request) -> Reply:
    kept = service(request).store.items(_found(request)["id"])
    return send_json(request, paging.page(request, kept, order="asc"))


def _found(request: Request) -> dict[str, Any]:
    id = request.path_params["id"]
    found = service(request).store.find("completion", id)
    if found is None:
        raise ApiError(404, f"Completion {id} not found", code="not_found")
    return found


def _metadata(query: Mapping[str, str]) -> dict[str, str]:
    """The filter `metadata[key]=value` of a query."""
    prefix = "metadata["
    return {
        name.removeprefix(prefix).removesuffix("]"): value
        for name, value in query.items()
        if name.startswith(prefix)
    }


routes = [
    Route("/v1/chat/completions", list_stored, methods=["GET"]),
    Route("/v1/chat/completions/{id}", retrieve, methods=["GET"]),
    Route("/v1/chat/completions/{id}", update, methods=["POST"]),
    Route("/v1/chat/completions/{id}", delete, methods=["DELETE"]),
    Route("/v1/chat/completions/{id}/messages", list_messages, methods=["GET"]),
]
