"""Lesson 3 without the emulator: a server on loopback says what a test lets it say.

This is how to test one's own code that talks over a WebSocket: a script of server events in place
of OpenAI, and everything above the bytes, the SDK included, is real. Time passes when a test says.
"""

import asyncio
from functools import partial
from itertools import count, permutations
from types import SimpleNamespace

from audio.call_clock import CallClock, VirtualClock
from audio.caller import PATIENCE_S, SimulatedCaller
from audio.playback import FRAME
from audio.wav import write_wav
from common.client import Connection
from common.settings import CourseError
from console.call_display import FASTEST, caller_for
from tests.support.scripted_calls import (
    CREATED,
    LESSON,
    MODEL,
    SESSION,
    STARTED,
    UPDATE,
    JumpingTime,
    Server,
    alone,
    answer,
    began,
    call_at,
    delta,
    done,
    events_of,
    finished,
    listening,
    output,
    refused,
    said,
    text_client,
    told,
    tone,
    voice_client,
)

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import OpenAIError
from openai.types.realtime import RealtimeError
from pydantic import TypeAdapter
from websockets.exceptions import ConnectionClosed, ConnectionClosedError

# What a server says.


def booking(call_id="call_1", arguments='{"date":"2026-11-28","time":"19:30","people":2}'):
    return {
        "type": "function_call",
        "name": "book_slot",
        "call_id": call_id,
        "arguments": arguments,
    }


def added(item):
    return {"type": "conversation.item.added", "item": {"id": item, "type": "message"}}


def heard(item, words):
    kind = "conversation.item.input_audio_transcription.completed"
    return {"type": kind, "item_id": item, "transcript": words}


def spoken(item, words):
    return {"type": "response.output_audio_transcript.done", "item_id": item, "transcript": words}


def truncated(item, ms=100):
    return {"type": "conversation.item.truncated", "item_id": item, "audio_end_ms": ms}


# Who calls it.


# ------------------------------------------------------------------ text

ASKED = [
    {"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text"]}},
    {
        "type": "conversation.item.create",
        "item": {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "Is it cold?"}],
        },
    },
    {"type": "response.create"},
]


def test_text_says_what_it_wants_and_ends_with_its_response():
    with Server(answer) as server, text_client(server) as client:
        events = list(LESSON.text(client, MODEL, "Is it cold?"))

    assert [event.type for event in events] == [
        "session.created",
        "response.output_text.delta",
        "response.done",
    ]
    assert server.heard == ASKED


@pytest.mark.parametrize("code", [1000, 1001])
def test_text_notices_a_clean_end(code):
    """The SDK's iterator just ends then."""

    def hang_up(server):
        server.hear("response.create")
        server.say(CREATED, began())
        server.hang_up(code)

    with Server(hang_up) as server, text_client(server) as client:
        with pytest.raises(EOFError, match="hung up before its response was done"):
            list(LESSON.text(client, MODEL, "Is it cold?"))


def test_text_breaks_with_the_line():
    with Server(partial(Server.hang_up, code=1011)) as server, text_client(server) as client:
        with pytest.raises(ConnectionClosedError):
            list(LESSON.text(client, MODEL, "Is it cold?"))


def test_text_raises_what_a_server_refuses():
    def refuse(server):
        server.hear("response.create")
        server.say(CREATED, refused("invalid_value", "No such voice."))

    with Server(refuse) as server, text_client(server) as client:
        with pytest.raises(OpenAIError, match=r"No such voice. \(invalid_value\)"):
            list(LESSON.text(client, MODEL, "Is it cold?"))


def test_deltas_are_the_text_alone():
    events = [SimpleNamespace(type="response.output_text.delta", delta=text) for text in "ab"]
    others = [SimpleNamespace(type="response.output_text.done", text="ab")]
    seen = []

    assert list(LESSON.deltas(events + others, seen)) == ["a", "b"]
    assert seen == events + others


def test_bare_sends_the_same_as_the_sdk():
    with Server(answer) as server:
        url = f"{server.base_url.replace('http', 'ws')}/realtime?model={MODEL}"
        events = list(LESSON.bare(url, "sk-mine", "Is it cold?"))

    assert [event["type"] for event in events][-1] == "response.done"
    assert server.heard == ASKED
    assert server.requests[0].path == f"/v1/realtime?model={MODEL}"
    assert server.requests[0].headers["Authorization"] == "Bearer sk-mine"


