"""Every stream keeps the grammar of its kind: in each fixture, with each fault, by each model."""

import json
from contextlib import suppress

from cassette.format import Cassette, message_of
from emulator import params
from emulator.answers.answer import Answer, Call, Citation, Message, Prompt, SearchOutcome
from emulator.api.responses import PARAMS, as_told
from emulator.encode.completions import Envelope, chunks
from emulator.encode.response_events import ResponseWriter
from emulator.faults import IN_STREAM, ConnectionCut, Fault, Stall, with_faults
from emulator.models import MODELS
from emulator.realtime.session import FaultEffects
from emulator.realtime.session_settings import realtime_session
from emulator.serving import as_stream
from emulator.wire import tokens
from tests.support.emulator_clients import MODEL, drained
from tests.support.realtime_calls import SessionDriver, loud, quiet, update, user
from tests.support.stream_grammars import (
    check_chat,
    check_realtime,
    check_responses,
    check_transcription,
    data_of,
)
from tools.record_fixtures import fixtures

import pytest
from hypothesis import given
from hypothesis import strategies as st

ASKED = Prompt([Message("user", "Hello there")])
WRITERS = [name for name, model in MODELS.items() if model.role == "chat"]
CALLERS = [name for name, model in MODELS.items() if model.role == "realtime"]
CALLS = [Call("f", '{"city": "Paris"}'), Call("g", "{}")]
FOUND = SearchOutcome(["dogs?"], [{"file_id": "file-1", "filename": "a.md", "text": "one two"}])

pieces = st.lists(st.text("abc é日😀\n", min_size=1, max_size=20), max_size=4)
calls = st.lists(st.builds(Call, st.just("f"), st.sampled_from(['{"a": 1}', "{}", ""])), max_size=3)


@st.composite
def answers(draw):
    """Any answer that either API can be asked to encode."""
    written = draw(pieces)
    ends = [len("".join(written[:place])) for place in range(len(written) + 1)]
    places = sorted(draw(st.lists(st.sampled_from(ends), max_size=3)))
    return Answer(
        written,
        draw(st.sampled_from(["stop", "length", "content_filter"])),
        draw(calls),
        draw(st.integers(0, 9)),
        draw(st.none() | st.just(FOUND)),
        [Citation(place, "file-1", "a.md") for place in places],
        draw(st.sampled_from(["", "", "I can't."])),
    )


def text_of(blocks):
    return b"".join(blocks).decode()


def chat_blocks(model, *several, include_usage=False):
    envelope = Envelope("chatcmpl-x", 1, MODELS[model].answers_as)
    options = {"include_usage": include_usage, "include_obfuscation": True}
    return drained(chunks(envelope, ASKED, several, **options))


def response_blocks(model, answer, **asked):
    values, _ = params.parse({"model": model, **asked}, PARAMS)
    told = values | as_told(values, MODELS[model])
    return drained(ResponseWriter(told, ASKED, answer).events())


@given(st.sampled_from(WRITERS), st.lists(answers(), min_size=1, max_size=3), st.booleans())
def test_any_answer_keeps_the_grammar_of_chat(model, several, include_usage):
    check_chat(data_of(text_of(chat_blocks(model, *several, include_usage=include_usage))))


@given(
    st.sampled_from(WRITERS),
    answers(),
    st.sampled_from([None, "auto", "concise"]),
    st.booleans(),
)
def test_any_answer_keeps_the_grammar_of_responses(model, answer, summary, background):
    asked = {"reasoning": {"summary": summary}, "background": background}

    check_responses(data_of(text_of(response_blocks(model, answer, **asked))))


FULL = Answer(["one", " two."], "stop", CALLS, 4, FOUND, [Citation(3, "file-1", "a.md")])
STREAMS = {
    "chat": (chat_blocks(MODEL, FULL), check_chat),
    "responses": (response_blocks(MODEL, FULL), check_responses),
}
# They break a block in two, or send something that is no event.
BREAKING = {"halfjson", "html200", "split"}
# `failed-only` is one of Responses alone.
STRUCK = [
    (kind, name)
    for kind in STREAMS
    for name in sorted(IN_STREAM.keys() - BREAKING)
    if (kind, name) != ("chat", "failed-only")
]


def after(fault, blocks):
    """The blocks that a fault lets through or adds, until it ends the stream."""
    got = []

    async def take():
        async for block in with_faults(as_stream(blocks), [Fault.parse(fault)]):
            got.append(block)
        yield b""

    with suppress(ConnectionCut, Stall):
        drained(take())
    return got


@pytest.mark.parametrize("at", range(0, 12, 3))
@pytest.mark.parametrize(("kind", "name"), STRUCK)
def test_fault_leaves_the_beginning_of_a_sentence(kind, name, at):
    blocks, check = STREAMS[kind]
    data = data_of(text_of(after(f"{name}@{at}", blocks)))
    if name == "error-flat" or (name, kind) == ("error-nested", "responses"):
        data.pop()  # what gateways send in place of OpenAI's own

    check(data, is_whole=bool(data) and data == data_of(text_of(blocks)))


