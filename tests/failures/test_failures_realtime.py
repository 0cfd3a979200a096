"""The R rows of the failures that the field has seen: each produced by name, each handled.

R17, R18 and R19 are those of sound devices, and come with them. Rows that are tested where the
session, the ledger or the sound is tested are not repeated here; the last test counts them all.
"""

import asyncio
import re
import time as world
from base64 import b64encode
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

from audio.wav import read_wav
from console.explain import ErrorContext, explain
from tests.support import lessons
from tests.support.scripted_calls import (
    CREATED,
    MODEL,
    UPDATE,
    JumpingTime,
    Server,
    call_at,
    done,
    events_of,
    listening,
    refused,
    said,
    text_client,
    voice_client,
)

import pytest
from openai import OpenAIError
from websockets.exceptions import ConnectionClosedError, InvalidStatus

LESSON = lessons.load(lessons.LESSON_3)
CALLERS = lessons.COURSE / "data" / "callers"
OF_DEVICES = {17, 18, 19}


class Stopped:
    """An emulator's clock that stands still: what is paced waits until a test lets time pass."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class ScriptedTalk:
    """A call with the emulator, whose events the lesson reacts to one by one."""

    def __init__(self, connection):
        self.connection, self.time = connection, JumpingTime()
        self.call = call_at(self.time)

    async def until(self, *kinds):
        """All events up to the first of these kinds."""
        told = []
        while not told or told[-1].type not in kinds:
            async with asyncio.timeout(10):
                told.append(await self.connection.recv())
            await LESSON.react(self.connection, self.call, told[-1])
        return told

    async def ask(self, words):
        await self.connection.conversation.item.create(item=LESSON.written("user", words))
        await self.connection.response.create()

    async def speak(self, clip):
        pcm = read_wav(CALLERS / f"{clip}.wav")
        for place in range(0, len(pcm), 4800):
            audio = b64encode(pcm[place : place + 4800]).decode()
            await self.connection.input_audio_buffer.append(audio=audio)


@asynccontextmanager
async def talking(emulator):
    async with voice_client(emulator) as client:
        async with client.realtime.connect(model=MODEL) as connection:
            talk = ScriptedTalk(connection)
            await talk.until("session.updated")
            yield talk


def kinds_of(events):
    return [event.type for event in events]


async def test_r1_server_that_counts_less_than_it_sent_ends_no_call(start):
    async with talking(start(faults=["short-by=85ms"])) as talk:
        await talk.ask("When does the last bus leave?")
        answered = await talk.until("response.done")
        ledger, item = talk.call.speaker.ledger, talk.call.speaker.sounding
        talk.time.go(ledger.received_ms(item) / 1000 - 0.02)
        await LESSON.interrupt(talk.connection, talk.call)
        (*_, error) = await talk.until("error", "conversation.item.truncated")
        await talk.ask("When are you closed?")
        again = await talk.until("response.done")

    assert "response.output_audio.delta" in kinds_of(answered)
    assert "already shorter than" in error.error.message
    assert error.error.event_id == "truncate_1"
    assert again[-1].response.status == "completed"


async def test_r4_late_deltas_are_dropped(start):
    emulator = start(faults=["late-deltas=12"], pace=1.0, clock=Stopped())
    async with talking(emulator) as talk:
        await talk.ask("What can be seen in December?")
        await talk.until("response.output_audio.delta")
        item = talk.call.speaker.sounding
        received_ms = talk.call.speaker.ledger.received_ms(item)
        await talk.speak("cut-in-price")
        await talk.until("input_audio_buffer.speech_started")
        late = await talk.until("response.done")

    assert "response.output_audio.delta" in kinds_of(late)
    assert talk.call.speaker.sounding is None
    assert talk.call.speaker.ledger.received_ms(item) == received_ms


async def test_r7_result_of_a_tool_waits_for_its_response(start, monkeypatch):
    monkeypatch.setattr(LESSON, "_numbers", count(4711))
    async with talking(start()) as talk:
        await talk.ask("I'd like to book a place for two people on 28 November 2026 at 19:30.")
        called = await talk.until("response.done")
        told = await talk.until("response.done")

    assert called[-1].response.output[-1].type == "function_call"
    assert "error" not in kinds_of(called + told)
    assert "4711" in told[-1].response.output[0].content[0].transcript


async def test_r7_response_that_is_under_way_already_ends_no_call(start):
    async with talking(start(pace=1.0, clock=Stopped())) as talk:
        await talk.ask("What can be seen in December?")
        await talk.connection.response.create()
        (*_, error) = await talk.until("error")

    assert error.error.code == "conversation_already_has_active_response"


HARMLESS = ["response_cancel_not_active", "conversation_already_has_active_response"]
FATAL = [
    "insufficient_quota",
    "invalid_api_key",
    "account_deactivated",
    "billing_hard_limit_reached",
    "session_expired",
]


@pytest.mark.parametrize("code", [*HARMLESS, *FATAL, "invalid_value"])
async def test_r9_errors_are_not_all_alike(code):
    """What crossed on its way is nothing; what the lesson did not expect must not be hidden."""

    def assistant(server):
        server.say(CREATED, refused(code), done())
        server.hear("session.update")
        server.hang_up()

    with Server(assistant) as server:
        seen, ended = await events_of(server, call_at(JumpingTime()))

    assert seen == ["session.created", *(["error", "response.done"] if code in HARMLESS else [])]
    assert type(ended) is (EOFError if code in HARMLESS else OpenAIError)


async def test_r9_truncation_that_is_refused_is_no_failure_and_other_values_are():
    async with listening() as listener:
        await listener.take(refused("invalid_value", event_id="truncate_1"))
        with pytest.raises(OpenAIError):
            await listener.take(refused("invalid_value", event_id="mine"))


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
    clock, time = Stopped(), JumpingTime()

    def on(event):
        if event.type == "session.updated":
            clock.now += 3
            time.go(1)

    emulator = start(faults=["expire=3s"], clock=clock)
    seen, ended = await events_of(emulator, call_at(time), on)

    assert seen == ["session.created", "session.updated"]
    assert "maximum duration" in str(ended)


@pytest.mark.parametrize("fault", ["abortx1@2", "closex1@2=1011"])
async def test_r11_dropped_call_goes_on_where_it_was(start, fault):
    """The first session ends behind its second event; the next is told all that was said."""
    time = JumpingTime()
    call = call_at(time)
    call.history = {
        "item_1": LESSON.written("user", "How much is an evening ticket?"),
        "item_2": LESSON.written("assistant", "An evening ticket costs 11 euros."),
        "item_3": None,
    }
    known = []

    def on(event):
        if event.type == "conversation.item.added":
            known.append(event.item.content[0].text)
        if len(known) == 2:
            call.microphone.close()
        # Something to send, at which a server may notice that it is to break the line.
        time.go(0.1)

    seen, ended = await events_of(start(faults=[fault]), call, on)

    assert (seen.count("session.created"), ended) == (2, None)
    assert known == ["How much is an evening ticket?", "An evening ticket costs 11 euros."]


@pytest.mark.parametrize("fault", ["abort@1", "close@1=1011"])
def test_r11_turn_in_writing_says_that_the_line_broke(start, fault):
    emulator = start(faults=[fault])
    with text_client(emulator) as client, pytest.raises(ConnectionClosedError) as broken:
        list(LESSON.text(client, MODEL, "Is it cold?"))

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


async def test_r12_call_goes_on_after_it():
    time = JumpingTime()
    call = call_at(time)

    def on(event):
        if event.type == "session.created" and not call.history:
            call.history = {"item_1": LESSON.written("user", "When?")}
            blocked(0.6)
        if event.type == "response.done":
            call.microphone.close()
            time.go(1)

    def second(server):
        server.say(CREATED)
        server.hear("conversation.item.create")
        server.say(done())

    with Server(lambda server: server.say(CREATED), second, **PINGS) as server:
        seen, ended = await events_of(server, call, on)

    assert (seen.count("session.created"), ended) == (2, None)
    assert server.heard == [UPDATE, UPDATE, said("user", "When?")]


def test_r15_words_that_come_late_are_restored_in_their_place(start):
    pytest.importorskip("moonshine_voice", reason="recognises speech")

    async def call():
        async with talking(start(faults=["transcript-late"])) as talk:
            await talk.speak("ask-closed")
            await talk.connection.input_audio_buffer.append(audio=QUIET)
            heard = "conversation.item.input_audio_transcription.completed"
            told = await talk.until(heard)
            return kinds_of(told), list(filter(None, talk.call.history.values()))

    kinds, history = asyncio.run(call())

    assert "response.output_audio_transcript.done" in kinds
    assert [item["role"] for item in history] == ["user", "assistant"]


QUIET = b64encode(bytes(48 * 1000)).decode()


@pytest.mark.parametrize("asked", ["text", "voice"])
def test_r23_refused_handshake_is_told_as_a_matter_of_the_key(start, asked):
    emulator = start(faults=["ws401"])
    with pytest.raises(InvalidStatus) as refusal:
        if asked == "text":
            with text_client(emulator) as client:
                list(LESSON.text(client, MODEL, "Is it cold?"))
        else:
            asyncio.run(events_of(emulator, call_at(JumpingTime())))

    told = explain(refusal.value, ErrorContext(host="here", key_tail="1234"))
    assert (
        str(told)
        == "here refused the key that ends in 1234 (401, at the handshake of the WebSocket)"
    )


async def test_r24_unknown_events_are_passed_by(start):
    async with talking(start(faults=["unknown-event"])) as talk:
        await talk.ask("When are you closed?")
        told = await talk.until("response.done")

    assert told[-1].response.status == "completed"


def test_r24_unknown_events_are_events_of_the_sdk(start):
    with text_client(start(faults=["unknown-event"])) as client:
        kinds = kinds_of(LESSON.text(client, MODEL, "When are you closed?"))

    assert kinds[:3] == ["session.created", "never.heard", None]
    assert kinds[-1] == "response.done"


def test_every_row_has_a_test():
    tests = "".join(
        path.read_text(encoding="utf-8") for path in Path(__file__).parents[1].rglob("*.py")
    )

    found = {int(number) for number in re.findall(r"def test_r(\d+)_", tests)}
    assert found == set(range(1, 25)) - OF_DEVICES
