"""`/v1/conversations`: lists of items that responses read and add to."""

import time
from collections.abc import Mapping
from typing import Any

from emulator import params
from emulator.api import paging, response_items
from emulator.errors import ApiError
from emulator.params import Param
from emulator.serving import Reply, read_json, send_json, service, stored_object
from emulator.wire import ids

from starlette.requests import Request
from starlette.routing import Route

MOST_ITEMS_AT_ONCE = 20


def items(name: str, value: Any) -> list[response_items.Item]:
    return params.array(name, response_items.read_input(name, value), most=MOST_ITEMS_AT_ONCE)


PARAMS: Mapping[str, Param] = {
    "items": Param(items, []),
    "metadata": Param(params.metadata, {}),
}


async def create(request: Request) -> Reply:
    values, _ = params.parse(await read_json(request), PARAMS)
    body = {
        "id": ids.item_id("conv"),
        "object": "conversation",
        "created_at": int(time.time()),
        "metadata": values["metadata"],
    }
    service(request).store.save("conversation", body, values["items"])
    return send_json(request, body)


async def retrieve(request: Request) -> Reply:
    return send_json(request, _found(request))


async def update(request: Request) -> Reply:
    metadata = Param(params.metadata, required=True)
    values, _ = params.parse(await read_json(request), {"metadata": metadata})
    body = _found(request) | values
    service(request).store.update(body)
    return send_json(request, body)


async def delete(request: Request) -> Reply:
    id = _found(request)["id"]
    service(request).store.delete("conversation", id)
    return send_json(request, {"id": id, "object": "conversation.deleted", "deleted": True})


async def list_items(request: Request) -> Reply:
    kept = service(request).store.items(_found(request)["id"])
    listed = paging.page(request, kept, order="desc", also=("include",))
    return send_json(request, listed, response_items.included(request))


async def add_items(request: Request) -> Reply:
    id = _found(request)["id"]
    table = {"items": Param(items, required=True)}
    inert = response_items.included(request)
    values, _ = params.parse(await read_json(request), table)
    service(request).store.add_items(id, values["items"])
    return send_json(request, paging.listed(values["items"]), inert)


async def retrieve_item(request: Request) -> Reply:
    kept = service(request).store.items(_found(request)["id"])
    for item in kept:
        if item["id"] == request.path_params["item"]:
            return send_json(request, item, response_items.included(request))
    raise _no_item(request)


async def delete_item(request: Request) -> Reply:
    body = _found(request)
    if not service(request).store.delete_item(body["id"], request.path_params["item"]):
        raise _no_item(request)
    return send_json(request, body)


def _found(request: Request) -> dict[str, Any]:
    return stored_object(request, "conversation", "Conversation with id '{id}' not found.")


def _no_item(request: Request) -> ApiError:
    return ApiError(404, f"Item with id '{request.path_params['item']}' not found.")


routes = [
    Route("/v1/conversations", create, methods=["POST"]),
    Route("/v1/conversations/{id}", retrieve, methods=["GET"]),
    Route("/v1/conversations/{id}", update, methods=["POST"]),
    Route("/v1/conversations/{id}", delete, methods=["DELETE"]),
    Route("/v1/conversations/{id}/items", list_items, methods=["GET"]),
    Route("/v1/conversations/{id}/items", add_items, methods=["POST"]),
    Route("/v1/conversations/{id}/items/{item}", retrieve_item, methods=["GET"]),
    Route("/v1/conversations/{id}/items/{item}", delete_item, methods=["DELETE"]),
]
