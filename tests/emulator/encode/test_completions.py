"""Chat completions encoded: the order of chunks, their kinds, their padding."""

import json

from emulator.answers.answer import Answer, Call, Message, Prompt
from emulator.encode.completions import Envelope, chunks, completion
from emulator.errors import ApiError
from emulator.wire import sse, tokens
from tests.support.emulator_clients import MODEL, drained

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

ASKED = Prompt([Message("user", "Hello there")])
ENVELOPE = Envelope("chatcmpl-x", 1, MODEL)
OLDER = "gpt-4o-mini-2024-07-18"
TWO_CALLS = [Call("f", '{"a": 1}', "call_1"), Call("g", "{}", "call_2")]


class LiveAnswer(Answer):
    """Two pieces as from another server; the first is known only once it is asked for."""

    is_live = True

    def __init__(self, error=None):
        super().__init__()
        self._error = error

    async def write(self):
        for piece in ("one", " two"):
            self.pieces.append(piece)
            yield piece
        if self._error:
            raise self._error


def blocks_of(*answers, envelope=ENVELOPE, include_usage=False, include_obfuscation=False):
    options = {"include_usage": include_usage, "include_obfuscation": include_obfuscation}
    return drained(chunks(envelope, ASKED, answers, **options))


def bodies(blocks):
    return [json.loads(block.decode().removeprefix("data: ")) for block in blocks]


def choices(blocks):
    """Index, delta and finish reason of each chunk; all of them validate."""
    told = []
    for body in bodies(blocks):
        ChatCompletionChunk.model_validate(body, strict=True)
        told += [(c["index"], c["delta"], c["finish_reason"]) for c in body["choices"]]
    return told


def head(place, call):
    function = {"name": call.name, "arguments": ""}
    return {"index": place, "id": call.id, "type": "function", "function": function}


def part(place, piece):
    return {"tool_calls": [{"index": place, "function": {"arguments": piece}}]}


def test_text_comes_between_role_and_finish():
    *blocks, done = blocks_of(Answer(["one", " two"], "length"))

    assert choices(blocks) == [
        (0, {"role": "assistant", "content": "", "refusal": None}, None),
        (0, {"content": "one"}, None),
        (0, {"content": " two"}, None),
        (0, {}, "length"),
    ]
    assert done == b"data: [DONE]\n\n"


def test_calls_come_after_text_each_with_a_head():
    first, second = TWO_CALLS
    *blocks, _ = blocks_of(Answer(["Well."], "tool_calls", calls=TWO_CALLS))

    deltas = [delta for _, delta, _ in choices(blocks)]
    assert deltas[2:] == [
        {"tool_calls": [head(0, first)]},
        *(part(0, piece) for piece in first.pieces),
        {"tool_calls": [head(1, second)]},
        part(1, "{}"),
        {},
    ]


def test_call_alone_stands_in_the_first_chunk():
    first = TWO_CALLS[0]
    *blocks, _ = blocks_of(Answer([], "tool_calls", calls=[first]))

    told = choices(blocks)
    opening = {"role": "assistant", "content": None, "tool_calls": [head(0, first)]}
    assert told[0] == (0, opening | {"refusal": None}, None)
    assert told[1] == (0, part(0, first.pieces[0]), None)
    assert told[-1] == (0, {}, "tool_calls")


def test_several_calls_come_after_the_role_alone():
    first, second = TWO_CALLS
    *blocks, _ = blocks_of(Answer([], "tool_calls", calls=TWO_CALLS))

    told = choices(blocks)
    assert told[:2] == [
        (0, {"role": "assistant", "content": None}, None),
        (0, {"tool_calls": [head(0, first)]}, None),
    ]
    assert {"tool_calls": [head(1, second)]} in [delta for _, delta, _ in told]


@pytest.mark.parametrize(
    ("model", "is_named", "finish"),
    [
        (OLDER, True, "stop"),
        (OLDER, False, "tool_calls"),
        (MODEL, True, "tool_calls"),
        (MODEL, False, "tool_calls"),
    ],
)
def test_call_of_a_named_function_ends_as_its_generation_does(model, is_named, finish):
    envelope = Envelope("chatcmpl-x", 1, model, is_named)
    answer = Answer([], "tool_calls", calls=TWO_CALLS)

    *_, ended, _ = blocks_of(answer, envelope=envelope)

    assert choices([ended])[0][2] == finish
    assert completion(envelope, ASKED, [answer])["choices"][0]["finish_reason"] == finish
    assert envelope.finish(Answer([], "length")) == "length"


def test_choices_take_turns_until_each_has_ended():
    *blocks, _ = blocks_of(Answer(["a"]), Answer(["b", "c", "d"]), Answer([]))

    told = [(at, delta.get("content", finish)) for at, delta, finish in choices(blocks)]
    first = [(0, ""), (0, "a"), (1, ""), (1, "b"), (2, "")]
    assert told == [*first, (1, "c"), (1, "d"), (0, "stop"), (1, "stop"), (2, "stop")]


def test_usage_comes_last_and_is_null_before():
    answers = [Answer(["a", "b"], reasoning=5), Answer(["c"], reasoning=1)]
    *blocks, usage, _ = blocks_of(*answers, include_usage=True)

    assert all(body["usage"] is None for body in bodies(blocks))
    (last,) = bodies([usage])
    assert last["choices"] == []
    assert last["usage"] == completion(ENVELOPE, ASKED, answers)["usage"]
    read = tokens.count_prompt(["Hello there"])
    assert {name: last["usage"][name] for name in list(last["usage"])[:3]} == {
        "prompt_tokens": read,
        "completion_tokens": 9,
        "total_tokens": read + 9,
    }
    assert last["usage"]["completion_tokens_details"]["reasoning_tokens"] == 6
    assert all("usage" not in body for body in bodies(blocks_of(*answers)[:-1]))


