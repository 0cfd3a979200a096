"""The S rows of the failures that the field has seen: each produced by name, each handled."""

import asyncio
import json

from common.proxy import BREAKS, start_proxy
from tests.support import lessons
from tests.support.emulator_clients import MODEL, Gate, ask, connect
from tests.support.interrupts import can_interrupt

import httpx2
import openai
import pytest

LESSON = lessons.load()
CLOSED = "When is the observatory closed?"
QUESTION = ask("Reply with exactly: one two three four five six")
SIGNS = "é 日本 😀 \u2028 \u0085 end"


def fault(name):
    return {"extra_headers": {"x-emulator-fault": name}}


def text_of(chunks):
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def drain(stream):
    """The text that came, and the exception that ended the stream, if one did."""
    text = ""
    try:
        for chunk in stream:
            text += text_of([chunk])
    except Exception as error:  # each test names the one it expects
        return text, error
    return text, None


@pytest.mark.parametrize("name", ["fin@4", "fin@2000b"])
def test_s1_connection_closed_in_the_middle(client, name):
    text, error = drain(client.chat.completions.create(**QUESTION, stream=True, **fault(name)))

    assert "one two three four five six".startswith(text) and text
    assert type(error) is openai.APIConnectionError
    assert isinstance(error.__cause__, httpx2.RemoteProtocolError)


def test_s1_connection_reset_in_the_middle(start):
    gate = Gate(passes=3)
    emulator = start(pace=1, sleep=gate.sleep, faults=["rst@4"])
    with connect(emulator) as client:
        stream = client.chat.completions.create(**QUESTION, stream=True)
        first = [next(stream) for _ in range(3)]
        gate.open()
        _, error = drain(stream)

    assert text_of(first) == "one two"
    assert type(error) is openai.APIConnectionError


@pytest.fixture(scope="module")
def proxy(emulator):
    with start_proxy(emulator.base_url) as started:
        yield started


@pytest.mark.parametrize("name", BREAKS)
def test_s1_to_s12_lesson_keeps_what_came(proxy, name):
    base_url = proxy.breaking(name, after=6)
    with openai.OpenAI(base_url=base_url, api_key="x", timeout=0.3, max_retries=0) as client:
        text, ending = LESSON.recover(client, CLOSED, MODEL)

    assert text == "Fernhill Observatory is closed"
    assert ending != "complete"


def test_s2_clean_end_without_mark_is_noticed(client):
    text, error = drain(client.chat.completions.create(**QUESTION, stream=True, **fault("eof@4")))
    assert (text, error) == ("one two three", None)

    with pytest.raises(EOFError, match="finish_reason"):
        list(LESSON.read(client.chat.completions.create(**QUESTION, stream=True, **fault("eof@4"))))


def test_s2_helper_of_sdk_raises_runtime_error(client):
    asked = {"model": MODEL, "input": "What is the Lantern?"} | fault("eof@6")

    with client.responses.stream(**asked) as stream, pytest.raises(RuntimeError):
        stream.get_final_response()


def test_s3_nested_error_raises_api_error(client):
    stream = client.chat.completions.create(**QUESTION, stream=True, **fault("error-nested@3"))

    text, error = drain(stream)

    assert text == "one two"
    assert type(error) is openai.APIError
    assert error.type == "server_error"


def test_s3_flat_error_is_an_event(lenient):
    asked = {"model": MODEL, "input": "What is the Lantern?", "stream": True}

    events = list(lenient.responses.create(**asked, **fault("error-flat@6")))

    assert (events[-1].type, events[-1].code) == ("error", "server_error")
    with pytest.raises(EOFError, match="error: server_error"):
        list(LESSON.read_events(events))


def test_s4_failed_response_is_reported(lenient):
    asked = {"model": MODEL, "input": "What is the Lantern?", "stream": True}

    events = list(lenient.responses.create(**asked, **fault("failed-only@3")))

    assert [event.type for event in events][-1] == "response.failed"
    assert "error" not in {event.type for event in events}
    with pytest.raises(EOFError, match="server_is_overloaded"):
        list(LESSON.read_events(events))


def test_s5_half_an_event_is_a_value_error(client):
    stream = client.chat.completions.create(**QUESTION, stream=True, **fault("halfjson@3"))

    text, error = drain(stream)

    assert text == "one two"
    assert isinstance(error, json.JSONDecodeError)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_s6_letters_may_be_cut_anywhere(client, size):
    asked = ask(f"Reply with exactly: {SIGNS}")

    stream = client.chat.completions.create(**asked, stream=True, **fault(f"split={size}"))

    assert text_of(stream) == SIGNS


def test_s7_usage_chunk_has_no_choices(client):
    options = {"include_usage": True}

    chunks = list(client.chat.completions.create(**QUESTION, stream=True, stream_options=options))

    assert chunks[-1].choices == []
    assert LESSON.usage(client, CLOSED, MODEL).completion_tokens > 0


def test_s8_empty_deltas_print_nothing(client):
    pieces = list(LESSON.read(client.chat.completions.create(**QUESTION, stream=True)))

    assert "".join(pieces) == "one two three four five six"


def test_s9_comments_pass(client):
    stream = client.chat.completions.create(**QUESTION, stream=True, **fault("comment"))

    assert text_of(stream) == "one two three four five six"


@pytest.mark.parametrize("name", ["retry-block@3", "empty-data@3", "id+comment@3"])
def test_s9_other_keep_alives_end_the_stream(client, name):
    text, error = drain(client.chat.completions.create(**QUESTION, stream=True, **fault(name)))

    assert text == "one two"
    assert isinstance(error, json.JSONDecodeError)


