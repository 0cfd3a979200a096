"""What a client sends over the socket: one event a message, checked before anything is done.

The types and their fields are those of openai 3.54's `RealtimeClientEvent`; the sentences are
those of sessions recorded in 2026. What is inside `session`, `item` and `response` is checked where
it is used. `session.close` and `session.input_audio_buffer.append`, which OpenAI names beside the
others, belong to translation sessions and are not served.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from emulator import params
from emulator.errors import ApiError
from emulator.params import bad, wrong_type
from emulator.realtime import field_checks
from emulator.realtime.field_checks import Change, plain, short

LONGEST_EVENT_ID = 512
CLEAR_OUTPUT = "output_audio_buffer.clear"


class Kind(NamedTuple):
    """The fields of one type of event beside `type` and `event_id`, and which must be there."""

    fields: Mapping[str, Change] = {}
    required: Sequence[str] = ()


_OBJECT, _TEXT, _COUNT = plain(params.obj), plain(params.text), plain(field_checks.integer(0))
_ITEM_ID = {"item_id": _TEXT}

# In the order in which OpenAI names them in the error for any other.
KINDS = {
    "session.update": Kind({"session": _OBJECT}, ["session"]),
    "input_audio_buffer.append": Kind({"audio": _TEXT}, ["audio"]),
    "input_audio_buffer.commit": Kind(),
    "input_audio_buffer.clear": Kind(),
    "conversation.item.create": Kind({"item": _OBJECT, "previous_item_id": _TEXT}, ["item"]),
    "conversation.item.truncate": Kind(
        {**_ITEM_ID, "content_index": _COUNT, "audio_end_ms": _COUNT},
        ["item_id", "content_index", "audio_end_ms"],
    ),
    "conversation.item.delete": Kind(_ITEM_ID, ["item_id"]),
    "conversation.item.retrieve": Kind(_ITEM_ID, ["item_id"]),
    "response.create": Kind({"response": _OBJECT}),
    "response.cancel": Kind({"response_id": _TEXT}),
}
_COMMON = {"type": _TEXT, "event_id": plain(short(LONGEST_EVENT_ID))}


def parse(message: str | bytes) -> dict[str, Any]:
    """One event with the fields that it was given; those that are null are left out.

    Raises ApiError (400): `code` and `param` say what is wrong, as at OpenAI.
    """
    if isinstance(message, bytes):
        why = "Expected a text WebSocket message; binary frames are not supported."
        raise ApiError(400, why, code="invalid_event")
    event = _read(message)
    kind = KINDS[_type(event)]
    return field_checks.changed("", event, {}, {**_COMMON, **kind.fields}, kind.required)


def event_id_of(message: str | bytes) -> str | None:
    """The `event_id` of an event that may be malformed, for the error to name; None without one."""
    try:
        event = json.loads(message)
    except (ValueError, RecursionError):
        return None
    found = event.get("event_id") if isinstance(event, dict) else None
    is_usable = (
        isinstance(found, str) and len(found) <= LONGEST_EVENT_ID and field_checks.is_sound(found)
    )
    return found if is_usable else None


def audio(event: Mapping[str, Any], format: str) -> bytes:
    """The sound of an append: whole samples of `audio/pcm`, `audio/pcmu` or `audio/pcma`.

    Raises ApiError (400, `invalid_value`) where it is no base64, empty, or ends within a sample.
    """
    return field_checks.audio("audio", event["audio"], format)


def _read(message: str) -> dict[str, Any]:
    try:
        event = json.loads(message, parse_constant=_no_constants)
        if not field_checks.is_sound(event):
            raise ValueError("expected JSON that can be sent back")
    except (ValueError, RecursionError):
        why = """Invalid event: failed to parse JSON value. Please check the value to ensure it is \
valid JSON. (Common errors include trailing commas, missing closing brackets, missing quotation \
marks, etc.)"""
        raise ApiError(400, why, code="invalid_json") from None
    if not isinstance(event, dict):
        raise ApiError(400, wrong_type("event", "an object", event).message, code="invalid_event")
    return event


def _type(event: Mapping[str, Any]) -> str:
    kind = event.get("type")
    if kind is None:
        raise ApiError(400, "The 'type' field is missing.", code="invalid_event")
    try:
        return str(field_checks.one_of(*KINDS)("type", kind))
    except ApiError as error:
        if kind != CLEAR_OUTPUT:
            raise
        why = f"""{error.message} '{CLEAR_OUTPUT}' is only for WebRTC and SIP: on a WebSocket the \
client empties its own playback."""
        raise bad(why, "type", "invalid_value") from None


def _no_constants(name: str) -> None:
    raise ValueError(f"expected JSON, not {name}")
