"""Responses on the wire: bodies, events in their order, ids, and what is stored."""

import json
import re
from itertools import groupby

from tests.support.emulator_clients import MODEL

import httpx2
import openai
import pytest

QUESTION = {
    "model": MODEL,
    "input": "When is the observatory closed?",
    "reasoning": {"effort": "none"},
}

QUIET = {"reasoning": {"effort": "none"}}

ORDER = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
]


def runs(events):
    return [kind for kind, _ in groupby(event.type for event in events)]


def blocks_of(emulator, **body):
    """The blocks of a streamed response, as they crossed."""
    answer = httpx2.post(
        f"{emulator.base_url}/responses",
        json=body | {"stream": True},
        headers={"authorization": "Bearer offline"},
        trust_env=False,
    )
    return answer.text.split("\n\n")[:-1]


def test_events_come_in_recorded_order(client):
    events = list(client.responses.create(**QUESTION, stream=True))

    assert runs(events) == ORDER
    assert [event.sequence_number for event in events] == list(range(len(events)))


async def test_events_reach_async_client(async_client):
    stream = await async_client.responses.create(**QUESTION, stream=True)

    assert runs([event async for event in stream]) == ORDER


def test_text_is_told_four_times_alike(client):
    events = list(client.responses.create(**QUESTION, stream=True))

    told = {
        "".join(e.delta for e in events if e.type == "response.output_text.delta"),
        next(e.text for e in events if e.type == "response.output_text.done"),
        next(e.part.text for e in events if e.type == "response.content_part.done"),
        events[-1].response.output_text,
    }
    assert len(told) == 1
    assert "closed on Mondays" in told.pop()


def test_event_names_equal_types_and_nothing_follows(emulator):
    blocks = blocks_of(emulator, **QUESTION)

    for block in blocks:
        name, data = block.split("\n")
        assert name == f"event: {json.loads(data.removeprefix('data: '))['type']}"
    assert "[DONE]" not in blocks[-1]
    assert blocks[-1].startswith("event: response.completed")


def test_deltas_are_padded_to_sixteen(client):
    events = list(client.responses.create(**QUESTION, stream=True))

    deltas = [event for event in events if event.type == "response.output_text.delta"]
    assert all(len(e.delta) + len(e.model_extra["obfuscation"]) == 16 for e in deltas)
    assert all(event.logprobs == [] for event in deltas)


def test_padding_can_be_left_out(client):
    options = {"include_obfuscation": False}

    events = list(client.responses.create(**QUESTION, stream=True, stream_options=options))

    assert all("obfuscation" not in (event.model_extra or {}) for event in events)


def test_ids_are_of_one_family(client):
    response = client.responses.create(**QUESTION)

    assert re.fullmatch(r"resp_[0-9a-f]{50}", response.id)
    assert re.fullmatch(r"msg_[0-9a-f]{50}", response.output[0].id)
    assert response.id.removeprefix("resp_")[:18] == response.output[0].id.removeprefix("msg_")[:18]


def test_body_tells_settings_and_defaults(client):
    response = client.responses.create(**QUESTION, instructions="Be kind.", metadata={"a": "b"})

    told = response.to_dict()
    assert told["instructions"] == "Be kind."
    assert told["metadata"] == {"a": "b"}
    assert told["reasoning"] == {
        "context": "all_turns",
        "effort": "none",
        "mode": "standard",
        "summary": None,
    }
    assert told["text"] == {"format": {"type": "text"}, "verbosity": "medium"}
    assert (told["store"], told["truncation"], told["tool_choice"]) == (True, "disabled", "auto")
    assert (
        told["usage"]["total_tokens"] == response.usage.input_tokens + response.usage.output_tokens
    )


def test_length_leaves_response_incomplete(client):
    asked = {"model": MODEL, "input": "Reply with exactly: " + "word " * 40}

    events = list(client.responses.create(**asked, max_output_tokens=16, stream=True))

    last = events[-1].response
    assert events[-1].type == "response.incomplete"
    assert (last.status, last.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert (last.output[0].status, last.usage.output_tokens) == ("incomplete", 16)


def test_helper_of_sdk_reads_stream(client):
    with client.responses.stream(**QUESTION) as stream:
        stream.until_done()
        final = stream.get_final_response()

    assert "closed on Mondays" in final.output_text


def test_next_response_knows_previous(client):
    first = client.responses.create(**QUESTION | {"input": "What is the Lantern?"})

    then = client.responses.create(**QUESTION | {"input": "Why?"}, previous_response_id=first.id)

    assert then.previous_response_id == first.id
    assert "Lantern" in then.output_text
    assert then.usage.input_tokens > first.usage.input_tokens + first.usage.output_tokens


def test_stored_response_can_be_had_and_deleted(client):
    made = client.responses.create(**QUESTION)

    assert client.responses.retrieve(made.id) == made
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError, match=made.id):
        client.responses.retrieve(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.delete(made.id)


def test_streamed_response_is_stored_at_its_end(client):
    events = list(client.responses.create(**QUESTION, stream=True))

    kept = client.responses.retrieve(events[0].response.id).to_dict()
    assert kept.pop("billing") == {"payer": "developer"}  # a stream doesn't say
    assert kept == events[-1].response.to_dict()


def test_response_is_not_stored_when_told(client):
    made = client.responses.create(**QUESTION, store=False)

    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(**QUESTION, previous_response_id=made.id)

    assert caught.value.code == "previous_response_not_found"


def test_unknown_model_is_400(client):
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model="gpt-none", input="x")

    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


