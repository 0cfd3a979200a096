"""`GET /v1/models` and `/v1/models/{id}`, from the one table of `emulator/models.py`."""

from typing import Any

from emulator.answers.answer import Prompt
from emulator.errors import ApiError
from emulator.models import MODELS, Model
from emulator.serving import Exchange, Reply, send_json, service
from emulator.wire.tokens import MESSAGE_TOKENS

from starlette.requests import Request
from starlette.routing import Route


def find_model(name: str) -> Model | None:
    return MODELS.get(name)


def chat_model(name: str) -> Model | None:
    """The model if it writes text; None also for one that only embeds or hears."""
    found = find_model(name)
    return found if found and found.role == "chat" else None


def note_end(request: Request, model: Model) -> None:
    """Name the model's announced end, and its successor, in a header of the answer."""
    if model.ends is not None:
        exchange: Exchange = request.scope["exchange"]
        instead = f"; use {model.successor}" if model.successor else ""
        exchange.limits |= {"x-openai-emulator-model-ends": f"{model.ends}{instead}"}


async def check_length(request: Request, prompt: Prompt, model: Model, param: str) -> None:
    """Raise ApiError (400) for a prompt that the model could not read.

    The sentences are those that users report: of gpt-4o (November 2024), of gpt-5 in chat (August
    2025), of gpt-5.2 and gpt-5.5 in Responses (December 2025, April 2026). A text has no more
    tokens than letters, so short ones need not be counted.
    """
    most = model.generation.reads
    if prompt.letters + MESSAGE_TOKENS * (1 + len(prompt.messages)) <= most:
        return
    counted = await service(request).thinking.run(prompt.prompt_tokens)
    if counted <= most:
        return
    if param == "input":
        message = """Your input exceeds the context window of this model. Please adjust your input \
and try again."""
    elif model.generation.efforts:
        message = f"""Input tokens exceed the configured limit of {most} tokens. Your messages \
resulted in {counted} tokens. Please reduce the length of the messages."""
    else:
        message = f"""This model's maximum context length is {most} tokens. However, your messages \
resulted in {counted} tokens. Please reduce the length of the messages."""
    raise ApiError(400, message, param=param, code="context_length_exceeded")


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
        raise _unknown(name)
    return send_json(request, encode(model))


async def delete(request: Request) -> Reply:
    """A model of the caller's own: the others belong to OpenAI."""
    name = request.path_params["model"]
    if find_model(name) is not None:
        message = "You have insufficient permissions for this operation."
        raise ApiError(403, message, code="insufficient_permissions")
    if not service(request).store.delete("model", name):
        raise _unknown(name)
    return send_json(request, {"id": name, "object": "model", "deleted": True})


def _unknown(name: str) -> ApiError:
    message = f"The model '{name}' does not exist"
    return ApiError(404, message, param="model", code="model_not_found")


routes = [
    Route("/v1/models", list_models, methods=["GET"]),
    Route("/v1/models/{model:path}", retrieve, methods=["GET"]),
    Route("/v1/models/{model:path}", delete, methods=["DELETE"]),
]
