"""The items of Responses and conversations: checked in a request, and read as messages.

An item is kept as OpenAI gives it back (`input_items`, a conversation's items): with an id, a type,
and content in parts. The kinds served are messages, calls of functions, their outputs, reasoning,
compactions, and references to items that are stored.
"""

import base64
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from emulator import params
from emulator.answers.answer import Call, Message
from emulator.params import bad, one_of, only, text
from emulator.wire import ids

ROLES = ("user", "assistant", "system", "developer")
STATUSES = ("in_progress", "completed", "incomplete")
TEXT_KINDS = ("input_text", "output_text", "text", "summary_text", "refusal")

Item = dict[str, Any]
Find = Callable[[str], Item | None]


def read_input(name: str, value: Any) -> list[Item]:
    """The `input` of a request: a string, which is the user's, or a list of items."""
    if isinstance(value, str):
        return [_message(name, {"role": "user", "content": value})]
    if not isinstance(value, list):
        raise params.wrong_type(name, "one of a string or array of objects", value)
    return [_item(f"{name}[{place}]", item) for place, item in enumerate(value)]


def resolve(name: str, items: Sequence[Item], find: Find) -> list[Item]:
    """Put stored items where references stand; raises ApiError (400) for one that is not there."""
    found = []
    for place, item in enumerate(items):
        if item["type"] == "item_reference":
            stored = find(item["id"])
            if stored is None:
                message = f"Item with id '{item['id']}' not found."
                raise bad(message, f"{name}[{place}].id", None)
            item = stored
        found.append(item)
    return found


def messages(items: Sequence[Item]) -> list[Message]:
    """What the items say; calls side by side are one message. Reasoning says nothing."""
    said: list[Message] = []
    for item in items:
        if item["type"] == "message":
            said.append(Message(item["role"], text_of(item["content"])))
        elif item["type"] == "function_call":
            call = Call(item["name"], item["arguments"], item["call_id"])
            if said and said[-1].calls:
                said[-1] = Message("assistant", said[-1].text, [*said[-1].calls, call])
            else:
                said.append(Message("assistant", "", [call]))
        elif item["type"] == "function_call_output":
            said.append(Message("tool", text_of(item["output"]), call_id=item["call_id"]))
        elif item["type"] == "compaction":
            said += messages(unpacked(item))
    return said


def check_calls(items: Sequence[Item]) -> None:
    """Each output answers a call, each call has its output; raises ApiError (400) if not."""
    called = {item["call_id"] for item in items if item["type"] == "function_call"}
    given = {item["call_id"] for item in items if item["type"] == "function_call_output"}
    for id in given - called:
        message = f"No tool call found for function call output with call_id {id}."
        raise bad(message, "input", None)
    for id in called - given:
        raise bad(f"No tool output found for function call {id}.", "input", None)


