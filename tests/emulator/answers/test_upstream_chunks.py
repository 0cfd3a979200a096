"""What chunks add up to, in each of the shapes that other servers send."""

import json

from emulator.answers.upstream_body import UpstreamMalformed
from emulator.answers.upstream_chunks import ChunkReader
from tests.support.scripted_upstream import chunk

import pytest


def read(*chunks):
    """The text, the calls, the refusal and the reason to end."""
    reader = ChunkReader()
    text = "".join([reader.take(each) for each in chunks] + [reader.rest()])
    calls, finish = reader.end()
    return text, [(call.name, call.arguments) for call in calls], reader.refusal, finish


END = chunk({}, "stop")


def called(*deltas, finish="tool_calls"):
    chunks = [
        chunk({"tool_calls": delta if isinstance(delta, list) else [delta]}) for delta in deltas
    ]
    _, calls, _, finish = read(*chunks, chunk({}, finish))
    return calls, finish


def call(index=None, id=None, name=None, arguments=None):
    function = {"name": name, "arguments": arguments}
    function = {key: value for key, value in function.items() if value is not None}
    head = {"index": index, "id": id, "function": function}
    return {key: value for key, value in head.items() if value is not None}


@pytest.mark.parametrize(
    "silent",
    [
        {"choices": None},
        {},
        {"choices": []},
        {"choices": {}},
        {"choices": [None]},
        {"choices": [{"index": 0, "delta": None, "finish_reason": None}]},
        {"choices": [{"index": 0}]},
        chunk({"content": None}),
        chunk({"content": 3, "tool_calls": None, "refusal": []}),
        chunk({"tool_calls": [None, 3]}),
    ],
)
def test_chunk_without_text_is_passed_over(silent):
    assert read(silent, chunk({"content": "Hm."}), silent, END) == ("Hm.", [], "", "stop")


def test_finish_beside_a_delta_of_null_counts():
    last = {"choices": [{"index": 0, "delta": None, "finish_reason": "length"}]}

    assert read(chunk({"content": "H"}), last) == ("H", [], "", "length")


def test_content_in_parts_is_text():
    assert (
        read(chunk({"content": [{"type": "text", "text": "a"}, {"text": "b"}, 3]}), END)[0] == "ab"
    )


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["\ud800", "x"], "\ufffdx"),
        (["a\udc00b"], "a\ufffdb"),
        (["a\ud83d"], "a\ufffd"),
        (["a\ud83d", "\ude00b"], "a\U0001f600b"),
    ],
)
def test_half_a_character_waits_or_is_replaced(pieces, text):
    assert read(*(chunk({"content": piece}) for piece in pieces), END)[0] == text


X, Y = '{"x":1}', '{"y":2}'
SHAPES = {
    "OpenAI": [call(0, "a", "f", ""), call(0, arguments='{"x"'), call(0, arguments=":1}")],
    "whole in one chunk": [call(0, "a", "f", X)],
    "name in every chunk": [
        *(call(0, "a", "f", part) for part in ['{"x"', ":1}", ""]),
    ],
    "name that grows": [call(0, "a", "f"), call(0, None, "f", X)],
    "without an index": [call(None, "a", "f", '{"x"'), call(None, None, None, ":1}")],
    "by id alone": [call(None, "a", "f", '{"x"'), call(None, "a", None, ":1}")],
    "without id and index": [call(name="f", arguments=X)],
    "an id that comes late": [call(0, None, "f"), call(0, "a", None, X)],
    "a new id in every chunk": [call(0, "a", "f"), call(0, "b", None, X)],
    "arguments as an object": [call(0, "a", "f", {"x": 1})],
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("finish", ["tool_calls", "stop", "function_call"])
def test_one_call_in_any_shape(shape, finish):
    [(name, arguments)], finish = called(*SHAPES[shape], finish=finish)

    assert (name, json.loads(arguments), finish) == ("f", {"x": 1}, "tool_calls")


TWO = {
    "OpenAI": [
        call(0, "a", "f", ""),
        call(0, arguments=X),
        call(1, "b", "g", ""),
        call(1, None, None, Y),
    ],
    "both index 0": [call(0, "a", "f", X), call(0, "b", "g", Y)],
    "both index 0, in pieces": [
        *(call(0, "a", "f", '{"x"'), call(0, None, None, ":1}")),
        *(call(0, "b", "g", ""), call(0, None, None, Y)),
    ],
    "by ids that take turns": [
        *(call(None, "a", "f", ""), call(None, "b", "g", "")),
        *(call(None, "a", None, X), call(None, "b", None, Y)),
    ],
    "whole, without id and index": [[call(name="f", arguments=X), call(name="g", arguments=Y)]],
    "indexes that take turns": [
        [call(0, "a", "f", ""), call(1, "b", "g", "")],
        [call(1, None, None, Y), call(0, None, None, X)],
    ],
}


@pytest.mark.parametrize("shape", TWO)
def test_two_calls_in_any_shape(shape):
    assert called(*TWO[shape])[0] == [("f", X), ("g", Y)]


def test_call_without_arguments_has_an_empty_object():
    assert called(call(0, "a", "f", ""))[0] == [("f", "{}")]


@pytest.mark.parametrize("broken", [call(0, "a", "f", '{"x"'), call(0, "a", None, X), {"index": 0}])
def test_call_that_is_not_complete_is_an_error(broken):
    with pytest.raises(UpstreamMalformed, match="a call that is not complete"):
        called(broken)


def test_call_that_was_cut_off_stays_cut():
    assert called(call(0, "a", "f", '{"x"'), finish="length") == ([("f", '{"x"')], "length")


def test_refusal_is_kept_apart():
    assert read(chunk({"refusal": "I "}), chunk({"refusal": "won't"}), END) == (
        "",
        [],
        "I won't",
        "stop",
    )


def test_end_without_a_reason_is_an_error():
    with pytest.raises(UpstreamMalformed, match="without a finish_reason"):
        read(chunk({"content": "Hm."}))