def test_split_stream_is_the_same_once_joined():
    blocks, _ = STREAMS["responses"]

    assert text_of(after("split=7", blocks)) == text_of(blocks)


def name_of(path):
    return f"{path.parent.name}-{path.stem}"


@pytest.mark.parametrize("fixture", fixtures(), ids=name_of)
def test_fixture_keeps_the_grammar(fixture):
    cassette, data_before = Cassette(fixture), []
    for exchange in cassette.exchanges.values():
        lines = list(cassette.answer(exchange))
        if exchange.is_socket:
            sent = [line for line in lines if line.get("from") == "server"]
            check_realtime([json.loads(message_of(line)) for line in sent])
            continue
        body = "".join(line["text"] for line in lines if "chunk" in line)
        if "event-stream" in lines[0]["headers"]["content-type"]:
            path = exchange.request["path"]
            data = data_of(body)
            if "starting_after" in path:  # the rest of the stream before
                data = [*data_before[: data[0]["sequence_number"]], *data]
            check_stream(path, data)
            data_before = data


def check_stream(path, data):
    if path.endswith("/chat/completions"):
        check_chat(data, is_whole=data[-1] == "[DONE]")
    elif "/responses" in path:
        ends = ("response.completed", "response.incomplete")
        check_responses(data, is_whole=data[-1]["type"] in ends)
    else:
        check_transcription(data)


TOOL = {"type": "function", "name": "book", "parameters": {"type": "object", "properties": {}}}
TURNS = {
    "text": ({"output_modalities": ["text"]}, Answer(tokens.split("At eight. Come early."))),
    "sound": ({}, Answer(tokens.split("At eight. Come early."))),
    "calls": (
        {"tools": [TOOL]},
        Answer(tokens.split("One moment."), "tool_calls", [Call("book", "{}")]),
    ),
    "cut": ({"max_output_tokens": 1}, Answer(tokens.split("At"), "length")),
}


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("model", CALLERS)
def test_realtime_model_keeps_the_grammar(model, turn):
    settings, answer = TURNS[turn]
    driver = SessionDriver(realtime_session(model, "sess_1", 4600))
    driver.answer = answer
    events = driver.events() + driver.send("session.update", **update(**settings))
    events += driver.send("conversation.item.create", **user("When do you open?"))
    events += driver.send("response.create")
    events += driver.speak(loud(320), quiet(900))

    check_realtime(events)
    assert [event["type"] for event in events].count("response.done") == 2


# Deltas that come late, after the end of their response, are against the grammar on purpose.
EFFECTS = [
    FaultEffects(),
    FaultEffects(short_by_ms=85),
    FaultEffects(is_transcript_late=True),
    FaultEffects(has_unknown_events=True),
]


@pytest.mark.parametrize("effects", EFFECTS)
def test_interrupted_answer_keeps_the_grammar(effects):
    driver = SessionDriver(pace=1.0, fault_effects=effects)
    events = driver.events() + driver.speak(loud(320), quiet(400))
    events += driver.pass_time(0.1) + driver.speak(loud(320), quiet(400))

    check_realtime(events)
    statuses = [e["response"]["status"] for e in events if e.get("type") == "response.done"]
    assert "cancelled" in statuses


HEARD = [{"type": "transcript.text.delta", "delta": "One"}, {"type": "transcript.text.done"}]


@pytest.mark.parametrize(
    ("check", "data"),
    [
        (check_transcription, [HEARD[0], HEARD[1] | {"text": "Two"}, "[DONE]"]),
        (check_transcription, [HEARD[1] | {"text": "One"}, HEARD[0], "[DONE]"]),
        (check_transcription, [HEARD[0], HEARD[1] | {"text": "One"}]),
        (check_responses, data_of(text_of(STREAMS["responses"][0][:-1]))),
        (check_responses, data_of(text_of(STREAMS["responses"][0][1:]))),
        (
            check_responses,
            data_of(text_of([*STREAMS["responses"][0][:4], *STREAMS["responses"][0][5:]])),
        ),
        (check_chat, data_of(text_of(STREAMS["chat"][0][:-1]))),
        (check_chat, data_of(text_of(STREAMS["chat"][0][1:]))),
        (check_chat, data_of(text_of([*STREAMS["chat"][0][:-2], *STREAMS["chat"][0][-1:]]))),
    ],
)
def test_stream_that_breaks_the_grammar_is_found(check, data):
    with pytest.raises(AssertionError):
        check(data)


@pytest.mark.parametrize("model", WRITERS)
def test_model_answers_by_both_apis(client, model):
    """Whole and streamed, each body and event as the SDK's own types have it."""
    asked = {"model": model, "messages": [{"role": "user", "content": "Hello!"}]}
    said = {"model": model, "input": "Hello!"}

    whole = client.chat.completions.create(**asked)
    *_, last = client.chat.completions.create(**asked, stream=True)
    response = client.responses.create(**said)
    *_, ended = client.responses.create(**said, stream=True)

    names = {each.model for each in (whole, last, response, ended.response)}
    assert names == {MODELS[model].answers_as}
    assert (last.choices[0].finish_reason, ended.type) == ("stop", "response.completed")
