"""Lesson 1's functions without any server: a transport hands the SDK real bytes.

You can test your own code that calls OpenAI in the same way: `httpx2.MockTransport` stands in for
the network, and everything above it is real, the SDK included.
"""

import json
from collections.abc import Iterator
from functools import partial
from io import StringIO

from console.terminal import Terminal
from tests.support import lessons
from tests.support.emulator_clients import MODEL

import httpx2
import pytest
from openai import APIConnectionError, AsyncOpenAI, OpenAI

LESSON = lessons.load()
QUESTION = "Is it cold?"


def chunk(content: str | None = None, finish: str | None = None, **more: object) -> dict:
    """One chunk as OpenAI sends it."""
    delta = {} if content is None else {"content": content}
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    envelope = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
    return envelope | {"choices": [choice]} | more


def sse(*blocks: dict) -> bytes:
    return (
        b"".join(b"data: %b\n\n" % json.dumps(block).encode() for block in blocks)
        + b"data: [DONE]\n\n"
    )


def client_for(*bodies: bytes, seen: list[dict] | None = None) -> OpenAI:
    """A client that gets one body after the other; what it sends is appended to `seen`."""
    left = list(bodies)

    def answer(request: httpx2.Request) -> httpx2.Response:
        if seen is not None:
            seen.append(json.loads(request.content))
        body = left.pop(0) if len(left) > 1 else left[0]
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)

    transport = httpx2.MockTransport(answer)
    return OpenAI(api_key="test", http_client=httpx2.Client(transport=transport), max_retries=0)


def read(body: bytes) -> list[str]:
    """The pieces that part 1 prints."""
    chunks = client_for(body).chat.completions.create(model=MODEL, messages=[], stream=True)
    return list(LESSON.read(chunks))


ANSWER = sse(
    chunk(""), chunk("Yes. "), chunk("Very."), chunk("Bring gloves."), chunk(finish="stop")
)


def test_read_yields_the_text():
    assert "".join(read(ANSWER)) == "Yes. Very.Bring gloves."


def test_read_takes_chunks_and_deltas_without_content():
    empty = {"choices": []}, {"choices": None}, {"choices": [{"delta": None}]}, {}

    assert "".join(read(sse(*empty, chunk("Yes."), chunk(finish="stop")))) == "Yes."


def test_stream_sends_and_prints(monkeypatch, capsys):
    seen = []
    monkeypatch.setattr(LESSON, "OpenAI", lambda: client_for(ANSWER, seen=seen))

    LESSON.stream(QUESTION, MODEL)

    assert seen == [
        {"messages": [{"role": "user", "content": QUESTION}], "model": MODEL, "stream": True}
    ]
    assert capsys.readouterr().out == "Yes. Very.Bring gloves.\n"


def test_compare_shows_both_ways(monkeypatch):
    whole = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Yes."}}]}

    def answer(request: httpx2.Request) -> httpx2.Response:
        if json.loads(request.content).get("stream"):
            return httpx2.Response(200, content=ANSWER)
        return httpx2.Response(200, json=whole)

    http_client = httpx2.Client(transport=httpx2.MockTransport(answer))
    monkeypatch.setattr(LESSON, "OpenAI", partial(OpenAI, api_key="x", http_client=http_client))
    shown = ["", ""]

    def show(column: int, piece: str) -> None:
        shown[column] += piece

    LESSON.compare(QUESTION, MODEL, show)

    assert shown == ["Yes.", "Yes. Very.Bring gloves."]


COUNTED = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}


def test_usage_is_found_before_other_empty_chunks():
    last = chunk() | {"choices": []}
    body = sse(chunk("Yes."), chunk(finish="stop"), last | {"usage": COUNTED}, last)
    seen = []

    usage = LESSON.usage(client_for(body, seen=seen), QUESTION, MODEL)

    assert (usage.prompt_tokens, usage.completion_tokens) == (5, 3)
    assert seen[0]["stream_options"] == {"include_usage": True}


def test_usage_may_never_come():
    assert LESSON.usage(client_for(ANSWER), QUESTION, MODEL) is None
    with pytest.raises(EOFError, match="missing"):
        LESSON.usage(client_for(sse(chunk("Yes."))), QUESTION, MODEL)


def test_cents_follow_both_prices():
    usage = LESSON.CompletionUsage(**COUNTED)

    assert LESSON.cents(usage, 100.0, 1000.0) == pytest.approx(0.05 + 0.3)


