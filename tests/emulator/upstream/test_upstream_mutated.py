"""Whatever another server sends, the caller gets a well-formed answer or an `upstream_error`.

Streams of chat completions, as they were recorded and as other servers send them, are changed
chunk by chunk: a field is deleted, set to null, or gets another type; chunks are lost, sent twice
or in another order; the stream ends early. A real server sends them, the emulator relays them, and
the unmodified SDK reads the answer with its strict validation on.
"""

import json

from cassette.format import Cassette, decode
from emulator.server import Emulator
from tests.support import lessons
from tests.support.city_tools import CHAT_TOOLS
from tests.support.emulator_clients import MODEL, ask, connect
from tests.support.scripted_upstream import SSE, ScriptedUpstream, chunk, stream_of

import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FIXTURES = lessons.COURSE / "tests" / "fixtures" / "lesson1"


def finish_of(chunk):
    return any(choice["finish_reason"] for choice in chunk["choices"])


def has_text(chunk):
    return any(choice["delta"].get("content") for choice in chunk["choices"])


def recorded():
    """Each complete stream of chat completions in the cassettes of lesson 1, but little text."""
    for path in sorted(FIXTURES.glob("*.jsonl")):
        cassette = Cassette(path)
        for exchange in cassette.exchanges.values():
            lines = [line for line in cassette.answer(exchange) if "chunk" in line]
            blocks = b"".join(map(decode, lines)).decode().split("\n\n")
            data = [block.removeprefix("data: ") for block in blocks if block.startswith("data: {")]
            chunks = [json.loads(text) for text in data]
            is_chat = all(each.get("object") == "chat.completion.chunk" for each in chunks)
            if is_chat and any(finish_of(each) for each in chunks):
                yield [each for place, each in enumerate(chunks) if place < 4 or not has_text(each)]


def call(index, id, name, arguments):
    function = {"name": name, "arguments": arguments}
    return {"index": index, "id": id, "type": "function", "function": function}


AZURE = [
    {"id": "", "object": "", "model": "", "created": 0, "choices": [], "prompt_filter_results": []},
    chunk({"role": "assistant", "content": None}, content_filter_results={}),
    chunk({"content": "Hi"}),
    {"id": "x", "choices": [{"index": 0, "delta": None, "finish_reason": "stop"}]},
    {"id": "x", "choices": None, "usage": {"prompt_tokens": 1, "completion_tokens": 1}},
]
OLLAMA = [
    chunk({"role": "assistant", "content": "", "tool_calls": [call(0, "a", "get_time", "{}")]}),
    chunk({"tool_calls": [call(0, "b", "get_time", '{"city":"Rome"}')]}),
    chunk({"role": "assistant", "content": ""}, "stop"),
]
OPENAI = [
    chunk({"role": "assistant", "content": None, "refusal": None}),
    chunk({"tool_calls": [call(0, "a", "get_time", "")]}),
    chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"city":'}}]}),
    chunk({"tool_calls": [{"index": 0, "function": {"arguments": '"Rome"}'}}]}),
    chunk({}, "tool_calls"),
]
REFUSAL = [
    chunk({"role": "assistant", "refusal": "I "}),
    chunk({"refusal": "can't."}),
    chunk({}, "stop"),
]
STREAMS = [*recorded(), AZURE, OLLAMA, OPENAI, REFUSAL]

ODD = st.sampled_from(
    [None, 0, -1, 1.5, True, "", "x", "\ud800", "[1]", [], [None], [[]], {}, {"a": None}, "\x00"]
)


def places(value, path=()):
    """The path to every value in a chunk, from the outermost."""
    yield path
    keys = value if isinstance(value, dict) else range(len(value) if isinstance(value, list) else 0)
    for key in keys:
        yield from places(value[key], (*path, key))


def changed(value, path, change):
    """A copy with the value at a place replaced, or deleted if there is no replacement."""
    if not path:
        return change[0] if change else None
    copied = value.copy()
    inner = changed(copied[path[0]], path[1:], change)
    if len(path) == 1 and not change:
        del copied[path[0]]
    else:
        copied[path[0]] = inner
    return copied


@st.composite
def streams(draw):
    """The body of a stream, with some of its chunks changed."""
    chunks = list(draw(st.sampled_from(STREAMS)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(chunks) - 1))
        if draw(st.booleans()):
            path = draw(st.sampled_from(list(places(chunks[at]))))
            chunks[at] = changed(chunks[at], path, draw(st.just([]) | ODD.map(lambda odd: [odd])))
        else:
            chunks[at : at + 1] = [chunks[at]] * draw(st.sampled_from([2, 2, 0 if at else 1]))
    body = stream_of(*chunks, end=draw(st.sampled_from(["data: [DONE]\n\n", ""])))
    return body[: draw(st.integers(0, len(body)))] if draw(st.integers(0, 4)) == 0 else body


BODIES = streams() | st.binary(max_size=40) | ODD.map(lambda odd: json.dumps(odd).encode())
LABELS = st.sampled_from([SSE, "application/json", "text/html", "text/plain; charset=utf-16"])


@pytest.fixture(scope="module")
def relay():
    """A server upstream, and a client of the emulator that it writes for."""
    with ScriptedUpstream() as upstream, Emulator(upstream=upstream.write) as emulator:
        with connect(emulator) as client:
            yield upstream, client


def is_well_formed(message, finish):
    for called in message.tool_calls or []:
        assert called.id and called.function.name
        if finish not in ("length", "content_filter"):
            assert isinstance(json.loads(called.function.arguments), dict)
    assert bool(message.tool_calls) >= (finish == "tool_calls")


def chat(client, asked):
    [choice] = client.chat.completions.create(**asked).choices
    is_well_formed(choice.message, choice.finish_reason)


def chat_stream(client, asked):
    with client.chat.completions.stream(**asked) as stream:
        [choice] = stream.get_final_completion().choices
    is_well_formed(choice.message, choice.finish_reason)


def responses(client, asked):
    whole = client.responses.create(model=MODEL, input="Hm?")
    assert whole.status in ("completed", "incomplete")


def response_events(client, asked):
    events = list(client.responses.create(model=MODEL, input="Hm?", stream=True))
    assert events[-1].type in ("response.completed", "response.incomplete")
    added = sum(event.type == "response.output_item.added" for event in events)
    assert added == len(events[-1].response.output)


@given(BODIES, LABELS, st.sampled_from([chat, chat_stream, responses, response_events]))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_stream_is_an_answer_or_an_upstream_error(relay, body, kind, call):
    upstream, client = relay
    upstream.body, upstream.kind = body, kind
    error = failure(call, client)

    if error is not None:
        assert error.code == "upstream_error"
        # Before the first event it has a status; after it, it is an event of the stream.
        assert type(error) is openai.APIError or error.status_code == 502


def failure(call, client):
    """The error that ends a call; any other exception than the SDK's own fails the test."""
    try:
        call(client, ask("Hm?") | {"tools": CHAT_TOOLS})
    except openai.APIError as error:
        return error
    return None


@pytest.mark.parametrize("chunks", STREAMS)
@pytest.mark.parametrize("call", [chat, chat_stream, responses, response_events])
def test_streams_as_they_are_sent_are_answers(relay, chunks, call):
    upstream, client = relay
    upstream.body, upstream.kind = stream_of(*chunks), SSE

    call(client, ask("Hm?") | {"tools": CHAT_TOOLS})
