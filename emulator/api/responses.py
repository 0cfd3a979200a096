"""`/v1/responses`: an Answer encoded as a response, or as a stream of typed events.

The events of a text answer, in the order of recorded traffic: `response.created`,
`response.in_progress`, `response.output_item.added`, `response.content_part.added`,
`response.output_text.delta`..., `response.output_text.done`, `response.content_part.done`,
`response.output_item.done`, then `response.completed` or `response.incomplete`. Each carries a
`sequence_number`, from 0, without a gap; nothing follows the last.
"""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from emulator.answers.answer import Answer, Ask, Message
from emulator.answers.quote import answer
from emulator.api import params
from emulator.api.chat import EFFORTS, SENTENCES, content_text
from emulator.api.models import find_model
from emulator.api.params import Param, bad, flag, integer, number, one_of, only, text
from emulator.errors import ApiError
from emulator.serving import Reply, read_json, send_json, send_stream, service
from emulator.wire import ids, sse

from starlette.requests import Request
from starlette.routing import Route

ROLES = ("user", "assistant", "system", "developer")
TEXT_KINDS = ("input_text", "output_text", "text")

STREAM_OPTIONS = {"include_obfuscation": Param(flag, True)}
REASONING = {
    "effort": Param(one_of(*EFFORTS)),
    "summary": Param(only("auto", "concise", "detailed")),
    "generate_summary": Param(only()),
}
TEXT = {
    "format": Param(only({"type": "text"}), {"type": "text"}),
    "verbosity": Param(one_of(*SENTENCES), "medium"),
}


def conversation(name: str, value: Any) -> list[Message]:
    """The input: a string, which is the user's, or a list of messages."""
    if isinstance(value, str):
        return [Message("user", value)]
    if not isinstance(value, list):
        raise params.wrong_type(name, "one of a string or array of objects", value)
    return [_item(f"{name}[{place}]", item) for place, item in enumerate(value)]


PARAMS: Mapping[str, Param] = {
    "model": Param(text, required=True),
    "input": Param(conversation, required=True),
    "instructions": Param(text),
    "stream": Param(flag, False),
    "stream_options": Param(params.fields(STREAM_OPTIONS), {"include_obfuscation": True}),
    "store": Param(flag, True),
    "previous_response_id": Param(text),
    "max_output_tokens": Param(integer(16)),
    "text": Param(params.fields(TEXT), {"format": {"type": "text"}, "verbosity": "medium"}),
    "reasoning": Param(params.fields(REASONING), {"effort": None, "summary": None}, inert=True),
    "metadata": Param(params.metadata, {}),
    "temperature": Param(number(0, 2), 1.0, inert=True),
    "top_p": Param(number(0, 1), 1.0, inert=True),
    "truncation": Param(one_of("auto", "disabled"), "disabled", inert=True),
    "user": Param(text, inert=True),
    "safety_identifier": Param(text, inert=True),
    "prompt_cache_key": Param(text, inert=True),
    "prompt_cache_retention": Param(one_of("in_memory", "24h"), inert=True),
    "service_tier": Param(
        one_of("auto", "default", "flex", "scale", "priority", "fast"), "auto", inert=True
    ),
    "parallel_tool_calls": Param(flag, True, inert=True),
    "max_tool_calls": Param(integer(1), inert=True),
    "tools": Param(only([]), []),
    "tool_choice": Param(only("none", "auto"), "auto"),
    "background": Param(only(False), False),
    "background_options": Param(only({})),
    "include": Param(only([])),
    "conversation": Param(only()),
    "prompt": Param(only()),
    "top_logprobs": Param(only(0)),
    "moderation": Param(only()),
    "prompt_cache_options": Param(only({})),
    "context_management": Param(only([])),
    "access_programs": Param(only({})),
    "image": Param(only({})),
}


async def create(request: Request) -> Reply:
    values, inert = params.parse(await read_json(request), PARAMS)
    if find_model(values["model"]) is None:
        message = f"The requested model '{values['model']}' does not exist."
        raise bad(message, "model", "model_not_found")

    said = [*_before(request, values["previous_response_id"]), *values["input"]]
    guidance = [Message("developer", values["instructions"])] if values["instructions"] else []
    ask = Ask(
        [*guidance, *said],
        max_tokens=values["max_output_tokens"],
        sentences=SENTENCES[values["text"]["verbosity"]],
    )
    answered = answer(ask, service(request).corpus)
    writer = Writer(values, ask, answered)

    def save() -> None:
        if values["store"]:
            spoken = [*said, Message("assistant", answered.text)]
            service(request).store.save_response(writer.ended(), spoken)

    if values["stream"]:
        events = writer.events(obfuscate=values["stream_options"]["include_obfuscation"])
        return send_stream(request, _saved_at_the_end(events, save), inert)
    save()
    return send_json(request, writer.ended(), inert, len(answered.pieces))


async def retrieve(request: Request) -> Reply:
    for name in request.query_params:
        only("false")(name, request.query_params[name])
    found = service(request).store.response(request.path_params["id"])
    if found is None:
        raise _not_found(request.path_params["id"])
    return send_json(request, found)


async def delete(request: Request) -> Reply:
    id = request.path_params["id"]
    if not service(request).store.delete_response(id):
        raise _not_found(id)
    return send_json(request, {"id": id, "object": "response", "deleted": True})