def text_of(content: str | Sequence[Mapping[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text") or part.get("refusal") or "" for part in content)


def content_text(name: str, value: Any, *kinds: str) -> str:
    """The text of a content: a string, or a list of parts of the `kinds` that are text."""
    if isinstance(value, str):
        return value
    return text_of(list(_parts(name, value, kinds)))


def packed(items: Sequence[Item]) -> Item:
    """Items as one compaction: opaque to the caller, and to be read again here alone."""
    content = base64.b64encode(zlib.compress(json.dumps(items).encode(), 9)).decode()
    return {"id": ids.item_id("cmp"), "type": "compaction", "encrypted_content": content}


def unpacked(item: Item) -> list[Item]:
    """Raises ApiError (400) for a compaction that was not made here."""
    try:
        content = zlib.decompress(base64.b64decode(item["encrypted_content"], validate=True))
        return list(json.loads(content))
    except (ValueError, TypeError, zlib.error):
        message = "The encrypted content of the compaction could not be verified."
        raise bad(message, "input", "invalid_encrypted_content") from None


def _item(name: str, value: Any) -> Item:
    item = params.obj(name, value)
    kind = item.get("type") or ("item_reference" if set(item) == {"id"} else "message")
    if not isinstance(kind, str) or kind not in _KINDS:
        only()(f"{name}.type", text(f"{name}.type", kind))
    return _KINDS[kind](name, item)


def _message(name: str, item: Mapping[str, Any]) -> Item:
    role = one_of(*ROLES)(f"{name}.role", item.get("role"))
    content = item.get("content")
    kind = "output_text" if role == "assistant" else "input_text"
    parts = (
        [{"type": kind, "text": content}]
        if isinstance(content, str)
        else list(_parts(f"{name}.content", content, TEXT_KINDS))
    )
    parts = [_completed(part) for part in parts]
    return _base(name, item, "msg", "message") | {"role": role, "content": parts}


def _call(name: str, item: Mapping[str, Any]) -> Item:
    own = {key: text(f"{name}.{key}", item.get(key)) for key in ("call_id", "name", "arguments")}
    return _base(name, item, "fc", "function_call") | own


def _output(name: str, item: Mapping[str, Any]) -> Item:
    output = item.get("output")
    if not isinstance(output, str):
        output = list(_parts(f"{name}.output", output, TEXT_KINDS))
    call_id = text(f"{name}.call_id", item.get("call_id"))
    base = _base(name, item, "fco", "function_call_output")
    return base | {"call_id": call_id, "output": output}


def _reasoning(name: str, item: Mapping[str, Any]) -> Item:
    id = item.get("id") or ids.item_id("rs")
    return {"id": id, "type": "reasoning", "summary": item.get("summary") or []}


def _compaction(name: str, item: Mapping[str, Any]) -> Item:
    content = text(f"{name}.encrypted_content", item.get("encrypted_content"))
    id = item.get("id") or ids.item_id("cmp")
    checked = {"id": id, "type": "compaction", "encrypted_content": content}
    unpacked(checked)
    return checked


def _file_search(name: str, item: Mapping[str, Any]) -> Item:
    """An earlier search, sent back as it was given out; the answer quotes what it found."""
    own = {key: item.get(key) for key in ("status", "queries", "results")}
    id = item.get("id") or ids.item_id("fs")
    return {"id": text(f"{name}.id", id), "type": "file_search_call", **own}


def _reference(name: str, item: Mapping[str, Any]) -> Item:
    return {"type": "item_reference", "id": text(f"{name}.id", item.get("id"))}


_KINDS: dict[str, Callable[[str, Mapping[str, Any]], Item]] = {
    "message": _message,
    "function_call": _call,
    "function_call_output": _output,
    "reasoning": _reasoning,
    "compaction": _compaction,
    "file_search_call": _file_search,
    "item_reference": _reference,
}


def _base(name: str, item: Mapping[str, Any], prefix: str, kind: str) -> Item:
    status = item.get("status")
    if status is not None:
        one_of(*STATUSES)(f"{name}.status", status)
    id = item.get("id")
    if id is not None:
        text(f"{name}.id", id)
    return {"id": id or ids.item_id(prefix), "type": kind, "status": status or "completed"}


def _parts(name: str, value: Any, kinds: Sequence[str]) -> Iterator[dict[str, Any]]:
    if not isinstance(value, list):
        raise params.wrong_type(name, "one of a string or array of objects", value)
    for place, item in enumerate(value):
        at = f"{name}[{place}]"
        part = params.obj(at, item)
        kind = part.get("type")
        if kind not in kinds:
            only()(f"{at}.type", text(f"{at}.type", kind))
        field = "refusal" if kind == "refusal" else "text"
        text(f"{at}.{field}", part.get("text", part.get("refusal")))
        yield part


def _completed(part: dict[str, Any]) -> dict[str, Any]:
    """A part of an answer has annotations and logprobs even if the request left them out."""
    if part["type"] != "output_text":
        return part
    return {"annotations": [], "logprobs": [], **part}
