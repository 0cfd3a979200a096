"""What comes over the socket, message by message: taken as it is, or refused as OpenAI does."""

import base64
import json

from emulator.errors import ApiError
from emulator.realtime import events
from emulator.wire import ids

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.realtime import RealtimeClientEvent
from pydantic import TypeAdapter

CLIENT_EVENT = TypeAdapter(RealtimeClientEvent)
SECOND = base64.b64encode(bytes(48_000)).decode()
MESSAGE = {"type": "message", "role": "user", "content": []}
EVENTS = [
    {"type": "session.update", "session": {"type": "realtime"}},
    {"type": "input_audio_buffer.append", "audio": SECOND},
    {"type": "input_audio_buffer.commit"},
    {"type": "input_audio_buffer.clear", "event_id": "mine"},
    {"type": "conversation.item.create", "item": MESSAGE, "previous_item_id": "root"},
    {
        "type": "conversation.item.truncate",
        "item_id": "item_1",
        "content_index": 0,
        "audio_end_ms": 0,
    },
    {"type": "conversation.item.delete", "item_id": "item_1"},
    {"type": "conversation.item.retrieve", "item_id": "item_1"},
    {"type": "response.create", "response": {"conversation": "none"}},
    {"type": "response.cancel", "response_id": "resp_1"},
]

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)
fields = st.sampled_from(
    """type event_id session audio item previous_item_id item_id content_index audio_end_ms
    response response_id""".split()
)
near_events = st.builds(
    lambda kind, rest: rest | kind,
    st.fixed_dictionaries({}, optional={"type": st.sampled_from(list(events.KINDS)) | anything}),
    st.dictionaries(fields | st.text(max_size=9), anything, max_size=5),
)


def refused(message):
    with pytest.raises(ApiError) as caught:
        events.parse(message if isinstance(message, str | bytes) else json.dumps(message))
    error = caught.value
    assert (error.status, error.type) == (400, "invalid_request_error")
    return error.code, error.param, error.message


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event["type"])
def test_event_is_taken(event):
    assert events.parse(json.dumps(event)) == event
    CLIENT_EVENT.validate_python(event)


def test_every_event_of_sdk_is_known():
    mine = {event["type"] for event in EVENTS} | {events.CLEAR_OUTPUT}

    assert set(events.KINDS) | {events.CLEAR_OUTPUT} == mine
    described = CLIENT_EVENT.json_schema()["$defs"].values()
    types = {
        part["properties"]["type"].get("const") for part in described if "event_id" in str(part)
    }
    assert types - {None} == mine


def test_fields_that_are_null_are_left_out():
    event = {"type": "response.create", "response": None, "event_id": None}

    assert events.parse(json.dumps(event)) == {"type": "response.create"}


def test_unknown_type_is_told_what_there_is():
    code, param, message = refused({"type": "nope"})

    assert (code, param) == ("invalid_value", "type")
    assert message.startswith("Invalid value: 'nope'. Supported values are: 'session.update', '")
    assert message.endswith("'response.create', and 'response.cancel'.")


@pytest.mark.parametrize(
    "kind", ["session.close", "session.input_audio_buffer.append", "transcription_session.update"]
)
def test_events_of_other_sessions_are_refused(kind):
    assert refused({"type": kind})[:2] == ("invalid_value", "type")


def test_clearing_of_output_is_refused_by_name():
    code, param, message = refused({"type": "output_audio_buffer.clear"})

    assert (code, param) == ("invalid_value", "type")
    assert "'output_audio_buffer.clear' is only for WebRTC and SIP" in message


NO_JSON = [
    "not json",
    "",
    '{"type": "response.create"',
    '{"type": NaN}',
    '{"type": "response.create", "response": {"metadata": 1e999}}',
    '{"type": "input_audio_buffer.clear", "event_id": "\\ud800"}',
    '{"type": "response.create", "response": ' + "[" * 100 + "]" * 100 + "}",
    "[" * 100_000,
    f'{{"type": {"9" * 10_000}}}',
]


@pytest.mark.parametrize("message", NO_JSON, ids=lambda message: message[:40])
def test_what_is_no_json_is_refused(message):
    code, param, sentence = refused(message)

    assert (code, param) == ("invalid_json", None)
    assert sentence.startswith("Invalid event: failed to parse JSON value. ")


