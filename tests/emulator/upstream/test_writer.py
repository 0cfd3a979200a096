"""Another server writes: what it is asked, what comes back, what happens when it breaks.

The server upstream is a second emulator: it speaks chat completions, as any of them would.
"""

import asyncio
import json

from emulator.answers.answer import Call, Message, Prompt, Tool
from emulator.upstream.writer import Upstream
from tests.support.city_tools import BOTH, CHAT_TOOLS, EXPECTED, arguments
from tests.support.emulator_clients import MODEL, Gate, ask, connect
from tests.support.scripted_upstream import SSE, ScriptedUpstream, chunk, said, stream_of

import openai
import pytest

JSON = "application/json"
EXACT = ask("Reply with exactly: one two three")


@pytest.fixture
def behind(start):
    """Start an emulator with these arguments, and another one that hands its writing to it."""

    def started(**arguments):
        back = start(**arguments)
        upstream = Upstream(back.base_url, "gpt-4o", "none")
        return back, start(upstream=upstream.answer)

    return started


def told(chunks):
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def test_chat_is_written_upstream(behind):
    back, front = behind()
    with connect(front) as client:
        whole = client.chat.completions.create(**EXACT)
        streamed = told(client.chat.completions.create(**EXACT, stream=True))

    assert whole.choices[0].message.content == streamed == "one two three"
    assert whole.model == MODEL
    assert [exchange.path for exchange in back.exchanges] == ["/v1/chat/completions"] * 2


def test_pieces_go_on_as_they_come(behind):
    gate = Gate(passes=2)
    _, front = behind(pace=1, sleep=gate.sleep)
    with connect(front) as client:
        stream = client.chat.completions.create(**EXACT, stream=True)
        first = [next(stream) for _ in range(3)]
        gate.open()
        rest = list(stream)

    assert (told(first), told(rest)) == ("one two", " three")


def test_calls_are_written_upstream(behind):
    _, front = behind()
    with connect(front) as client:
        asked = ask(BOTH) | {"tools": CHAT_TOOLS}
        whole = client.chat.completions.create(**asked)
        with client.chat.completions.stream(**asked) as stream:
            streamed = stream.get_final_completion()

    assert arguments(whole) == arguments(streamed) == EXPECTED
    assert whole.choices[0].finish_reason == "tool_calls"


def test_events_and_schema_are_of_the_front(behind):
    schema = {"type": "object", "properties": {"answer": {"type": "string"}}}
    format = {"type": "json_schema", "name": "x", "schema": schema | {"required": ["answer"]}}
    asked = {"model": MODEL, "input": "When is it closed?", "text": {"format": format}}
    _, front = behind()
    with connect(front) as client:
        events = list(client.responses.create(**asked, stream=True))

    assert events[-1].type == "response.completed"
    assert "answer" in json.loads(events[-1].response.output_text)


def test_limits_are_passed_on(behind):
    _, front = behind()
    with connect(front) as client:
        cut = client.chat.completions.create(**EXACT, max_completion_tokens=2)
        stopped = client.chat.completions.create(**EXACT, stop=" three")

    assert (cut.choices[0].finish_reason, cut.choices[0].message.content) == ("length", "one two")
    assert stopped.choices[0].message.content == "one two"


@pytest.mark.parametrize("fault", ["500", "401", "429quota"])
def test_refusal_upstream_is_told(behind, fault):
    back, front = behind(faults=[fault])
    with connect(front) as client, pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(**EXACT, stream=True)

    assert len(back.exchanges) == 1, "neither the emulator nor the caller's SDK tries again"
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert (caught.value.status_code, caught.value.code) == (502, "upstream_error")
    assert "EMULATOR_CHAT_BASE_URL" in caught.value.message


@pytest.mark.parametrize("fault", ["fin@4", "eof@4", "halfjson@4", "error-nested@4"])
def test_break_upstream_ends_the_stream_with_an_error(behind, fault):
    _, front = behind(faults=[fault])
    with connect(front, _strict_response_validation=False) as client:
        with pytest.raises(openai.APIError, match="EMULATOR_CHAT_BASE_URL"):
            list(client.chat.completions.create(**EXACT, stream=True))
        asked = {"model": MODEL, "input": "Reply with exactly: one two three"}
        events = client.responses.create(**asked, stream=True)
        id = next(events).response.id
        with pytest.raises(openai.APIError, match="EMULATOR_CHAT_BASE_URL"):
            list(events)
        failed = client.responses.retrieve(id)

    assert (failed.status, failed.error.code) == ("failed", "upstream_error")


