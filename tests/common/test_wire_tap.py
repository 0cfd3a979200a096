"""The lines of --wire: requests, answers and events in short, sound as its length."""

import json
from base64 import b64encode

from common.wire_tap import SocketTap, Tap, shorten

import pytest

PCM = b64encode(bytes(960)).decode()


PADDED = "x  audio 2 ms (100 bytes)"
EVENTS = {
    "delta first": (
        "<",
        {"type": "response.output_text.delta", "item_id": "i", "output_index": 0, "delta": "Hel"},
        'response.output_text.delta  delta "Hel"  item_id "i"  output_index 0',
    ),
    "ids last": (
        "<",
        {"type": "x", "item": {"id": "i", "object": "o", "type": "message"}},
        'x  item {"type": "message", "id": "i", "object": "o"}',
    ),
    "padding left out": ("<", {"type": "x", "obfuscation": "abc"}, "x"),
    "long text": ("<", {"type": "x", "text": "a" * 99}, f'x  text "{"a" * 57}..."'),
    "sound in an item": (
        ">",
        {"type": "x", "item": {"content": [{"type": "input_audio", "audio": PCM}]}},
        'x  item {"content": [{"type": "input_audio", "audio": "20 ms (960 bytes)"}]}',
    ),
    "padded sound": (">", {"type": "x", "audio": b64encode(bytes(100)).decode()}, PADDED),
    "no type": (">", {"a": 1}, "{}  a 1"),
    "no object": (">", [1], "[1]"),
}


@pytest.mark.parametrize("name", EVENTS)
def test_event_is_one_line(name):
    way, event, expected = EVENTS[name]
    shown = []

    SocketTap(shown.append, lambda: 0.0).message(way, json.dumps(event))

    assert shown == [f"{way} +0.000 {expected}"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [("no json\nat all", "no json at all"), (b"\xff" * 70, "70 bytes"), (b'{"type":"x"}', "x")],
)
def test_what_is_no_event_is_told_in_short(data, expected):
    shown = []

    SocketTap(shown.append, lambda: 0.0).message("<", data)

    assert shown == [f"< +0.000 {expected}"]


@pytest.mark.parametrize(("name", "ms"), [("audio/pcm", 20), ("audio/pcmu", 120), ("x", 20)])
def test_length_follows_the_format_of_the_session(name, ms):
    shown = []
    talk = SocketTap(shown.append, lambda: 0.0)
    sides = {"input": {"format": {"type": "audio/pcma"}}, "output": {"format": {"type": name}}}

    talk.message("<", json.dumps({"type": "session.updated", "session": {"audio": sides}}))
    talk.message("<", json.dumps({"type": "response.output_audio.delta", "delta": PCM}))
    talk.message(">", json.dumps({"type": "input_audio_buffer.append", "audio": PCM}))
    talk.end({"how": "cut"})

    assert f"x 1, {ms / 1000:.2f} s" in "\n".join(shown[1:])
    assert "append x 1, 0.12 s" in "\n".join(shown[1:])


@pytest.mark.parametrize("session", [None, {}, {"audio": None}, {"audio": {"output": 7}}])
def test_odd_session_is_shown_like_any(session):
    shown = []

    SocketTap(shown.append, lambda: 0.0).message("<", json.dumps({"type": "x", "session": session}))

    assert shown == [f"< +0.000 x  session {json.dumps(session)}"]


ENDS = {
    "our close": ({"how": "complete", "code": 1000, "reason": "", "by": "client"}, "> close 1000"),
    "its close": (
        {"how": "complete", "code": 1001, "reason": "60 minutes", "by": "server"},
        "< close 1001 60 minutes",
    ),
    "it dropped": ({"how": "cut"}, "< the connection dropped"),
    "we dropped": ({"how": "left"}, "> the connection dropped"),
}


@pytest.mark.parametrize("name", ENDS)
def test_end_of_a_socket_is_shown(name):
    line, expected = ENDS[name]
    shown = []

    SocketTap(shown.append, lambda: 0.0).end(line)

    assert shown == [expected.replace(" ", " +0.000 ", 1)]


def test_refusal_without_a_close_ends_in_silence():
    shown = []

    SocketTap(shown.append, lambda: 0.0).end({"how": "complete"})

    assert shown == []


def test_request_is_one_line():
    shown = []

    Tap(shown.append).show_request("POST", "/v1/x", {"a": "\u00e9"})
    Tap(shown.append).show_request("GET", "/v1/models")
    Tap(shown.append).show_response(200, "")

    assert shown == ['> POST /v1/x {"a":"\u00e9"}', "> GET /v1/models", "< 200"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('data: {"delta":"a","id":1}', 'data: {"delta":"a","id":1}'),
        (
            'data: {"id":"chatcmpl-1","object":"x","delta":{}}',
            'data: {"id":"chatcmpl-1" ... "delta":{}}',
        ),
        (
            'data: {"type":"response.x.delta","item_id":"m","delta":"a","sequence_number":17}',
            'data: {"sequence_number":17 ... "delta":"a","sequence_number":17}',
        ),
        (
            'data: {"type":"response.x.delta","sequence_number":4,"item_id":"m","delta":"a"}',
            'data: {"sequence_number":4 ... "delta":"a"}',
        ),
        (
            'data: {"type":"response.queued","a":{},"sequence_number":0}',
            'data: {"sequence_number":0 ... "type":"response.queued","a":{},"sequence_number":0}',
        ),
        ('data: {"type":"a","sequence_number":1}', 'data: {"type":"a","sequence_number":1}'),
        (
            r'data: {"type":"chat.completion","delta":"say \"sequence_number\":3 twice"}',
            r'data: {"type":"chat.comp ... "delta":"say \"sequence_number\":3 twice"}',
        ),
        (
            'data: {"id":"chatcmpl-1","object":"x","choices":[],"usage":{"total_tokens":3}}',
            'data: {"id":"chatcmpl-1" ... "choices":[],"usage":{"total_tokens":3}}',
        ),
        ("event: error", "event: error"),
    ],
)
def test_envelope_is_left_out_only_if_it_is_long(line, expected):
    assert shorten(line) == expected


def test_lines_of_two_threads_are_not_mixed():
    locked = []
    tap = Tap(lambda line: locked.append(tap._lock.locked()))

    tap.show("one")

    assert locked == [True]


def test_message_too_deep_to_show_is_shown_in_short():
    shown = []
    deep = '{"type":"x","a":' + "[" * 100_000 + "]" * 100_000 + "}"

    SocketTap(shown.append, lambda: 0.0).message("<", deep)

    assert len(shown[0]) < 100
