"""Chat Completions on the wire: what the unmodified SDK gets, and the bytes under it."""

import json
import re
from itertools import groupby

from tests.support.emulator_clients import MODEL, ask

import httpx2
import openai
import pytest

QUESTION = ask("When is the observatory closed?")


def lines_of(emulator, **body):
    """The data lines of a streamed answer, as they crossed."""
    with httpx2.stream(
        "POST",
        f"{emulator.base_url}/chat/completions",
        json=body | {"stream": True},
        headers={"authorization": "Bearer offline"},
        trust_env=False,
    ) as response:
        text = response.read().decode()
    assert text.endswith("\n\n")
    return [line.removeprefix("data: ") for line in text.split("\n\n")[:-1]]


def word(chunk):
    """A letter for the kind of a chunk, as the grammar of recorded streams is written."""
    if not chunk["choices"]:
        return "U"
    choice = chunk["choices"][0]
    if choice["finish_reason"]:
        return "F"
    return "R" if "role" in choice["delta"] else "c"


def test_stream_equals_whole(client):
    whole = client.chat.completions.create(**QUESTION)

    chunks = list(client.chat.completions.create(**QUESTION, stream=True))

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == whole.choices[0].message.content
    assert "closed on Mondays" in text
    assert chunks[-1].choices[0].finish_reason == whole.choices[0].finish_reason == "stop"


async def test_stream_reaches_async_client(async_client):
    stream = await async_client.chat.completions.create(**QUESTION, stream=True)

    text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert "closed on Mondays" in text


def test_stream_has_recorded_grammar(emulator):
    lines = lines_of(emulator, **QUESTION, stream_options={"include_usage": True})

    assert lines[-1] == "[DONE]"
    words = "".join(word(json.loads(line)) for line in lines[:-1])
    assert re.fullmatch("Rc+FU", words)


def test_usage_stands_on_every_chunk_or_none(emulator):
    without = [json.loads(line) for line in lines_of(emulator, **QUESTION)[:-1]]
    options = {"include_usage": True}
    having = [
        json.loads(line) for line in lines_of(emulator, **QUESTION, stream_options=options)[:-1]
    ]

    assert all("usage" not in chunk for chunk in without)
    assert all(chunk["usage"] is None for chunk in having[:-1])
    assert having[-1]["usage"]["completion_tokens"] == len(having) - 3


def test_chunks_share_envelope(emulator):
    chunks = [json.loads(line) for line in lines_of(emulator, **QUESTION)[:-1]]

    shared = {(c["id"], c["created"], c["model"], c["system_fingerprint"]) for c in chunks}
    assert len(shared) == 1
    assert re.fullmatch(r"chatcmpl-[0-9A-Za-z]{29}", chunks[0]["id"])
    assert chunks[0]["model"] == MODEL
    assert chunks[0]["system_fingerprint"] is None
    order = "id object created model service_tier system_fingerprint choices obfuscation".split()
    assert list(chunks[0]) == order


def test_obfuscation_hides_lengths(emulator):
    lines = lines_of(emulator, **QUESTION, stream_options={"include_usage": True})[:-1]

    assert len({len(line.encode()) % 16 for line in lines}) == 1
    assert all(1 <= len(json.loads(line)["obfuscation"]) <= 16 for line in lines)


def test_obfuscation_can_be_left_out(emulator):
    options = {"include_obfuscation": False}

    lines = lines_of(emulator, **QUESTION, stream_options=options)

    assert all("obfuscation" not in line for line in lines)


