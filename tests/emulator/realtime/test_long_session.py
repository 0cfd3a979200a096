"""A session for an hour, with the clock in the test's hands: it stays small, and ends when it must.

Nothing here sleeps: an hour of sound and answers is a few thousand events.
"""

from base64 import b64encode

from emulator.answers.answer import Answer
from emulator.realtime.session import SESSION_S
from emulator.wire import tokens
from tests.support.realtime_calls import SessionDriver, loud, quiet, user

SOUNDS = [b64encode(sound).decode() for sound in (loud(400), quiet(1000), quiet(1000))]


def minute(driver):
    """Some speech and silence, an answer, and the rest of the minute with the microphone off."""
    events = []
    for sound in SOUNDS:
        events += driver.pass_time(1.0)
        events += driver.send("input_audio_buffer.append", audio=sound)
    return events + driver.pass_time(60.0 - len(SOUNDS))


def held(session):
    """The bytes of sound that a session holds: of the buffer and of what stands before it."""
    buffers = [part for part in vars(session).values() if hasattr(part, "__dict__")]
    found = [value for part in buffers for value in vars(part).values()]
    return sum(len(value) for value in found if isinstance(value, bytes | bytearray))


def test_hour_of_a_call_keeps_no_sound_and_ends_after_60_minutes():
    driver = SessionDriver()
    driver.events()
    sizes = []
    answers = 0
    for _ in range(59):
        events = minute(driver)
        answers += sum(event["type"] == "response.done" for event in events)
        sizes.append(held(driver.session))
    events = minute(driver)

    assert answers >= 59
    assert max(sizes[10:]) <= 2 * max(sizes[:10])
    assert SESSION_S == 3600
    (error,) = [event["error"] for event in events if event["type"] == "error"]
    assert error["code"] == "session_expired"
    assert "60 minutes" in error["message"]
    assert driver.session.closing[0] == 1001
    assert driver.send("response.create") == []


def test_answer_that_lasts_past_the_end_is_cut_with_the_session():
    driver = SessionDriver(pace=1.0, lasts_s=10.0)
    driver.answer = Answer(tokens.split("The dome turns all night. " * 40))
    driver.events()
    driver.send("conversation.item.create", **user("Tell me of the dome."))
    driver.send("response.create")

    kinds = [event["type"] for event in driver.pass_time(10.0)]

    assert kinds[-1] == "error"
    assert "response.done" not in kinds
    assert driver.session.closing is not None
    assert driver.pass_time(3600) == []