def test_bare_ends_with_an_error():
    def refuse(server):
        server.hear("response.create")
        server.say(CREATED, refused("invalid_value"), began())

    with Server(refuse) as server:
        events = list(LESSON.bare(server.base_url.replace("http", "ws"), "k", "Is it cold?"))

    assert [event["type"] for event in events] == ["session.created", "error"]


# ------------------------------------------------------------------ voice


async def test_call_begins_with_its_session():
    def assistant(server):
        server.say(CREATED)
        server.hear("session.update")
        server.hang_up()

    with Server(assistant) as server:
        await events_of(server, call_at(JumpingTime()))

    assert server.heard == [{"type": "session.update", "session": SESSION}]


async def test_sound_is_sent_20_ms_at_a_time_until_the_caller_hangs_up():
    time, sizes = JumpingTime(), []
    call = call_at(time)
    call.microphone.speak(tone(50))

    def assistant(server):
        server.say(CREATED)
        while not server.sound.endswith(bytes(2 * FRAME)):
            server.hear("input_audio_buffer.append")
            sizes.append(len(server.sound))
        server.say(done())

    def on(event):
        # Not before the microphone has begun, which has its turn first.
        asyncio.get_running_loop().call_soon(time.go, 0.1)
        if event.type == "response.done":
            call.microphone.close()
            time.go(1)

    with Server(assistant) as server:
        seen, ended = await events_of(server, call, on)

    assert (seen, ended) == (["session.created", "response.done"], None)
    assert sizes[:3] == [960, 1920, 2880]
    assert bytes(server.sound[: 48 * 60]) == tone(50) + bytes(480)


@pytest.mark.parametrize("code", [1000, 3000, 4000])
async def test_server_that_hangs_up_in_the_middle_is_no_end(code):
    """It is closed as if all were well, and the SDK does not connect again."""

    def assistant(server):
        server.say(CREATED, began(), delta(100))
        server.hang_up(code)

    with Server(assistant) as server:
        seen, ended = await events_of(server, call_at(JumpingTime()))

    assert seen[-1] == "response.output_audio.delta"
    assert isinstance(ended, EOFError if code == 1000 else ConnectionClosedError)


async def test_call_ends_with_what_a_server_refuses():
    with Server(lambda server: server.say(CREATED, refused("invalid_value"))) as server:
        seen, ended = await events_of(server, call_at(JumpingTime()))

    assert seen == ["session.created"]
    assert isinstance(ended, OpenAIError)


async def test_call_that_is_left_is_closed():
    with Server(lambda server: server.say(CREATED)) as server:
        async with voice_client(server) as client:
            events = LESSON.voice(client, call_at(JumpingTime()))
            await anext(events)
            await events.aclose()
        await alone()


async def test_frame_that_meets_a_broken_line_is_lost_alone():
    """The line may break before the SDK has noticed; the next frame goes to the new session."""
    async with listening() as listener:
        listener.call.microphone.speak(tone(100))
        sending = asyncio.create_task(LESSON.send(listener.connection, listener.call))
        await listener.connection._connection.close()
        listener.time.go(0.05)
        for _ in range(20):
            await asyncio.sleep(0)

        assert not sending.done()
        sending.cancel()


# ------------------------------------------------------------------ interrupt


def cut(item, ms, number=1):
    return {
        "type": "conversation.item.truncate",
        "item_id": item,
        "content_index": 0,
        "audio_end_ms": ms,
        "event_id": f"truncate_{number}",
    }


@pytest.mark.parametrize(
    ("received", "passed_s", "told_ms"),
    [(3000, 1.2345, 1234), (500, 2.0, 500), (3000, 0.0, 0), (1, 0.00004, 0)],
    ids=["of what came, what was heard", "never more than came", "at once", "half a sample"],
)
async def test_interruption_tells_the_lesser_of_heard_and_received(received, passed_s, told_ms):
    async with listening() as listener:
        await listener.take(began(), delta(received))
        listener.time.go(passed_s)
        await listener.take(STARTED)

    assert listener.heard == [cut("item_a", told_ms)]
    assert listener.call.cuts[0].received_ms == received


async def test_nothing_is_cut_before_the_first_sound():
    async with listening() as listener:
        await listener.take(STARTED, began(), added("item_a"), STARTED)

    assert (listener.heard, listener.call.cuts) == ([], [])