def test_choices_differ_and_interleave(client):
    chunks = list(client.chat.completions.create(**QUESTION, stream=True, n=3))

    texts = {0: "", 1: "", 2: ""}
    for chunk in chunks:
        texts[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
    assert len(set(texts.values())) == 3
    assert [c.choices[0].index for c in chunks[:9]] == [0, 0, 1, 1, 2, 2, 0, 1, 2]
    assert [c.choices[0].finish_reason for c in chunks[-3:]] == ["stop"] * 3


def test_stop_ends_before_sequence(client):
    asked = ask("Reply with exactly: one two three four")

    answer = client.chat.completions.create(**asked, stop=["four", " three"])

    assert answer.choices[0].message.content == "one two"
    assert answer.choices[0].finish_reason == "stop"


def test_length_cuts_answer(client):
    asked = ask("Reply with exactly: one two three four")

    answer = client.chat.completions.create(**asked, max_completion_tokens=2)

    assert answer.choices[0].message.content == "one two"
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 2


def test_helper_of_sdk_accumulates(client):
    with client.chat.completions.stream(**QUESTION) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()

    assert {kind for kind, _ in groupby(kinds)} == {"chunk", "content.delta", "content.done"}
    assert "closed on Mondays" in final.choices[0].message.content


def test_verbosity_and_words_set_sentences(client):
    short = client.chat.completions.create(**QUESTION, verbosity="low")
    asked = ask("What is the Lantern? Answer in two sentences.")
    two = client.chat.completions.create(**asked)

    assert short.choices[0].message.content.count(". ") == 1
    assert two.choices[0].message.content.count(". ") == 2


def test_inert_parameters_are_named(client):
    raw = client.chat.completions.with_raw_response.create(**QUESTION, seed=7, temperature=0.5)

    assert raw.headers["x-openai-emulator-inert"] == "seed, temperature"


REFUSED = {
    "functions": [{"name": "f"}],
    "logprobs": True,
    "logit_bias": {"1": 1},
}


@pytest.mark.parametrize("name", REFUSED)
def test_unserved_parameter_is_refused_by_name(client, name):
    with pytest.raises(openai.BadRequestError, match=name) as caught:
        client.chat.completions.create(**QUESTION, **{name: REFUSED[name]})

    assert (caught.value.code, caught.value.param) == ("unsupported_parameter", name)


DEEP = {"reasoning_effort": "low"}
TOOLS = [{"type": "function", "function": {"name": "f"}}]


@pytest.mark.parametrize(
    ("change", "code", "param", "message"),
    [
        ({"temperature": 0.5, **DEEP}, "unsupported_value", "temperature", "Only the default (1)"),
        ({"top_p": 0.5, **DEEP}, "unsupported_parameter", "top_p", "'top_p' is not supported"),
        (
            {"reasoning_effort": "minimal"},
            "unsupported_value",
            "reasoning_effort",
            "Supported values are: 'none', 'low', 'medium', 'high', 'xhigh', and 'max'.",
        ),
        (
            {"tools": TOOLS, **DEEP},
            None,
            "reasoning_effort",
            "use /v1/responses or set reasoning_effort to 'none'.",
        ),
        (
            {"tools": TOOLS, "model": "gpt-6-astra", **DEEP},
            None,
            "reasoning_effort",
            "To use function tools, use /v1/responses.",
        ),
        (
            {"model": "gpt-4o"},
            None,
            None,
            "Unrecognized request argument supplied: reasoning_effort",
        ),
    ],
)
def test_what_a_generation_does_not_take_is_refused(client, change, code, param, message):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**(QUESTION | change))

    assert (caught.value.code, caught.value.param) == (code, param)
    assert message in caught.value.message


@pytest.mark.parametrize("change", [DEEP, {"reasoning_effort": None}])
def test_defaults_of_sampling_are_taken_beside_reasoning(client, change):
    asked = QUESTION | {"temperature": 1, "top_p": 1} | change

    assert client.chat.completions.create(**asked).choices[0].message.content


@pytest.mark.parametrize(
    ("model", "answered"),
    [
        ("gpt-4o", "gpt-4o-2024-08-06"),
        ("gpt-4o-2024-08-06", "gpt-4o-2024-08-06"),
        ("gpt-5-mini", "gpt-5-mini-2025-08-07"),
        ("gpt-5.6", "gpt-5.6-sol"),
        (MODEL, MODEL),
    ],
)
def test_alias_is_answered_by_its_dated_release(client, model, answered):
    asked = {"model": model, "messages": QUESTION["messages"]}

    made = client.chat.completions.create(**asked, store=True)

    assert made.model == answered
    assert made.id in [kept.id for kept in client.chat.completions.list(model=model)]


WRONG = [
    ({"temperature": 3}, "decimal_above_max_value"),
    ({"temperature": -0.5}, "decimal_below_min_value"),
    ({"temperature": "hot"}, "invalid_type"),
    ({"n": 0}, "integer_below_min_value"),
    ({"stream": "yes"}, "invalid_type"),
    ({"stop": list("abcde")}, "array_above_max_length"),
    ({"metadata": {"k": 1}}, "invalid_type"),
    ({"verbosity": "loud"}, "invalid_value"),
    ({"messages": []}, "empty_array"),
    ({"messages": [{"role": "robot", "content": "x"}]}, "invalid_value"),
    ({"messages": [{"role": "user", "content": 7}]}, "invalid_type"),
    ({"messages": None}, "missing_required_parameter"),
    ({"frobnicate": 1}, "unknown_parameter"),
    ({"max_tokens": 5}, "unsupported_parameter"),
]


@pytest.mark.parametrize(("change", "code"), WRONG)
def test_wrong_parameter_gets_openai_code(client, change, code):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**(QUESTION | {"extra_body": change}))

    assert caught.value.code == code
    assert next(iter(change)) in (caught.value.param or "")


def test_unknown_model_is_404(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(**(QUESTION | {"model": "gpt-none"}))

    assert (caught.value.code, caught.value.param) == ("model_not_found", None)


@pytest.mark.parametrize("calls", [True, False, 5, "a", {"id": 1}])
def test_tool_calls_that_are_no_list_are_refused(client, calls):
    said = [{"role": "assistant", "content": "Hi", "tool_calls": calls}]

    with pytest.raises(openai.BadRequestError, match="expected an array"):
        client.chat.completions.create(model=MODEL, messages=said)
