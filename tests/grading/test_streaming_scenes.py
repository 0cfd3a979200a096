"""The sentences of lesson 1's scenes that no packed program hears, proved without a process."""

import asyncio
import json
import random
from contextlib import contextmanager, suppress

from grading.exercise import exercises
from grading.judge import run, serve
from grading.scenes.streaming_scenes import (
    UNFINISHED,
    FinishedOrCut,
    RelayToBrowser,
    ToolCalls,
    height,
)
from grading.trace import TracedExchange
from tools.pack_exercises import placed

import pytest
from openai import BadRequestError, OpenAI

MODEL = "gpt-6-luna"
QUESTION = {"role": "user", "content": "What is open?"}
SUMMARY = {"role": "user", "content": "Sum it up."}


@contextmanager
def meeting(kind):
    """A scene, and a client of its server."""
    scene = kind(random.Random(4711))
    with serve(scene) as server:
        yield scene, OpenAI(base_url=server.base_url, api_key="offline", max_retries=0)


def asked(client, *messages, **options):
    """Ask with a stream, and read it; the finish_reason."""
    chunks = client.chat.completions.create(
        model=MODEL, messages=[*messages], stream=True, **options
    )
    return [chunk.choices[0].finish_reason for chunk in chunks][-1]


# ---------------------------------------------------------------------------- S3


@pytest.mark.parametrize(("end", "met"), UNFINISHED.items())
def test_unfinished_answer_is_asked_for_once_and_not_kept(end, met):
    with meeting(FinishedOrCut) as (scene, client):
        scene.plans = [[end]]
        assert asked(client, QUESTION) == end
        kept = {"role": "assistant", "content": scene.attempts[0].text}
        asked(client, QUESTION, kept, SUMMARY)
        told = scene.verdict().fact
        asked(client, QUESTION)

        assert told == f"An answer that {met} is kept as if it were complete."
        assert scene.verdict().fact.endswith(f"asks again after an answer that {met}.")


# ---------------------------------------------------------------------------- S5


def without(name):
    """The call without one of its fields."""
    return lambda call: {key: value for key, value in call.items() if key != name}


def parsed(call):
    """The call with its arguments as an object, which is not what the model wrote."""
    arguments = json.loads(call["function"]["arguments"])
    return call | {"function": call["function"] | {"arguments": arguments}}


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        (dict, None),
        (without("type"), "Call 1 in request 2 (POST /v1/chat/completions) has no type."),
        (without("id"), "Call 1 in request 2 (POST /v1/chat/completions) has no id."),
        (
            parsed,
            "The arguments of call 1 in request 2 (POST /v1/chat/completions) are not a string.",
        ),
        (
            lambda call: {"id": call["id"], "type": "function", **call["function"]},
            "Call 1 in request 2 (POST /v1/chat/completions) has no object `function`.",
        ),
    ],
)
def test_tool_calls_keep_the_shape_in_which_they_came(shape, told):
    with meeting(ToolCalls) as (scene, client):
        tool = {"type": "function", "function": {"name": "height", "parameters": {}}}
        options = {"tools": [tool], "reasoning_effort": "none"}
        asked(client, QUESTION, **options)
        calls = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in scene.calls
        ]
        results = [
            {"role": "tool", "tool_call_id": call.id, "content": height(*asked_for)}
            for call, asked_for in zip(scene.calls, scene.asked, strict=True)
        ]
        assistant = {"role": "assistant", "tool_calls": [shape(call) for call in calls]}
        with suppress(BadRequestError):
            asked(client, QUESTION, assistant, *results, **options)

        failure = scene.verdict()
        assert (failure and failure.fact) == told


# ---------------------------------------------------------------------------- S7


def test_browser_may_have_the_first_piece_before_the_second_is_written():
    scene = RelayToBrowser(random.Random(4711))
    scene.has_first = True
    piece = {"choices": [{"delta": {"content": "Good"}}]}
    first = TracedExchange(1, "POST", "/v1/chat/completions", {}, {}, b"", 0.0)
    first.blocks.append((0.0, b"data: %s\n\n" % json.dumps(piece).encode()))
    scene.trace.exchanges.append(first)

    async def passed():
        return [event async for event in scene.hold(first, b"data: more\n\n")]

    assert asyncio.run(passed()) == [b"data: more\n\n"]
    assert scene.is_early


RELAY = """    stream = await client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": question}], stream=True
    )
    async for chunk in stream:
        yield chunk.choices[0]"""


@pytest.mark.parametrize(
    ("field", "told"),
    [
        (".message.content", "Your program stopped with AttributeError in line {line}."),
        (".delta.content + '.'", "Your program stopped with TypeError in line {line}."),
        (".delta.content", "`relay` yielded None, which is no text."),
    ],
)
def test_crash_of_a_page_names_the_line_or_the_value(field, told, tmp_path):
    exercise = exercises()["S7"]
    nothing = '    raise NotImplementedError("write the body of relay")'
    assert nothing in exercise.original
    text = exercise.original.replace(nothing, RELAY + field)
    failure = run(RelayToBrowser, placed(exercise, text, tmp_path), 4711).failure

    line = text.splitlines().index(f"        yield chunk.choices[0]{field}") + 1
    assert told.format(line=line) in "\n".join(failure.lines())
