"""The simulated caller: when the clock may jump, how it speaks and waits, and what it shows."""

import asyncio
from types import SimpleNamespace

from audio.call_clock import CallClock
from audio.caller import (
    PATIENCE_S,
    TURN_END_S,
    UNHEARD,
    SimulatedCaller,
    TurnTimes,
    words_heard,
)
from audio.playback import RATE_HZ, Cut
from audio.wav import write_wav
from common.settings import CourseError
from tests.support.call_sound import Time, tone

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


CALL = SimpleNamespace(type="function_call")


def done(*output, status="completed"):
    response = SimpleNamespace(status=status, output=list(output))
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
    caller.note_event(done(CALL))

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


async def test_caller_is_silent_until_the_session_has_begun(time, tmp_path):
    """What is said before would be heard with other settings than those of the lesson."""
    write_wav(tmp_path / "clip.wav", tone(0.1))
    caller = SimulatedCaller(time.clock())
    speaking = []

    async def call():
        for _ in range(5):
            await asyncio.sleep(0)
            speaking.append(caller.microphone.is_speaking)
        caller.note_event(CREATED)
        await asyncio.sleep(0)
        speaking.append(caller.microphone.is_speaking)
        caller.note_event(done())
        async for _ in caller.microphone:
            pass

    await caller.run_call(call(), {tmp_path / "clip.wav": None})

    assert speaking == [False] * 5 + [True]


# ------------------------------------------------------------ speaking, and waiting for answers


def write_clips(folder, *seconds):
    """A clip for each length."""
    clips = [folder / f"{place}.wav" for place in range(len(seconds))]
    for clip, length in zip(clips, seconds, strict=True):
        write_wav(clip, tone(length))
    return clips


