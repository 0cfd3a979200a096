"""What gateways and other servers send: no example ends in a traceback, each says what it is."""

import json

from tests.support.example_runs import CALLERS, run_example, serve_example
from tests.support.loopback_sockets import send_event, socket_server
from tests.support.scripted_http import (
    DONE,
    END,
    answering,
    block,
    chunk,
    delta,
    event,
    tool_delta,
)

import httpx2
import pytest

CHAT, RESUME, TOOLS = "streaming/chat.py", "streaming/resume.py", "streaming/tool_calls.py"

# What is streamed; what is printed; the exit code.
CHUNKS = {
    "choices null": (chunk(choices=None) + delta(content="Hi") + END, "Hi\n", 0),
    "no choices": (chunk() + delta(content="Hi") + END, "Hi\n", 0),
    "delta null": (
        delta(content="Hi") + chunk(choices=[{"index": 0, "delta": None}]) + END,
        "Hi\n",
        0,
    ),
    "delta null at the end": (
        delta(content="Hi") + chunk(choices=[{"delta": None, "finish_reason": "stop"}]) + DONE,
        "Hi\n",
        0,
    ),
    "null as keep-alive": (block("null") + delta(content="Hi") + END, "Hi\n", 0),
    "refusal": (delta(refusal="I ") + delta(refusal="won't.") + END, "(refused) I won't.\n", 0),
    "surrogate": (delta(content="a\ud800b") + END, "a\ufffdb\n", 0),
    "control sequence": (delta(content="a\x1b[2Jb") + END, "a\ufffd[2Jb\n", 0),
    "length": (
        delta(content="Hi") + delta("length") + DONE,
        "Hi\n[this answer is not complete: length]\n",
        1,
    ),
    "filter": (
        delta("content_filter") + DONE,
        "\n[this answer is not complete: content_filter]\n",
        1,
    ),
    "no end": (delta(content="Hi"), "Hi\n[this answer is not complete: cut off]\n", 1),
    "error": (
        delta(content="Hi")
        + block({"error": {"message": "Out of credit.", "code": "insufficient_quota"}}),
        "Hi\n[this answer is not complete: Out of credit.]\n",
        1,
    ),
    "half JSON": (delta(content="Hi") + 'data: {"choices": [\n\n', "not complete: ", 1),
    "JSON, no stream": ('{"choices": []}', "\n[this answer is not complete: cut off]\n", 1),
}


@pytest.mark.parametrize("name", CHUNKS)
def test_chat_takes_what_gateways_stream(name):
    body, shown, code = CHUNKS[name]
    with answering(body) as (base_url, _):
        ended = run_example(CHAT, base_url=base_url, typed="Hello\n")

    assert shown in ended.stdout.removeprefix("\nYou: ")
    assert (ended.returncode, ended.stderr) == (code, "")


def test_chat_sends_the_conversation_and_goes_on_after_an_error():
    refused = json.dumps({"error": {"message": "Slow down.", "type": "requests"}})
    with answering(refused, status=400, kind="application/json") as (base_url, sent):
        ended = run_example(CHAT, base_url=base_url, typed="One\nTwo\n")

    assert ended.stdout.count("[this answer is not complete: Slow down.]") == 2
    assert ended.returncode == 1
    assert [message["role"] for message in sent[1]["messages"]] == ["user", "assistant", "user"]


@pytest.mark.parametrize("name", [CHAT, RESUME, TOOLS, "rag/rag_by_hand.py", "rag/folder_bot.py"])
@pytest.mark.parametrize(
    "body",
    [
        '{"error": "model \'x\' not found"}',
        '{"detail": "Not Found"}',
        "<html>Bad gateway</html>",
        "{",
    ],
)
def test_error_bodies_are_no_traceback(name, body, tmp_path):
    arguments = [tmp_path] if "folder" in name else []
    with answering(body, status=404, kind="application/json") as (base_url, _):
        ended = run_example(name, *arguments, base_url=base_url, typed="Hello\n")

    assert ended.returncode == 1
    assert "error" in (ended.stdout + ended.stderr).lower() or "not complete" in ended.stdout


# The pieces of the calls that a server streams; what is called, in order.
FRIDAY, SATURDAY = '{"day":"Friday"}', '{"day":"Saturday"}'
BOTH = [FRIDAY, SATURDAY]


def call(id=None, name=None, arguments=None, **fields):
    return tool_delta(id=id, function={"name": name, "arguments": arguments}, **fields)