@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_half_an_answer_is_not_taken_for_complete(finish):
    body = sse(chunk("Yes."), chunk(finish=finish))

    with pytest.raises(EOFError, match=finish):
        read(body)
    text, ending = LESSON.recover(client_for(body), QUESTION, MODEL)
    assert (text, ending) == ("Yes.", f"EOFError: finish_reason is {finish}")


def event(number: int, kind: str, **fields: object) -> bytes:
    """One event of a response, as OpenAI sends it."""
    body = json.dumps({"type": kind, "sequence_number": number} | fields).encode()
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), body)


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        ("response.incomplete", {"response": {}}, "no reason"),
        ("response.failed", {"response": {"error": {"code": "c", "message": "Busy."}}}, "Busy."),
        ("error", {"code": "c", "message": "Busy."}, "c Busy."),
        ("response.created", {"response": {}}, "without response.completed"),
    ],
)
def test_incomplete_response_is_not_taken_for_complete(kind, fields, said):
    body = event(0, kind, **fields)

    with pytest.raises(EOFError, match=said):
        list(LESSON.events(client_for(body), QUESTION, MODEL))


def test_stop_prints_thirty_pieces_and_closes(capsys):
    closed = []

    class Endless(httpx2.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            while True:
                yield b"data: %b\n\n" % json.dumps(chunk("a ")).encode()

        def close(self) -> None:
            closed.append(True)

    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"x-request-id": "req_1"}, stream=Endless())

    http_client = httpx2.Client(transport=httpx2.MockTransport(answer))

    id = LESSON.stop(OpenAI(api_key="test", http_client=http_client), QUESTION, MODEL)

    assert id == "req_1"
    assert closed
    assert capsys.readouterr().out == "a " * 30 + "\n"


def test_recover_reports_a_complete_answer():
    assert LESSON.recover(client_for(ANSWER), QUESTION, MODEL) == (
        "Yes. Very.Bring gloves.",
        "complete",
    )


def test_recover_notices_a_page_instead_of_a_stream():
    text, ending = LESSON.recover(client_for(b"<html>Please log in</html>"), QUESTION, MODEL)

    assert text == ""
    assert "finish_reason is missing" in ending


def test_events_are_shown_in_runs_and_new_ones_as_well():
    types = ["response.created", *["response.output_text.delta"] * 2, "new.one"]
    body = b"".join(event(0, kind) for kind in types) + event(0, "response.completed")
    screen = StringIO()

    events = LESSON.events(client_for(body), QUESTION, MODEL)
    Terminal(screen).events(events, {"response.created": "it begins"})

    assert [line.split(maxsplit=1) for line in screen.getvalue().splitlines()] == [
        ["response.created", "it begins"],
        ["response.output_text.delta", "x 2  (new to this lesson)"],
        ["new.one", "(new to this lesson)"],
        ["response.completed", "(new to this lesson)"],
    ]


def test_chat_sends_all_messages(capsys):
    seen = []

    LESSON.chat(client_for(ANSWER, seen=seen), ["One?", "Two?"], MODEL)

    answer = {"role": "assistant", "content": "Yes. Very.Bring gloves."}
    one, two = ({"role": "user", "content": text} for text in ("One?", "Two?"))
    assert [asked["messages"] for asked in seen] == [[one], [one, answer, two]]
    assert capsys.readouterr().out.splitlines()[::2] == ["> One?", "> Two?"]


EVENTS = [
    event(0, "response.created", response={"id": "resp_1"}),
    event(1, "response.output_text.delta", delta="Yes. "),
    event(2, "response.output_text.delta", delta="Very."),
    event(3, "response.completed", response={"id": "resp_1", "output": []}),
]


def test_chat_by_id_sends_the_id_before(capsys):
    seen = []

    LESSON.chat_by_id(client_for(b"".join(EVENTS), seen=seen), ["One?", "Two?"], MODEL)

    assert [asked["input"] for asked in seen] == ["One?", "Two?"]
    assert [asked.get("previous_response_id") for asked in seen] == [None, "resp_1"]
    assert capsys.readouterr().out == "> One?\nYes. Very.\n> Two?\nYes. Very.\n"


async def test_together_keeps_columns_apart(monkeypatch):
    def answer(request: httpx2.Request) -> httpx2.Response:
        question = json.loads(request.content)["messages"][0]["content"]
        return httpx2.Response(200, content=sse(chunk(question), chunk(finish="stop")))

    http_client = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    make = partial(AsyncOpenAI, api_key="test", http_client=http_client)
    monkeypatch.setattr(LESSON, "AsyncOpenAI", make)
    shown = []

    await LESSON.together(["a", "b", "c"], MODEL, lambda *each: shown.append(each))

    assert sorted(each for each in shown if each[1]) == [(0, "a"), (1, "b"), (2, "c")]


