"""What gateways and other servers send: no example ends in a traceback, each says what it is."""

import json
from itertools import pairwise

from tests.support.example_runs import CALLERS, run_example
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

import pytest

CHAT, RESUME, TOOLS = "streaming/chat.py", "streaming/resume.py", "streaming/tool_calls.py"

UNPRINTABLE = r"'utf-8' codec can't encode character '\ud800' in position 0: surrogates not allowed"
# What is streamed, and what is printed. All are answers of one conversation.
CHUNKS = {
    "choices null": (chunk(choices=None) + delta(content="Hi") + END, "Hi"),
    "no choices": (chunk() + delta(content="Hi") + END, "Hi"),
    "delta null": (
        delta(content="Hi") + chunk(choices=[{"index": 0, "delta": None}]) + END,
        "Hi",
    ),
    "delta null at the end": (
        delta(content="Hi") + chunk(choices=[{"delta": None, "finish_reason": "stop"}]) + DONE,
        "Hi",
    ),
    "null as keep-alive": (block("null") + delta(content="Hi") + END, "Hi"),
    "refusal": (
        delta(refusal="I ") + delta(refusal="won't.") + delta("stop") + DONE,
        "I won't.\n[this answer is not complete: refused]",
    ),
    "surrogate": (
        delta(content="a") + delta(content="\ud800b") + END,
        f"a\n[this answer is not complete: {UNPRINTABLE}]",
    ),
    "length": (
        delta(content="Hi") + delta("length") + DONE,
        "Hi\n[this answer is not complete: length]",
    ),
    "filter": (
        delta("content_filter") + DONE,
        "\n[this answer is not complete: content_filter]",
    ),
    "no end": (delta(content="Hi"), "Hi\n[this answer is not complete: cut off]"),
    "error": (
        delta(content="Hi")
        + block({"error": {"message": "Out of credit.", "code": "insufficient_quota"}}),
        "Hi\n[this answer is not complete: Out of credit.]",
    ),
    "half JSON": (
        delta(content="Hi") + 'data: {"choices": [\n\n',
        "Hi\n[this answer is not complete: Expecting value: line 1 column 14 (char 13)]",
    ),
    "JSON, no stream": ('{"choices": []}', "\n[this answer is not complete: cut off]"),
}


def test_chat_takes_what_gateways_stream():
    with answering(*(body for body, _ in CHUNKS.values())) as (base_url, sent):
        ended = run_example(CHAT, base_url=base_url, typed="Hello\n" * len(CHUNKS))

    shown = ended.stdout.split("\nYou: ")[1:-1]
    assert dict(zip(CHUNKS, shown, strict=True)) == {
        name: f"{text}\n" for name, (_, text) in CHUNKS.items()
    }
    assert (ended.returncode, ended.stderr) == (1, "")
    # Each request carries the whole conversation.
    assert [message["role"] for message in sent[2]["messages"]] == ["user", "assistant"] * 2 + [
        "user"
    ]


ERRORS = [
    '{"error": "model \'x\' not found"}',
    '{"detail": "Not Found"}',
    "<html>Bad gateway</html>",
    "{",
]


def test_chat_goes_on_after_errors():
    with answering(*ERRORS, status=404, kind="application/json") as (base_url, _):
        ended = run_example(CHAT, base_url=base_url, typed="Hello\n" * len(ERRORS))

    assert ended.stdout.count("[this answer is not complete: ") == len(ERRORS)
    assert (ended.returncode, ended.stderr) == (1, "")


PROGRAMS = [RESUME, TOOLS, "rag/rag_by_hand.py", "rag/folder_bot.py"]


@pytest.mark.parametrize(("name", "body"), [*zip(PROGRAMS, ERRORS, strict=True)])
def test_errors_are_no_traceback(name, body, tmp_path):
    arguments = [tmp_path] if "folder" in name else []
    with answering(body, status=404, kind="application/json") as (base_url, _):
        ended = run_example(name, *arguments, base_url=base_url)

    assert "error: " in ended.stderr
    assert ended.returncode == 1


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


def test_tool_calls_are_put_together():
    """Each case is a round of one conversation, which ends with an answer without calls."""
    streams = [
        pieces + delta(finish) + DONE
        for (pieces, _), finish in zip(CALLS.values(), ["tool_calls", "stop"] * 4, strict=True)
    ]
    with answering(*streams, delta(content="Six.") + END) as (base_url, sent):
        ended = run_example(TOOLS, base_url=base_url)

    made = {}
    for name, (request, following) in zip(CALLS, pairwise(sent), strict=True):
        asked, *results = following["messages"][len(request["messages"]) :]
        made[name] = [each["function"] for each in asked["tool_calls"]]
        assert [each["id"] for each in asked["tool_calls"]] == [
            each["tool_call_id"] for each in results
        ]
    assert made == {
        name: [{"name": "count_places", "arguments": each} for each in arguments]
        for name, (_, arguments) in CALLS.items()
    }
    assert sent[0]["reasoning_effort"] == "none"
    assert ended.stdout.endswith("\nSix.\n")
    assert (ended.returncode, ended.stderr) == (0, "")