def test_each_block_has_the_kind_that_paces_it():
    answer = Answer(["a"], "tool_calls", calls=[Call("f", "{}")], reasoning=7)
    opening, text, call, arguments, finish, done = blocks_of(answer)

    assert (type(opening), opening.tokens) == (sse.ReasoningBlock, 7)
    assert type(text) is type(arguments) is sse.TextBlock
    assert type(call) is type(finish) is bytes
    assert done is sse.DONE


def test_live_pieces_go_out_at_once():
    opening, first, second, finish, _ = blocks_of(LiveAnswer())

    assert choices([opening])[0][1]["content"] == ""
    assert type(first) is type(second) is sse.SeparateBlock
    assert type(finish) is bytes


def test_error_on_the_way_ends_the_stream_without_its_mark():
    error = ApiError(502, "It broke.", type="server_error", code="upstream_error")
    *blocks, last = blocks_of(LiveAnswer(error), include_usage=True)

    assert [delta.get("content") for _, delta, _ in choices(blocks)] == ["", "one", " two"]
    assert bodies([last]) == [{"error": error.fields()}]


@given(st.lists(st.text(min_size=1), min_size=1, max_size=3), st.booleans())
def test_padded_lines_are_equal_modulo_sixteen(pieces, include_usage):
    answer = Answer(pieces, "tool_calls", calls=[Call("é", '{"é": "日"}', "call_1")])
    *blocks, _ = blocks_of(answer, include_usage=include_usage, include_obfuscation=True)

    assert len({len(block) % 16 for block in blocks}) == 1
    assert all(1 <= len(body["obfuscation"]) <= 16 for body in bodies(blocks))
    assert list(bodies(blocks)[0])[-1] == "obfuscation"


def test_body_has_content_or_calls():
    answers = [Answer(["a"]), Answer([], "tool_calls", calls=TWO_CALLS[:1]), Answer([])]
    body = completion(ENVELOPE, ASKED, answers)

    ChatCompletion.model_validate(body, strict=True)
    messages = [choice["message"] for choice in body["choices"]]
    assert [m["content"] for m in messages] == ["a", None, ""]
    assert ["tool_calls" in m for m in messages] == [False, True, False]
    function = {"name": "f", "arguments": '{"a": 1}'}
    assert messages[1]["tool_calls"] == [{"id": "call_1", "type": "function", "function": function}]
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2]
    assert body["object"] == "chat.completion"


@given(
    st.lists(st.text(), min_size=1, max_size=3).map(
        lambda texts: [Answer([t]) for t in texts if t]
    ),
    st.booleans(),
    st.booleans(),
)
def test_any_text_survives_encoding(answers, include_usage, include_obfuscation):
    options = {"include_usage": include_usage, "include_obfuscation": include_obfuscation}

    blocks = [bytes(block).decode() for block in blocks_of(*answers, **options)]

    assert all(block.startswith("data: ") and block.endswith("\n\n") for block in blocks)
    told = [""] * len(answers)
    for block in blocks[:-1]:
        for choice in json.loads(block.removeprefix("data: "))["choices"]:
            told[choice["index"]] += choice["delta"].get("content") or ""
    assert told == [each.text for each in answers]


@pytest.mark.parametrize(("pieces", "content"), [([], None), (["Well."], "Well.")])
def test_refusal_has_chunks_of_its_own(pieces, content):
    refused = Answer(pieces, refusal="I can't.")
    *blocks, _ = blocks_of(refused)
    deltas = [delta for _, delta, _ in choices(blocks)]

    refusal = None if pieces else ""
    assert deltas[0] == {"role": "assistant", "content": content and "", "refusal": refusal}
    assert "".join(delta.get("refusal") or "" for delta in deltas) == "I can't."
    body = completion(ENVELOPE, ASKED, [refused])
    ChatCompletion.model_validate(body, strict=True)
    message = body["choices"][0]["message"]
    assert (message["content"], message["refusal"]) == (content, "I can't.")
    assert body["usage"]["completion_tokens"] == len(pieces) + tokens.count("I can't.")


@pytest.mark.parametrize(
    ("model", "fingerprint", "choice_keys", "cached_keys"),
    [
        (OLDER, "fp_emulator", ["logprobs"], ["cached_tokens", "audio_tokens"]),
        ("gpt-5-mini-2025-08-07", None, [], ["cached_tokens", "audio_tokens"]),
        (MODEL, None, [], ["cached_tokens", "cache_write_tokens", "audio_tokens"]),
    ],
)
def test_body_has_the_keys_of_its_generation(model, fingerprint, choice_keys, cached_keys):
    envelope = Envelope("chatcmpl-x", 1, model)

    whole = completion(envelope, ASKED, [Answer(["a"])])
    blocks = blocks_of(Answer(["a"]), envelope=envelope, include_usage=True)
    *streamed, usage = bodies(blocks[:-1])

    for body in [whole, *streamed]:
        assert (body["model"], body["system_fingerprint"]) == (model, fingerprint)
        [choice] = body["choices"]
        own = "message" if body is whole else "delta"
        assert list(choice) == ["index", own, *choice_keys, "finish_reason"]
    for body in (whole, usage):
        assert list(body["usage"]["prompt_tokens_details"]) == cached_keys
