"""The conversation in a request, read alike from Chat Completions and Responses."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from grading.trace import TracedExchange


@dataclass(frozen=True)
class RequestTurn:
    """One turn: its role, its text, and the name of its place in the request.

    `calls` are tool calls: id, name, arguments. A turn of the role `tool` has a `call_id`.
    """

    role: str
    text: str
    place: str
    calls: tuple[tuple[str, str, str], ...] = ()
    call_id: str | None = None


def turns(exchange: TracedExchange) -> list[RequestTurn]:
    """All turns of a request, instructions first; empty if it has none that can be read."""
    body = exchange.json
    if not isinstance(body, Mapping):
        return []
    if exchange.path.endswith("/chat/completions"):
        return [*_chat(body.get("messages"))]
    return [*_responses(body)]


def _chat(messages: Any) -> Iterator[RequestTurn]:
    for number, message in enumerate(objects(messages)):
        place = f"messages[{number}].content"
        calls = tuple(
            (str(call.get("id")), *_function(call.get("function")))
            for call in objects(message.get("tool_calls"))
        )
        role = str(message.get("role"))
        text, call_id = text_of(message.get("content")), message.get("tool_call_id")
        yield RequestTurn(role, text, place, calls, call_id)


def _function(found: Any) -> tuple[str, str]:
    fields = found if isinstance(found, Mapping) else {}
    return str(fields.get("name")), str(fields.get("arguments"))


def _responses(body: Mapping[str, Any]) -> Iterator[RequestTurn]:
    if isinstance(body.get("instructions"), str):
        yield RequestTurn("system", body["instructions"], "instructions")
    if isinstance(body.get("input"), str):
        yield RequestTurn("user", body["input"], "input")
        return
    for number, item in enumerate(objects(body.get("input"))):
        yield _item(item, f"input[{number}]")


def _item(item: Mapping[str, Any], place: str) -> RequestTurn:
    kind, call_id = item.get("type"), item.get("call_id")
    if kind == "function_call":
        call = (str(call_id), str(item.get("name")), str(item.get("arguments")))
        return RequestTurn("assistant", "", place, (call,))
    if kind == "function_call_output":
        return RequestTurn("tool", text_of(item.get("output")), f"{place}.output", call_id=call_id)
    return RequestTurn(str(item.get("role")), text_of(item.get("content")), f"{place}.content")


def text_of(content: Any) -> str:
    """The text of a content: a string, or parts of which some have a `text`."""
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text") or "") for part in objects(content))


def objects(found: Any) -> list[Mapping[str, Any]]:
    """The objects in a list; whatever else is there counts as nothing."""
    every = found if isinstance(found, list) else []
    return [each for each in every if isinstance(each, Mapping)]


def written(exchange: TracedExchange) -> list[str]:
    """The pieces of text in a streamed answer, in order."""
    found = []
    for event in exchange.events():
        if event.type == "response.output_text.delta":
            found.append(str(event.body.get("delta") or ""))
        found += [
            text_of(delta.get("content"))
            for choice in objects(event.body.get("choices"))
            if isinstance(delta := choice.get("delta"), Mapping)
        ]
    return [piece for piece in found if piece]