def test_nobody_upstream_is_told(start):
    upstream = Upstream("http://127.0.0.1:9/v1", "x", "none")
    with connect(start(upstream=upstream.answer)) as client:
        with pytest.raises(openai.InternalServerError, match="could not be reached"):
            client.chat.completions.create(**EXACT)


def test_hangup_reaches_upstream(behind):
    gate = Gate(passes=2)
    back, front = behind(pace=1, sleep=gate.sleep)
    with connect(front) as client:
        with client.chat.completions.create(**EXACT, stream=True) as stream:
            next(stream)
            assert gate.reached.wait(10)

        assert back.exchanges[0].finished.wait(10)
        assert back.exchanges[0].ended == "disconnected"
    assert asyncio.iscoroutinefunction(Upstream.answer)


def answer_to(server, prompt):
    async def written():
        answer = await server.write(prompt)
        await answer.finished()
        return answer

    return asyncio.run(written())


def test_marks_of_passages_become_citations(start):
    body = said("Shut on", " Mondays [", "1", "]. Not [12", "] here [x] [")
    with ScriptedUpstream(body) as marks:
        with connect(start(upstream=marks.write)) as client:
            store = client.vector_stores.create()
            client.vector_stores.files.upload_and_poll(
                vector_store_id=store.id, file=("hours.md", b"We are closed on Mondays.")
            )
            tool = {"type": "file_search", "vector_store_ids": [store.id]}
            asked = {"model": MODEL, "input": "When is it closed?", "tools": [tool]}
            events = list(client.responses.create(**asked, stream=True))

    assert events[-1].response.output_text == "Shut on Mondays . Not [12] here [x] ["
    notes = events[-1].response.output[-1].content[0].annotations
    assert [(note.filename, note.index) for note in notes] == [("hours.md", 16)]
    kinds = [event.type for event in events]
    assert kinds.count("response.output_text.annotation.added") == 1
    assert "[1] hours.md\nWe are closed on Mondays." in marks.asked[0][1]["messages"][0]["content"]


def test_prompt_is_sent_as_it_is():
    call = Call("get_time", '{"city":"Rome"}', "call_1")
    prompt = Prompt(
        [
            Message("developer", "Be brief."),
            Message("user", "What time is it?"),
            Message("assistant", "", [call]),
            Message("tool", "21:05", call_id="call_1"),
        ],
        max_tokens=7,
        stop=["."],
        tools=[Tool("get_time", "The time.", {"type": "object"})],
        must_call=True,
        sampling={"temperature": 0.5},
    )

    with ScriptedUpstream(said("See [1].")) as server:
        answer = answer_to(server, prompt)

    [(_, sent)] = server.asked
    function = {"name": "get_time", "description": "The time.", "parameters": {"type": "object"}}
    called = {"name": "get_time", "arguments": '{"city":"Rome"}'}
    assert sent == {
        "model": "x",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What time is it?"},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"id": "call_1", "type": "function", "function": called}],
            },
            {"role": "tool", "content": "21:05", "tool_call_id": "call_1"},
        ],
        "stream": True,
        "temperature": 0.5,
        "max_tokens": 7,
        "stop": ["."],
        "tools": [{"type": "function", "function": function}],
        "tool_choice": "required",
    }
    assert (answer.text, answer.finish, answer.citations) == ("See [1].", "stop", [])


@pytest.mark.parametrize(
    ("given", "taken"), [("eos", "stop"), ("content_filter", "content_filter")]
)
def test_reason_to_end_is_one_of_openais(given, taken):
    with ScriptedUpstream(said("Hm.", finish=given)) as server:
        assert answer_to(server, Prompt([Message("user", "Hm?")])).finish == taken


def asked_of(server, start):
    """The whole and the streamed chat answer, and the events, of what an upstream sends."""
    events = {"model": MODEL, "input": "Hm?"}
    with connect(start(upstream=server.write)) as client:
        whole = client.chat.completions.create(**EXACT)
        with client.chat.completions.stream(**EXACT) as stream:
            streamed = stream.get_final_completion()
        return whole, streamed, list(client.responses.create(**events, stream=True))


def test_refusal_is_passed_on(start):
    body = stream_of(chunk({"refusal": "I can't "}), chunk({"refusal": "help."}), chunk({}, "stop"))
    with ScriptedUpstream(body) as server:
        whole, streamed, events = asked_of(server, start)

    for message in (whole.choices[0].message, streamed.choices[0].message):
        assert (message.content, message.refusal) == (None, "I can't help.")
    [part] = events[-1].response.output[0].content
    assert (part.type, part.refusal) == ("refusal", "I can't help.")
    kinds = [event.type for event in events]
    assert "response.refusal.delta" in kinds and "response.refusal.done" in kinds
    assert events[-1].type == "response.completed"


