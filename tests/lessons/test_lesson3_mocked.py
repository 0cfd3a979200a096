"""Lesson 3 without the emulator: a server on loopback says what a test lets it say.

This is how to test one's own code that talks over a WebSocket: a script of server events in place
of OpenAI, and everything above the bytes, the SDK included, is real. Time passes when a test says.
"""

import json
import wave
from functools import partial
from itertools import permutations

from tests.support.call_sound import Time
from tests.support.scripted_calls import (
    CREATED,
    LESSON,
    MODEL,
    STARTED,
    TEXT_ONLY,
    TRANSCRIBER,
    HeldCall,
    Server,
    answer,
    began,
    call_with,
    delta,
    done,
    finished,
    hasty_client,
    output,
    reached,
    refused,
    said,
    tone,
    waits,
)

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import OpenAIError
from websockets.exceptions import ConnectionClosedError

SESSION = LESSON.session_config(TRANSCRIBER)
UPDATE_TEXT = {"type": "session.update", "session": TEXT_ONLY}
CREATE = {"type": "response.create"}

# ------------------------------------------------------------------ text

ASKED = [UPDATE_TEXT, said("user", "Is it cold?"), CREATE]


def text_delta(text):
    return {"type": "response.output_text.delta", "delta": text}


def ask(*events):
    """Part 1, and how it ends if the server sends these events."""

    def script(server):
        server.hear("response.create")
        server.say(CREATED, *events)
        server.hang_up()

    with Server(script) as server, reached(server):
        LESSON.text("Is it cold?", MODEL)


def test_text_sends_three_events_and_prints_the_answer(capsys):
    with Server(answer) as server, reached(server):
        LESSON.text("Is it cold?", MODEL)

    assert server.heard == ASKED
    assert capsys.readouterr().out == "Yes.\n"


@pytest.mark.parametrize("code", [1000, 1001])
def test_text_notices_a_clean_end(code):
    """The SDK's iterator just ends then."""

    def hang_up(server):
        server.hear("response.create")
        server.say(CREATED, began())
        server.hang_up(code)

    with Server(hang_up) as server, reached(server):
        with pytest.raises(EOFError, match="closed before response.done"):
            LESSON.text("Is it cold?", MODEL)


def test_text_ends_with_a_dropped_connection():
    with Server(partial(Server.hang_up, code=1011)) as server, reached(server):
        with pytest.raises(ConnectionClosedError):
            LESSON.text("Is it cold?", MODEL)


NO_CODE = {"type": "error", "error": {"message": "No."}}
REFUSALS = {
    "a code": (refused("invalid_value", "No such voice."), r"No such voice. \(invalid_value\)"),
    "only a type": (refused(None), r"No. \(invalid_request_error\)"),
    "neither": (NO_CODE, r"No. \(no code\)"),
    "a text": ({"type": "error", "error": "No."}, r"No. \(no code\)"),
    "nothing": ({"type": "error"}, r"no code"),
}


@pytest.mark.parametrize(("event", "reason"), REFUSALS.values(), ids=REFUSALS)
def test_error_event_ends_the_turn_with_its_reason(event, reason, capsys):
    with pytest.raises(OpenAIError, match=reason):
        ask(text_delta("Yes"), event, done())

    assert capsys.readouterr().out == "Yes"


@pytest.mark.parametrize("status", ["failed", "incomplete", "cancelled", None])
def test_response_that_is_not_complete_says_why(status, capsys):
    ended = done(status=status)
    ended["response"]["status_details"] = {"reason": "max_output_tokens"}

    with pytest.raises(EOFError, match=rf"status {status}: .*max_output_tokens"):
        ask(text_delta("Yes"), ended)

    assert capsys.readouterr().out == "Yes"


@pytest.mark.parametrize("response", [None, {}, {"status": "failed", "status_details": None}])
def test_response_without_details_gave_no_reason(response):
    with pytest.raises(EOFError, match="it gave no reason"):
        ask({"type": "response.done", "response": response})


ODD = [
    {"type": "response.output_text.delta"},
    {"type": "response.output_text.delta", "delta": None},
    {"type": "never.heard", "delta": "?"},
    {"note": "no type at all"},
]