def test_s10_login_page_is_an_empty_stream(client):
    asked = client.chat.completions.with_streaming_response

    text, error = drain(client.chat.completions.create(**QUESTION, stream=True, **fault("html200")))
    with asked.create(**QUESTION, stream=True, **fault("html200")) as response:
        kind = response.headers["content-type"]

    assert (text, error) == ("", None)
    assert kind.startswith("text/html")


def test_s11_buffered_stream_comes_at_once(start):
    waits, now = [], [0.0]

    async def sleep(seconds):
        waits.append(seconds)
        now[0] += seconds

    emulator = start(pace=1, sleep=sleep, clock=lambda: now[0], faults=["buffer"])
    with connect(emulator) as client:
        stream = client.chat.completions.create(**QUESTION, stream=True)

        assert text_of(stream) == "one two three four five six"
    assert sum(waits) == pytest.approx(0.4 + 5 * 0.025)


def test_s12_silence_is_a_timeout(client):
    hasty = client.with_options(timeout=0.2)

    text, error = drain(hasty.chat.completions.create(**QUESTION, stream=True, **fault("stall@3")))
    with pytest.raises(openai.APITimeoutError):
        hasty.chat.completions.create(**QUESTION, stream=True, **fault("stall-head"))

    assert text == "one two"
    assert type(error) is openai.APITimeoutError


def test_s13_advice_to_wait_is_obeyed(start):
    emulator = start(faults=["429x1=5ms"])
    with connect(emulator, max_retries=1) as client:
        answer = client.chat.completions.create(**QUESTION)

    assert answer.choices[0].message.content == "one two three four five six"
    assert [exchange.status for exchange in emulator.exchanges] == [429, 200]


def test_s13_refusal_says_how_long(client):
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(**QUESTION, **fault("429=300ms"))

    headers = caught.value.response.headers
    assert (headers["retry-after-ms"], headers["retry-after"]) == ("300", "1")
    assert caught.value.code == "rate_limit_exceeded"


def test_s14_empty_account_differs_from_haste(client):
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(**QUESTION, **fault("429quota"))

    assert (caught.value.type, caught.value.code) == ("insufficient_quota", "insufficient_quota")


def test_s15_bare_break_stops_nothing(start):
    gate = Gate(passes=2)
    emulator = start(pace=1, sleep=gate.sleep)
    with connect(emulator) as client:
        stream = client.chat.completions.create(**QUESTION, stream=True)
        for _ in stream:
            break

        gate.open()
        emulator.exchanges[0].finished.wait(5)

        assert emulator.exchanges[0].ended == "complete"
        assert emulator.open_connections == 1
        stream.close()


def test_s15_closing_stops_the_server(start, capsys):
    emulator = start(pace=1, sleep=Gate(passes=40).sleep)
    words = " ".join(map(str, range(100)))
    with connect(emulator) as client:
        id = LESSON.stop(client, f"Reply with exactly: {words}", MODEL)
        emulator.exchanges[0].finished.wait(5)

        assert words.startswith(capsys.readouterr().out.strip())
        assert emulator.exchanges[0].ended == "disconnected"
        assert id.startswith("req_")


@can_interrupt
def test_s16_ctrl_c_keeps_text_and_stops_server(start):
    emulator = start(pace=1, sleep=Gate(passes=8).sleep)
    with lessons.begin(
        str(lessons.SCRIPT), "stream", CLOSED, OPENAI_BASE_URL=emulator.base_url
    ) as learner:
        shown = ""
        while "Observatory is closed" not in shown and (letter := learner.stdout.read(1)):
            shown += letter
        learner.send_signal(2)
        out, err = learner.communicate(timeout=10)

    assert learner.returncode == 130
    assert "Fernhill Observatory is closed" in shown + out
    assert err.strip() == "stopped"
    assert emulator.exchanges[0].finished.wait(5)
    assert emulator.exchanges[0].ended == "disconnected"


def test_s17_two_event_loops_two_clients(emulator, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", emulator.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "offline")

    async def once():
        shown = []
        await LESSON.together([CLOSED, CLOSED], MODEL, lambda *each: shown.append(each))
        return ["".join(piece for at, piece in shown if at == lane) for lane in (0, 1)]

    first, second = asyncio.run(once()), asyncio.run(once())

    assert first == second
    assert "closed on Mondays" in first[0] and first[0] == first[1]


def test_s18_unknown_model_has_a_code(client):
    with pytest.raises(openai.NotFoundError) as chat:
        LESSON.recover(client, "x", "gpt-none")
    with pytest.raises(openai.BadRequestError) as responses:
        list(LESSON.events(client, "x", "gpt-none"))

    assert chat.value.code == responses.value.code == "model_not_found"


def test_s19_one_500_is_retried(start):
    emulator = start(faults=["500x1"])
    with connect(emulator, max_retries=1) as client:
        client._calculate_retry_timeout = lambda *_: 0.0

        assert client.models.list().data

    assert [exchange.status for exchange in emulator.exchanges] == [500, 200]


def test_unknown_fault_is_refused_by_name(client):
    with pytest.raises(openai.BadRequestError, match="Unknown fault: 'finn@3'"):
        client.chat.completions.create(**QUESTION, **fault("finn@3"))


@pytest.mark.parametrize("name", ["split=0", "split=abc", "split", "failed-only@3"])
def test_fault_that_cannot_strike_is_refused(client, name):
    with pytest.raises(openai.BadRequestError, match="The fault"):
        client.chat.completions.create(**QUESTION, stream=True, **fault(name))


def test_header_asks_for_nothing_unless_allowed(start):
    with connect(start()) as client:
        assert client.chat.completions.create(**QUESTION, **fault("500"))
