"""What a client puts into a conversation: sent back as OpenAI does, or refused by name."""

import base64
import json
import re

from emulator.errors import ApiError
from emulator.realtime.conversation_items import checked_item, items
from tests.support.realtime_calls import anything

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.realtime import ConversationItemAdded

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(20)).decode()
JPEG = base64.b64encode(b"\xff\xd8\xff\xe0" + bytes(20)).decode()
SOUND = bytes(range(8))
AUDIO = {"type": "input_audio", "audio": base64.b64encode(SOUND).decode()}
CALL = {"type": "function_call", "name": "book_slot", "arguments": '{"day": "Friday"}'}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": '{"ok": true}'}


def message(*parts, role="user", **fields):
    return {"type": "message", "role": role, "content": list(parts), **fields}


def text(words, kind="input_text"):
    return {"type": kind, "text": words}


def image(url, **fields):
    return {"type": "input_image", "image_url": url, **fields}


def made(given, **options):
    """An item, whose payload the SDK's types know."""
    item = checked_item(given, **options)
    payload = json.loads(json.dumps(item.payload))
    event = {"type": "conversation.item.added", "event_id": "event_1", "item": payload}
    ConversationItemAdded.model_validate(event)
    return item


def refused(given, **options):
    with pytest.raises(ApiError) as caught:
        made(given, **options)
    error = caught.value
    assert (error.status, error.type) == (400, "invalid_request_error")
    return error.code, error.param


def test_message_is_told_back():
    item = made(message(text("Hello!"), text("And good night.")))

    assert re.fullmatch(r"item_\w{21}", item.payload["id"])
    assert item.payload == {
        "id": item.payload["id"],
        "type": "message",
        "status": "completed",
        "role": "user",
        "content": [text("Hello!"), text("And good night.")],
    }
    assert (item.text, item.audio, item.images) == ("Hello!\nAnd good night.", b"", 0)


def test_item_keeps_its_id_and_has_no_status():
    item = made(message(role="system", id="mine", status="incomplete", object="realtime.item"))

    assert (item.payload["id"], item.payload["status"], item.payload["content"]) == (
        "mine",
        "completed",
        [],
    )


def test_sound_is_told_without_its_bytes():
    item = made(message(AUDIO, AUDIO | {"transcript": "Hello!"}))

    parts = [{"type": "input_audio", "transcript": words} for words in (None, "Hello!")]
    assert item.payload["content"] == parts
    assert (item.audio, item.text) == (SOUND + SOUND, "Hello!")


def test_sound_is_read_in_the_format_of_the_session():
    odd = {"type": "input_audio", "audio": "AAAA"}

    assert made(message(odd), format="audio/pcmu").audio == bytes(3)
    assert refused(message(odd)) == ("invalid_value", "item.content[0].audio")


@pytest.mark.parametrize(
    "url",
    [
        f"data:image/png;base64,{PNG}",
        f"data:image/jpeg;base64,{JPEG}",
        "https://observatory.example/moon.png",
    ],
)
def test_image_is_counted_and_told(url):
    item = made(message(image(url, detail="low"), image(url), text("What is it?")))

    details = [part.get("detail") for part in item.payload["content"]]
    assert (item.images, item.text, details) == (2, "What is it?", ["low", "auto", None])
    assert item.payload["content"][0]["image_url"] == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "moon.png",
        "http://observatory.example/moon.png",
        "https://",
        "https://[",
        "file:///moon.png",
        "data:image/png;base64,",
        "data:image/png;base64,AAAA",
        f"data:image/png;base64,{JPEG}",
        f"data:image/png;base64,{PNG}=",
        f"data:image/gif;base64,{PNG}",
        f"data:image/png,{PNG}",
    ],
)
def test_what_is_no_image_is_refused(url):
    assert refused(message(image(url))) == ("invalid_value", "item.content[0].image_url")


def test_call_and_its_output_are_told_back():
    call = made(CALL | {"call_id": "call_1", "id": "item_0"})
    output = made(OUTPUT | {"id": "item_0"})

    fields = {"name": "book_slot", "call_id": "call_1", "arguments": '{"day": "Friday"}'}
    head = {"id": "item_0", "status": "completed"}
    assert call.payload == {**head, "type": "function_call", **fields}
    assert output.payload == {**head, **OUTPUT}
    assert (call.text, output.text) == ("", '{"ok": true}')


def test_call_without_an_id_gets_one():
    call_id = made(CALL).payload["call_id"]

    assert call_id.startswith("call_") and len(call_id) == 21


SPOKEN = {"type": "output_audio", "transcript": "Good evening."}


