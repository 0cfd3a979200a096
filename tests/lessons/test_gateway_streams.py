"""Whatever a gateway sends, lesson 1 shows the text there is and says what happened."""

import asyncio
import json
import re
from contextlib import redirect_stderr, redirect_stdout
from functools import reduce
from io import StringIO
from operator import getitem

from console.explain import ErrorContext
from console.first_bytes import FirstBytes
from console.lesson import report_failures, thread_failures
from console.terminal import Terminal
from tests.support import lessons
from tests.support.emulator_clients import MODEL
from tests.support.gateway_streams import (
    KEEP_ALIVE,
    SURROGATE,
    changed,
    is_end,
    is_fault,
    open_gateway,
    paths,
    recorded_streams,
    sse,
    texts_of,
)

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import OpenAI

LESSON = lessons.load()
PRICES = (0.1, 0.5)


def compare(client, terminal):
    with terminal.lanes(["waiting", "streaming"]) as lanes:
        LESSON.compare("x", MODEL, lanes.add)


def together(client, terminal):
    with terminal.lanes(["a", "b"]) as lanes:
        asyncio.run(LESSON.together(["a", "b"], MODEL, lanes.add))


def usage(client, terminal):
    counted = LESSON.usage(client, "x", MODEL)
    terminal.bill(counted, LESSON.cents(counted, *PRICES) if counted else 0, PRICES)


# Each part as the lesson's `main` runs it, and the cassette whose streams it reads.
PARTS = {
    "stream": ("stream", lambda client, _: LESSON.stream("x", MODEL)),
    "compare": ("stream", compare),
    "events": ("events", lambda client, it: it.events(LESSON.events(client, "x", MODEL), {})),
    "chat": ("chat", lambda client, _: LESSON.chat(client, ["x", "y"], MODEL)),
    "chat_by_id": ("events", lambda client, _: LESSON.chat_by_id(client, ["x", "y"], MODEL)),
    "usage": ("usage", usage),
    "stop": ("stream", lambda client, _: LESSON.stop(client, "x", MODEL)),
    "recover": ("stream", lambda client, it: it.broken("x", *LESSON.recover(client, "x", MODEL))),
    "resume": ("events", lambda client, it: it.live(LESSON.resume(client, "x", MODEL))),
    "together": ("together", together),
    "tools": ("tools", lambda client, _: LESSON.tools(client, "x", MODEL, "none")),
    "objects": ("objects", lambda client, it: it.changes(LESSON.objects(client, "x", MODEL))),
}
SHOWS_TEXT = ("stream", "compare", "chat", "chat_by_id", "resume", "together")
STREAMS = {part: next(recorded_streams(cassette)) for part, (cassette, _) in PARTS.items()}
WHOLE = {"choices": [{"index": 0, "message": {"content": "Yes."}, "finish_reason": "stop"}]}

REASON = "Too busy."
NESTED = {"error": {"message": REASON, "type": "server_error", "code": None}}
FAILURE = {"code": "server_error", "message": REASON}
FLAT = {"type": "error", "code": "server_error", "message": REASON, "param": None}
FAILED = {"type": "response.failed", "response": {"id": "resp_x", "error": FAILURE}}
DETAILS = {"reason": "max_output_tokens"}
INCOMPLETE = {"type": "response.incomplete", "response": {"incomplete_details": DETAILS}}
FAULTS = [NESTED, FLAT, FAILED, INCOMPLETE]


@pytest.fixture(scope="module")
def opened():
    with open_gateway() as (server, base_url):
        server.whole = json.dumps(WHOLE).encode()
        with OpenAI(base_url=base_url, api_key="offline", max_retries=0) as client:
            yield server, client


@pytest.fixture
def gateway(opened, monkeypatch):
    """The gateway and a client of it; the environment names it as well."""
    monkeypatch.setenv("OPENAI_BASE_URL", str(opened[1].base_url))
    monkeypatch.setenv("OPENAI_API_KEY", "offline")
    return opened


