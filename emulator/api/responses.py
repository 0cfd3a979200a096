"""`/v1/responses`: a response is made, at once or in background; read again, cancelled, deleted.

openai 3.54's types let `model` and `input` be left out: then the first model of the table answers
an empty question.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from emulator import params
from emulator.answers.answer import Answer, Message, Prompt, Search, SearchOutcome
from emulator.api import paging, response_items, tool_params
from emulator.api.chat import EFFORTS, SENTENCES, SERVICE_TIERS
from emulator.api.model_list import chat_model, check_length, note_end
from emulator.api.response_items import Item
from emulator.background import BackgroundResponse
from emulator.encode.response_events import ResponseWriter, usage, without_padding
from emulator.errors import ApiError
from emulator.models import MODELS, Model
from emulator.params import Param, bad, flag, integer, number, one_of, only, text
from emulator.serving import (
    Reply,
    Service,
    as_stream,
    before_last,
    count_request,
    finished,
    generated,
    parsed,
    read_json,
    send_json,
    send_stream,
    service,
    stored_object,
)
from emulator.wire import ids

from starlette.requests import Request
from starlette.routing import Route

MOST_DIGITS = 18
"""Of the number of an event."""
DEFAULT_MODEL = next(model.id for model in MODELS.values() if model.role == "chat")
STREAM_OPTIONS = {"include_obfuscation": Param(flag, True)}
SUMMARIES = one_of("auto", "concise", "detailed")
REASONING = {
    "effort": Param(one_of(*EFFORTS)),
    "context": Param(one_of("auto", "current_turn", "all_turns")),
    "mode": Param(params.known(("standard",), ("pro",))),
    "summary": Param(SUMMARIES),
    "generate_summary": Param(SUMMARIES),
}
TEXT = {
    "format": Param(tool_params.response_format, {"type": "text"}),
    "verbosity": Param(one_of(*SENTENCES), "medium"),
}
CACHE_OPTIONS = {
    "mode": Param(one_of("implicit", "explicit"), "implicit"),
    "ttl": Param(one_of("30m", "12h"), "30m"),
    "comparison_response_id": Param(text),
    "prewarm": Param(flag),
}
BACKGROUND_OPTIONS = {"completion_window": Param(only("soonest"))}


def conversation(name: str, value: Any) -> dict[str, str]:
    """A conversation by its id, or as an object that holds it."""
    if isinstance(value, str):
        return {"id": value}
    return {"id": text(f"{name}.id", params.obj(name, value).get("id"))}


def include(name: str, value: Any) -> list[str]:
    """What the answer is to hold in addition.

    Reasoning has its encrypted content whether or not it is asked for, as at OpenAI since August
    2026.
    """
    given = params.array(name, value, "strings")
    return [
        response_items.INCLUDABLE(f"{name}[{place}]", wanted) for place, wanted in enumerate(given)
    ]


def cache_options(name: str, value: Any) -> dict[str, str]:
    """How the prompt would be cached: nothing is, but the answer echoes it."""
    asked = params.fields(CACHE_OPTIONS)(name, value)
    return {key: asked[key] for key in ("mode", "ttl")}


CONTEXT: Mapping[str, Param] = {
    "model": Param(text, DEFAULT_MODEL),
    "input": Param(response_items.read_input, []),
    "instructions": Param(text),
    "previous_response_id": Param(text),
    "conversation": Param(conversation),
    "tools": Param(tool_params.response_tools, []),
    "tool_choice": Param(tool_params.tool_choice, "auto"),
    "parallel_tool_calls": Param(flag, True),
    "text": Param(params.fields(TEXT), {"format": {"type": "text"}, "verbosity": "medium"}),
    "reasoning": Param(params.fields(REASONING), dict.fromkeys(REASONING)),
    "truncation": Param(one_of("auto", "disabled"), "disabled", inert=True),
}
SAMPLING: Mapping[str, Param] = {
    "temperature": Param(number(0, 2), inert=True),
    "top_p": Param(number(0, 1), inert=True),
}
PARAMS: Mapping[str, Param] = {
    **CONTEXT,
    **SAMPLING,
    "stream": Param(flag, False),
    "stream_options": Param(params.fields(STREAM_OPTIONS), {"include_obfuscation": True}),
    "store": Param(flag, True),
    "background": Param(flag, False),
    "background_options": Param(params.fields(BACKGROUND_OPTIONS)),
    "max_output_tokens": Param(integer(16)),
    "metadata": Param(params.metadata, {}),
    "user": Param(text, inert=True),
    "safety_identifier": Param(text, inert=True),
    "prompt_cache_key": Param(text, inert=True),
    "prompt_cache_retention": Param(one_of("in_memory", "24h"), inert=True),
    "service_tier": Param(SERVICE_TIERS, "auto", inert=True),
    "max_tool_calls": Param(integer(0), inert=True),
    "include": Param(include, []),
    "prompt": Param(only()),
    "top_logprobs": Param(only(0)),
    "moderation": Param(only()),
    "prompt_cache_options": Param(cache_options, inert=True),
    "context_management": Param(only([])),
    "access_programs": Param(only({})),
    "image": Param(only({})),
}
COUNT_PARAMS = {**CONTEXT, "personality": Param(text, inert=True)}
COMPACT_PARAMS = {
    **{name: CONTEXT[name] for name in ("input", "previous_response_id")},
    "instructions": Param(text, inert=True),
    "model": Param(text, required=True),
    "image": Param(params.fields({"context_compression": Param(only("auto", "disabled"))})),
    "prompt_cache_key": Param(text, inert=True),
    "prompt_cache_options": Param(cache_options, inert=True),
    "prompt_cache_retention": Param(one_of("in_memory", "24h"), inert=True),
    "service_tier": Param(SERVICE_TIERS, inert=True),
}


async def create(request: Request) -> Reply:
    values, inert = await parsed(request, await read_json(request), PARAMS)
    before, given = _context(service(request), values)
    model = MODELS[values["model"]]
    _check_together(values, given)
    _check_model(values, model)
    choice = tool_params.choose(values["tool_choice"], values["tools"])
    prompt = _prompt(values, choice, [*before, *given])
    await check_length(request, prompt, model, "input")
    count_request(request, model.id, prompt.rough_tokens())
    note_end(request, model)
    transformed = {"input_transformations": response_items.withheld(given)}
    values |= as_told(values, model) | transformed
    (answer,) = await generated(request, prompt, search=_search(request, choice.file_search))
    writer = ResponseWriter(values, prompt, answer)
    if values["background"]:
        return _in_background(request, writer, values, given, inert)

    def store() -> None:
        if values["store"]:
            items = [*given, *writer.output]
            service(request).store.save("response", writer.body(), items)
            _add_to_conversation(service(request), values, items)

    if values["stream"]:
        return send_stream(request, before_last(writer.events(), store), inert)
    await finished(request, [answer])
    body = await writer.finished()
    store()
    return send_json(request, body, inert, [answer])


def _in_background(
    request: Request,
    writer: ResponseWriter,
    values: Mapping[str, Any],
    given: Sequence[Item],
    inert: Sequence[str],
) -> Reply:
    """Begin to write, and answer at once; what is stored now is completed at the end."""
    store = service(request).store

    def save(ended: BackgroundResponse) -> None:
        store.update(writer.body(), ended.blocks)
        store.add_items(writer.id, writer.output)
        _add_to_conversation(service(request), values, [*given, *writer.output])

    body = writer.body()
    begun = service(request).background.start(writer, service(request).pace, save)
    request.scope["answers"].clear()  # it is written on when this request has ended
    store.save("response", body, given)
    if values["stream"]:
        return send_stream(request, begun.follow(), inert)
    return send_json(request, body, inert)


async def retrieve(request: Request) -> Reply:
    """The response as it is now; with `stream` its events, after number `starting_after`."""
    query = request.query_params
    for name in query:
        if name not in ("stream", "starting_after", "include_obfuscation", "include", "include[]"):
            raise bad(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    body, running = _found(request), _running(request)
    inert = response_items.included(request)
    stream = query.get("stream", "false")
    if stream not in ("true", "false"):
        raise params.wrong_type("stream", "a boolean", stream)
    if stream == "false":
        inert += [name for name in ("starting_after", "include_obfuscation") if name in query]
        return send_json(request, running.writer.body() if running else body, inert)
    after = _starting_after(query.get("starting_after", "-1"))
    if not body["background"]:
        message = "Only a response that was created with background=true can be streamed again."
        raise bad(message, "stream", None)
    kept = service(request).store.events(body["id"])[after + 1 :]
    blocks = running.follow(after) if running else as_stream(kept)
    if query.get("include_obfuscation") == "false":
        blocks = without_padding(blocks)
    return send_stream(request, blocks, inert)


def _starting_after(written: str) -> int:
    """The number of an event, -1 for all of them; raises ApiError (400)."""
    if not written.removeprefix("-").isdecimal():
        raise params.wrong_type("starting_after", "an integer", written)
    if len(written) > MOST_DIGITS:
        raise bad("Invalid 'starting_after': it has too many digits.", "starting_after", None)
    number: int = params.integer(-1)("starting_after", int(written))
    return number


async def cancel(request: Request) -> Reply:
    body, running = _found(request), _running(request)
    if not body["background"]:
        raise bad("Cannot cancel a synchronous response.", "response_id", None)
    return send_json(request, await running.cancel() if running else body)


async def delete(request: Request) -> Reply:
    id = _found(request)["id"]
    if running := _running(request):
        await running.cancel()
    service(request).store.delete("response", id)
    return send_json(request, {"id": id, "object": "response", "deleted": True})


async def list_input_items(request: Request) -> Reply:
    """All that the response was an answer to, what earlier responses hold included."""
    body = _found(request)
    produced = {item["id"] for item in body["output"]}
    said = [item for item in _said(service(request), body["id"]) if item["id"] not in produced]
    listed = paging.page(request, said, order="desc", also=("include", "include[]"))
    return send_json(request, listed, response_items.included(request))


async def count_input_tokens(request: Request) -> Reply:
    values, inert = await parsed(request, await read_json(request), COUNT_PARAMS)
    before, given = _context(service(request), values)
    choice = tool_params.choose(values["tool_choice"], values["tools"])
    prompt = _prompt(values | {"max_output_tokens": None}, choice, [*before, *given])
    counted = {"object": "response.input_tokens", "input_tokens": prompt.prompt_tokens()}
    return send_json(request, counted, inert)


async def compact(request: Request) -> Reply:
    """A conversation in one opaque item, which is shorter than what was said.

    OpenAI's docstring gives the user's messages back beside it; openai 3.54's own type of the
    output refuses those.
    """
    values, inert = await parsed(request, await read_json(request), COMPACT_PARAMS)
    before, given = _context(service(request), values | {"conversation": None})
    said = [*before, *given]
    compacted = {
        "id": ids.ResponseIds().new("resp"),
        "object": "response.compaction",
        "created_at": int(time.time()),
        "output": [response_items.packed(said)],
        "usage": usage(Prompt(response_items.messages(said)), Answer()),
    }
    return send_json(request, compacted, inert)


def _search(request: Request, tool: Mapping[str, Any] | None) -> Search | None:
    """How the file search tool searches, if it may; the search raises ApiError where it fails."""
    if tool is None:
        return None
    # Imported here, as NumPy would double the time in which the emulator starts.
    from emulator.api.vector_stores import search_stores

    options = {key: value for key, value in tool["ranking_options"].items() if value is not None}

    def search(queries: Sequence[str]) -> SearchOutcome:
        results = search_stores(
            service(request),
            tool["vector_store_ids"],
            queries,
            filters=tool["filters"],
            limit=tool["max_num_results"],
            ranking=options,
        )
        return SearchOutcome(queries, results)

    return search


def _context(found_in: Service, values: Mapping[str, Any]) -> tuple[list[Item], list[Item]]:
    """The items from before this request, and those that it brings; raises ApiError."""
    if chat_model(values["model"]) is None:
        message = f"The requested model '{values['model']}' does not exist."
        raise bad(message, "model", "model_not_found")
    if values["conversation"] and values["previous_response_id"]:
        message = """Mutually exclusive parameters: 'conversation' and 'previous_response_id' \
