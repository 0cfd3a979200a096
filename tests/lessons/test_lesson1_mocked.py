"""Lesson 1's functions without any server: a transport hands the SDK real bytes.

This is how to test one's own code that calls OpenAI: `httpx2.MockTransport` stands where the
network was, and everything above it, the SDK included, is real.
"""

import json
from collections.abc import Callable, Iterator

from tests.support import lessons
from tests.support.emulator_clients import MODEL

import httpx2
import pytest
from openai import AsyncOpenAI, LengthFinishReasonError, OpenAI

LESSON = lessons.load()
ASK = LESSON.Ask("Is it cold?", MODEL, "none")


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


def client_for(body: bytes, seen: list[dict] | None = None) -> OpenAI:
    """A client that gets this body whatever it asks; what it asked is put into `seen`."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        if seen is not None:
            seen.append(json.loads(request.content))
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)

    transport = httpx2.MockTransport(answer)
    return OpenAI(api_key="test", http_client=httpx2.Client(transport=transport), max_retries=0)


def ticking(*times: float) -> Callable[[], float]:
    """A clock that tells these times, one after the other."""
    return iter(times).__next__


ANSWER = sse(
    chunk(""), chunk("Yes. "), chunk("Very."), chunk("Bring gloves."), chunk(finish="stop")
)


def test_stream_yields_texts_alone():
    assert list(LESSON.stream(client_for(ANSWER), ASK)) == ["Yes. ", "Very.", "Bring gloves."]


def test_stream_sends_what_the_lesson_says():
    seen = []

    list(LESSON.stream(client_for(ANSWER, seen), ASK))

    assert seen == [
        {
            "messages": [{"role": "user", "content": "Is it cold?"}],
            "model": MODEL,
            "reasoning_effort": "none",
            "stream": True,
        }
    ]


def test_measure_notes_each_arrival():
    timing = LESSON.measure(["a", "b"], clock=ticking(10.0, 10.5, 11.0))

    assert timing == LESSON.Timing([0.5, 1.0], 2)


def test_race_times_both_ways():
    whole = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": MODEL,
        "choices": [],
        "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8},
    }
    bodies = iter([json.dumps(whole).encode(), ANSWER])
    transport = httpx2.MockTransport(
        lambda request: httpx2.Response(
            200, headers={"content-type": "application/json"}, content=next(bodies)
        )
    )
    client = OpenAI(api_key="test", http_client=httpx2.Client(transport=transport))

    timings = LESSON.race(client, ASK, clock=ticking(0, 3, 10, 11, 12, 13))

    assert timings == {"whole": LESSON.Timing([3], 3), "streamed": LESSON.Timing([1, 2, 3], 3)}


def test_usage_is_found_before_other_empty_chunks():
    counted = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
    last = chunk() | {"choices": []}
    body = sse(chunk("Yes."), chunk(finish="stop"), last | {"usage": counted}, last)

    usage = LESSON.usage(client_for(body), ASK)

    assert (usage.prompt_tokens, usage.completion_tokens) == (5, 3)


def test_usage_may_never_come():
    with pytest.raises(EOFError, match="without its usage"):
        LESSON.usage(client_for(sse(chunk("Yes."))), ASK)


@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_half_an_answer_is_not_taken_for_whole(finish):
    client = client_for(sse(chunk("Yes."), chunk(finish=finish)))

    with pytest.raises(EOFError, match=finish):
        list(LESSON.stream(client, ASK))
    assert LESSON.broken(client, ASK)[1].startswith(f"the stream ended with finish_reason {finish}")


def test_incomplete_response_is_not_taken_for_whole():
    body = b'event: response.incomplete\ndata: {"type":"response.incomplete","response":{}}\n\n'

    with pytest.raises(EOFError, match="cut short"):
        LESSON.text_of(LESSON.events(client_for(body), ASK))


def test_empty_answer_has_a_time():
    assert LESSON.measure([], clock=ticking(1.0, 1.5)) == LESSON.Timing([0.5], 0)


def test_stop_ends_after_second_sentence():
    assert "".join(LESSON.stop(client_for(ANSWER), ASK, sentences=2)) == "Yes. Very."


def test_broken_tells_a_complete_answer():
    assert LESSON.broken(client_for(ANSWER), ASK) == ("Yes. Very.Bring gloves.", "complete")


def test_broken_hears_a_page_instead_of_a_stream():
    text, how = LESSON.broken(client_for(b"<html>Please log in</html>"), ASK)

    assert text == ""
    assert "finish_reason" in how


def test_outline_counts_runs_and_bears_new_events():
    types = [
        "response.created",
        "response.output_text.delta",
        "response.output_text.delta",
        "new.one",
    ]
    body = b"".join(b'event: %b\ndata: {"type":"%b"}\n\n' % (t.encode(), t.encode()) for t in types)

    rows = LESSON.outline(LESSON.events(client_for(body), ASK))

    assert [(kind, count) for kind, count, _ in rows] == [
        ("response.created", 1),
        ("response.output_text.delta", 2),
        ("new.one", 1),
    ]
    assert rows[-1][2] == "(new to this lesson)"


async def test_together_keeps_lanes_apart():
    def answer(request: httpx2.Request) -> httpx2.Response:
        question = json.loads(request.content)["messages"][0]["content"]
        return httpx2.Response(200, content=sse(chunk(question), chunk(finish="stop")))

    http_client = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    shown = []

    await LESSON.together(
        AsyncOpenAI(api_key="test", http_client=http_client),
        [LESSON.Ask(letter, MODEL, "none") for letter in "abc"],
        lambda lane, piece: shown.append((lane, piece)),
    )

    assert sorted(filter(lambda each: each[1], shown)) == [(0, "a"), (1, "b"), (2, "c")]


def event(number: int, kind: str, **fields: object) -> bytes:
    """One event of a response, as OpenAI sends it."""
    body = json.dumps({"type": kind, "sequence_number": number} | fields).encode()
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), body)


EVENTS = [
    event(0, "response.created", response={"id": "resp_1"}),
    event(1, "response.output_text.delta", delta="Yes. "),
    event(2, "response.output_text.delta", delta="Very."),
    event(3, "response.completed", response={"id": "resp_1", "output": []}),
]


class CutBody(httpx2.SyncByteStream):
    """These events, and then the line is lost."""

    def __init__(self, events: list[bytes]) -> None:
        self._events = events

    def __iter__(self) -> Iterator[bytes]:
        yield from self._events
        raise httpx2.ReadError("lost")


def client_of_stretches(lengths: list[int], asked: list[str]) -> OpenAI:
    """A client whose connections bring so many events each and are lost; what it asked is noted."""
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
    seen = list(LESSON.resume(client_of_stretches([2, 0, 1, 9], asked), ASK))

    assert [event.sequence_number for _, event in seen] == [0, 1, 2, 3]
    assert list(LESSON.stretches(seen)) == [
        (1, "0 to 1", "Yes. "),
        (3, "2 to 2", "Very."),
        (4, "3 to 3", ""),
    ]
    assert asked == [
        "POST /v1/responses",
        "GET /v1/responses/resp_1?starting_after=1&stream=true",
        "GET /v1/responses/resp_1?starting_after=1&stream=true",
        "GET /v1/responses/resp_1?starting_after=2&stream=true",
    ]


def test_resume_gives_up_some_time():
    with pytest.raises(EOFError, match="not enough"):
        list(LESSON.resume(client_of_stretches([1] + [0] * 50, []), ASK))


def calls(*parts: tuple[int, dict]) -> list[dict]:
    """A chunk for each piece of a call: its index, and its function."""
    choice = {"index": 0, "logprobs": None, "finish_reason": None}
    return [
        chunk()
        | {"choices": [choice | {"delta": {"tool_calls": [{"index": index, "function": part}]}}]}
        for index, part in parts
    ]


def test_beyond_keeps_calls_apart():
    parts = calls(
        (0, {"name": "f", "arguments": ""}),
        (0, {"arguments": '{"a"'}),
        (1, {"name": "g", "arguments": ""}),
        (0, {"arguments": ":1}"}),
        (1, {"arguments": "{}"}),
    )
    body = sse(*parts, chunk(finish="tool_calls"))

    pieces = list(LESSON.beyond(client_for(body), ASK))

    assert "".join(piece for index, piece in pieces if index == 0) == 'f{"a":1}'
    assert "".join(piece for index, piece in pieces if index == 1) == "g{}"


def test_beyond_wants_a_call():
    with pytest.raises(EOFError, match="stop"):
        list(LESSON.beyond(client_for(ANSWER), ASK))


def test_growing_shows_what_is_known():
    text = '{"visits":[{"day":"Friday","people":2}]}'
    pieces = [chunk(text[at : at + 10]) for at in range(0, len(text), 10)]
    body = sse(*pieces, chunk(finish="stop"))

    known = list(LESSON.growing(client_for(body), ASK))

    assert known[-1] == LESSON.Plan(visits=[LESSON.Visit(day="Friday", people=2)])
    assert known[-2] == {"visits": [{"day": "Friday", "people": 2}]}
    assert len(known) > 3


def test_growing_notices_a_clean_cut():
    with pytest.raises(EOFError, match="before the object was complete"):
        list(LESSON.growing(client_for(sse(chunk('{"visits":['))), ASK))


def test_growing_refuses_half_an_object():
    body = sse(chunk('{"visits":['), chunk(finish="length"))

    with pytest.raises(LengthFinishReasonError):
        list(LESSON.growing(client_for(body), ASK))