def watch(gateway, part, body, **how):
    """Run a part inside the lesson's frame: its exit code, its screen, and standard error."""
    server, client = gateway
    server.answer(body, **how)
    out, err, code = StringIO(), StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            seen = FirstBytes()
            context = ErrorContext(MODEL, "host", instead_of_stream=seen.instead_of_stream)
            with report_failures(context), seen.watch():
                terminal = Terminal()
                with terminal.as_output(), thread_failures() as raised:
                    PARTS[part][1](client, terminal)
                    if raised:
                        raise raised.pop()
        except SystemExit as ended:
            code = ended.code
    return code, out.getvalue(), err.getvalue()


def check_words(code, shown, error):
    """What holds for every failure: three lines in words."""
    lines = r"error: .+\n(  why: .+\n)?(  try: .+\n)?" if code else ""
    assert re.fullmatch(lines, error)
    for wrong in (
        "Traceback",
        "None",
        "should not happen",
        "mistake in the course",
        " object at 0x",
    ):
        assert wrong not in error
    assert not re.search(r"\b[A-Z]\w+\(\w+=", error)
    assert not re.search(r"\bNone\b", shown)


MISSING = st.sampled_from([[], [None]])
ODD_TEXT = st.sampled_from([[], [None], [""], [SURROGATE]])
FINISH = st.sampled_from(["length", "content_filter", None])


@st.composite
def mutated(draw, part):
    """The stream of a part with one to three changes."""
    values = list(STREAMS[part])
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(values) - 1))
        change = draw(st.sampled_from(["field"] * 4 + ["drop", "add", "end", "refuse", "finish"]))
        if change == "add":
            values[at:at] = [draw(st.sampled_from([*KEEP_ALIVE, *FAULTS, values[at]]))]
        elif change == "drop" and len(values) > 1:
            del values[at]
        elif change == "end":
            del values[at + 1 :]
        elif isinstance(values[at], dict):
            values[at] = draw(changes_of(values[at], change))
    return values


@st.composite
def changes_of(draw, value, change):
    """A chunk, or an event, in which something is missing or differs."""
    text = json.dumps(value)
    if change == "refuse":
        text = text.replace('"content":', '"refusal":').replace("output_text.d", "refusal.d")
    elif change == "finish":
        text = text.replace('"stop"', json.dumps(draw(FINISH)))
    elif found := list(paths(value)):
        path = draw(st.sampled_from(found))
        is_text = isinstance(reduce(getitem, path, value), str)
        return changed(value, path, draw(ODD_TEXT if is_text else MISSING))
    return json.loads(text)


def bare(text):
    """A text without blanks, and without characters that a screen may replace."""
    return re.sub(r"[\s?\ufffd\ud800-\udfff]", "", text)


def texts_before_fault(values):
    for value in values:
        if is_fault(value) or value.get("type") == "response.completed":
            return
        yield from texts_of(value)


@pytest.mark.parametrize("part", PARTS)
def test_changed_streams_keep_their_text_and_say_what_happened(gateway, part):
    @settings(max_examples=25, deadline=None, derandomize=True, database=None)
    @given(mutated(part), st.booleans())
    def holds(values, is_lost):
        code, shown, error = watch(gateway, part, sse(values), is_lost=is_lost)

        events = [value for value in values if isinstance(value, dict)]
        check_words(code, shown, error)
        if part in SHOWS_TEXT:
            assert bare("".join(texts_before_fault(events))) in bare(shown), (code, error)
        if part not in ("recover", "stop"):
            assert code or any(map(is_end, events))

    holds()


# Chunks that gateways send between others, and that have no text.
EMPTY = {
    "choices null": {"choices": None},
    "no choices": {},
    "delta null": {"choices": [{"index": 0, "delta": None, "finish_reason": None}]},
    "data null": None,
}


@pytest.mark.parametrize("empty", EMPTY)
@pytest.mark.parametrize("part", ["stream", "chat", "together"])
def test_chunk_without_a_choice_or_a_delta_has_no_text(gateway, part, empty):
    values = [chunk(content="Yes, "), EMPTY[empty], chunk(content="it is."), EMPTY[empty]]

    code, shown, error = watch(gateway, part, sse([*values, chunk("stop")]))

    assert (code, error) == (0, "")
    assert "Yes, " in shown and "it is." in shown