CALLS = {
    "whole in one chunk": (call("a", "count_places", FRIDAY, index=0), [FRIDAY]),
    "in pieces": (
        call("a", "count_places", "", index=0)
        + call(arguments='{"day":', index=0)
        + call(arguments='"Friday"}', index=0),
        [FRIDAY],
    ),
    "name repeated": (
        call("a", "count_places", '{"day":', index=0)
        + call("a", "count_places", '"Friday"}', index=0),
        [FRIDAY],
    ),
    "both with index 0": (
        call("a", "count_places", FRIDAY, index=0) + call("b", "count_places", SATURDAY, index=0),
        BOTH,
    ),
    "both with index 0, in pieces": (
        call("a", "count_places", '{"day":', index=0)
        + call(arguments='"Friday"}', index=0)
        + call("b", "count_places", '{"day":', index=0)
        + call(arguments='"Saturday"}', index=0),
        BOTH,
    ),
    "no index": (call("a", "count_places", FRIDAY) + call("b", "count_places", SATURDAY), BOTH),
    "by turns": (
        call("a", "count_places", '{"day":', index=0)
        + call("b", "count_places", '{"day":', index=1)
        + call(arguments='"Friday"}', index=0)
        + call(arguments='"Saturday"}', index=1),
        BOTH,
    ),
    "no id": (call(None, "count_places", FRIDAY, index=0), [FRIDAY]),
}


@pytest.mark.parametrize("finish", ["tool_calls", "stop"])
@pytest.mark.parametrize("name", CALLS)
def test_tool_calls_are_put_together(name, finish):
    pieces, arguments = CALLS[name]
    with answering(pieces + delta(finish) + DONE, delta(content="Six.") + END) as (base_url, sent):
        ended = run_example(TOOLS, base_url=base_url)

    *_, asked = [message for message in sent[1]["messages"] if message["role"] == "assistant"]
    outputs = [message for message in sent[1]["messages"] if message["role"] == "tool"]
    called = [each["function"] for each in asked["tool_calls"]]
    assert called == [{"name": "count_places", "arguments": each} for each in arguments]
    assert [each["tool_call_id"] for each in outputs] == [
        each["id"] for each in asked["tool_calls"]
    ]
    assert ended.stdout.endswith("\nSix.\n")
    assert ended.returncode == 0


@pytest.mark.parametrize("arguments", ["{", "[]", '{"day": null}', '{"day": "Someday"}', ""])
def test_arguments_that_make_no_sense_go_back_to_the_model(arguments):
    calling = call("a", "count_places", arguments, index=0) + delta("tool_calls") + DONE
    with answering(calling, delta(content="Sorry.") + END) as (base_url, sent):
        ended = run_example(TOOLS, base_url=base_url)

    assert json.loads(sent[1]["messages"][-1]["content"]) == {
        "error": "name one day: Friday or Saturday"
    }
    assert ended.returncode == 0


def test_refusal_instead_of_a_call_is_shown():
    with answering(delta(refusal="I won't.") + END) as (base_url, _):
        ended = run_example(TOOLS, base_url=base_url)

    assert (ended.stdout, ended.returncode) == ("I won't.\n(The model refused.)\n", 0)


def test_model_that_calls_for_ever_is_stopped():
    calling = call("a", "count_places", FRIDAY, index=0) + delta("tool_calls") + DONE
    with answering(calling) as (base_url, sent):
        ended = run_example(TOOLS, base_url=base_url)

    assert len(sent) == 5
    assert "after five rounds" in ended.stderr
    assert ended.returncode == 1


@pytest.mark.parametrize("finish", ["length", "content_filter", None])
def test_calls_that_are_cut_are_not_made(finish):
    pieces = call("a", "count_places", FRIDAY, index=0)
    with answering(pieces + (delta(finish) if finish else "") + DONE) as (base_url, sent):
        ended = run_example(TOOLS, base_url=base_url)

    assert len(sent) == 1
    assert f"the answer is not complete: {finish or 'cut off'}" in ended.stderr
    assert ended.returncode == 1


CREATED = event("response.created", 0, response={"id": "resp_1"})
TEXT = event("response.output_text.delta", 1, delta="Hi")
COMPLETED = event("response.completed", 2, response={"id": "resp_1", "output": None})
NESTED = {"type": "insufficient_quota", "code": "insufficient_quota", "message": "Out of credit."}