REFUSED = [
    ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
    ({"include": ["message.output_text.logprobs"]}, "include[0]"),
    ({"input": [{"type": "web_search_call", "id": "ws_1"}]}, "input[0].type"),
    (
        {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
        "input[0].content[0].type",
    ),
]


@pytest.mark.parametrize(("change", "param"), REFUSED)
def test_unserved_parameter_is_refused_by_name(client, change, param):
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(**(QUESTION | change))

    assert (caught.value.code, caught.value.param) == ("unsupported_parameter", param)


def test_refusal_repeats_the_value(client):
    with pytest.raises(openai.BadRequestError, match="'web_search' in 'tools\\[0\\].type'"):
        client.responses.create(**QUESTION, tools=[{"type": "web_search"}])


SAID = {"role": "user", "content": "Why?"}
TYPOS = [
    ({"include": ["file_search_call.result"]}, "include[0]"),
    ({"tools": [{"type": "web_serch"}]}, "tools[0].type"),
    ({"tool_choice": {"type": "functions"}}, "tool_choice.type"),
    ({"input": [{"type": "function_cal"}]}, "input[0].type"),
    ({"input": [{"role": "user", "content": [{"type": "input"}]}]}, "input[0].content[0].type"),
]


@pytest.mark.parametrize(("change", "param"), TYPOS)
def test_typo_is_not_taken_for_a_part_of_the_api(client, change, param):
    with pytest.raises(openai.BadRequestError, match="Supported values are") as caught:
        client.responses.create(**(QUESTION | change))

    assert (caught.value.code, caught.value.param) == ("invalid_value", param)


@pytest.mark.parametrize(
    ("change", "code", "param", "message"),
    [
        ({"temperature": 0.5}, None, "temperature", "not supported with this model"),
        ({"top_p": 1}, None, "top_p", "not supported with this model"),
        (
            {"reasoning": {"effort": "none"}, "model": "gpt-6-astra"},
            "unsupported_value",
            "reasoning.effort",
            "'none' is not supported with the 'gpt-6-astra' model. Supported values are: 'low',",
        ),
        (
            {"reasoning": {"summary": "auto"}, "model": "gpt-4o"},
            "unsupported_parameter",
            "reasoning.summary",
            "not supported with this model",
        ),
    ],
)
def test_what_a_generation_does_not_take_is_refused(client, change, code, param, message):
    asked = {"model": MODEL, "input": "Hello!"} | change

    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(**asked)

    assert (caught.value.code, caught.value.param) == (code, param)
    assert message in caught.value.message


def test_sampling_is_taken_without_reasoning(client):
    told = client.responses.create(**QUESTION, temperature=0.5, top_p=0.25)

    assert (told.temperature, told.top_p) == (0.5, 0.25)


@pytest.mark.parametrize(
    ("model", "answered"),
    [("gpt-4o", "gpt-4o-2024-08-06"), ("gpt-5.2-2025-12-11", "gpt-5.2-2025-12-11")],
)
def test_alias_is_answered_by_its_dated_release(client, model, answered):
    assert client.responses.create(model=model, input="Hello!").model == answered


def test_model_that_ends_names_its_successor(client):
    raw = client.responses.with_raw_response.create(model="gpt-5-mini", input="Hello!")
    lasting = client.responses.with_raw_response.create(model=MODEL, input="Hello!")
    unnamed = client.responses.with_raw_response.create(model="o4-mini", input="Hello!")

    header = "x-openai-emulator-model-ends"
    assert raw.headers[header] == "2026-12-11; use gpt-6.1-terra"
    assert header not in lasting.headers
    assert unnamed.headers[header] == "2026-10-23"


THINKING = {"model": MODEL, "input": "When is the observatory closed?"}


def test_reasoning_is_taken_back_in_the_next_turn(client):
    asked = THINKING | {"store": False, "include": ["reasoning.encrypted_content"]}
    first = client.responses.create(**asked, reasoning={"summary": "auto"})
    reasoning, message = first.output
    said = [{"role": "user", "content": THINKING["input"]}, reasoning.to_dict(), message.to_dict()]

    then = client.responses.create(
        **asked | {"input": [*said, {"role": "user", "content": "Why?"}]}
    )

    assert reasoning.encrypted_content and "tokens" in reasoning.summary[0].text
    assert then.status == "completed"


def test_reasoning_that_was_changed_is_refused(client):
    reasoning = client.responses.create(**THINKING).output[0].to_dict()
    content = reasoning["encrypted_content"]
    changed = reasoning | {"encrypted_content": content[:-8] + content[:8]}

    with pytest.raises(openai.BadRequestError, match=reasoning["id"]) as caught:
        client.responses.create(model=MODEL, input=[changed])

    assert caught.value.code == "invalid_encrypted_content"


def test_reasoning_of_openai_is_told_to_be_withheld(client):
    theirs = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAABqvyp6"}
    said = [theirs, {"role": "user", "content": "Hello!"}]

    answer = client.responses.create(model=MODEL, input=said)

    [told] = answer.input_transformations
    assert (told.id, told.action, told.reason) == ("rs_1", "removed", "organization_mismatch")
    assert client.responses.create(model=MODEL, input="Hello!").input_transformations is None


def test_phase_of_a_message_is_kept(client):
    answer = client.responses.create(**QUESTION, store=False).output[0].to_dict()
    made = client.responses.create(**QUESTION | {"input": [answer, SAID]})

    items = client.responses.input_items.list(made.id, order="asc").to_dict()["data"]

    assert [item.get("phase") for item in items] == ["final_answer", None]
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=MODEL, input=[answer | {"phase": "middle"}])
    assert (caught.value.code, caught.value.param) == ("invalid_value", "input[0].phase")