cannot be used together."""
        raise bad(message, "previous_response_id", "mutually_exclusive_parameters")
    before: list[Item] = []
    if values["previous_response_id"]:
        before = _said(found_in, values["previous_response_id"], "previous_response_id")
    if values["conversation"]:
        id = values["conversation"]["id"]
        if found_in.store.find("conversation", id) is None:
            raise ApiError(404, f"Conversation with id '{id}' not found.")
        before = found_in.store.items(id)
    return before, response_items.resolve("input", values["input"], found_in.store.item)


def _said(found_in: Service, id: str, param: str | None = None) -> list[Item]:
    """All items up to and with a response, along the chain of those before it."""
    chain: list[list[Item]] = []
    at: str | None = id
    while at is not None:
        body = found_in.store.find("response", at)
        if body is None:
            message = f"Previous response with id '{at}' not found."
            raise bad(message, param or "previous_response_id", "previous_response_not_found")
        chain.append(found_in.store.items(at))
        at = body["previous_response_id"]
    return [item for said in reversed(chain) for item in said]


def _check_together(values: Mapping[str, Any], given: Sequence[Item]) -> None:
    if values["background"] and not values["store"]:
        raise bad("Background mode requires 'store' to be true.", "background", None)
    wants_json = values["text"]["format"]["type"] == "json_object"
    if wants_json and not any("json" in m.text.lower() for m in response_items.messages(given)):
        message = """Response input messages must contain the word 'json' in some form to use \
