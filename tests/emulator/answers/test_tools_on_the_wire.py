"""Tools on the wire, by chat and by Responses: calls, their deltas, their outputs, the choice."""

import json
import re
from itertools import groupby

from tests.support.city_tools import (
    BOTH,
    CHAT_TOOLS,
    EXPECTED,
    FLAT_TOOLS,
    arguments,
)
from tests.support.emulator_clients import MODEL, ask

import openai
import pytest
from pydantic import BaseModel

HELLO = ask("Hello!") | {"tools": CHAT_TOOLS}


def chat(client, question, **options):
    return client.chat.completions.create(**ask(question), tools=CHAT_TOOLS, **options)


def respond(client, question, **options):
    asked = {"model": MODEL, "input": question, "reasoning": {"effort": "none"}}
    return client.responses.create(**asked | {"tools": FLAT_TOOLS} | options)


def test_chat_calls_side_by_side(client):
    completion = chat(client, BOTH)

    message = completion.choices[0].message
    assert arguments(completion) == EXPECTED
    assert (message.content, completion.choices[0].finish_reason) == (None, "tool_calls")
    assert all(re.fullmatch(r"call_[0-9A-Za-z]{24}", call.id) for call in message.tool_calls)


def test_chat_streams_calls_by_index(client):
    deltas = [chunk.choices[0].delta for chunk in chat(client, BOTH, stream=True)]

    opening, *rest, last = deltas
    assert (opening.role, opening.content, last.tool_calls) == ("assistant", None, None)
    assert opening.tool_calls is None
    calls = [call for delta in rest for call in delta.tool_calls]
    joined = {index: "" for index, _ in groupby(calls, key=lambda call: call.index)}
    for call in calls:
        joined[call.index] += call.function.arguments
    heads = [call for call in calls if call.id]
    assert [(head.index, head.function.name) for head in heads] == [
        (0, "get_weather"),
        (1, "get_time"),
    ]
    assert [json.loads(text) for text in joined.values()] == [each for _, each in EXPECTED]
    assert all(call.id is None and call.function.name is None for call in calls[1:2])
    assert len(calls) > 8


def test_chat_helper_accumulates_calls(client):
    with client.chat.completions.stream(**ask(BOTH), tools=CHAT_TOOLS) as stream:
        done = [e for e in stream if e.type == "tool_calls.function.arguments.done"]
        final = stream.get_final_completion()

    assert [(event.index, event.name) for event in done] == [(0, "get_weather"), (1, "get_time")]
    assert arguments(final) == EXPECTED


def test_chat_tells_outputs(client):
    first = chat(client, BOTH).choices[0].message
    said = [*ask(BOTH)["messages"], first.to_dict()]
    outputs = ['{"temperature": 14, "sky": "rain"}', "21:05"]
    for call, output in zip(first.tool_calls, outputs, strict=True):
        said.append({"role": "tool", "tool_call_id": call.id, "content": output})

    asked = ask(BOTH) | {"messages": said, "tools": CHAT_TOOLS}
    completion = client.chat.completions.create(**asked)

    text = completion.choices[0].message.content
    assert "temperature 14, sky rain" in text and "21:05" in text
    assert completion.choices[0].finish_reason == "stop"


CHOICES = [
    ("auto", [], "stop"),
    ("none", [], "stop"),
    ("required", 1, "tool_calls"),
    ({"type": "function", "function": {"name": "get_time"}}, ["get_time"], "tool_calls"),
    (
        {
            "type": "allowed_tools",
            "allowed_tools": {
                "mode": "required",
                "tools": [{"type": "function", "function": {"name": "get_time"}}],
            },
        },
        ["get_time"],
        "tool_calls",
    ),
]


@pytest.mark.parametrize(("choice", "names", "finish"), CHOICES, ids=range(len(CHOICES)))
def test_chat_obeys_tool_choice(client, choice, names, finish):
    completion = client.chat.completions.create(**HELLO, tool_choice=choice)

    called = [name for name, _ in arguments(completion)]
    assert called == names or len(called) == names
    assert completion.choices[0].finish_reason == finish
    if finish == "tool_calls" or names:
        assert completion.choices[0].message.content is None


def test_question_without_the_city_calls_nothing_unless_it_must(client):
    assert arguments(chat(client, "What is the weather?")) == []
    forced = chat(client, "What is the weather?", tool_choice="required")
    assert [name for name, _ in arguments(forced)] == ["get_weather"]


def test_parallel_calls_can_be_forbidden(client):
    assert arguments(chat(client, BOTH, parallel_tool_calls=False)) == EXPECTED[:1]
    assert len(respond(client, BOTH, parallel_tool_calls=False).output) == 1


def test_length_cuts_arguments(client):
    completion = chat(client, BOTH, max_completion_tokens=4)

    call = completion.choices[0].message.tool_calls[0]
    assert completion.choices[0].finish_reason == "length"
    assert '{"city":"Paris"}'.startswith(call.function.arguments)
    assert completion.usage.completion_tokens == 4