async def test_nothing_is_cut_once_all_was_heard():
    async with listening() as listener:
        await listener.take(began(), delta(500), finished())
        listener.time.go(0.5)
        await listener.take(STARTED)

    assert listener.heard == []


async def test_item_that_sounds_is_cut_alone():
    async with listening() as listener:
        await listener.take(began(), delta(500), finished(), delta(400, "item_b"))
        listener.time.go(0.7)
        await listener.take(STARTED)

    assert listener.heard == [cut("item_b", 200)]


async def test_caller_may_cut_in_twice():
    async with listening() as listener:
        await listener.take(began(), delta(500))
        listener.time.go(0.1)
        await listener.take(STARTED, began("resp_2"), delta(500, "item_b", "resp_2"))
        listener.time.go(0.2)
        await listener.take(STARTED, STARTED)

    assert listener.heard == [cut("item_a", 100), cut("item_b", 200, 2)]


@pytest.mark.parametrize("sounded", [[], [delta(500)]], ids=["before its sound", "amid its sound"])
async def test_late_deltas_of_a_cut_response_are_not_played(sounded):
    async with listening() as listener:
        await listener.take(began(), *sounded, STARTED, delta(500), delta(500, "item_b"))
        assert listener.call.speaker.sounding is None
        await listener.take(began("resp_2"), delta(500, "item_c", "resp_2"))

        assert listener.call.speaker.sounding == "item_c"


RESPONSES = st.sampled_from(["resp_1", "resp_2"])
ITEMS = st.sampled_from("ab")
STEPS = st.one_of(
    st.tuples(st.just("began"), RESPONSES),
    st.tuples(st.just("delta"), RESPONSES, ITEMS, st.integers(0, 60)),
    st.tuples(st.just("finished"), RESPONSES, ITEMS),
    st.tuples(st.just("started")),
    st.tuples(st.just("go"), st.floats(0, 0.1)),
)


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(STEPS, min_size=4, max_size=20))
async def test_interruption_is_sound_in_any_order(steps):
    """Nothing before the first delta, never more than received, and only for what sounds."""
    received, expected = {}, []
    async with listening() as listener:
        speaker = listener.call.speaker
        for name, *more in steps:
            if name == "began":
                await listener.take(began(*more))
            elif name == "delta":
                response, letter, ms = more
                item = f"{response}_{letter}"
                received[item] = received.get(item, 0) + ms
                await listener.take(delta(ms, item, response))
            elif name == "finished":
                await listener.take(finished("_".join(more)))
            elif name == "go":
                listener.time.go(*more)
            else:
                if item := speaker.sounding:
                    expected.append((item, speaker.ledger.heard_ms(item), received[item]))
                await listener.take(STARTED)

    told = [(event["item_id"], event["audio_end_ms"]) for event in listener.heard]
    assert told == [(item, ms) for item, ms, _ in expected]
    assert all(ms <= most and most > 0 for _, ms, most in expected)
    assert len({item for item, _ in told}) == len(told)


# ------------------------------------------------------------------ tool


BOOKED = {"booked": True, "number": 4711, "date": "2026-11-28", "time": "19:30", "people": 2}
FULL = {"booked": False, "reason": "a slot holds six people"}


@pytest.fixture
def numbered(monkeypatch):
    monkeypatch.setattr(LESSON, "_numbers", count(4711))


@pytest.mark.usefixtures("numbered")
async def test_call_is_answered_once_its_response_is_done():
    async with listening() as listener:
        arguments = {"name": "book_slot", "arguments": "{}", "call_id": "call_1"}
        await listener.take(
            began(),
            {"type": "response.function_call_arguments.done", **arguments},
            {"type": "response.output_item.done", "item": booking()},
        )
        listener.call.response_id = "resp_1"
        await listener.take(done(booking()))

    assert listener.heard == [output("call_1", **BOOKED), {"type": "response.create"}]


@pytest.mark.usefixtures("numbered")
async def test_two_calls_are_told_by_one_response():
    seven = '{"date":"2026-11-28","time":"19:30","people":7}'
    async with listening() as listener:
        await listener.take(done(booking(), booking("call_2", seven)))

    assert listener.heard == [
        output("call_1", **BOOKED),
        output("call_2", **FULL),
        {"type": "response.create"},
    ]


