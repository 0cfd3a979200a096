"""The R rows of the failures that the field has seen: each produced by name, each handled.

Rows that are tested where the session, the ledger, the devices or the sound are tested are not
repeated here; the last test counts them all.
"""

import asyncio
import re
import time as world
from contextlib import asynccontextmanager
from pathlib import Path

from audio.wav import read_wav
from common.client import LOCAL
from common.proxy import start_proxy
from console.explain import ErrorContext, explain
from tests.support import lessons
from tests.support.scripted_calls import (
    CREATED,
    MODEL,
    STARTED,
    TRANSCRIBER,
    HeldCall,
    Server,
    answer,
    began,
    call_with,
    delta,
    done,
    hasty_client,
    reached,
    refused,
    waits,
)

import httpx2
import pytest
from openai import AsyncOpenAI, OpenAIError
from websockets.exceptions import ConnectionClosedError, InvalidStatus

LESSON = lessons.load(lessons.LESSON_3)
CALLERS = lessons.COURSE / "data" / "callers"


class Stopped:
    """An emulator's clock that stands still: what is paced waits until a test lets time pass."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def voice_client(server):
    http_client = httpx2.AsyncClient(**LOCAL)
    return AsyncOpenAI(base_url=server.base_url, api_key="test", http_client=http_client)


@asynccontextmanager
async def connected(server):
    async with voice_client(server) as client:
        async with client.realtime.connect(model=MODEL) as connection:
            yield connection


def kinds_of(events):
    return [event.type for event in events]


class InterruptedCall(HeldCall):
    """A call whose caller cuts in at the first sound of the answer, and hangs up after its end."""

    def __init__(self):
        super().__init__()
        self.microphone = self.frames()
        self.late = []
        self._is_answering, self._is_cut = asyncio.Event(), asyncio.Event()

    async def frames(self):
        for clip, event in (("ask-programme", self._is_answering), ("cut-in-price", self._is_cut)):
            pcm = read_wav(CALLERS / f"{clip}.wav") + bytes(48_000)
            for place in range(0, len(pcm), 4800):
                yield pcm[place : place + 4800]
            await event.wait()

    def note(self, event):
        self.seen.append(event.type)
        if event.type == "response.output_audio.delta":
            self._is_answering.set()
            if self.speaker.cuts:
                self.late.append(event.item_id)
        elif event.type == "response.done":
            self._is_cut.set()


async def test_r1_server_that_counts_less_than_it_sent_ends_no_call(start):
    """Its error names the truncation; then the call goes on."""
    short = "Audio content of 900ms is already shorter than 985ms"
    late = refused("invalid_value", short, event_id="truncate")
    call, sent = await call_with(began(), delta(985), waits(0.985), STARTED, late, done())

    assert [event["audio_end_ms"] for event in sent] == [985]
    assert (call.seen[-3:-1], call.ended) == (["error", "response.done"], None)


async def test_r1_emulator_names_the_truncation_that_it_refuses(start):
    async with connected(start(faults=["short-by=85ms"])) as connection:
        await connection.conversation.item.create(item=LESSON.message("user", "When is it open?"))
        await connection.response.create()
        played = 0
        async for event in connection:
            if event.type == "response.output_audio.delta":
                item_id, played = event.item_id, played + len(event.delta) * 3 // 4 // 48
            elif event.type == "response.done":
                break
        await connection.conversation.item.truncate(
            item_id=item_id, content_index=0, audio_end_ms=played - 20, event_id="truncate"
        )
        error = next(
            event for event in [await connection.recv() for _ in range(2)] if event.type == "error"
        ).error

    assert "already shorter than" in error.message
    assert error.event_id == "truncate"


async def test_r4_late_deltas_are_dropped(start):
    call = InterruptedCall()
    await call.hold(start(faults=["late-deltas=12"], pace=1.0, clock=Stopped()))

    ((item, cut),) = call.speaker.cuts.items()
    assert call.ended is None
    assert item in call.late
    assert call.speaker.ledger.received_ms(item) == cut.received_ms


def test_r7_result_of_a_tool_waits_for_its_response(start, tmp_path, capsys):
    pytest.importorskip("moonshine_voice", reason="recognises speech")
    with reached(start()):
        LESSON.tool(CALLERS / "book-two.wav", tmp_path / "a.wav", MODEL, TRANSCRIBER)

    shown = capsys.readouterr().out
    assert "book_slot(" in shown
    assert "4711" in shown.partition("returned")[2].partition("}")[2]


FATAL = [
    "insufficient_quota",
    "invalid_api_key",
    "account_deactivated",
    "billing_hard_limit_reached",
    "session_expired",
]


@pytest.mark.parametrize("code", [*FATAL, "invalid_value"])
async def test_r9_what_the_lesson_did_not_expect_is_not_hidden(code):
    call, _ = await call_with(refused(code, "No."), done())

    assert isinstance(call.ended, OpenAIError)
    assert str(call.ended) == f"No. ({code})"


async def test_r9_truncation_that_is_refused_is_no_failure_and_other_values_are():
    mine = await call_with(refused("invalid_value", event_id="truncate"))
    other = await call_with(refused("invalid_value", event_id="mine"))

    assert mine[0].ended is None
    assert isinstance(other[0].ended, OpenAIError)


async def test_r10_iterator_of_the_sdk_just_ends(start):
    clock = Stopped()
    async with voice_client(start(faults=["expire=3s"], clock=clock)) as client:
        async with client.realtime.connect(model=MODEL) as connection:
            first = await connection.recv()
            clock.now += 3
            await connection.response.cancel()
            rest = [event async for event in connection]

    assert first.session.expires_at - world.time() < 3
    assert [event.error.code for event in rest] == ["session_expired"]


async def test_r10_call_whose_session_expires_says_so(start):
    clock, call = Stopped(), HeldCall()

    def note(event):
        call.seen.append(event.type)
        if event.type == "session.updated":
            clock.now += 3
            call.time.go(1)

    call.note = note
    await call.hold(start(faults=["expire=3s"], clock=clock))

    assert call.seen == ["session.created", "session.updated"]
    assert "maximum duration" in str(call.ended)


@pytest.mark.parametrize("fault", ["abortx1@2", "closex1@2=1011"])
def test_r11_conversation_goes_on_where_it_was(start, fault, capsys):
    """The first session ends after its second event; the next one gets settings and history."""
    with start_proxy(start(faults=[fault]).base_url) as proxy:
        client = hasty_client(proxy)
        questions = ["What is the Lantern?", "Where does it stand?"]
        LESSON.reconnect(client, questions, MODEL, proxy.drop)

    assert "hut behind the dome" in capsys.readouterr().out


@pytest.mark.parametrize("fault", ["abort@1", "close@1=1011"])
def test_r11_turn_in_writing_says_that_the_connection_dropped(start, fault):
    with reached(start(faults=[fault])), pytest.raises(ConnectionClosedError) as broken:
        LESSON.text("Is it cold?", MODEL)

    assert "closed the session" in str(explain(broken.value, ErrorContext(host="here")))


def blocked(seconds):
    """The loop does nothing else meanwhile, not even answer a ping."""
    world.sleep(seconds)


PINGS = {"ping_interval": 0.2, "ping_timeout": 0.2}


async def test_r12_loop_that_is_busy_loses_a_healthy_line():
    with Server(lambda server: server.say(CREATED), **PINGS) as server:
        async with voice_client(server) as client:
            async with client.realtime.connect(model=MODEL) as connection:
                await connection.recv()
                blocked(0.6)
                with pytest.raises(ConnectionClosedError) as closed:
                    await asyncio.wait_for(connection.recv(), 10)

    assert closed.value.rcvd.code == 1011
    assert "keepalive ping timeout" in closed.value.rcvd.reason


def test_r12_conversation_goes_on_after_it(capsys):
    def closes_for_a_ping(server):
        server.say(CREATED)
        server.hear("response.create")
        server.hang_up(1011, "keepalive ping timeout")

    with Server(closes_for_a_ping, answer) as server:
        LESSON.reconnect(hasty_client(server), ["When?"], MODEL, lambda: None)

    assert capsys.readouterr().out == "> When?\nYes.\n"


def test_r15_words_of_the_question_may_come_late(start, tmp_path, capsys):
    """They are shown if they come before the end of the answer, and nothing waits for them."""
    pytest.importorskip("moonshine_voice", reason="recognises speech")
    with reached(start(faults=["transcript-late"])):
        LESSON.voice(CALLERS / "ask-dogs.wav", tmp_path / "a.wav", MODEL, TRANSCRIBER)

    assert capsys.readouterr().out.startswith("Dogs may come into the garden")


@pytest.mark.parametrize("part", ["text", "interrupt"])
async def test_r23_refused_handshake_is_a_matter_of_the_key(start, part):
    emulator = start(faults=["ws401"])
    if part == "text":
        with reached(emulator), pytest.raises(InvalidStatus) as refusal:
            LESSON.text("Is it cold?", MODEL)
        error = refusal.value
    else:
        call = HeldCall()
        await call.hold(emulator)
        error = call.ended

    told = explain(error, ErrorContext(host="here", key_tail="1234"))
    assert (
        str(told)
        == "here refused the key that ends in 1234 (401, at the handshake of the WebSocket)"
    )


def test_r24_unknown_events_are_passed_by(start, capsys):
    with reached(start(faults=["unknown-event"])):
        kinds = LESSON.text("When are you closed?", MODEL)

    assert "closed" in capsys.readouterr().out
    assert kinds[:2] == ["session.created", "never.heard"]
    assert kinds[-1] == "response.done"


def test_every_row_has_a_test():
    tests = "".join(
        path.read_text(encoding="utf-8") for path in Path(__file__).parents[1].rglob("*.py")
    )

    found = {int(number) for number in re.findall(r"def test_r(\d+)_", tests)}
    assert found == set(range(1, 25))