CALL_RUN = [
    "response.output_item.added",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.output_item.done",
]


def test_responses_stream_calls(client):
    events = list(respond(client, BOTH, stream=True))

    kinds = [kind for kind, _ in groupby(event.type for event in events)]
    opening = ["response.created", "response.in_progress"]
    assert kinds == [*opening, *CALL_RUN, *CALL_RUN, "response.completed"]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    for index in (0, 1):
        here = [event for event in events if getattr(event, "output_index", None) == index]
        deltas = [e for e in here if e.type == "response.function_call_arguments.delta"]
        item = here[-1].item
        assert "".join(e.delta for e in deltas) == item.arguments == here[-2].arguments
        assert {e.item_id for e in deltas} == {item.id}
        assert re.fullmatch(r"fc_[0-9a-f]{50}", item.id)
        assert all(len(e.delta) + len(e.model_extra["obfuscation"]) == 16 for e in deltas)


def test_responses_tell_outputs_after_previous(client):
    first = respond(client, BOTH)
    outputs = [
        {"type": "function_call_output", "call_id": call.call_id, "output": f"output {place}"}
        for place, call in enumerate(first.output)
    ]

    then = respond(client, outputs, previous_response_id=first.id)

    assert "get_weather says: output 0. get_time says: output 1." in then.output_text


def test_responses_echo_tools(client):
    told = respond(client, "Hello!", tool_choice="auto").to_dict()

    added = {"strict": True, "output_schema": None}
    assert told["tools"] == [each | added for each in FLAT_TOOLS]


@pytest.mark.parametrize(
    "choice",
    [
        "required",
        {"type": "function", "name": "get_time"},
        {
            "type": "allowed_tools",
            "mode": "required",
            "tools": [{"type": "function", "name": "get_time"}],
        },
    ],
    ids=["required", "function", "allowed"],
)
def test_responses_obey_tool_choice(client, choice):
    response = respond(client, "Hello!", tool_choice=choice)

    assert [item.type for item in response.output] == ["function_call"]
    assert choice == "required" or response.output[0].name == "get_time"
    assert response.to_dict()["tool_choice"] == choice


def test_helper_of_sdk_parses_calls(client):
    class GetWeather(BaseModel):
        """The weather in a city."""

        city: str

    tools = [openai.pydantic_function_tool(GetWeather, name="get_weather")]
    parsed = client.chat.completions.parse(**ask("The weather in Oslo?"), tools=tools)

    call = parsed.choices[0].message.tool_calls[0]
    assert call.function.parsed_arguments == GetWeather(city="Oslo")


ASKS = ask("x")["messages"]
CALLED = {
    "role": "assistant",
    "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    ],
}
STRAY = {"role": "tool", "tool_call_id": "call_2", "content": "x"}
LOOSE = {"type": "object", "properties": {"a": {"type": "string"}}}
CHAT_WRONG = [
    ({"messages": [*ASKS, STRAY]}, "messages.[1].role", None),
    ({"messages": [*ASKS, CALLED]}, "messages", None),
    ({"messages": [*ASKS, CALLED, *ASKS]}, "messages.[2].role", None),
    ({"messages": [*ASKS, CALLED, STRAY]}, "messages.[2].role", None),
    ({"tools": [{"type": "custom", "custom": {}}]}, "tools[0].type", "unsupported_parameter"),
    ({"tools": [{"type": "function"}]}, "tools[0].function", "invalid_type"),
    (
        {"tools": [{"type": "function", "function": {"name": "a b"}}]},
        "tools[0].function.name",
        "invalid_value",
    ),
    (
        {
            "tools": [
                {"type": "function", "function": {"name": "f", "strict": True, "parameters": LOOSE}}
            ]
        },
        "tools[0].function.parameters",
        "invalid_function_parameters",
    ),
    ({"tool_choice": "required"}, "tool_choice", None),
    ({"tools": CHAT_TOOLS, "tool_choice": "any"}, "tool_choice", "invalid_value"),
    (
        {"tools": CHAT_TOOLS, "tool_choice": {"type": "function", "function": {"name": "f"}}},
        "tool_choice",
        None,
    ),
]


@pytest.mark.parametrize(("change", "param", "code"), CHAT_WRONG, ids=range(len(CHAT_WRONG)))
def test_chat_refuses_what_does_not_fit(client, change, param, code):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**ask("x") | change)

    assert (caught.value.param, caught.value.code) == (param, code)


@pytest.mark.parametrize("kind", ["function_call", "function_call_output"])
def test_responses_refuse_half_a_call(client, kind):
    item = {"type": kind, "call_id": "call_9", "name": "f", "arguments": "{}", "output": "x"}

    with pytest.raises(openai.BadRequestError, match="call_9") as caught:
        respond(client, [item])

    assert (caught.value.param, caught.value.code) == ("input", None)