# The streams of one answer, connection by connection; what is printed; what is said at the end.
ANSWERS = {
    "complete": ([CREATED + TEXT + COMPLETED], "Hi\n", ""),
    "null as keep-alive": ([CREATED + block("null") + TEXT + COMPLETED], "Hi\n", ""),
    "refusal": (
        [
            CREATED
            + event("response.refusal.delta", 1, delta="No.")
            + event("response.refusal.done", 2, refusal="No.")
            + event("response.completed", 3, response={"id": "resp_1"})
        ],
        "No.\n(The model refused.)\n",
        "",
    ),
    "repeated events": ([CREATED + TEXT, CREATED + TEXT + COMPLETED], "Hi\n[connection", ""),
    "no numbers": (
        [
            event("response.created", response={"id": "resp_1"})
            + event("response.output_text.delta", delta="Hi")
            + event("response.completed", response={"id": "resp_1", "output": None})
        ],
        "Hi\n",
        "",
    ),
    "failed": (
        [CREATED + TEXT + event("response.failed", 2, response={"error": NESTED})],
        "Hi",
        "response.failed: Out of credit.",
    ),
    "incomplete": (
        [
            CREATED
            + event(
                "response.incomplete",
                2,
                response={"incomplete_details": {"reason": "max_output_tokens"}},
            )
        ],
        "",
        "response.incomplete: max_output_tokens",
    ),
    "failed after a break": (
        [CREATED + TEXT, event("response.failed", 2, response={"error": NESTED})],
        "Hi\n[connection",
        "response.failed: Out of credit.",
    ),
    "no reason": ([CREATED + event("response.failed", 2, response=None)], "", "no reason given"),
    "flat error": ([CREATED + event("error", 1, message="Flat.")], "", "error: Flat."),
    "nested error": ([CREATED + event("error", 1, error=NESTED)], "", "Out of credit."),
    "broken before it began": (["event: response.created\n"], "", "before the answer had an id"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_resume_says_how_an_answer_ended(name):
    bodies, shown, said = ANSWERS[name]
    with answering(*bodies) as (base_url, _):
        ended = run_example(RESUME, base_url=base_url)

    assert ended.stdout.startswith(shown)
    assert ended.stdout.count("Hi") == ("Hi" in shown)
    assert said in ended.stderr
    assert ended.returncode == bool(said)


def talk(*events):
    """A Realtime server that says this once it is asked for a response."""

    def talking(socket):
        send_event(socket, "session.created", session={})
        for text in socket:
            if json.loads(text)["type"] == "response.create":
                for kind, fields in events:
                    send_event(socket, kind, **fields)
                return

    return talking


FAILED = {"status": "failed", "status_details": {"error": {"message": "Out of credit."}}}
TURNS = {
    "error": ([("error", {"error": {"message": "No such voice."}})], "No such voice."),
    "failed": ([("response.done", {"response": FAILED})], "failed"),
    "incomplete": ([("response.done", {"response": {"status": "incomplete"}})], "incomplete"),
    "unknown event": ([("never.heard", {}), ("response.done", {"response": FAILED})], "failed"),
    "hung up": ([], ""),
}


@pytest.mark.parametrize("name", TURNS)
@pytest.mark.parametrize("program", ["realtime/text_turn.py", "realtime/voice_turn.py"])
def test_turn_says_how_it_ended(name, program, tmp_path):
    events, said = TURNS[name]
    sounds = [CALLERS / "ask-closed.wav", tmp_path / "answer.wav"]
    with socket_server(talk(*events)) as base_url:
        ended = run_example(program, *(sounds if "voice" in program else []), base_url=base_url)

    assert said in ended.stderr
    assert ended.stderr != ""
    assert ended.returncode == 1


def test_wrong_sound_is_refused(tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    for name in ("text.wav", "missing.wav"):
        ended = run_example(
            "realtime/voice_turn.py",
            tmp_path / name,
            tmp_path / "a.wav",
            base_url="http://127.0.0.1:9/v1",
        )

        assert ended.stderr.startswith("error: ")
        assert ended.returncode == 1


def test_chat_page_is_told_of_refusals_and_failures():
    refusal = event("response.refusal.delta", 1, delta="No.") + event("response.refusal.done", 2)
    failed = event("response.failed", 1, response={"error": NESTED})
    for streamed, said in ((refusal, "The model refused."), (failed, "Out of credit.")):
        with answering(streamed) as (base_url, _):
            with serve_example("streaming/web_chat/server.py", base_url) as url:
                relayed = httpx2.get(f"{url}/answers/resp_1", trust_env=False).text

        assert f'event: end\ndata: "{said}"\n\n' in relayed