'text.format' of type 'json_object'."""
        raise bad(message, "input", None)


def _check_model(values: Mapping[str, Any], model: Model) -> None:
    """What the model does not take: an effort, and sampling beside its reasoning; raises ApiError.

    The sentences are those of replies to gpt-5.2-codex, and to gpt-5.6-terra in August 2026.
    """
    efforts, asked = model.generation.efforts, values["reasoning"]["effort"]
    unfit = [] if efforts else [name for name in REASONING if values["reasoning"][name]]
    for name in unfit:
        message = f"Unsupported parameter: 'reasoning.{name}' is not supported with this model."
        raise bad(message, f"reasoning.{name}", "unsupported_parameter")
    if asked and asked not in efforts:
        message = f"""Unsupported value: '{asked}' is not supported with the '{model.id}' model. \
Supported values are: {params.listed(efforts, comma=True)}."""
        raise bad(message, "reasoning.effort", "unsupported_value")
    if (asked or model.effort) == "none":
        return
    is_hot = values["temperature"] not in (None, 1)
    for name in ["temperature"] * is_hot + ["top_p"] * (values["top_p"] is not None):
        message = f"Unsupported parameter: '{name}' is not supported with this model."
        raise bad(message, name, None)


def as_told(values: Mapping[str, Any], model: Model) -> dict[str, Any]:
    """The settings as the answer tells them: those of the model where the request has none.

    A model that does not reason has no `mode`. Asked for any summary, it is a detailed one
    (recorded of gpt-5.2 in 2026).
    """
    generation, asked = model.generation, values["reasoning"]
    wanted = asked["summary"] or asked["generate_summary"]
    context = generation.context if asked["context"] in (None, "auto") else asked["context"]
    told = {"context": context, "effort": asked["effort"] or generation.effort}
    told |= {"mode": "standard"} if generation.efforts else {}
    return {
        "model": model.answers_as,
        "reasoning": told | {"summary": "detailed" if wanted == "auto" else wanted},
        "temperature": _either(values["temperature"], 1.0),
        "top_p": _either(values["top_p"], generation.top_p),
        "prompt_cache_retention": values["prompt_cache_retention"] or generation.cache_retention,
    }


def _either(asked: float | None, default: float) -> float:
    return default if asked is None else asked


def _prompt(values: Mapping[str, Any], choice: tool_params.Choice, said: Sequence[Item]) -> Prompt:
    response_items.check_calls(said)
    guidance = [Message("developer", values["instructions"])] if values["instructions"] else []
    model = chat_model(values["model"])
    return Prompt(
        [*guidance, *response_items.messages(said)],
        max_tokens=values["max_output_tokens"],
        sentences=SENTENCES[values["text"]["verbosity"]],
        effort=values["reasoning"]["effort"] or (model.effort if model else "none"),
        tools=choice.tools,
        must_call=choice.must_call,
        must_search=choice.must_search,
        parallel=values["parallel_tool_calls"],
        schema=tool_params.format_schema(values["text"]["format"]),
        sampling={name: values[name] for name in SAMPLING if values.get(name) not in (None, 1.0)},
    )


def _add_to_conversation(
    kept_in: Service, values: Mapping[str, Any], items: Sequence[Item]
) -> None:
    if values["conversation"]:
        kept_in.store.add_items(values["conversation"]["id"], items)


def _found(request: Request) -> dict[str, Any]:
    return stored_object(request, "response", "Response with id '{id}' not found.")


def _running(request: Request) -> BackgroundResponse | None:
    return service(request).background.find(request.path_params["id"])


routes = [
    Route("/v1/responses", create, methods=["POST"]),
    Route("/v1/responses/input_tokens", count_input_tokens, methods=["POST"]),
    Route("/v1/responses/compact", compact, methods=["POST"]),
    Route("/v1/responses/{id}", retrieve, methods=["GET"]),
    Route("/v1/responses/{id}", delete, methods=["DELETE"]),
    Route("/v1/responses/{id}/cancel", cancel, methods=["POST"]),
    Route("/v1/responses/{id}/input_items", list_input_items, methods=["GET"]),
]
