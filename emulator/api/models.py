"""`GET /v1/models` and `/v1/models/{id}`, from the one table of `emulator/models.py`."""

from typing import Any

from emulator.errors import ApiError
from emulator.models import MODELS, Model
from emulator.serving import Reply, send_json

from starlette.requests import Request
from starlette.routing import Route


def find_model(name: str) -> Model | None:
    return MODELS.get(name)


def encode(model: Model) -> dict[str, Any]:
    """The fields of openai 3.54's `Model`, `shutdown_date` among them."""
    return {
        "id": model.id,
        "object": "model",
        "created": model.created,
        "owned_by": "system",
        "shutdown_date": model.ends,
    }


async def list_models(request: Request) -> Reply:
    return send_json(request, {"object": "list", "data": [encode(m) for m in MODELS.values()]})


async def retrieve(request: Request) -> Reply:
    name = request.path_params["model"]
    model = find_model(name)
    if model is None:
        message = f"The model '{name}' does not exist"
        raise ApiError(404, message, param="model", code="model_not_found")
    return send_json(request, encode(model))


routes = [
    Route("/v1/models", list_models, methods=["GET"]),
    Route("/v1/models/{model:path}", retrieve, methods=["GET"]),
]