class CutBody(httpx2.SyncByteStream):
    """These events, and then the connection is lost."""

    def __init__(self, events: list[bytes]) -> None:
        self._events = events

    def __iter__(self) -> Iterator[bytes]:
        yield from self._events
        raise httpx2.ReadError("lost")


def client_of_stretches(lengths: list[int], asked: list[str]) -> OpenAI:
    """A client whose connections bring so many events each and are lost; requests are noted."""
    left = iter(lengths)

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(f"{request.method} {request.url.raw_path.decode()}")
        after = int(request.url.params.get("starting_after", -1))
        stream = CutBody(EVENTS[after + 1 :][: next(left)])
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=stream)

    transport = httpx2.MockTransport(answer)
    return OpenAI(api_key="test", http_client=httpx2.Client(transport=transport), max_retries=0)


def test_resume_asks_for_what_is_missing():
    asked = []

    pieces = list(LESSON.resume(client_of_stretches([2, 0, 1, 9], asked), QUESTION, MODEL))

    marks = [piece for piece in pieces if "broke" in piece]
    assert "".join(piece for piece in pieces if piece not in marks) == "Yes. Very."
    assert [mark.split()[-1] for mark in marks] == ["1]", "1]", "2]"]
    assert asked == [
        "POST /v1/responses",
        "GET /v1/responses/resp_1?starting_after=1&stream=true",
        "GET /v1/responses/resp_1?starting_after=1&stream=true",
        "GET /v1/responses/resp_1?starting_after=2&stream=true",
    ]


def test_resume_gives_up_some_time():
    with pytest.raises(EOFError, match="not enough"):
        list(LESSON.resume(client_of_stretches([1] + [0] * 50, []), QUESTION, MODEL))


def test_resume_needs_the_id_of_the_response():
    with pytest.raises(APIConnectionError):
        list(LESSON.resume(client_of_stretches([0], []), QUESTION, MODEL))


def test_resume_skips_events_that_come_again():
    body = b"".join([*EVENTS[:2], *EVENTS])

    assert "".join(LESSON.resume(client_for(body), QUESTION, MODEL)) == "Yes. Very."


def calls(*parts: tuple[int, dict]) -> list[dict]:
    """A chunk for each piece of a call: its index, and its function."""
    choice = {"index": 0, "logprobs": None, "finish_reason": None}
    return [
        chunk()
        | {"choices": [choice | {"delta": {"tool_calls": [{"index": index, "function": part}]}}]}
        for index, part in parts
    ]


def test_tools_keep_calls_apart(capsys):
    parts = calls(
        (0, {"name": "f", "arguments": ""}),
        (0, {"arguments": '{"day"'}),
        (1, {"name": "g", "arguments": ""}),
        (0, {"arguments": ':"Mon","people":1}'}),
        (1, {"arguments": '{"day":"Tue","people":2}'}),
    )
    seen = []

    client = client_for(sse(*parts, chunk(finish="tool_calls")), seen=seen)
    LESSON.tools(client, QUESTION, MODEL, "none")

    assert capsys.readouterr().out == "f day='Mon' people=1\ng day='Tue' people=2\n"
    assert seen[0]["reasoning_effort"] == "none"
    assert seen[0]["tools"][0]["function"]["name"] == "count_places"


def test_text_in_place_of_a_call_is_no_failure(capsys):
    LESSON.tools(client_for(ANSWER), QUESTION, MODEL, "none")

    assert "The model called no function. It wrote: Yes. Very." in capsys.readouterr().out


def test_objects_show_what_is_known():
    text = '{"visits":[{"day":"Friday","people":2}]}'
    pieces = [chunk(text[at : at + 10]) for at in range(0, len(text), 10)]
    body = sse(*pieces, chunk(finish="stop"))

    known = list(LESSON.objects(client_for(body), QUESTION, MODEL))

    assert known[-1] == LESSON.Plan(visits=[LESSON.Visit(day="Friday", people=2)])
    assert known[-2] == {"visits": [{"day": "Friday", "people": 2}]}
    assert len(known) > 3


@pytest.mark.parametrize("end", [[], [chunk(finish="length")]])
def test_objects_refuse_half_an_object(end):
    with pytest.raises(EOFError, match="missing|length"):
        list(LESSON.objects(client_for(sse(chunk('{"visits":['), *end)), QUESTION, MODEL))


def test_objects_refuse_another_object():
    with pytest.raises(EOFError, match="this isn't a Plan: {}"):
        list(LESSON.objects(client_for(sse(chunk("{}"), chunk(finish="stop"))), QUESTION, MODEL))