def test_finish_counts_beside_a_delta_that_is_null(gateway):
    end = {"choices": [{"index": 0, "delta": None, "finish_reason": "stop"}]}

    assert watch(gateway, "stream", sse([chunk(content="Yes."), end])) == (0, "Yes.\n", "")


@pytest.mark.parametrize("part", ["events", "chat_by_id", "resume"])
def test_output_of_a_completed_response_may_be_null(gateway, part):
    *before, completed = STREAMS[part]
    completed = changed(completed, ("response", "output"), [None])

    code, _, error = watch(gateway, part, sse([*before, completed]))

    assert (code, error) == (0, "")


def test_break_before_a_response_was_created_is_told(gateway):
    code, shown, error = watch(gateway, "resume", b"", is_lost=True)

    assert (code, shown) == (1, "")
    check_words(code, shown, error)


def called(index, id, name, arguments):
    return {"index": index, "id": id, "function": {"name": name, "arguments": arguments}}


def chunk(finish=None, **delta):
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


FRIDAY, SATURDAY = '{"day":"Friday","people":2}', '{"day":"Saturday","people":4}'
FIRST = called(0, "a", "places", FRIDAY)
CALLS = {
    "whole calls in one chunk": [chunk(tool_calls=[FIRST, called(1, "b", "places", SATURDAY)])],
    "the name again in each piece": [
        chunk(tool_calls=[called(0, "a", "places", "")]),
        chunk(tool_calls=[called(0, "a", "places", FRIDAY[:9])]),
        chunk(tool_calls=[called(0, "a", "places", FRIDAY[9:])]),
        chunk(tool_calls=[called(1, "b", "places", SATURDAY)]),
    ],
    "one index for two calls": [
        chunk(tool_calls=[FIRST]),
        chunk(tool_calls=[called(0, "b", "places", SATURDAY[:9])]),
        chunk(tool_calls=[called(0, None, None, SATURDAY[9:])]),
    ],
    "no index": [
        chunk(tool_calls=[{**FIRST, "index": None}]),
        chunk(tool_calls=[called(None, "b", "places", SATURDAY)]),
    ],
}


@pytest.mark.parametrize("case", CALLS)
@pytest.mark.parametrize("finish", ["tool_calls", "stop"])
def test_tool_calls_of_other_servers_are_read(gateway, case, finish):
    code, shown, error = watch(gateway, "tools", sse([*CALLS[case], chunk(finish)]))

    assert (code, error) == (0, "")
    assert shown == "places day='Friday' people=2\nplaces day='Saturday' people=4\n"


def test_text_in_place_of_a_call_is_shown(gateway):
    code, shown, error = watch(gateway, "tools", sse([chunk(refusal="I can't."), chunk("stop")]))

    assert (code, error) == (0, "")
    assert "The model called no function. It wrote: I can't." in shown


REFUSAL = [chunk(role="assistant"), chunk(refusal="I "), chunk(refusal="can't."), chunk("stop")]
REFUSED = [
    {"type": "response.created", "response": {"id": "resp_1"}, "sequence_number": 0},
    {"type": "response.refusal.delta", "delta": "I can't.", "sequence_number": 1},
    {"type": "response.refusal.done", "refusal": "I can't.", "sequence_number": 2},
    {"type": "response.completed", "response": {"id": "resp_1"}, "sequence_number": 3},
]


@pytest.mark.parametrize("part", ["stream", "chat", "chat_by_id", "resume"])
def test_refusal_is_shown_as_one(gateway, part):
    body = sse(REFUSAL if part in ("stream", "chat") else REFUSED)

    code, shown, _ = watch(gateway, part, body)

    assert code == 0
    assert "I can't. [The model refused.]" in shown


def test_refusal_in_place_of_an_object_is_shown(gateway):
    code, _, error = watch(gateway, "objects", sse(REFUSAL))

    assert code == 1
    assert "I can't. [The model refused.]" in error