@pytest.mark.parametrize("event", ODD)
def test_odd_events_add_nothing(event, capsys):
    ask(text_delta("Yes"), event, text_delta("."), done())

    assert capsys.readouterr().out == "Yes.\n"


@pytest.mark.parametrize("message", ["null", "[]", "[1]", '"text"', "5"])
def test_json_that_is_no_event_is_passed_by(message, capsys):
    def script(server):
        server.hear("response.create")
        server.say(CREATED)
        server.say_text(message)
        server.say(text_delta("Yes."), done())

    with Server(script) as server, reached(server):
        kinds = LESSON.text("Is it cold?", MODEL)

    assert capsys.readouterr().out == "Yes.\n"
    assert kinds[-1] == "response.done"


# ------------------------------------------------------------------ voice


def spoken(words, item="item_a"):
    kind = "response.output_audio_transcript"
    return [
        {"type": f"{kind}.delta", "item_id": item, "delta": words},
        {"type": f"{kind}.done", "item_id": item, "transcript": words},
    ]


def heard(words, item="item_u"):
    kind = "conversation.item.input_audio_transcription.completed"
    return {"type": kind, "item_id": item, "transcript": words}


def write_question(path, ms=250):
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 24_000, 0, "NONE", ""))
        sound.writeframes(tone(ms))
    return path


def samples_of(path):
    with wave.open(str(path)) as sound:
        assert sound.getparams()[:3] == (1, 2, 24_000)
        return sound.readframes(sound.getnframes())


def take(part, folder, *scripts):
    """Part 2 or 4 against a server that has a script for each `response.create`."""

    def script(server):
        server.say(CREATED)
        for events in scripts:
            server.hear("response.create")
            server.say(*events)

    question, file = write_question(folder / "question.wav"), folder / "answer.wav"
    with Server(script) as server, reached(server):
        part(question, file, MODEL, TRANSCRIBER)
    return server, samples_of(file)


def test_voice_sends_settings_and_sound_and_keeps_the_answer(tmp_path, capsys):
    events = [began(), heard("When?"), delta(100), *spoken("At eight."), delta(50), done()]
    server, sound = take(LESSON.voice, tmp_path, events)

    assert server.heard == [
        {"type": "session.update", "session": SESSION},
        {"type": "input_audio_buffer.commit"},
        CREATE,
    ]
    assert bytes(server.sound) == tone(250)
    assert sound == tone(100) + tone(50)
    assert capsys.readouterr().out == "At eight.\n(The question was heard as: When?)\n"


@pytest.mark.parametrize("place", range(4))
def test_words_of_the_question_may_come_at_any_time(tmp_path, capsys, place):
    events = [began(), *spoken("At eight."), done()]
    events.insert(place, heard("When?"))
    take(LESSON.voice, tmp_path, events)

    assert capsys.readouterr().out == "At eight.\n(The question was heard as: When?)\n"


def test_voice_shows_the_words_of_an_answer_that_is_cut_off(tmp_path, capsys):
    with pytest.raises(EOFError, match="incomplete"):
        take(LESSON.voice, tmp_path, [spoken("At ei")[0], done(status="incomplete")])

    assert capsys.readouterr().out == "At ei"


@pytest.mark.parametrize("sound", [{}, {"delta": None}])
def test_delta_without_sound_adds_none(tmp_path, sound):
    empty = {"type": "response.output_audio.delta"} | sound

    assert take(LESSON.voice, tmp_path, [empty, delta(50), done()])[1] == tone(50)


# ------------------------------------------------------------------ interrupt


def cut(item, ms):
    return {
        "type": "conversation.item.truncate",
        "item_id": item,
        "content_index": 0,
        "audio_end_ms": ms,
        "event_id": "truncate",
    }


