"""Another server writes: what it is asked, what comes back, what happens when it breaks.

The server upstream is a second emulator: it speaks chat completions, as any of them would.
"""

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from emulator.answers.answer import Call, Message, Prompt, Tool
from emulator.answers.upstream import Upstream
from tests.support.city_tools import BOTH, CHAT_TOOLS, EXPECTED, arguments
from tests.support.emulator_clients import MODEL, Gate, ask, connect

import openai
import pytest

EXACT = ask("Reply with exactly: one two three")


@pytest.fixture
def behind(start, monkeypatch):
    """Start an emulator with these arguments, and another one that hands its writing to it."""

    def started(**arguments):
        back = start(**arguments)
        upstream = Upstream.from_environment(
            {"EMULATOR_CHAT_BASE_URL": back.base_url, "EMULATOR_CHAT_MODEL": "gpt-4o"}
        )
        return back, start(upstream=upstream.answer)

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
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


def test_nobody_upstream_is_told(start, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
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


class Marks:
    """A server upstream that says this, piece by piece, whatever it is asked."""

    def __init__(self, *pieces, finish="stop"):
        chunks = [{"content": piece} for piece in pieces]
        choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in chunks]
        choices.append({"index": 0, "delta": {}, "finish_reason": finish})
        lines = [
            json.dumps({"id": "x", "object": "chat.completion.chunk", "choices": [choice]})
            for choice in choices
        ]
        self.body = "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"]).encode()
        self.asked = []

    def __enter__(self):
        marks = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers["content-length"])
                marks.asked.append(json.loads(self.rfile.read(length)))
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("content-length", str(len(marks.body)))
                self.end_headers()
                self.wfile.write(marks.body)

            def log_message(self, *_):
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    @property
    def write(self):
        return Upstream(f"http://127.0.0.1:{self._server.server_port}/v1", "x", "none").answer

    def answer_to(self, prompt):
        async def written():
            answer = await self.write(prompt)
            await answer.finished()
            return answer

        return asyncio.run(written())


def test_marks_of_passages_become_citations(start):
    with Marks("Shut on", " Mondays [", "1", "]. Not [12", "] here [x] [") as marks:
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
    assert "[1] hours.md\nWe are closed on Mondays." in marks.asked[0]["messages"][0]["content"]


def test_prompt_is_sent_as_it_is(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
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

    with Marks("See [1].") as server:
        answer = server.answer_to(prompt)

    [sent] = server.asked
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


def test_unknown_reason_to_end_counts_as_stop(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Marks("Hm.", finish="content_filter") as server:
        assert server.answer_to(Prompt([Message("user", "Hm?")])).finish == "stop"