CUT = {"length": "the limit of tokens", "content_filter": "content filter"}


@pytest.mark.parametrize("finish", CUT)
@pytest.mark.parametrize("part", ["stream", "objects", "together", "tools", "chat"])
def test_answer_that_was_cut_off_says_why(gateway, part, finish):
    code, _, error = watch(gateway, part, sse([chunk(content='{"visits":['), chunk(finish)]))

    assert code == 1
    assert CUT[finish] in error


@pytest.mark.parametrize("reason", ["max_output_tokens", "content_filter"])
def test_incomplete_response_says_why(gateway, reason):
    event = {"type": "response.incomplete", "response": {"incomplete_details": {"reason": reason}}}

    code, _, error = watch(gateway, "chat_by_id", sse([event]))

    assert code == 1
    assert CUT["content_filter" if reason == "content_filter" else "length"] in error


@pytest.mark.parametrize("fault", FAULTS[:3], ids=["nested", "flat", "failed"])
@pytest.mark.parametrize("part", ["events", "chat_by_id", "resume"])
def test_fault_inside_a_stream_keeps_its_reason(gateway, part, fault):
    code, _, error = watch(gateway, part, sse([REFUSED[0], fault]))

    assert code == 1
    assert REASON in error


QUOTA = {"code": "insufficient_quota", "message": "You exceeded your quota.", "param": None}
NO_CREDIT = [
    {"type": "error", "error": {"type": "insufficient_quota", **QUOTA}, "sequence_number": 2},
    {"type": "response.failed", "response": {"id": "resp_1", "error": QUOTA}},
]


@pytest.mark.parametrize("events", [NO_CREDIT, NO_CREDIT[1:]], ids=["both", "failed"])
@pytest.mark.parametrize("part", ["events", "chat_by_id", "resume"])
def test_missing_credit_inside_a_stream_gets_its_advice(gateway, part, events):
    code, _, error = watch(gateway, part, sse([REFUSED[0], *events]))

    assert code == 1
    assert "no credit left" in error


INSTEAD = {
    "an error": (NESTED, REASON),
    "a quota": ({"error": QUOTA}, "no credit left"),
    "a text": ({"error": "model 'x' not found"}, "OPENAI_MODEL"),
    "an answer": (WHOLE, "JSON in place of a stream"),
}


@pytest.mark.parametrize("case", INSTEAD)
@pytest.mark.parametrize("part", ["stream", "compare", "events", "resume", "together", "tools"])
def test_json_in_place_of_a_stream_keeps_its_reason(gateway, part, case):
    body, reason = INSTEAD[case]

    code, _, error = watch(gateway, part, json.dumps(body).encode(), kind="application/json")

    assert code == 1
    assert reason in error


def test_label_of_a_stream_does_not_matter(gateway):
    body = sse([chunk(content="Yes."), chunk("stop")])

    assert watch(gateway, "stream", body, kind="text/html") == (0, "Yes.\n", "")


def test_half_a_character_becomes_a_replacement(gateway):
    visit = '{"visits":[{"day":"Fri' + SURROGATE + '","people":2}]}'

    code, shown, _ = watch(gateway, "objects", sse([chunk(content=visit), chunk("stop")]))

    assert code == 0
    assert shown.splitlines()[-1] == "visits=[Visit(day='Fri?', people=2)]"


def test_answer_with_half_a_character_can_be_sent_back(gateway):
    assert watch(gateway, "chat", sse([chunk(content=SURROGATE), chunk("stop")]))[0] == 0


def test_events_without_numbers_come_once(gateway):
    events = [{**event, "sequence_number": None} for event in STREAMS["resume"]]

    code, shown, _ = watch(gateway, "resume", sse(events))

    assert (code, shown) == (0, "".join(map("".join, map(texts_of, events))) + "\n")


def test_control_characters_of_a_model_are_shown(gateway):
    body = sse([chunk(content="\x1b[2J\x07Yes."), chunk("stop")])

    assert watch(gateway, "stream", body)[1] == "␛[2J␇Yes.\n"
