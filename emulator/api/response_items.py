"""The items of Responses and conversations: checked in a request, and read as messages.

An item is kept as OpenAI gives it back (`input_items`, a conversation's items): with an id, a type,
and content in parts. The kinds served are messages, calls of functions, their outputs, reasoning,
compactions, and references to items that are stored.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from emulator import params
from emulator.answers.answer import Call, Message
from emulator.errors import ApiError
from emulator.params import bad, one_of, text
from emulator.wire import ids
from emulator.wire.sealed import BrokenSeal, seal, unseal

from starlette.requests import Request

ROLES = ("user", "assistant", "system", "developer")
STATUSES = ("in_progress", "completed", "incomplete")
TEXT_KINDS = ("input_text", "output_text", "text", "summary_text", "refusal")
# Of openai 3.57's types: the parts of a content, and the items of an input, that are not served.
OTHER_PARTS = ("computer_screenshot", "input_audio", "input_file", "input_image")
OTHER_CHAT_PARTS = ("file", "image_url", "input_audio")
OTHER_ITEMS = (
    "additional_tools",
    "apply_patch_call",
    "apply_patch_call_output",
    "code_interpreter_call",
    "compaction_trigger",
    "computer_call",
    "computer_call_output",
    "configuration_update",
    "custom_tool_call",
    "custom_tool_call_output",
    "image_generation_call",
    "local_shell_call",
    "local_shell_call_output",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_call",
    "mcp_list_tools",
    "program",
    "program_output",
    "shell_call",
    "shell_call_output",
    "tool_search_call",
    "tool_search_output",
    "web_search_call",
)

BY_OPENAI = "gAAAA"
"""How the encrypted content begins in recordings: it is a token of the kind that Fernet makes."""
INCLUDABLE = params.known(
    ("file_search_call.results", "reasoning.encrypted_content"),
    (
        "code_interpreter_call.outputs",
        "computer_call_output.output.image_url",
        "message.input_image.image_url",
        "message.output_text.logprobs",
        "web_search_call.action.sources",
        "web_search_call.results",
    ),
)

Item = dict[str, Any]
Find = Callable[[str], Item | None]


def read_input(name: str, value: Any) -> list[Item]:
    """The `input` of a request: a string, which is the user's, or a list of items."""
    if isinstance(value, str):
        return [_message(name, {"role": "user", "content": value})]
    if not isinstance(value, list):
        raise params.wrong_type(name, "one of a string or array of objects", value)
    return [_item(f"{name}[{place}]", item) for place, item in enumerate(value)]


def included(request: Request) -> list[str]:
    """The name of `include` if the query has it: what is kept holds no more than was first told.

    Raises ApiError (400) for a value that is not served.
    """
    given = request.query_params.multi_items()
    asked = [value for name, value in given if name in ("include", "include[]")]
    for place, value in enumerate(asked):
        INCLUDABLE(f"include[{place}]", value)
    return ["include"] if asked else []


def withheld(items: Sequence[Item]) -> list[dict[str, str]]:
    """The reasoning of OpenAI's, as `input_transformations` names it (openai 3.57's types)."""
    return [
        {
            "id": item["id"],
            "action": "removed",
            "reason": "organization_mismatch",
            "type": "reasoning",
        }
        for item in items
        if item["type"] == "reasoning" and item.get("encrypted_content", "").startswith(BY_OPENAI)
    ]


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
    return text_of(list(_parts(name, value, kinds, OTHER_CHAT_PARTS)))


def packed(items: Sequence[Item]) -> Item:
    """Items as one compaction: opaque to the caller, and to be read again here alone."""
    return {"id": ids.item_id("cmp"), "type": "compaction", "encrypted_content": seal(items)}


def unpacked(item: Item) -> list[Item]:
    """Raises ApiError (400) for a compaction that was not made here."""
    return list(_unsealed(item))


def _unsealed(item: Item) -> Any:
    """What an item's encrypted content holds; raises ApiError (400)."""
    try:
        return unseal(item["encrypted_content"])
    except BrokenSeal:
        raise _unverified(item) from None


def _unverified(item: Item) -> ApiError:
    message = f"""The encrypted content for item {item["id"]} could not be verified. Reason: \
Encrypted content could not be decrypted or parsed."""
    return bad(message, "input", "invalid_encrypted_content")


def _item(name: str, value: Any) -> Item:
    item = params.obj(name, value)
    kind = item.get("type") or ("item_reference" if set(item) == {"id"} else "message")
    params.known(tuple(_KINDS), OTHER_ITEMS)(f"{name}.type", kind)
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
    own: Item = {"content": [_completed(part) for part in parts]}
    if (phase := item.get("phase")) is not None:
        own["phase"] = one_of("commentary", "final_answer")(f"{name}.phase", phase)
    return _base(name, item, "msg", "message") | own | {"role": role}


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
    """An earlier response's reasoning; sealed content is checked, and kept as it came.

    What OpenAI encrypted can't be checked here: it is kept, and the answer tells that it is not
    read (`withheld`).
    """
    id = item.get("id") or ids.item_id("rs")
    kept: Item = {"id": text(f"{name}.id", id), "type": "reasoning", "content": []}
    if (content := item.get("encrypted_content")) is not None:
        kept["encrypted_content"] = text(f"{name}.encrypted_content", content)
        if not content.startswith(BY_OPENAI):
            _unsealed(kept)
    summary = list(_parts(f"{name}.summary", item.get("summary") or [], ("summary_text",), ()))
    return kept | {"summary": summary}


def _compaction(name: str, item: Mapping[str, Any]) -> Item:
    content = text(f"{name}.encrypted_content", item.get("encrypted_content"))
    id = item.get("id") or ids.item_id("cmp")
    checked = {"id": id, "type": "compaction", "encrypted_content": content}
    # Anybody can seal, so what is inside is checked as if it had been sent.
    inside = _unsealed(checked)
    if not isinstance(inside, list):
        raise _unverified(checked)
    for each in inside:
        try:
            _item(name, each)
        except ApiError:
            raise _unverified(checked) from None
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


def _parts(
    name: str, value: Any, kinds: tuple[str, ...], others: tuple[str, ...] = OTHER_PARTS
) -> Iterator[dict[str, Any]]:
    if not isinstance(value, list):
        raise params.wrong_type(name, "one of a string or array of objects", value)
    for place, item in enumerate(value):
        at = f"{name}[{place}]"
        part = params.obj(at, item)
        kind = params.known(kinds, others)(f"{at}.type", part.get("type"))
        field = "refusal" if kind == "refusal" else "text"
        text(f"{at}.{field}", part.get("text", part.get("refusal")))
        yield part


def _completed(part: dict[str, Any]) -> dict[str, Any]:
    """A part of an answer has annotations and logprobs even if the request left them out."""
    if part["type"] != "output_text":
        return part
    return {"annotations": [], "logprobs": [], **part}