async def speak_clips(caller, clips, on_frame):
    """Let the caller speak; `on_frame` is called with the number of each frame. The sound."""
    sound = bytearray()

    async def carry():
        async for frame in caller.microphone:
            sound.extend(frame)
            on_frame(len(sound) // 960)

    await asyncio.gather(caller.speak_clips(clips), carry())
    return bytes(sound)


async def test_caller_speaks_waits_for_the_answer_and_hangs_up(caller, tmp_path):
    (clip,) = write_clips(tmp_path, 0.1)

    def assistant(frame):
        if frame == 10:
            caller.speaker.play("item_a", tone(0.2))
            caller.speaker.finish("item_a")
            caller.note_event(done())

    sound = await speak_clips(caller, {clip: None}, assistant)

    assert sound.startswith(tone(0.1))
    assert caller.speaker.ledger.heard_ms("item_a") == 200


async def test_caller_cuts_in_after_milliseconds(caller, tmp_path):
    clip, other = write_clips(tmp_path, 0.1, 0.06)
    heard_ms = []

    def assistant(frame):
        if frame == 10:
            caller.speaker.play("item_a", tone(5))
        if frame > 10 and caller.microphone.is_speaking and not heard_ms:
            heard_ms.append(caller.speaker.ledger.heard_ms("item_a"))
            caller.speaker.stop()
            caller.note_event(done())

    await speak_clips(caller, {clip: None, other: 2000}, assistant)

    assert 2000 <= heard_ms[0] < 2100


async def test_answer_before_the_cut_is_none_to_what_was_asked_by_it(caller, tmp_path):
    """It was sent to its end, faster than it was heard, while the caller began to speak."""
    clip, other = write_clips(tmp_path, 0.1, 0.06)
    answered_at = []

    def assistant(frame):
        if frame == 10:
            caller.speaker.play("item_a", tone(5))
        if frame > 10 and caller.microphone.is_speaking and caller.speaker.sounding:
            # As a server sends it: the end of the response comes before the speech behind it.
            caller.note_event(done())
            caller.speaker.stop()
            caller.note_event(speech("item_u"))
        if frame == 200:
            answered_at.append(frame)
            caller.note_event(done())

    await speak_clips(caller, {clip: None, other: 2000}, assistant)

    assert answered_at == [200]


@pytest.mark.parametrize("output", [[CALL], []], ids=["a call", "nothing"])
async def test_call_of_a_tool_is_no_answer_yet(caller, tmp_path, output):
    (clip,) = write_clips(tmp_path, 0.1)
    frames = []

    def assistant(frame):
        frames.append(frame)
        if frame == 10:
            caller.note_event(done(*output))
        if frame == 100:
            caller.note_event(done())

    await speak_clips(caller, {clip: None}, assistant)

    assert (len(frames) >= 100) is bool(output)


async def test_response_that_was_cut_is_no_answer(caller):
    with pytest.raises(CourseError, match="has not answered for 60 s"):
        await caller.speak_clips({})
    caller.note_event(done(status="cancelled"))
    with pytest.raises(CourseError):
        await caller.speak_clips({})
    caller.note_event(done())
    await caller.speak_clips({})


async def test_patience_is_that_of_the_clock(time):
    start = time.now

    with pytest.raises(CourseError) as raised:
        await SimulatedCaller(time.clock()).speak_clips({})

    assert time.now - start == pytest.approx(PATIENCE_S, abs=0.1)
    assert "--wire" in raised.value.attempt


# ------------------------------------------------------------ what is shown


def words_of_answer(item_id, text):
    kind = "response.output_audio_transcript.delta"
    return SimpleNamespace(type=kind, item_id=item_id, delta=text)


def stopped(item_id):
    return SimpleNamespace(type="input_audio_buffer.speech_stopped", item_id=item_id)


def failed(item_id, error):
    kind = "conversation.item.input_audio_transcription.failed"
    return SimpleNamespace(type=kind, item_id=item_id, error=error)


@pytest.fixture
def shown():
    return []


@pytest.fixture
def heard(time, shown):
    """A caller in a call that is shown in `shown`."""
    caller = SimulatedCaller(time.clock(), lambda *line: shown.append(line))
    caller.note_event(CREATED)
    return caller


def test_words_of_the_caller_are_shown_when_they_are_known(time, heard, shown):
    time.now += 1
    heard.note_event(speech("item_1"))
    time.now += 2
    heard.note_event(words("item_1"))

    assert shown == [(1.0, "caller", "When?")]


@pytest.mark.parametrize(
    ("error", "reason"),
    [(SimpleNamespace(message="No words."), "(No words.)"), (None, "(not understood)")],
)
def test_reason_for_missing_words_is_shown(heard, shown, error, reason):
    heard.note_event(speech("item_1"))
    heard.note_event(failed("item_1", error))

    assert shown[-1][1:] == ("caller", reason)


def test_answer_is_shown_once_it_was_heard(time, heard, shown):
    """It arrives much faster."""
    heard.speaker.play("item_a", tone(2))
    heard.note_event(words_of_answer("item_a", "At eight"))
    heard.note_event(words_of_answer("item_a", None))
    heard.note_event(words_of_answer("item_a", "."))
    heard.speaker.finish("item_a")
    time.now += 1.9
    heard.note_event(done())
    assert shown == []

    time.now += 0.2
    heard.speaker.sounding  # noqa: B018  the loudspeaker takes what is due
    heard.note_event(done())

    assert shown == [(0.0, "assistant", "At eight.")]


def test_what_was_not_heard_is_shown_apart(time, heard, shown):
    heard.speaker.play("item_a", tone(10))
    heard.note_event(words_of_answer("item_a", "One two three four five six seven eight"))
    time.now += 5
    heard.speaker.stop()
    heard.note_event(speech("item_1"))

    assert shown == [
        (0.0, "assistant", "One two three four"),
        (None, UNHEARD, "five six seven eight"),
    ]


def test_answer_that_waited_is_not_heard_at_all(time, heard, shown):
    for item_id in ("item_a", "item_b"):
        heard.speaker.play(item_id, tone(1))
        heard.note_event(words_of_answer(item_id, "One two"))
    time.now += 0.5
    heard.speaker.stop()
    heard.note_event(speech("item_1"))

    assert [line[1:] for line in shown] == [
        ("assistant", "One"),
        (UNHEARD, "two"),
        ("assistant", ""),
        (UNHEARD, "One two"),
    ]


async def test_words_are_shown_although_the_call_fails(heard, shown):
    async def call():
        heard.note_event(words_of_answer("item_a", "At ei"))
        raise EOFError

    with pytest.raises(EOFError):
        await heard.run_call(call(), {})

    assert [line[1:] for line in shown] == [("assistant", "At ei")]


@given(
    heard=st.integers(0, 100),
    more=st.integers(0, 100),
    words=st.lists(st.text("ab", min_size=1), max_size=9).map(" ".join),
)
def test_words_heard_are_whole_words(heard, more, words):
    place = words_heard(words, Cut("a", 0, heard, heard + more))

    assert 0 <= place <= len(words)
    assert place in (0, len(words)) or words[place - 1] == " "
    assert more or not heard or place == len(words)
    assert heard or place == 0


def test_times_of_a_turn_are_noted_in_order(time, caller):
    sound = SimpleNamespace(type="response.output_audio.delta", item_id="item_a", delta="")
    for event in (speech("item_1"), sound, stopped("item_1"), words("item_1"), sound, sound):
        time.now += 1
        caller.note_event(event)

    assert caller.turns["item_1"] == TurnTimes(1003.0, 1004.0, 1005.0)


def test_words_are_kept_with_the_sound_they_belong_to(tmp_path, time):
    """The caller's come last, and stand first."""
    caller = SimulatedCaller(time.clock())
    caller.note_event(CREATED)
    caller.recording.put("caller", round(time.now * RATE_HZ), tone(0.4))
    time.now += 0.2
    caller.note_event(speech("item_u"))
    time.now += 1.8
    caller.speaker.play("item_a", tone(0.3))
    time.now += 0.3
    caller.note_event(words_of_answer("item_a", "At eight."))
    caller.note_event(words("item_u"))

    caller.save(tmp_path / "call.wav")

    assert [(span.speaker, span.text) for span in caller.recording.spans()] == [
        ("caller", "When?"),
        ("assistant", "At eight."),
    ]
    assert (tmp_path / "call.wav").is_file()


ODD = [
    SimpleNamespace(type="never.heard"),
    SimpleNamespace(type=None),
    SimpleNamespace(type="response.done", response=None),
    SimpleNamespace(type="input_audio_buffer.speech_stopped", item_id=None),
    SimpleNamespace(type=QUESTION, item_id=None, transcript=None),
]


@pytest.mark.parametrize("event", ODD)
def test_odd_events_do_no_harm(caller, event):
    caller.note_event(event)