def test_summary_reaches_the_helper_of_the_sdk(client):
    with client.responses.stream(**THINKING, reasoning={"summary": "concise"}) as stream:
        deltas = [e.delta for e in stream if e.type == "response.reasoning_summary_text.delta"]
        final = stream.get_final_response()

    assert "".join(deltas) == final.output[0].summary[0].text


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("stream-quota", "insufficient_quota"),
        ("stream-429@4", "rate_limit_exceeded"),
        ("stream-500", None),
    ],
)
def test_error_after_status_200_reaches_the_sdk(lenient, fault, code):
    headers = {"x-emulator-fault": fault}
    stream = lenient.responses.create(**QUESTION, stream=True, extra_headers=headers)

    with pytest.raises(openai.APIError) as caught:
        list(stream)

    assert not isinstance(caught.value, openai.APIStatusError)
    assert caught.value.code == code


@pytest.mark.parametrize("half", [b'"\\ud83d"', b'"\xed\xa0\xbd"', b'{"a": ["\\udc00\\ud800"]}'])
def test_half_of_a_pair_is_refused_and_nothing_is_kept(emulator, half):
    kept = len(emulator.service.store.all("response"))
    body = b'{"model": "' + MODEL.encode() + b'", "input": ' + half + b"}"
    answer = httpx2.post(
        f"{emulator.base_url}/responses",
        content=body,
        headers={"authorization": "Bearer x", "content-type": "application/json"},
        trust_env=False,
    )

    assert answer.status_code == 400
    assert len(emulator.service.store.all("response")) == kept


def texts(items):
    return [item.content[0].text for item in items]


def test_input_items_tell_what_was_asked(client):
    first = client.responses.create(model=MODEL, input="What is the Lantern?", **QUIET)
    then = client.responses.create(
        model=MODEL, input="Why?", previous_response_id=first.id, **QUIET
    )

    items = client.responses.input_items.list(then.id, order="asc", limit=1)

    assert texts(items) == ["What is the Lantern?", first.output_text, "Why?"]
    assert texts(client.responses.input_items.list(first.id)) == ["What is the Lantern?"]


def test_input_tokens_are_those_of_the_usage(client):
    asked = {"model": MODEL, "input": "What is the Lantern?", "instructions": "Be brief."}

    counted = client.responses.input_tokens.count(**asked)

    assert counted.input_tokens == client.responses.create(**asked).usage.input_tokens
    assert client.responses.input_tokens.count().input_tokens == 3


def test_response_without_model_and_input_is_answered(client):
    """As openai 3.54's types let both be left out."""
    assert "can only quote" in client.responses.create().output_text