async def test_call_begins_with_its_settings():
    call = HeldCall()

    def script(server):
        server.say(CREATED)
        server.hear("session.update")
        server.say({"type": "test.hangs_up"})

    with Server(script) as server:
        await call.hold(server)

    assert (call.ended, call.seen) == (None, ["session.created", "test.hangs_up"])
    sent = server.heard[0]["session"]
    detection = sent["audio"]["input"].pop("turn_detection")
    assert detection["type"] == "server_vad" and detection["interrupt_response"]
    assert sent["audio"]["input"].items() < SESSION["audio"]["input"].items()
    assert server.closed == [1000]


async def test_sound_is_sent_20_ms_at_a_time_until_the_caller_hangs_up():
    call, sizes = HeldCall(), []
    call.microphone.speak(tone(50))

    def script(server):
        server.say(CREATED)
        server.hear("session.update")
        server.say(*[waits(0.02)] * 4)
        while len(sizes) < 3:
            server.hear("input_audio_buffer.append")
            sizes.append(len(server.sound))
        server.say({"type": "test.hangs_up"})

    with Server(script) as server:
        await call.hold(server)

    assert (call.ended, sizes) == (None, [960, 1920, 2880])
    assert bytes(server.sound[:2880]) == tone(50) + bytes(480)


@pytest.mark.parametrize("code", [1000, 3000, 4000])
async def test_server_that_hangs_up_in_the_middle_is_no_end(code):
    """After 1000 the SDK's iterator ends as if all were well."""

    def script(server):
        server.say(CREATED, began(), delta(100))
        server.hear("session.update")
        server.hang_up(code)

    call = HeldCall(Time())
    with Server(script) as server:
        await call.hold(server)

    assert call.seen[-1] == "response.output_audio.delta"
    assert isinstance(call.ended, EOFError if code == 1000 else ConnectionClosedError)


@pytest.mark.parametrize(
    ("event", "error"),
    [
        (refused("invalid_value"), OpenAIError),
        (refused("invalid_value", event_id="mine"), OpenAIError),
        (done(status="failed"), EOFError),
        (done(status="incomplete"), EOFError),
    ],
)
async def test_call_ends_with_what_goes_wrong(event, error):
    call, _ = await call_with(event)

    assert isinstance(call.ended, error)


@pytest.mark.parametrize("event", [refused("invalid_value", event_id="truncate"), *ODD])
async def test_call_goes_on_after_what_does_no_harm(event):
    call, _ = await call_with(event, done(status="cancelled"), done())

    assert call.ended is None


@pytest.mark.parametrize(
    ("received", "passed_s", "told_ms"),
    [(3000, 1.2345, 1234), (500, 2.0, 500), (3000, 0.0, 0), (1, 0.00004, 0)],
    ids=["of what came, what was heard", "never more than came", "at once", "half a sample"],
)
async def test_interruption_reports_the_lesser_of_heard_and_received(received, passed_s, told_ms):
    call, sent = await call_with(began(), delta(received), waits(passed_s), STARTED)

    assert sent == [cut("item_a", told_ms)]
    assert call.speaker.cuts["item_a"].received_ms == received


async def test_nothing_is_cut_before_the_first_sound():
    call, sent = await call_with(STARTED, began(), STARTED)

    assert (sent, call.speaker.cuts) == ([], {})


async def test_nothing_is_cut_once_all_was_heard():
    _, sent = await call_with(began(), delta(500), finished(), waits(0.5), STARTED)

    assert sent == []


async def test_item_that_sounds_is_cut_alone():
    events = [began(), delta(500), finished(), delta(400, "item_b"), waits(0.7), STARTED]
    _, sent = await call_with(*events)

    assert sent == [cut("item_b", 200)]


async def test_items_that_were_never_heard_are_cut_at_0():
    """The server believes that they were spoken, as it has sent them."""
    events = [began(), delta(500), finished(), delta(400, "item_b"), waits(0.2), STARTED]
    _, sent = await call_with(*events)

    assert sent == [cut("item_a", 200), cut("item_b", 0)]


async def test_caller_may_cut_in_twice():
    first = [began(), delta(500), waits(0.1), STARTED]
    second = [began("resp_2"), delta(500, "item_b", "resp_2"), waits(0.2), STARTED, STARTED]
    _, sent = await call_with(*first, *second)

    assert sent == [cut("item_a", 100), cut("item_b", 200)]


