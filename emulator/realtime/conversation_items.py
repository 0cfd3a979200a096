"""The items that a client puts into a conversation: checked, and as the server sends them back.

Types and fields are those of openai 3.54; the sentences, and that ids have 32 characters at most,
are those of sessions recorded in 2026. A user's parts are `input_text`, `input_audio` and
`input_image`, the system's `input_text`, the assistant's `output_text` alone: what a model has
spoken cannot be put in. Sound is sent back without its bytes.
"""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from emulator import params
from emulator.params import bad
from emulator.realtime import field_checks
from emulator.realtime.field_checks import Change, changed, one_of, plain, short
from emulator.wire import ids

LONGEST_ID = 32
REFERENCE = "item_reference"
_MCP = ("mcp_approval_request", "mcp_approval_response", "mcp_call", "mcp_list_tools")
_PARTS = {
    "user": ("input_text", "input_audio", "input_image"),
    "system": ("input_text",),
    "assistant": ("output_text",),
}
_DATA_URL = re.compile(r"data:image/(png|jpeg);base64,(.*)", re.DOTALL)
_SIGNATURES = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff"}


@dataclass(frozen=True)
class ClientItem:
    """An item: `payload` is what is sent back of it.

    `audio` is the sound of all its `input_audio` parts, in the format of the session; `images` is
    how many came with it. With a `reference` it stands for the item of that id; its payload is {}.
    """

    payload: dict[str, Any]
    audio: bytes = b""
    images: int = 0
    reference: str = ""

    @property
    def text(self) -> str:
        """Its text, and the transcript that a client gives for its sound."""
        if "output" in self.payload:
            return str(self.payload["output"])
        parts = self.payload.get("content", [])
        texts = [part.get("text") or part.get("transcript") or "" for part in parts]
        return "\n".join(text for text in texts if text)


def checked_item(given: object, format: str = "audio/pcm", name: str = "item") -> ClientItem:
    """The item of a `conversation.item.create`; it keeps its id, or gets one.

    `format` is that of the session's input; `name` is what errors call the item. Raises ApiError
    (400).
    """
    kind = _kind(name, given, *_KINDS)
    return _KINDS[kind](name, given, format)


def items(format: str, name: str, given: object) -> tuple[ClientItem, ...]:
    """The `input` of a response: items, and references to items that are there already."""
    found = []
    for place, each in enumerate(field_checks.array(name, given)):
        at = f"{name}[{place}]"
        if _kind(at, each, *_KINDS, REFERENCE) == REFERENCE:
            reference = changed(at, each, {}, {"type": plain(params.text), "id": _ID}, ["id"])
            found.append(ClientItem({}, reference=reference["id"]))
        else:
            found.append(checked_item(each, format, at))
    return tuple(found)


def _kind(name: str, given: object, *allowed: str) -> str:
    kind = params.obj(name, given).get("type")
    if kind in _MCP:
        raise field_checks.unserved(f"{name}.type")
    return field_checks.kind_of(name, given, *allowed)


_ID = plain(short(LONGEST_ID))
_ANY: Mapping[str, Change] = {
    "id": _ID,
    "object": plain(one_of("realtime.item")),
    "type": plain(params.text),
    "status": plain(one_of("completed", "incomplete", "in_progress")),
}
_TEXT = plain(params.text)
_CALL: Mapping[str, Change] = {**_ANY, "name": _TEXT, "call_id": _ID, "arguments": _TEXT}
_OUTPUT: Mapping[str, Change] = {**_ANY, "call_id": _ID, "output": _TEXT}
_MESSAGE: Mapping[str, Change] = {
    **_ANY,
    "role": plain(one_of("user", "assistant", "system")),
    "content": plain(field_checks.array),
}


def _message(name: str, given: Any, format: str) -> ClientItem:
    found = changed(name, given, {}, _MESSAGE, ["role", "content"])
    role = found["role"]
    # A part is sent back without its sound, which is kept beside the payload.
    parts, sound, images = [], [], 0
    for place, part in enumerate(found["content"]):
        at = f"{name}.content[{place}]"
        kind = field_checks.kind_of(at, part, *_PARTS[role])
        fields = changed(at, part, _STARTS.get(kind, {}), *_FIELDS[kind])
        if kind == "input_audio":
            sound.append(field_checks.audio(f"{at}.audio", fields.pop("audio"), format))
        images += kind == "input_image"
        parts.append(fields)
    return ClientItem(_payload(found, role=role, content=parts), b"".join(sound), images)


def _call(name: str, given: Any, format: str) -> ClientItem:
    found = changed(name, given, {}, _CALL, ["name", "arguments"])
    call_id = found.get("call_id") or ids.realtime_call()
    fields = {"name": found["name"], "call_id": call_id, "arguments": found["arguments"]}
    return ClientItem(_payload(found, **fields))


def _output(name: str, given: Any, format: str) -> ClientItem:
    found = changed(name, given, {}, _OUTPUT, ["call_id", "output"])
    return ClientItem(_payload(found, call_id=found["call_id"], output=found["output"]))


def _payload(found: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """What all items begin with; the status that a client gives has no effect."""
    return {
        "id": found.get("id") or ids.realtime("item"),
        "type": found["type"],
        "status": "completed",
        **fields,
    }


def _image(name: str, value: Any) -> str:
    """A PNG or JPEG in a data URL, or an https address, which is not looked up."""
    # Recorded: two sentences, one for each kind of address.
    url = params.text(name, value)
    if not url.startswith("data:"):
        if not _is_https(url):
            message = f"""Invalid '{name}'. Expected a valid URL, but got a value with an invalid \
format."""
            raise bad(message, name, "invalid_value")
        return url
    match = _DATA_URL.fullmatch(url)
    if match is None or not _is_picture(match[1], match[2]):
        message = f"""Invalid '{name}'. Expected a base64-encoded data URL with an image MIME type \
(e.g. 'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU='), but got an invalid value. Supported \
formats are PNG and JPEG."""
        raise bad(message, name, "invalid_value")
    return url


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname)


def _is_picture(kind: str, data: str) -> bool:
    try:
        return base64.b64decode(data, validate=True).startswith(_SIGNATURES[kind])
    except ValueError:
        return False


_TYPE = {"type": _TEXT}
# The fields of a part beside its type, and which must be there.
_FIELDS: Mapping[str, tuple[Mapping[str, Change], list[str]]] = {
    "input_text": ({**_TYPE, "text": _TEXT}, ["text"]),
    "output_text": ({**_TYPE, "text": _TEXT}, ["text"]),
    "input_audio": ({**_TYPE, "audio": _TEXT, "transcript": _TEXT}, ["audio"]),
    "input_image": (
        {**_TYPE, "image_url": plain(_image), "detail": plain(one_of("auto", "low", "high"))},
        ["image_url"],
    ),
}
_STARTS: Mapping[str, dict[str, Any]] = {
    "input_audio": {"type": "input_audio", "transcript": None},
    "input_image": {"type": "input_image", "image_url": None, "detail": "auto"},
}
_KINDS: Mapping[str, Callable[[str, Any, str], ClientItem]] = {
    "message": _message,
    "function_call": _call,
    "function_call_output": _output,
}
