"""What chunks add up to, in each of the shapes that other servers send."""

import json
from contextlib import suppress

from emulator.upstream.upstream_body import UpstreamMalformed
from emulator.upstream.upstream_chunks import ChunkReader
from tests.support.computing_time import computes_at_once
from tests.support.scripted_upstream import chunk

import pytest


def read(*chunks, is_done=True):
    """The text, the calls, the refusal and the reason to end."""
    reader = ChunkReader()
    text = "".join([reader.take(each) for each in chunks] + [reader.rest()])
    calls, finish = reader.end(is_done=is_done)
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
        chunk({"content": False, "tool_calls": None, "refusal": []}),
        chunk({"content": {}, "tool_calls": [None, 3]}),
    ],
)
def test_chunk_without_text_is_passed_over(silent):
    assert read(silent, chunk({"content": "Hm."}), silent, END) == ("Hm.", [], "", "stop")


def test_finish_beside_a_delta_of_null_counts():
    last = {"choices": [{"index": 0, "delta": None, "finish_reason": "length"}]}

    assert read(chunk({"content": "H"}), last) == ("H", [], "", "length")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"type": "text", "text": "a"}, {"text": "b"}, "c", None], "abc"),
        ({"type": "output_text", "text": "a"}, "a"),
        ({"type": "thinking", "thinking": "a", "text": "b"}, ""),
        ([{"type": "reasoning", "text": "a"}, {"type": "text", "text": "b"}], "b"),
        ({"answer": 3}, '{"answer": 3}'),
        (3, "3"),
    ],
)
def test_content_of_any_shape_is_text(content, text):
    assert read(chunk({"content": content}), END)[0] == text


def test_choice_that_nobody_asked_for_is_passed_over():
    other = {"choices": [{"index": 1, "delta": {"content": "Ho"}, "finish_reason": "length"}]}

    assert read(chunk({"content": "Hi"}), other, END) == ("Hi", [], "", "stop")


def test_only_choice_may_have_any_number():
    numbered = [
        {"choices": [{"index": 1, "delta": {"content": "H"}}]},
        {"choices": [{"index": 0, "delta": {"content": "i"}, "finish_reason": "stop"}]},
    ]

    assert read(*numbered)[0] == "Hi"


def test_old_completion_is_text():
    assert read({"choices": [{"text": "Hi", "finish_reason": "stop"}]})[0] == "Hi"