def test_binary_message_is_refused():
    found = refused(b'{"type": "response.create"}')

    message = "Expected a text WebSocket message; binary frames are not supported."
    assert found == ("invalid_event", None, message)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ([], ("invalid_event", None)),
        ({}, ("invalid_event", None)),
        ({"type": 1}, ("invalid_type", "type")),
        ({"type": "session.update"}, ("missing_required_parameter", "session")),
        ({"type": "session.update", "session": []}, ("invalid_type", "session")),
        ({"type": "input_audio_buffer.append"}, ("missing_required_parameter", "audio")),
        ({"type": "input_audio_buffer.append", "audio": [1]}, ("invalid_type", "audio")),
        ({"type": "input_audio_buffer.commit", "final": True}, ("unknown_parameter", "final")),
        ({"type": "response.create", "event_id": 7}, ("invalid_type", "event_id")),
        (
            {"type": "response.create", "event_id": "x" * 513},
            ("string_above_max_length", "event_id"),
        ),
        ({"type": "conversation.item.create"}, ("missing_required_parameter", "item")),
        ({"type": "conversation.item.delete"}, ("missing_required_parameter", "item_id")),
        (EVENTS[5] | {"audio_end_ms": 1.5}, ("invalid_type", "audio_end_ms")),
        (EVENTS[5] | {"audio_end_ms": -1}, ("integer_below_min_value", "audio_end_ms")),
        (EVENTS[5] | {"audio_end_ms": 10**99}, ("integer_above_max_value", "audio_end_ms")),
        (EVENTS[5] | {"content_index": True}, ("invalid_type", "content_index")),
    ],
)
def test_broken_event_is_refused_by_name(event, expected):
    assert refused(event)[:2] == expected


def test_unknown_parameter_is_named_shortly():
    _, param, message = refused({"type": "response.cancel", "x" * 9_999: 1})

    assert message == f"Unknown parameter: '{param}'." and len(param) < 99


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ('{"type": "nope", "event_id": "mine"}', "mine"),
        ('{"event_id": "mine"}', "mine"),
        ('{"event_id": 7}', None),
        ('{"event_id": "\\udfff"}', None),
        (f'{{"event_id": "{"x" * 513}"}}', None),
        ('["event_id"]', None),
        ('{"event_id": "mine"', None),
        ("[" * 100_000, None),
        (b"\xff", None),
    ],
)
def test_id_of_broken_event_is_found(message, expected):
    assert events.event_id_of(message) == expected


def appended(audio, format="audio/pcm"):
    return events.audio({"type": "input_audio_buffer.append", "audio": audio}, format)


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=99), st.sampled_from(["audio/pcm", "audio/pcmu"]))
def test_audio_comes_out_as_it_went_in(sound, format):
    sound = sound * (2 if format == "audio/pcm" else 1)

    assert appended(base64.b64encode(sound).decode(), format) == sound


@pytest.mark.parametrize(
    ("audio", "found"),
    [
        ("", "empty bytes"),
        ("====", "an invalid value"),
        ("AAA", "an invalid value"),
        ("AA==AA==", "an invalid value"),
        ("AA A", "an invalid value"),
        ("AAA-", "an invalid value"),
        ("ÄÄÄÄ", "an invalid value"),
        ("AAAA", "an odd number of bytes"),
    ],
)
def test_what_is_no_audio_is_refused(audio, found):
    """R16: half a sample would turn what comes after it into noise, so it never comes in."""
    with pytest.raises(ApiError) as caught:
        appended(audio)

    wanted = "base64-encoded audio bytes (mono PCM16 at 24kHz)"
    assert caught.value.message == f"Invalid 'audio'. Expected {wanted} but got {found}."
    assert (caught.value.code, caught.value.param) == ("invalid_value", "audio")


def test_odd_bytes_are_whole_samples_of_g711():
    assert appended("AAAA", "audio/pcma") == bytes(3)


def test_append_has_15_mib_at_most():
    most = base64.b64encode(bytes(15 * 2**20)).decode()
    assert len(appended(most)) == 15 * 2**20

    with pytest.raises(ApiError) as caught:
        appended(most + "AAAA")
    assert caught.value.code == "string_above_max_length"


def tried(call, *given):
    """What it gives, and the error that it raises."""
    try:
        return call(*given), None
    except ApiError as error:
        return None, error


@settings(deadline=None)
@given(st.text(max_size=40) | st.binary(max_size=40) | near_events.map(json.dumps))
def test_no_message_raises_but_an_api_error(message):
    event, error = tried(events.parse, message)

    if error:
        assert error.message and error.status == 400
    else:
        assert event["type"] in events.KINDS and None not in event.values()
    events.event_id_of(message)


@settings(deadline=None)
@given(st.text(max_size=20), st.sampled_from(["audio/pcm", "audio/pcmu", "audio/pcma"]))
def test_no_audio_raises_but_an_api_error(text, format):
    sound, error = tried(appended, text, format)

    assert error.param == "audio" if error else 0 < len(sound) <= len(text)


@pytest.mark.parametrize("kind", ["event", "item", "resp", "conv", "sess"])
def test_ids_have_21_alphanumerics(kind):
    found = {ids.realtime(kind) for _ in range(99)}

    assert len(found) == 99
    for id in found:
        prefix, _, rest = id.partition("_")
        assert (prefix, len(rest)) == (kind, 21) and rest.isascii() and rest.isalnum()
    assert len(ids.realtime_call()) == len("call_") + 16