@pytest.mark.parametrize("sounded", [[], [delta(500)]], ids=["before its sound", "amid its sound"])
async def test_late_deltas_of_a_cut_response_are_not_played(sounded):
    cut_off = [began(), *sounded, STARTED, delta(500), delta(500, "item_b")]
    call, _ = await call_with(*cut_off, began("resp_2"), delta(900, "item_c", "resp_2"))

    assert call.speaker.sounding == "item_c" or call.speaker.ledger.heard_ms("item_c") == 900
    assert call.speaker.ledger.received_ms("item_b") == 0


RESPONSES = st.sampled_from(["resp_1", "resp_2"])
ITEMS = st.sampled_from("ab")
STEPS = st.one_of(
    st.builds(began, RESPONSES),
    st.builds(
        lambda ms, response, item: delta(ms, f"{response}_{item}", response),
        st.integers(0, 60),
        RESPONSES,
        ITEMS,
    ),
    st.builds(lambda response, item: finished(f"{response}_{item}"), RESPONSES, ITEMS),
    st.just(STARTED),
    st.builds(waits, st.floats(0, 0.1)),
)


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(STEPS, min_size=4, max_size=20))
async def test_interruption_is_sound_in_any_order(steps):
    """Only items of which sound came are cut, never beyond it, and none of them twice."""
    call, sent = await call_with(*steps)

    cuts = [(event["item_id"], event["audio_end_ms"]) for event in sent]
    ledger = call.speaker.ledger
    assert call.ended is None
    assert all(0 <= ms <= ledger.received_ms(item) for item, ms in cuts)
    assert all(ledger.received_ms(item) > 0 for item, _ in cuts)
    assert len({item for item, _ in cuts}) == len(cuts)


# ------------------------------------------------------------------ tool

TWO = '{"date":"2026-11-28","time":"19:30","people":2}'
SEVEN = TWO.replace("2}", "7}")
BOOKED = {"booked": True, "number": 4711, "people": 2}
FULL = {"booked": False, "reason": "A slot has room for six people."}


def booking(arguments=TWO, call_id="call_1"):
    return {
        "type": "function_call",
        "name": "book_slot",
        "call_id": call_id,
        "arguments": arguments,
    }


def test_tool_result_is_sent_shown_and_spoken(tmp_path, capsys):
    server, sound = take(
        LESSON.tool, tmp_path, [done(booking())], [delta(60), *spoken("Booked."), done()]
    )

    assert server.heard[0]["session"] == {**SESSION, "tools": [LESSON.BOOK_SLOT]}
    assert server.heard[-3:] == [CREATE, output("call_1", **BOOKED), CREATE]
    assert sound == tone(60)
    shown = f"book_slot({TWO})\n    returned {json.dumps(BOOKED)}\nBooked.\n"
    assert capsys.readouterr().out == shown


def test_two_calls_are_answered_by_one_response(tmp_path):
    calls = done(booking(), booking(SEVEN, "call_2"))
    server, _ = take(LESSON.tool, tmp_path, [calls], [done()])

    results = [output("call_1", **BOOKED), output("call_2", **FULL)]
    assert server.heard[-4:] == [CREATE, *results, CREATE]


@pytest.mark.parametrize("arguments", ['{"date":"20', "", None, "[]", '{"people":"many"}'])
def test_arguments_that_do_not_fit_are_an_error_for_the_model(tmp_path, arguments):
    server, _ = take(LESSON.tool, tmp_path, [done(booking(arguments))], [done()])

    assert "error" in json.loads(server.heard[-2]["item"]["output"])


@pytest.mark.parametrize("items", [[], [{"type": "message", "role": "assistant"}], [None]])
def test_response_without_a_call_is_the_end(tmp_path, items):
    server, _ = take(LESSON.tool, tmp_path, [done(*items)])

    assert server.heard[-1] == CREATE


@pytest.mark.parametrize("status", ["cancelled", "incomplete", "failed"])
def test_half_a_call_is_not_run(tmp_path, capsys, status):
    with pytest.raises(EOFError):
        take(LESSON.tool, tmp_path, [done(booking('{"date":"20'), status=status)])

    assert capsys.readouterr().out == ""