def test_content_filter_is_passed_on(start):
    with ScriptedUpstream(said("Half of", finish="content_filter")) as server:
        with connect(start(upstream=server.write)) as client:
            whole = client.chat.completions.create(**EXACT)
            events = list(client.responses.create(model=MODEL, input="Hm?", stream=True))

    assert whole.choices[0].finish_reason == "content_filter"
    assert events[-1].type == "response.incomplete"
    assert events[-1].response.incomplete_details.reason == "content_filter"


def test_calls_of_other_servers_are_calls(start):
    whole = {"id": "a", "function": {"name": "one", "arguments": '{"x":1}'}}
    body = stream_of(chunk({"tool_calls": [whole, whole | {"id": "b"}]}), chunk({}, "stop"))
    with ScriptedUpstream(body) as server:
        whole, streamed, events = asked_of(server, start)

    for choice in (whole.choices[0], streamed.choices[0]):
        called = [
            (call.function.name, call.function.arguments) for call in choice.message.tool_calls
        ]
        assert called == [("one", '{"x":1}')] * 2
        assert choice.finish_reason == "tool_calls"
    assert [item.type for item in events[-1].response.output] == ["function_call"] * 2


REFUSED = [
    (b'{"error": "model \'x\' not found"}', 404, JSON, "answered 404: model 'x' not found"),
    (b"<html>Bad gateway</html>", 502, "text/html", "answered 502: Bad gateway"),
    (b'{"error": {"message": "out of memory"}}', 200, JSON, "reported an error: out of memory"),
    (b'{"detail": "Not Found"}', 200, JSON, "sent no answer: Not Found"),
    (b"<html>Log in</html>", 200, SSE, "sent a web page: Log in"),
    (b"upstream connect error", 200, SSE, "sent no stream of events: upstream connect error"),
    (b"", 200, SSE, "sent nothing"),
    (b"x", 500, "text/html; charset=base64", "answered 500: x"),
    (stream_of({"error": {"message": "\ud800!"}}), 200, SSE, "reported an error: \ufffd!"),
    (b'event: error\ndata: {"message": "too long"}\n\n', 200, SSE, "reported an error: too long"),
]


@pytest.mark.parametrize(("body", "status", "kind", "reason"), REFUSED)
def test_what_is_no_answer_is_told_with_its_reason(start, body, status, kind, reason):
    with ScriptedUpstream(body, kind, status) as server:
        with connect(start(upstream=server.write)) as client:
            for streams in (False, True):
                with pytest.raises(openai.InternalServerError) as caught:
                    client.chat.completions.create(**EXACT, stream=streams)
                assert (caught.value.status_code, caught.value.code) == (502, "upstream_error")
                assert reason in caught.value.message


PASSWORD = "hunter2-and-more"


def with_password(base_url):
    return base_url.replace("//", f"//me:{PASSWORD}@")


@pytest.mark.parametrize(("body", "status", "kind", "reason"), REFUSED)
def test_password_in_the_address_is_never_told(start, body, status, kind, reason):
    with ScriptedUpstream(body, kind, status) as server:
        upstream = Upstream(with_password(server.base_url), "x", "none")
        with connect(start(upstream=upstream.answer)) as client:
            with pytest.raises(openai.InternalServerError) as caught:
                client.chat.completions.create(**EXACT)

    assert reason in caught.value.message
    assert PASSWORD not in repr(caught.value.body)


def test_password_of_a_server_that_is_not_there_is_never_told(start):
    upstream = Upstream(with_password("http://127.0.0.1:9/v1"), "x", "none")
    with connect(start(upstream=upstream.answer)) as client:
        with pytest.raises(openai.InternalServerError, match="127.0.0.1:9, could not") as caught:
            client.chat.completions.create(**EXACT)

    assert PASSWORD not in repr(caught.value.body)


def test_whole_completion_in_place_of_a_stream_is_an_answer(start):
    message = {"role": "assistant", "content": "Hm."}
    body = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()
    with ScriptedUpstream(body, JSON) as server:
        whole, streamed, events = asked_of(server, start)

    assert whole.choices[0].message.content == streamed.choices[0].message.content == "Hm."
    assert events[-1].response.output_text == "Hm."


def test_emulator_that_asks_itself_stops_at_once(start):
    """Its address is known only after its start, so that the request itself must be refused."""
    loop = []

    async def write(prompt, found):
        return await loop[0](prompt, found)

    emulator = start(upstream=write)
    loop.append(Upstream(emulator.base_url, "gpt-4o", "none").answer)
    with connect(emulator) as client:
        with pytest.raises(openai.InternalServerError, match="hands its own writing on"):
            client.chat.completions.create(**EXACT)

    assert [exchange.status for exchange in emulator.exchanges] == [502, 508]