def test_messages_are_pieces_unless_they_repeat_deltas():
    message = {"choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}]}

    assert read(message, message)[0] == "HiHi"
    assert read(chunk({"content": "Hi"}), message)[0] == "Hi"
    assert read(chunk({"reasoning": "Hm"}), message)[0] == "Hi"


@pytest.mark.parametrize("word", ["abort", "error", "cancelled", "load", "x" * 1000])
def test_unknown_reason_to_end_is_no_end(word):
    with pytest.raises(UpstreamMalformed, match="broke off with finish_reason"):
        read(chunk({"content": "Hi"}), chunk({}, word))


@pytest.mark.parametrize("word", ["", " ", "null", "None", None, 3, [], {}])
def test_reason_that_says_nothing_is_no_end(word):
    with pytest.raises(UpstreamMalformed, match="without a finish_reason"):
        read(chunk({"content": "Hi"}, word))


@pytest.mark.parametrize("word", ["Max-Tokens", "max tokens", {"type": "length", "length": 7}])
def test_reason_is_read_in_any_spelling(word):
    assert read(chunk({"content": "Hi"}, word))[3] == "length"


@pytest.mark.parametrize("words", [("length", "stop"), ("stop", "length"), ("length", "length")])
def test_gravest_reason_counts(words):
    assert read(chunk({"content": "Hi"}), *(chunk({}, word) for word in words))[3] == "length"


def test_text_behind_a_reason_needs_another_end():
    chunks = [chunk({"content": "H"}, "stop"), chunk({"content": "i"})]

    assert read(*chunks, is_done=True)[0] == "Hi"
    assert read(*chunks, END, is_done=False)[0] == "Hi"
    with pytest.raises(UpstreamMalformed, match="without a finish_reason"):
        read(*chunks, is_done=False)


def test_words_before_an_early_end_are_told():
    with pytest.raises(UpstreamMalformed, match="finish_reason: out of memory$"):
        read(chunk({"content": "H"}), {"message": "out of memory"}, {"message": "again"})
    with pytest.raises(UpstreamMalformed, match="'error': out of memory$"):
        read({"detail": "out of memory"}, chunk({}, "error"))


def test_answer_of_nothing_that_lost_something_is_an_error():
    with pytest.raises(UpstreamMalformed, match="sent no call"):
        read(chunk({}, "tool_calls"))
    with pytest.raises(UpstreamMalformed, match="reasoning alone"):
        read(chunk({"reasoning": "Hm"}), END)
    assert read(chunk({"reasoning": "Hm"}), chunk({}, "length"))[3] == "length"
    assert read(chunk({"content": "Hi"}), chunk({}, "tool_calls")) == ("Hi", [], "", "stop")


def test_endless_answer_is_refused():
    reader = ChunkReader()
    with pytest.raises(UpstreamMalformed, match="letters in one answer"):
        for _ in range(5):
            reader.take(chunk({"content": "x" * 2**20}))


def test_endless_calls_are_refused():
    with pytest.raises(UpstreamMalformed, match="more than 128 calls"):
        called([call(number, str(number), "f", "{}") for number in range(129)])


@pytest.mark.parametrize("piece", ['{"x":"}', "}", "x", '{"x":1}'])
def test_many_pieces_of_arguments_are_read_at_once(piece):
    deltas = [call(0, "a", "f", piece) for _ in range(5_000)]
    with computes_at_once(), suppress(UpstreamMalformed):
        called(*deltas)


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
    "arguments as text of JSON": [call(0, "a", "f", json.dumps('{"x":1}'))],
    "arguments twice": [call(0, "a", "f", '{"x":1}'), call(0, None, None, '{ "x": 1 }')],
    "an empty object first": [
        call(0, "a", "f", "{}"),
        call(0, "a", "f", '{"x"'),
        call(0, "a", "f", ":1}"),
    ],
    "without a function": [{"index": 0, "id": "a", "name": "f", "arguments": '{"x":1}'}],
    "a number as id": [call(0, 7, "f", '{"x"'), call(0, 7, None, ":1}")],
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
    "whole, of one id": [call(0, "a", "f", X), call(0, "a", "g", Y)],
    "whole, of one id, no index": [call(None, "a", "f", X), call(None, "a", "g", Y)],
    "whole, without id and index": [[call(name="f", arguments=X), call(name="g", arguments=Y)]],
    "indexes that take turns": [
        [call(0, "a", "f", ""), call(1, "b", "g", "")],
        [call(1, None, None, Y), call(0, None, None, X)],
    ],
}


@pytest.mark.parametrize("shape", TWO)
def test_two_calls_in_any_shape(shape):
    assert called(*TWO[shape])[0] == [("f", X), ("g", Y)]


@pytest.mark.parametrize("nothing", ["", " ", "null", "{}", "[]", '""', '"{}"', "{}{}", None, {}])
def test_call_without_arguments_has_an_empty_object(nothing):
    assert called(call(0, "a", "f", nothing))[0] == [("f", "{}")]


@pytest.mark.parametrize(
    "broken",
    [
        call(0, "a", "f", '{"x"'),
        call(0, "a", None, X),
        {"index": 0},
        call(0, "a", "f", '{"x":1}{"x":2}'),
        call(0, "a", "f", '{"x":NaN}'),
        call(0, "a", "f", "[1]"),
        call(0, "a", "f", "7"),
        call(0, "a", "f", '{"x":1} and more'),
        call(0, "a", "f", "[" * 100_000),
        call(0, "a", "f", {"x": float("nan")}),
    ],
)
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