# ------------------------------------------------------------------ reconnect


def answering(text, *, is_dropped=False):
    """A session that answers once its response is asked for."""

    def script(server):
        server.say(CREATED)
        server.hear("response.create")
        server.say(text_delta(text))
        if is_dropped:
            server.break_off()
        else:
            server.say(done())

    return script


def test_new_session_gets_settings_and_history(capsys):
    with Server(answering("At eight."), answering("Yes.")) as server:
        LESSON.reconnect(hasty_client(server), ["When?", "Really?"], MODEL, server.break_off)

    first = [UPDATE_TEXT, said("user", "When?"), CREATE]
    known = [said("user", "When?"), said("assistant", "At eight.")]
    assert server.heard == [*first, UPDATE_TEXT, *known, said("user", "Really?"), CREATE]
    assert capsys.readouterr().out == "> When?\nAt eight.\n> Really?\nYes.\n"


def test_question_is_asked_again_if_its_answer_broke_off():
    scripts = [answering("At ei", is_dropped=True), answering("At eight."), answering("Yes.")]
    with Server(*scripts) as server:
        LESSON.reconnect(hasty_client(server), ["When?", "Really?"], MODEL, server.break_off)

    asked = [UPDATE_TEXT, said("user", "When?"), CREATE]
    known = [said("user", "When?"), said("assistant", "At eight.")]
    assert server.heard == [*asked, *asked, UPDATE_TEXT, *known, said("user", "Really?"), CREATE]


@pytest.mark.parametrize("code", [1001, 1011, 1012])
@pytest.mark.parametrize("heard_first", ["session.update", "response.create"])
def test_sdk_connects_again_after_these_codes(code, heard_first):
    """Also if the connection ends while settings and history are being sent."""

    def closes(server):
        server.say(CREATED)
        server.hear(heard_first)
        server.hang_up(code)

    with Server(closes, answering("At eight.")) as server:
        LESSON.reconnect(hasty_client(server), ["When?"], MODEL, lambda: None)

    assert len(server.requests) == 2


def test_close_of_the_server_that_is_no_drop_ends_the_part():
    with Server(lambda server: server.hang_up(1000)) as server:
        with pytest.raises(EOFError, match="closed before response.done"):
            LESSON.reconnect(hasty_client(server), ["When?"], MODEL, lambda: None)


def test_answer_may_end_before_anything_began():
    """Whatever order a gateway has."""

    def script(server):
        server.say(done(), CREATED)

    with Server(script) as server:
        LESSON.reconnect(hasty_client(server), ["When?"], MODEL, lambda: None)


# ------------------------------------------------------------------ what a gateway may send

STREAM = [
    CREATED,
    began(),
    heard("When?"),
    *spoken("At eight."),
    delta(40),
    finished(),
    done(),
]


def mutated():
    """The stream with each field of each event missing, or null."""
    for place, event in enumerate(STREAM):
        for name in event:
            without = {key: value for key, value in event.items() if key != name}
            for odd in (without, event | {name: None}):
                yield [*STREAM[:place], odd, *STREAM[place + 1 :]]


def test_no_missing_field_is_a_mistake(tmp_path):
    """A part ends well, or with an error that the console explains."""
    streams = list(mutated())

    def script(events, server):
        server.hear("response.create")
        server.say(*events)
        server.hang_up()

    question, file = write_question(tmp_path / "question.wav"), tmp_path / "answer.wav"
    with Server(*[partial(script, events) for events in streams]) as server, reached(server):
        for _ in streams:
            try:
                LESSON.voice(question, file, MODEL, TRANSCRIBER)
            except (EOFError, OpenAIError):
                continue


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_no_missing_field_ends_a_call_with_a_mistake(order):
    events = [
        {"type": STARTED["type"]},
        {"type": "response.output_audio.delta"},
        {"type": began()["type"]},
    ]
    call, _ = await call_with(*[events[place] for place in order])

    assert call.ended is None
