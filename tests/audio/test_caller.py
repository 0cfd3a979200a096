"""The caller's own work for a virtual clock: when the server owes something, so that time is real.

How a caller speaks, waits and interrupts is tested with lesson 3, over a real WebSocket.
"""

import asyncio
from types import SimpleNamespace

from audio.call_clock import CallClock
from audio.caller import TURN_END_S, SimulatedCaller
from audio.wav import write_wav
from tests.support.call_sound import Time, tone

import pytest

QUESTION = "conversation.item.input_audio_transcription.completed"


CREATED = SimpleNamespace(type="session.created")


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def caller(time):
    """In a call whose session has begun."""
    caller = SimulatedCaller(CallClock(1.0, lambda: time.now, time.sleep))
    caller.note_event(CREATED)
    return caller


def speech(item_id):
    kind = "input_audio_buffer.speech_started"
    return SimpleNamespace(type=kind, item_id=item_id, audio_start_ms=0)


def words(item_id):
    return SimpleNamespace(type=QUESTION, item_id=item_id, transcript="When?")


def done(*output):
    response = SimpleNamespace(status="completed", output=list(output))
    return SimpleNamespace(type="response.done", response=response)


def test_server_owes_a_session_first(time):
    """Connecting takes real time."""
    caller = SimulatedCaller(CallClock(1.0, lambda: time.now, time.sleep))
    caller.microphone.speak(tone(1))
    assert caller.clock.is_server_busy()

    caller.note_event(CREATED)

    assert not caller.clock.is_server_busy()


def test_server_owes_nothing_until_a_turn_can_have_ended(time, caller):
    assert not caller.clock.is_server_busy()

    time.now += TURN_END_S

    assert caller.clock.is_server_busy()


def test_server_owes_the_answer_and_the_words(time, caller):
    time.now += TURN_END_S
    caller.note_event(speech("item_1"))

    caller.note_event(done())
    assert caller.clock.is_server_busy()
    caller.note_event(words("item_1"))

    assert not caller.clock.is_server_busy()


def test_server_that_calls_a_tool_owes_the_answer_still(time, caller):
    time.now += TURN_END_S
    caller.note_event(done(SimpleNamespace(type="function_call")))

    assert caller.clock.is_server_busy()


def test_turn_that_another_replaced_is_not_waited_for(time, caller):
    time.now += TURN_END_S
    for event in (speech("item_1"), speech("item_2"), words("item_2"), done()):
        caller.note_event(event)

    assert not caller.clock.is_server_busy()


def test_server_must_notice_an_interruption(time, caller):
    time.now += TURN_END_S
    caller.microphone.speak(tone(1))
    assert not caller.clock.is_server_busy()

    caller.speaker.play("item_a", tone(5))
    assert caller.clock.is_server_busy()
    caller.speaker.stop()

    assert not caller.clock.is_server_busy()


async def test_server_owes_a_new_session_after_a_drop(time, caller, tmp_path):
    """The old answer is no reason to jump: connecting takes real time."""
    busy = []

    def drop():
        time.now += TURN_END_S
        busy.append(caller.clock.is_server_busy())
        caller.note_event(CREATED)

    caller.note_event(done())
    await caller._reconnect(drop)

    assert busy == [True]


async def test_caller_is_silent_until_the_session_has_begun(time, tmp_path):
    """What is said before would be heard with other settings than those of the lesson."""
    write_wav(tmp_path / "clip.wav", tone(0.1))
    caller = SimulatedCaller(CallClock(1.0, lambda: time.now, time.sleep))
    speaking = []

    async def events():
        for _ in range(5):
            await asyncio.sleep(0)
            speaking.append(caller.microphone.is_speaking)
        yield CREATED
        await asyncio.sleep(0)
        speaking.append(caller.microphone.is_speaking)
        yield done()
        async for _ in caller.microphone:
            pass

    await caller.run_call(events(), {tmp_path / "clip.wav": None}, lambda *_: None)

    assert speaking == [False] * 5 + [True]
