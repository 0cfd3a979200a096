"""What may differ in messages."""

import json
from base64 import b64encode

from cassette.message_rules import MessageRules, parse_json

import pytest

RULES = MessageRules(
    background=("gauge",), volatile=("id",), loose=("ms",), streams={"sound": "pcm"}
)


def test_piece_of_a_stream_is_unpacked():
    text = json.dumps({"type": "sound", "pcm": b64encode(b"abc").decode()})

    assert RULES.stream_piece(text) == ("sound", b"abc")
    assert MessageRules(kind="kind", streams={"s": "p"}).stream_piece('{"kind":"s","p":""}') == (
        "s",
        b"",
    )


NO_PIECES = [
    '{"type":"sound"}',
    '{"type":"sound","pcm":"!"}',
    '{"type":"sound","pcm":1}',
    '{"type":["sound"],"pcm":""}',
    '{"type":"other","pcm":""}',
    '{"pcm":""}',
    "[]",
    "no json",
    b'{"type":"sound","pcm":""}',
]


@pytest.mark.parametrize("data", NO_PIECES)
def test_other_messages_are_no_piece(data):
    assert RULES.stream_piece(data) is None


def test_order_matters_unless_a_rule_says_otherwise():
    rules = MessageRules(unordered=lambda message: message["type"] == "note")

    assert rules.is_unordered('{"type":"note"}')
    assert not any(map(rules.is_unordered, ('{"type":"x"}', "[]", "no json", b'{"type":"note"}')))
    assert not RULES.is_unordered('{"type":"note"}')


def test_background_is_told_by_its_kind():
    assert RULES.is_background('{"type":"gauge"}')
    assert not any(map(RULES.is_background, ('{"type":"x"}', "[]", "no json", b'{"type":"gauge"}')))


def test_comparable_value_lacks_what_may_differ():
    value = {"id": 1, "ms": 5, "a": [{"id": 2, "b": {"ms": None, "c": 1}}]}

    assert RULES.comparable(value) == {"ms": None, "a": [{"b": {"ms": None, "c": 1}}]}


def test_ids_are_found_at_any_depth():
    value = {"id": "a", "b": [{"id": "c"}, {"id": 1, "d": {"id": "e"}}], "x": "y"}

    found = list(RULES.client_ids(value))

    assert found == [(".id", "a"), (".b.0.id", "c"), (".b.1.d.id", "e")]


def test_only_text_that_is_json_has_a_value():
    assert parse_json('{"a": 1}') == {"a": 1}
    assert [parse_json(data) for data in ("{", b"{}", "[" * 99_999)] == [None] * 3