UNUSABLE = {
    "half": (call("a", "count_places", "{", index=0) + delta("tool_calls") + DONE, "JSON"),
    "no day": (call("a", "count_places", "{}", index=0) + delta("tool_calls") + DONE, "day"),
    "length": (call("a", "count_places", FRIDAY, index=0) + delta("length") + DONE, "length"),
    "no end": (call("a", "count_places", FRIDAY, index=0), "cut off"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_calls_that_are_not_complete_are_not_made(name):
    body, said = UNUSABLE[name]
    with answering(body) as (base_url, sent):
        ended = run_example(TOOLS, base_url=base_url)

    assert len(sent) == 1
    assert said in ended.stderr
    assert (ended.returncode, ended.stdout) == (1, "")


CREATED = event("response.created", 0, response={"id": "resp_1"})
TEXT = event("response.output_text.delta", 1, delta="Hi")
COMPLETED = event("response.completed", 2, response={"id": "resp_1", "output": None})
NESTED = {"type": "insufficient_quota", "code": "insufficient_quota", "message": "Out of credit."}
INCOMPLETE = {"incomplete_details": {"reason": "max_output_tokens"}}
UNNUMBERED = (
    event("response.created", response={"id": "resp_1"})
    + event("response.output_text.delta", delta="Hi")
    + event("response.completed", response={"id": "resp_1", "output": None})
)
REFUSAL = event("response.refusal.delta", 1, delta="No.") + event("response.refusal.done", 2)
AGAIN = "\n[connection lost after event 1; connecting again]\n"

# The streams of one answer, connection by connection; what is printed; what is said at the end.
ANSWERS = {
    "refusal, null as keep-alive": (
        [
            CREATED
            + block("null")
            + REFUSAL
            + event("response.completed", 3, response={"id": "resp_1"})
        ],
        "No.\n",
        "",
    ),
    "repeated events": ([CREATED + TEXT, CREATED + TEXT + COMPLETED], f"Hi{AGAIN}\n", ""),
    "no numbers": ([UNNUMBERED], "Hi\n", ""),
    "failed after a break": (
        [CREATED + TEXT, event("response.failed", 2, response={"error": NESTED})],
        f"Hi{AGAIN}",
        "Out of credit.",
    ),
    "incomplete": (
        [CREATED + event("response.incomplete", 2, response=INCOMPLETE)],
        "",
        "max_output_tokens",
    ),
    "flat error": ([CREATED + event("error", 1, message="Flat.")], "", "error: Flat."),
    "nested error": ([CREATED + event("error", 1, error=NESTED)], "", "Out of credit."),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_resume_says_how_an_answer_ended(name):
    bodies, shown, said = ANSWERS[name]
    with answering(*bodies) as (base_url, _):
        ended = run_example(RESUME, base_url=base_url)

    assert ended.stdout == shown
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


TURNS = {
    "error": ([("error", {"error": {"message": "No such voice."}})], "No such voice."),
    "incomplete": (
        [("never.heard", {}), ("response.done", {"response": {"status": "incomplete"}})],
        "incomplete",
    ),
    "hung up": ([], ""),
}


@pytest.mark.parametrize("name", TURNS)
@pytest.mark.parametrize(
    ("program", "file"),
    [
        ("realtime/text_turn.py", None),
        ("realtime/voice_turn.py", "ask-closed.wav"),
        ("audio/read_aloud.py", "ask-closed.txt"),
    ],
)
def test_turn_says_how_it_ended(name, program, file, tmp_path):
    events, said = TURNS[name]
    files = [CALLERS / file, tmp_path / "answer.wav"] if file else []
    with socket_server(talk(*events)) as base_url:
        ended = run_example(program, *files, base_url=base_url)

    assert said in ended.stderr
    assert ended.stderr != ""
    assert ended.returncode == 1


def test_reading_shows_what_was_reworded(tmp_path):
    (tmp_path / "text.txt").write_text("The house isn't open on Mondays, all year round.")
    done = {"response": {"status": "completed"}}
    words = "Well: the house is closed on Mondays, all year."
    events = [("response.output_audio_transcript.delta", {"delta": words}), ("response.done", done)]
    files = [tmp_path / "text.txt", tmp_path / "speech.wav"]
    with socket_server(talk(*events)) as base_url:
        ended = run_example("audio/read_aloud.py", *files, base_url=base_url)

    first, second, third, last = ended.stdout.splitlines()
    assert (first, third) == ("text:    said: well", "text: round   said: ")
    assert second == "text: isn't open   said: is closed"
    assert last.endswith("speech.wav: 0.0 s, 9 words, 3 differences")
    assert ended.returncode == 0


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