@pytest.mark.parametrize(
    ("role", "part", "hint"),
    [
        ("assistant", text("Hi", "input_text"), "Value must be 'output_text'."),
        ("assistant", SPOKEN, "Value must be 'output_text'."),
        ("system", text("Hi", "text"), "Value must be 'input_text'."),
        (
            "user",
            text("Hi", "output_text"),
            "Supported values are: 'input_text', 'input_audio', and 'input_image'.",
        ),
    ],
)
def test_parts_belong_to_roles(role, part, hint):
    with pytest.raises(ApiError) as caught:
        made(message(part, role=role))

    assert caught.value.message == f"Invalid value: '{part['type']}'. {hint}"
    assert (caught.value.code, caught.value.param) == ("invalid_value", "item.content[0].type")


@pytest.mark.parametrize(
    ("given", "code", "param"),
    [
        ({}, "missing_required_parameter", "item.type"),
        ([], "invalid_type", "item"),
        ({"type": "reasoning"}, "invalid_value", "item.type"),
        ({"type": "item_reference", "id": "item_1"}, "invalid_value", "item.type"),
        ({"type": "mcp_call"}, "not_served_by_emulator", "item.type"),
        (message(id="x" * 33), "string_above_max_length", "item.id"),
        (message(role="developer"), "invalid_value", "item.role"),
        ({"type": "message", "content": []}, "missing_required_parameter", "item.role"),
        ({"type": "message", "role": "user"}, "missing_required_parameter", "item.content"),
        (message() | {"content": "Hi"}, "invalid_type", "item.content"),
        (message(object="item"), "invalid_value", "item.object"),
        (message(status="done"), "invalid_value", "item.status"),
        (message({}), "missing_required_parameter", "item.content[0].type"),
        (message("Hi"), "invalid_type", "item.content[0]"),
        (message({"type": "input_text"}), "missing_required_parameter", "item.content[0].text"),
        (
            message({"type": "input_audio"}),
            "missing_required_parameter",
            "item.content[0].audio",
        ),
        (
            message(text("Hi"), {"type": "input_image"}),
            "missing_required_parameter",
            "item.content[1].image_url",
        ),
        (
            message({**AUDIO, "audio": "AAA"}),
            "invalid_value",
            "item.content[0].audio",
        ),
        (message({**AUDIO, "text": "Hi"}), "unknown_parameter", "item.content[0].text"),
        (
            message(image(f"data:image/png;base64,{PNG}", detail="best")),
            "invalid_value",
            "item.content[0].detail",
        ),
        (CALL | {"arguments": {}}, "invalid_type", "item.arguments"),
        ({"type": "function_call", "name": "a"}, "missing_required_parameter", "item.arguments"),
        (OUTPUT | {"output": {"ok": True}}, "invalid_type", "item.output"),
        (OUTPUT | {"call_id": None}, "missing_required_parameter", "item.call_id"),
        (OUTPUT | {"call_id": "x" * 33}, "string_above_max_length", "item.call_id"),
        (OUTPUT | {"name": "book_slot"}, "unknown_parameter", "item.name"),
    ],
)
def test_wrong_item_is_refused_by_name(given, code, param):
    assert refused(given) == (code, param)


def test_input_of_response_may_refer():
    reference = {"type": "item_reference", "id": "item_7"}
    found = items("audio/pcm", "response.input", [message(text("Hi")), reference])

    assert [(item.text, item.reference) for item in found] == [("Hi", ""), ("", "item_7")]
    with pytest.raises(ApiError) as caught:
        items("audio/pcm", "response.input", [reference, message(role="robot")])
    assert caught.value.param == "response.input[1].role"


parts = st.fixed_dictionaries(
    {"type": st.sampled_from(["input_text", "input_audio", "input_image", "output_text"])},
    optional={
        "text": st.text(max_size=9) | anything,
        "audio": st.binary(max_size=6).map(lambda sound: base64.b64encode(sound).decode()),
        "image_url": st.just(f"data:image/png;base64,{PNG}") | anything,
        "transcript": st.text(max_size=9) | anything,
        "detail": st.sampled_from(["auto", "low", "high"]) | anything,
    },
)
messages = st.fixed_dictionaries(
    {"type": st.just("message"), "role": st.sampled_from(["user", "system", "assistant"])},
    optional={"content": st.lists(parts | anything, max_size=3), "id": anything},
)
others = st.fixed_dictionaries(
    {"type": st.sampled_from([CALL["type"], OUTPUT["type"]]) | anything},
    optional=dict.fromkeys(("name", "arguments", "call_id", "output", "id"), anything),
)


def tried(given):
    """The item, and the error that it raises."""
    try:
        return made(given), None
    except ApiError as error:
        return None, error


@settings(deadline=None)
@given(anything | messages | others)
def test_no_item_raises_but_an_api_error(given):
    item, error = tried(given)

    if error:
        assert error.message and error.param.startswith("item")
    else:
        assert item.payload["id"] and item.payload["status"] == "completed"
        assert not any("audio" in part for part in item.payload.get("content", []))