@pytest.mark.parametrize("status", ["completed", "cancelled", "failed"])
async def test_response_without_a_call_wants_nothing(status):
    async with listening() as listener:
        await listener.take(done({"type": "message", "role": "assistant"}, status=status))

    assert listener.heard == []


@pytest.mark.parametrize("status", ["cancelled", "incomplete", "failed"])
async def test_half_a_call_is_not_run(status):
    """The caller cut in while the arguments came: they are no JSON yet."""
    async with listening() as listener:
        await listener.take(done(booking(arguments='{"date":"20'), status=status))

    assert listener.heard == []


# ------------------------------------------------------------------ reconnect


HISTORY = [
    added("item_1"),
    heard("item_1", "When?"),
    added("item_2"),
    spoken("item_2", "At eight."),
]


async def test_new_session_is_told_settings_and_history():
    async with listening() as listener:
        await listener.take(*HISTORY, CREATED)

    assert listener.heard == [UPDATE, said("user", "When?"), said("assistant", "At eight.")]


async def test_what_was_cut_or_not_understood_is_not_told():
    failed = {
        "type": "conversation.item.input_audio_transcription.failed",
        "item_id": "item_3",
        "error": {"message": "No."},
    }
    async with listening() as listener:
        await listener.take(*HISTORY, truncated("item_2"), added("item_3"), failed, CREATED)

    assert listener.heard == [UPDATE, said("user", "When?")]


async def test_what_was_told_again_is_not_told_twice():
    async with listening() as listener:
        await listener.take(*HISTORY, CREATED, added("item_8"), added("item_9"), CREATED)

    told = [UPDATE, said("user", "When?"), said("assistant", "At eight.")]
    assert listener.heard == told + told


@pytest.mark.parametrize("order", list(permutations(range(4))))
async def test_words_stand_where_they_were_said(order):
    """A caller's words may come amid the answer to them, or long after it."""
    words = [
        heard("item_1", "When?"),
        spoken("item_2", "At eight."),
        heard("item_3", "Really?"),
        spoken("item_4", "Yes."),
    ]
    async with listening() as listener:
        await listener.take(*[added(f"item_{place}") for place in range(1, 5)])
        await listener.take(*[words[place] for place in order], CREATED)

    assert [event["item"]["content"][0]["text"] for event in listener.heard[1:]] == [
        "When?",
        "At eight.",
        "Really?",
        "Yes.",
    ]


@pytest.mark.parametrize("code", [1001, 1011, 1012, None])
async def test_call_goes_on_in_a_new_session(code):
    time = JumpingTime()
    call = call_at(time)

    def first(server):
        server.say(CREATED, *HISTORY)
        server.hear("session.update")
        server.hang_up(code) if code else server.break_off()

    def second(server):
        server.say(CREATED)
        server.hear("conversation.item.create")
        server.hear("conversation.item.create")
        server.say(done())

    def on(event):
        if event.type == "response.done":
            call.microphone.close()
            time.go(1)

    with Server(first, second) as server:
        seen, ended = await events_of(server, call, on)

    assert (seen.count("session.created"), ended) == (2, None)
    assert server.heard == [UPDATE, UPDATE, said("user", "When?"), said("assistant", "At eight.")]


# ------------------------------------------------------------------ check

HARMLESS = ["response_cancel_not_active", "conversation_already_has_active_response"]
FATAL = [
    "insufficient_quota",
    "invalid_api_key",
    "account_deactivated",
    "billing_hard_limit_reached",
    "session_expired",
    "invalid_value",
    None,
]


def error_of(**fields):
    return TypeAdapter(RealtimeError).validate_python({"message": "No.", "type": "some"} | fields)


@pytest.mark.parametrize("code", HARMLESS)
def test_events_that_crossed_are_no_failure(code):
    LESSON.check(error_of(code=code))


@pytest.mark.parametrize("code", FATAL)
def test_other_refusals_end_the_call(code):
    with pytest.raises(OpenAIError, match=rf"No. \({code or 'some'}\)"):
        LESSON.check(error_of(code=code))


def test_truncation_that_came_too_late_is_no_failure():
    LESSON.check(error_of(code="invalid_value", event_id="truncate_3"))


# ------------------------------------------------------------------ the telephone


class Passing(JumpingTime):
    """A time that passes while somebody sleeps."""

    async def sleep(self, seconds):
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def clip(tmp_path):
    write_wav(tmp_path / "clip.wav", tone(100))
    return tmp_path / "clip.wav"