class Writer:
    """Encodes one answer: its bodies and its events share ids, time and settings."""

    def __init__(self, values: Mapping[str, Any], ask: Ask, answered: Answer) -> None:
        self._values, self._ask, self._answer = values, ask, answered
        family = ids.Family()
        self._id, self._item_id = family.id("resp"), family.id("msg")
        self._created_at = int(time.time())
        self._sequence = 0
        self._is_whole = answered.finish == "stop"

    def begun(self) -> dict[str, Any]:
        return self._body("in_progress", [], None)

    def ended(self) -> dict[str, Any]:
        item = self._item("completed" if self._is_whole else "incomplete", self._answer.text)
        return self._body("completed" if self._is_whole else "incomplete", [item], self._usage())

    def events(self, *, obfuscate: bool) -> Iterator[bytes]:
        at_item = {"output_index": 0}
        at_part = {"item_id": self._item_id, "output_index": 0, "content_index": 0}
        yield self._event("response.created", response=self.begun())
        yield self._event("response.in_progress", response=self.begun())
        yield self._event(
            "response.output_item.added", **at_item, item=self._item("in_progress", None)
        )
        yield self._event("response.content_part.added", **at_part, part=_part(""))
        for piece in self._answer.pieces:
            yield self._delta(piece, at_part, obfuscate)
        full = self._answer.text
        yield self._event("response.output_text.done", **at_part, text=full, logprobs=[])
        yield self._event("response.content_part.done", **at_part, part=_part(full))
        ended = self.ended()
        yield self._event("response.output_item.done", **at_item, item=ended["output"][0])
        yield self._event(f"response.{ended['status']}", response=ended)

    def _delta(self, piece: str, at_part: dict[str, Any], obfuscate: bool) -> sse.Piece:
        hidden = {"obfuscation": sse.padding(len(piece))} if obfuscate else {}
        fields = at_part | {"delta": piece, "logprobs": []} | hidden
        return sse.Piece(self._event("response.output_text.delta", **fields))

    def _event(self, kind: str, **fields: Any) -> bytes:
        body = {"type": kind, **fields, "sequence_number": self._sequence}
        self._sequence += 1
        return sse.event(kind, sse.compact(body))

    def _item(self, status: str, written: str | None) -> dict[str, Any]:
        content = [] if written is None else [_part(written)]
        return {
            "id": self._item_id,
            "type": "message",
            "status": status,
            "content": content,
            "role": "assistant",
        }

    def _body(self, status: str, output: list[Any], usage: dict[str, Any] | None) -> dict[str, Any]:
        values = self._values
        is_cut = status == "incomplete"
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created_at,
            "status": status,
            "background": False,
            "completed_at": int(time.time()) if status == "completed" else None,
            "error": None,
            "frequency_penalty": 0.0,
            "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
            "instructions": values["instructions"],
            "max_output_tokens": values["max_output_tokens"],
            "max_tool_calls": values["max_tool_calls"],
            "model": values["model"],
            "output": output,
            "parallel_tool_calls": values["parallel_tool_calls"],
            "presence_penalty": 0.0,
            "previous_response_id": values["previous_response_id"],
            "prompt_cache_key": values["prompt_cache_key"],
            "prompt_cache_retention": values["prompt_cache_retention"],
            "reasoning": {"effort": values["reasoning"]["effort"], "summary": None},
            "safety_identifier": values["safety_identifier"],
            "service_tier": "auto" if status == "in_progress" else "default",
            "store": values["store"],
            "temperature": values["temperature"],
            "text": values["text"],
            "tool_choice": values["tool_choice"],
            "tools": [],
            "top_logprobs": 0,
            "top_p": values["top_p"],
            "truncation": values["truncation"],
            "usage": usage,
            "user": values["user"],
            "metadata": values["metadata"],
        }

    def _usage(self) -> dict[str, Any]:
        prompt, written = self._ask.prompt_tokens(), len(self._answer.pieces)
        return {
            "input_tokens": prompt,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": written,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": prompt + written,
        }


def _part(written: str) -> dict[str, Any]:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": written}


def _item(name: str, value: Any) -> Message:
    item = params.obj(name, value)
    kind = item.get("type", "message")
    if kind != "message":
        only()(f"{name}.type", text(f"{name}.type", kind))
    role = one_of(*ROLES)(f"{name}.role", item.get("role"))
    return Message(role, content_text(f"{name}.content", item.get("content"), *TEXT_KINDS))


def _before(request: Request, previous_id: str | None) -> list[Message]:
    """What was said up to the response that this one follows."""
    if previous_id is None:
        return []
    said = service(request).store.conversation(previous_id)
    if said is None:
        message = f"Previous response with id '{previous_id}' not found."
        raise bad(message, "previous_response_id", "previous_response_not_found")
    return said


def _saved_at_the_end(events: Iterator[bytes], save: Any) -> Iterator[bytes]:
    """The events; before the last goes out the response is stored, so that it can be asked for."""
    last = next(events)
    for event in events:
        yield last
        last = event
    save()
    yield last


def _not_found(id: str) -> ApiError:
    return ApiError(404, f"Response with id '{id}' not found.")


routes = [
    Route("/v1/responses", create, methods=["POST"]),
    Route("/v1/responses/{id}", retrieve, methods=["GET"]),
    Route("/v1/responses/{id}", delete, methods=["DELETE"]),
]