@pytest.fixture
def other(tmp_path):
    write_wav(tmp_path / "other.wav", tone(60))
    return tmp_path / "other.wav"


async def speak_clips(phone, clips, on_frame, meanwhile=None):
    """Let a caller ring; `on_frame` is called with the number of each frame. The sound."""
    sound = bytearray()

    async def carry():
        async for frame in phone.microphone:
            sound.extend(frame)
            on_frame(len(sound) // 960)

    await asyncio.gather(phone.speak_clips(clips, meanwhile), carry())
    return bytes(sound)


async def test_caller_speaks_waits_for_the_answer_and_hangs_up(clip):
    phone = SimulatedCaller(Passing().clock())

    def assistant(frame):
        if frame == 10:
            phone.speaker.play("item_a", tone(200))
            phone.speaker.finish("item_a")
            phone.note_event(told(done()))

    sound = await speak_clips(phone, {clip: None}, assistant)

    assert sound.startswith(tone(100))
    assert phone.speaker.ledger.heard_ms("item_a") == 200


async def test_caller_cuts_in_after_milliseconds(clip, other):
    phone, heard_ms = SimulatedCaller(Passing().clock()), []

    def assistant(frame):
        if frame == 10:
            phone.speaker.play("item_a", tone(5000))
        if frame > 10 and phone.microphone.is_speaking and not heard_ms:
            heard_ms.append(phone.speaker.ledger.heard_ms("item_a"))
            phone.speaker.stop()
            phone.note_event(told(done()))

    await speak_clips(phone, {clip: None, other: 2000}, assistant)

    assert 2000 <= heard_ms[0] < 2100


async def test_answer_before_the_cut_is_none_to_what_was_asked_by_it(clip, other):
    """It was sent to its end, faster than it was heard, while the caller began to speak."""
    phone, answered_at = SimulatedCaller(Passing().clock()), []

    def assistant(frame):
        if frame == 10:
            phone.speaker.play("item_a", tone(5000))
        if frame > 10 and phone.microphone.is_speaking and phone.speaker.sounding:
            # In the order of a server: its end is told before the speech that came behind it.
            phone.note_event(told(done()))
            phone.speaker.stop()
            phone.note_event(told(STARTED))
        if frame == 200:
            answered_at.append(frame)
            phone.note_event(told(done()))

    await speak_clips(phone, {clip: None, other: 2000}, assistant)

    assert answered_at == [200]


@pytest.mark.parametrize("output", [[booking()], []], ids=["a call", "nothing"])
async def test_call_of_a_tool_is_no_answer_yet(clip, output):
    phone = SimulatedCaller(Passing().clock())
    frames = []

    def assistant(frame):
        frames.append(frame)
        if frame == 10:
            phone.note_event(told(done(*output)))
        if frame == 100:
            phone.note_event(told(done()))

    await speak_clips(phone, {clip: None}, assistant)

    assert (len(frames) >= 100) is bool(output)


async def test_response_that_was_cut_is_no_answer(clip):
    phone = SimulatedCaller(Passing().clock())

    with pytest.raises(CourseError, match="has not answered for 60 s"):
        await phone.speak_clips({}, None)
    phone.note_event(told(done(status="cancelled")))
    with pytest.raises(CourseError):
        await phone.speak_clips({}, None)
    phone.note_event(told(done()))
    await phone.speak_clips({}, None)


async def test_patience_is_that_of_the_clock():
    time = Passing()
    start = time.now

    with pytest.raises(CourseError) as raised:
        await SimulatedCaller(time.clock()).speak_clips({})

    assert time.now - start == pytest.approx(PATIENCE_S, abs=0.1)
    assert "--wire" in raised.value.attempt


async def test_line_is_broken_between_two_clips_and_the_new_session_waited_for(clip, other):
    phone, order = SimulatedCaller(Passing().clock()), []
    phone.note_event(told(CREATED))

    def assistant(frame):
        if frame == 10 or (order and order[-1] == "spoken" and not phone.microphone.is_speaking):
            phone.note_event(told(done()))
        if order == ["dropped"] and frame > 40:
            assert not phone.microphone.is_speaking
            order.append("created")
            phone.note_event(told(CREATED))
        if order == ["dropped", "created"] and phone.microphone.is_speaking:
            order.append("spoken")

    clips = {clip: None, other: None}
    await speak_clips(phone, clips, assistant, lambda: order.append("dropped"))

    assert order == ["dropped", "created", "spoken"]


TAKEN = [
    (CREATED, None),
    (CREATED, ("line", "The connection dropped. A new session has begun, and it knows nothing.")),
    (STARTED, None),
    (heard("item_u", "When?"), ("caller", "When?")),
    (
        {
            "type": "conversation.item.input_audio_transcription.failed",
            "item_id": "item_u",
            "error": {"message": "No words."},
        },
        ("caller", "(No words.)"),
    ),
    (spoken("item_a", "At eight."), ("assistant", "At eight.")),
    (
        {"type": "response.function_call_arguments.done", "name": "f", "arguments": "{}"},
        ("tool", "f({})"),
    ),
    (truncated("item_a", 1234), ("line", "Cut off: 1,234 ms of it were heard.")),
    (done(), None),
    ({"type": "never.heard"}, None),
    ({"note": "no type at all"}, None),
]


def test_phone_tells_who_said_what():
    phone = SimulatedCaller(Passing().clock())

    assert [phone.note_event(told(event)) for event, _ in TAKEN] == [said for _, said in TAKEN]


def test_words_are_kept_with_the_sound_they_belong_to(tmp_path):
    """The caller's come last, and stand first."""
    time = Passing()
    phone = SimulatedCaller(time.clock())
    phone.note_event(told(CREATED))
    # The times that a session tells begin anew with it.
    time.now += 10
    phone.note_event(told(CREATED))
    phone.recording.put("caller", round((time.now - 9) * 24_000), tone(400))
    phone.note_event(told(STARTED | {"audio_start_ms": 500}))
    phone.recording.put("caller", round((time.now + 0.6) * 24_000), tone(400))
    time.now += 2
    phone.speaker.play("item_a", tone(300))
    time.now += 0.3
    phone.note_event(told(spoken("item_a", "At eight.")))
    phone.note_event(told(spoken("item_b", "Never heard.")))
    phone.note_event(told(heard("item_u", "When?")))

    phone.save(tmp_path / "call.wav")

    assert [(span.speaker, span.text) for span in phone.recording.spans()] == [
        ("caller", ""),
        ("caller", "When?"),
        ("assistant", "At eight."),
    ]
    assert (tmp_path / "call.wav").is_file()


@pytest.mark.parametrize(
    ("options", "is_ours", "speed"),
    [
        ({"pace": 1.0}, True, 1.0),
        ({"pace": 0.5}, True, 2.0),
        ({"pace": 0.001}, True, FASTEST),
        ({"pace": 0.1}, False, 1.0),
        ({"pace": 0.0}, False, 1.0),
        ({"replay": "tape", "speed": 2.0}, False, 2.0),
    ],
)
def test_caller_keeps_the_pace_of_the_server(options, is_ours, speed):
    """A live server, or one that somebody else started, keeps the world's."""
    clock = caller_of(options, is_ours).clock

    assert (type(clock), clock.speed) == (CallClock, speed)


@pytest.mark.parametrize(
    ("options", "is_ours"), [({"pace": 0.0}, True), ({"replay": "tape", "speed": 0.0}, False)]
)
def test_clock_skips_what_it_can_where_the_server_is_as_fast_as_it_can(options, is_ours):
    assert isinstance(caller_of(options, is_ours).clock, VirtualClock)


def caller_of(options, is_ours):
    asked = SimpleNamespace(**{"replay": None, "speed": 1.0, "pace": 1.0} | options)
    return caller_for(SimpleNamespace(options=asked, connection=SimpleNamespace(is_ours=is_ours)))


async def test_dropped_connection_is_not_closed_but_broken():
    """As `lesson.connection.drop` does it: to every socket that is open, and to no other."""
    with Server() as server, text_client(server) as client:
        connection = Connection(client, "who", False)
        connection.drop()
        async with connection.async_client() as opened:
            async with opened.realtime.connect(model=MODEL) as left:
                pass
            async with opened.realtime.connect(model=MODEL) as dropped:
                connection.drop()
                with pytest.raises(ConnectionClosedError) as broken:
                    await dropped.recv()
            with pytest.raises(ConnectionClosed) as closed:
                await left.recv()

    assert (broken.value.rcvd, broken.value.sent) == (None, None)
    assert closed.value.rcvd.code == 1000
    assert server.closed == [1000, None]
    assert connection.transports == []
