"""The session machine: client events and time in, server events out (wire.md, api-facts C)."""

import gc
import json
import math
import weakref
from base64 import b64decode, b64encode

from emulator.answers.answer import Answer, Call
from emulator.errors import ApiError
from emulator.realtime import build_prompt, response
from emulator.realtime.session import FaultEffects
from emulator.realtime.session_settings import realtime_session, transcription_session
from emulator.wire import tokens
from tests.support.realtime_calls import (
    MODEL,
    TEXT_TURN,
    SessionDriver,
    joined,
    loud,
    of,
    quiet,
    types,
    update,
    user,
    without_repeats,
)

import pytest

SPOKEN_TURN = """input_audio_buffer.speech_started input_audio_buffer.speech_stopped
input_audio_buffer.committed conversation.item.added conversation.item.done response.created
response.output_item.added conversation.item.added response.content_part.added
response.output_audio_transcript.delta response.output_audio.delta response.output_audio.done
response.output_audio_transcript.done response.content_part.done conversation.item.done
response.output_item.done response.done rate_limits.updated""".split()

TRANSCRIBED = {"input": {"transcription": {"model": "gpt-4o-mini-transcribe"}}}
CALL = {"type": "function_call", "name": "book_slot", "call_id": "call_1", "arguments": "{}"}


def opened(**options):
    driver = SessionDriver(**options)
    assert types(driver.events()) == ["session.created"]
    return driver


def error(events):
    assert types(events) == ["error"]
    return events[0]["error"]


def turned(detection, **options):
    driver = opened(**options)
    driver.send("session.update", **update(audio={"input": {"turn_detection": detection}}))
    return driver


def spoken(pace=1.0, **options):
    """A driver that is in the middle of a spoken answer."""
    driver = opened(pace=pace, **options)
    events = driver.speak(quiet(320), loud(320), quiet(400)) + driver.pass_time(0.1)
    assert of(events, "response.output_audio.delta")
    return driver, events


# ------------------------------------------------------------------ a turn in writing


def test_text_turn_comes_in_recorded_order():
    driver = opened()

    asked = driver.send("conversation.item.create", **user("When?"))
    events = driver.send("response.create", response={"output_modalities": ["text"]})

    assert types(asked) == ["conversation.item.added", "conversation.item.done"]
    assert without_repeats(events) == TEXT_TURN
    assert joined(events, "response.output_text.delta") == "At eight. Come early."


def test_deltas_and_padding_fill_sixteen():
    driver = opened()
    driver.send("conversation.item.create", **user("When?"))

    events = driver.send("response.create", response={"output_modalities": ["text"]})

    sizes = {
        (len(event["delta"]) + len(event["obfuscation"])) % 16
        for event in of(events, "response.output_text.delta")
    }
    assert sizes == {0}


def test_text_waits_for_its_pace():
    driver = opened(pace=1.0)
    driver.send("conversation.item.create", **user("When?"))

    first = driver.send("response.create", response={"output_modalities": ["text"]})

    assert types(first) == ["response.created"]
    assert types(driver.pass_time(0.39)) == []
    assert types(driver.pass_time(0.02))[-1] == "response.output_text.delta"
    assert driver.session.deadline == pytest.approx(100.425)


def test_each_item_names_the_one_before():
    driver = opened()
    events = driver.send("conversation.item.create", **user("When?"))
    events += driver.send("response.create")
    events += driver.send("conversation.item.create", **user("And then?"))

    items = [event["item"]["id"] for event in of(events, "conversation.item.added")]
    previous = [event["previous_item_id"] for event in of(events, "conversation.item.added")]
    assert previous == [None, *items[:-1]]


def test_item_goes_where_it_is_told():
    driver = opened()
    driver.send("conversation.item.create", **user("one", id="one"))
    driver.send("conversation.item.create", **user("three", id="three"))

    driver.send("conversation.item.create", previous_item_id="one", **user("two", id="two"))
    driver.send("conversation.item.create", previous_item_id="root", **user("zero", id="zero"))

    assert [entry.id for entry in driver.session.conversation] == ["zero", "one", "two", "three"]


def test_deleted_item_is_forgotten():
    driver = opened()
    driver.send("conversation.item.create", **user("one", id="one"))

    assert types(driver.send("conversation.item.delete", item_id="one")) == [
        "conversation.item.deleted"
    ]
    events = error(driver.send("conversation.item.retrieve", item_id="one"))
    assert events["code"] == "item_retrieve_invalid_item_id"


def test_model_reads_the_conversation_and_the_instructions():
    driver = opened()
    driver.send("session.update", **update(instructions="Be brief."))
    driver.send("conversation.item.create", **user("When?"))
    driver.send("response.create")
    driver.send("conversation.item.create", **user("And on Sunday?"))

    driver.send("response.create")

    said = [(m.role, m.text) for m in driver.asked[-1].prompt.messages]
    assert said == [
        ("system", "Be brief."),
        ("user", "When?"),
        ("assistant", "At eight. Come early."),
        ("user", "And on Sunday?"),
    ]


def test_out_of_band_response_leaves_no_trace():
    driver = opened()
    driver.send("conversation.item.create", **user("When?", id="q"))

    asked = {"conversation": "none", "metadata": {"for": "me"}, "output_modalities": ["text"]}
    events = driver.send("response.create", response={**asked, "input": []})

    done = of(events, "response.done")[0]["response"]
    assert not of(events, "conversation.item.added")
    assert (done["conversation_id"], done["metadata"]) == (None, {"for": "me"})
    assert [entry.id for entry in driver.session.conversation] == ["q"]
    assert [m.role for m in driver.asked[-1].prompt.messages] == ["system"]


def test_out_of_band_response_reads_what_it_is_given():
    driver = opened()
    driver.send("conversation.item.create", **user("When?", id="q"))
    driver.send("conversation.item.create", **user("Why?"))

    item = {"type": "item_reference", "id": "q"}
    driver.send("response.create", response={"conversation": "none", "input": [item]})

    assert [m.text for m in driver.asked[-1].prompt.messages if m.role == "user"] == ["When?"]


def test_out_of_band_response_hears_the_sound_that_it_is_given():
    driver = opened()
    driver.send("session.update", **update(audio=TRANSCRIBED))
    content = [{"type": "input_audio", "audio": b64encode(loud(500)).decode()}]
    item = {"type": "message", "role": "user", "content": content}

    asked = {"conversation": "none", "input": [item], "output_modalities": ["text"]}
    events = driver.send("response.create", response=asked)

    assert driver.asked[-1].prompt.questions == ["When do you open?"]
    assert of(events, "response.done")[0]["response"]["usage"]["input_token_details"][
        "audio_tokens"
    ]
    assert not [kind for kind in types(events) if kind.startswith("conversation.item")]


def test_text_is_read_aloud_and_enters_no_conversation():
    driver = opened()
    driver.answer = None
    text = "The dome opens at 19:30.\n\nBring a coat!"
    asked = {
        "conversation": "none",
        "input": [user(text)["item"]],
        "instructions": "Read the text aloud, word for word.",
        "output_modalities": ["audio"],
    }

    events = driver.send("response.create", response=asked)

    assert joined(events, "response.output_audio_transcript.delta") == text
    assert list(driver.session.conversation) == []


# ------------------------------------------------------------------ a turn in speech


def test_spoken_turn_comes_in_recorded_order():
    driver = opened()

    events = driver.speak(quiet(320), loud(640), quiet(400))

    assert without_repeats(events) == SPOKEN_TURN
    assert joined(events, "response.output_audio_transcript.delta") == "At eight. Come early."


def test_times_are_those_of_frames():
    driver = opened()

    events = driver.speak(quiet(640), loud(640), quiet(400))

    started, stopped = events[0], events[1]
    assert (started["audio_start_ms"] + 300) % 32 == 0
    assert started["audio_start_ms"] + 300 == pytest.approx(640, abs=32)
    assert stopped["audio_end_ms"] == pytest.approx(1280 + 224, abs=32)
    assert started["item_id"] == stopped["item_id"] == events[2]["item_id"]


@pytest.mark.parametrize(("silence_ms", "frames"), [(0, 1), (200, 7), (500, 16), (512, 16)])
def test_silence_is_counted_in_frames(silence_ms, frames):
    driver = turned({"type": "server_vad", "silence_duration_ms": silence_ms})

    events = driver.speak(loud(320), quiet(frames * 32 + 64))

    assert of(events, "input_audio_buffer.speech_stopped")[0]["audio_end_ms"] == 320 + frames * 32


def test_short_pause_does_not_end_the_turn():
    driver = opened()

    events = driver.speak(loud(320), quiet(128), loud(320), quiet(400))

    assert types(events).count("input_audio_buffer.speech_stopped") == 1


def test_recognition_of_a_pause_is_thrown_away():
    driver = opened(is_manual=True)
    driver.speak(loud(320), quiet(128), loud(320), quiet(400))

    first, second = driver.jobs
    driver.session.transcribed(first.id, "half of", driver.now)
    assert driver.session.take_jobs() == []
    driver.session.transcribed(second.id, "half of a sentence", driver.now)

    (think,) = driver.session.take_jobs()
    assert think.prompt.questions == ["half of a sentence"]


def test_transcript_leads_the_sound():
    driver = opened()

    events = types(driver.speak(loud(320), quiet(400)))

    first = events.index("response.output_audio.delta")
    assert 2 <= events[:first].count("response.output_audio_transcript.delta") <= 4


def test_transcript_of_the_caller_is_told_if_asked_for():
    driver = opened()
    driver.send("session.update", **update(audio=TRANSCRIBED))

    events = driver.speak(loud(320), quiet(400))

    name = "conversation.item.input_audio_transcription"
    (completed,) = of(events, f"{name}.completed")
    assert completed["transcript"] == joined(events, f"{name}.delta") == "When do you open?"
    assert completed["item_id"] == events[0]["item_id"]
    assert completed["usage"]["type"] == "tokens"


def test_words_that_cannot_be_had_fail_as_an_event():
    driver = opened()
    driver.words = None
    driver.send("session.update", **update(audio=TRANSCRIBED))

    events = driver.speak(loud(320), quiet(400))

    assert "conversation.item.input_audio_transcription.failed" in types(events)
    said = joined(events, "response.output_audio_transcript.delta")
    assert "cannot hear words" in said


def test_nothing_heard_is_said_in_words():
    driver = opened()
    driver.words = ""

    said = joined(driver.speak(loud(320), quiet(400)), "response.output_audio_transcript.delta")

    assert "did not catch" in said


def test_no_response_unless_the_session_wants_one():
    driver = turned({"type": "server_vad", "create_response": False})

    events = driver.speak(loud(320), quiet(400))

    assert types(events)[-1] == "conversation.item.done"
    assert without_repeats(driver.send("response.create"))[0] == "response.created"


def test_push_to_talk_waits_for_the_commit():
    driver = turned(None)

    assert driver.speak(loud(320), quiet(400)) == []
    events = driver.send("input_audio_buffer.commit")

    assert types(events) == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    assert without_repeats(driver.send("response.create"))[0] == "response.created"


def test_r14_commit_of_too_little_is_refused():
    driver = turned(None)
    driver.speak(loud(60))

    events = error(driver.send("input_audio_buffer.commit", event_id="mine"))

    assert events["code"] == "input_audio_buffer_commit_empty"
    assert "only has 60.00ms" in events["message"]
    assert events["event_id"] == "mine"


def test_cleared_sound_is_gone():
    driver = turned(None)
    driver.speak(loud(320))

    assert types(driver.send("input_audio_buffer.clear")) == ["input_audio_buffer.cleared"]
    assert (
        error(driver.send("input_audio_buffer.commit"))["code"] == "input_audio_buffer_commit_empty"
    )


def test_speech_of_a_cleared_turn_is_forgotten():
    driver = opened()
    driver.speak(loud(320))

    driver.send("input_audio_buffer.clear")

    assert driver.speak(quiet(600)) == []


def test_r16_half_a_sample_is_refused_and_shifts_nothing():
    driver = opened()
    odd = b64encode(loud(20)[:-1]).decode()

    events = error(driver.send("input_audio_buffer.append", audio=odd, event_id="e1"))

    assert events["event_id"] == "e1"
    assert driver.session._buffer.buffered_ms == 0
    assert without_repeats(driver.speak(quiet(320), loud(640), quiet(400))) == SPOKEN_TURN


def test_r21_padding_may_reach_into_the_turn_before():
    driver = turned({"type": "server_vad", "create_response": False})

    events = driver.speak(loud(320), quiet(256), loud(320), quiet(400))

    (first, second) = of(events, "input_audio_buffer.speech_stopped")
    starts = [e["audio_start_ms"] for e in of(events, "input_audio_buffer.speech_started")]
    assert starts[1] < first["audio_end_ms"] < second["audio_end_ms"]


@pytest.mark.parametrize("eagerness", ["low", "medium", "high"])
def test_semantic_turn_waits_for_a_finished_sentence(eagerness):
    driver = turned({"type": "semantic_vad", "eagerness": eagerness, "create_response": False})
    driver.words = "I would like to"

    assert types(driver.speak(loud(320), quiet(1200))) == ["input_audio_buffer.speech_started"]
    driver.words = "I would like to come on Friday."
    events = driver.speak(loud(320), quiet(480))

    assert types(events)[0] == "input_audio_buffer.speech_stopped"


def test_semantic_turn_ends_at_last_without_a_sentence():
    driver = turned({"type": "semantic_vad", "eagerness": "high", "create_response": False})
    driver.words = "I would like to"

    events = driver.speak(loud(320), quiet(2100))

    assert "input_audio_buffer.speech_stopped" in types(events)


@pytest.mark.parametrize("format", ["audio/pcmu", "audio/pcma"])
def test_telephone_formats_go_in_and_out(format):
    from emulator.voice import sound

    driver = opened()
    both = {"input": {"format": {"type": format}}, "output": {"format": {"type": format}}}
    driver.send("session.update", **update(audio=both))

    data = sound.encoded(quiet(320) + loud(640) + quiet(400), format)
    events = []
    for start in range(0, len(data), 160):
        audio = b64encode(data[start : start + 160]).decode()
        events += driver.send("input_audio_buffer.append", audio=audio)

    assert without_repeats(events) == SPOKEN_TURN
    (done,) = of(events, "response.done")
    assert done["response"]["audio"]["output"]["format"] == {"type": format}


# ------------------------------------------------------------------ interruption


def test_speech_ends_the_answer():
    driver, before = spoken()

    events = driver.speak(loud(64))

    assert types(events)[0] == "input_audio_buffer.speech_started"
    (done,) = of(events, "response.done")
    assert done["response"]["status"] == "cancelled"
    details = {"type": "cancelled", "reason": "turn_detected"}
    assert done["response"]["status_details"] == details
    assert done["response"]["output"][0]["status"] == "incomplete"
    assert not of(driver.pass_time(60), "response.output_audio.delta")


def test_what_closes_a_cut_answer_holds_what_was_sent():
    driver, before = spoken()

    events = driver.speak(loud(64))

    (closed,) = of(events, "response.output_audio_transcript.done")
    assert closed["transcript"] == joined(before, "response.output_audio_transcript.delta")


def test_answer_that_has_not_begun_costs_nothing():
    driver = opened(is_manual=True)
    driver.speak(loud(320), quiet(400))

    (done,) = of(driver.speak(loud(64)), "response.done")

    assert done["response"]["output"] == []
    assert done["response"]["usage"]["total_tokens"] == 0


def test_speech_lets_the_answer_go_on_if_asked_to():
    detection = {"type": "server_vad", "interrupt_response": False}
    driver = turned(detection, pace=1.0)
    driver.speak(loud(320), quiet(400))
    driver.pass_time(0.1)

    events = driver.speak(loud(320), quiet(400))

    assert not of(events, "response.done")
    answered = driver.pass_time(60)
    assert types(answered).count("response.done") == 2 or types(answered).count("response.created")


def test_truncation_forgets_what_was_not_heard():
    driver, before = spoken()
    driver.speak(loud(64))
    item_id = of(before, "response.output_audio.delta")[0]["item_id"]

    place = {"item_id": item_id, "content_index": 0, "audio_end_ms": 200}
    (events,) = driver.send("conversation.item.truncate", **place)

    assert {key: events[key] for key in place} == place
    assert events["type"] == "conversation.item.truncated"
    (item,) = driver.send("conversation.item.retrieve", item_id=item_id)
    assert item["item"]["content"] == [{"type": "output_audio", "transcript": None}]
    entry = driver.session.conversation.get(item_id, "retrieve")
    assert len(entry.words) < len(joined(before, "response.output_audio_transcript.delta"))


def test_r1_truncation_past_the_end_is_refused():
    driver, before = spoken()
    driver.speak(loud(64))
    delta = of(before, "response.output_audio.delta")[0]

    place = {"item_id": delta["item_id"], "content_index": 0, "audio_end_ms": 99_000}
    events = error(driver.send("conversation.item.truncate", **place))

    assert events["code"] == "invalid_value"
    assert "is already shorter than 99000ms" in events["message"]


def test_r1_fault_counts_less_than_was_sent():
    driver, before = spoken(fault_effects=FaultEffects(short_by_ms=85))
    driver.speak(loud(64))
    deltas = of(before, "response.output_audio.delta")
    sent_ms = sum(len(b64decode(delta["delta"])) for delta in deltas) // 48

    place = {"item_id": deltas[0]["item_id"], "content_index": 0}
    events = error(driver.send("conversation.item.truncate", audio_end_ms=sent_ms, **place))
    assert events["code"] == "invalid_value"

    refused = error(driver.send("conversation.item.truncate", audio_end_ms=sent_ms - 85, **place))
    assert f"of {(sent_ms - 85) // 50 * 50}ms" in refused["message"]

    length_ms = (sent_ms - 85) // 50 * 50
    events = driver.send("conversation.item.truncate", audio_end_ms=length_ms, **place)
    assert types(events) == ["conversation.item.truncated"]


def test_r2_truncation_before_any_sound_is_refused():
    driver = opened()
    driver.send("conversation.item.create", **user("When?", id="q"))

    place = {"item_id": "q", "content_index": 0, "audio_end_ms": 0}
    events = error(driver.send("conversation.item.truncate", **place))

    assert events["code"] == "unsupported_content_type"
    assert events["message"] == "Only model output audio messages can be truncated"


def test_r4_fault_sends_deltas_late():
    driver, _ = spoken(fault_effects=FaultEffects(late_deltas=3))

    events = types(driver.speak(loud(64)))

    done = events.index("response.done")
    assert sum("delta" in kind for kind in events[1:done]) == 3


def test_r6_cancel_without_a_response_is_refused():
    driver = opened()

    assert error(driver.send("response.cancel"))["code"] == "response_cancel_not_active"


def test_cancel_ends_the_answer():
    driver, _ = spoken()

    (done,) = of(driver.send("response.cancel"), "response.done")

    assert done["response"]["status_details"]["reason"] == "client_cancelled"
    assert error(driver.send("response.cancel"))["code"] == "response_cancel_not_active"


def test_r7_second_response_is_refused():
    driver, _ = spoken()

    events = error(driver.send("response.create"))

    assert events["code"] == "conversation_already_has_active_response"


def test_r8_cancel_before_the_answer_is_known():
    driver = opened(is_manual=True)
    driver.send("conversation.item.create", **user("When?"))
    driver.send("response.create")

    (done,) = of(driver.send("response.cancel"), "response.done")
    (think,) = driver.jobs
    driver.do(think)

    assert done["response"]["status"] == "cancelled"
    assert done["response"]["usage"]["total_tokens"] == 0
    assert driver.events() == []


# ------------------------------------------------------------------ tools


TOOL = {
    "type": "function",
    "name": "book_slot",
    "description": "Book places.",
    "parameters": {"type": "object", "properties": {"people": {"type": "integer"}}},
}


def with_tool(**options):
    driver = opened(**options)
    driver.send("session.update", **update(tools=[TOOL], output_modalities=["text"]))
    driver.answer = Answer([], "tool_calls", [Call("book_slot", '{"people":2}')])
    return driver


def test_call_comes_in_recorded_order():
    driver = with_tool()
    driver.send("conversation.item.create", **user("Book two places."))

    events = driver.send("response.create")

    assert without_repeats(events) == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    (done,) = of(events, "response.function_call_arguments.done")
    assert joined(events, "response.function_call_arguments.delta") == done["arguments"]
    assert (done["name"], json.loads(done["arguments"])) == ("book_slot", {"people": 2})


def test_output_of_a_tool_is_read():
    driver = with_tool()
    driver.send("conversation.item.create", **user("Book two places."))
    (done,) = of(driver.send("response.create"), "response.function_call_arguments.done")

    output = {"type": "function_call_output", "call_id": done["call_id"], "output": "ok"}
    driver.send("conversation.item.create", item=output)
    driver.send("response.create")

    calls, given = driver.asked[-1].prompt.turn
    assert calls.calls[0].id == given.call_id == done["call_id"]
    assert given.text == "ok"


@pytest.mark.parametrize("is_busy", [False, True])
def test_output_of_an_unknown_call_is_refused(is_busy):
    """Its item's id in place of the call's id is the usual mistake; recorded, sentence and code."""
    driver = with_tool(pace=1.0 if is_busy else 0.0)
    driver.send("conversation.item.create", **user("Book two places."))
    events = driver.send("response.create")
    while not of(events, "response.output_item.added"):
        events += driver.pass_time(0.1)
    item_id = of(events, "response.output_item.added")[0]["item"]["id"]
    output = {"type": "function_call_output", "call_id": item_id, "output": "ok"}

    refused = driver.send("conversation.item.create", item=output, event_id="mine")
    refused += driver.pass_time(10.0)

    (found,) = of(refused, "error")
    assert found["error"]["code"] == "invalid_tool_call_id"
    assert found["error"]["message"] == f"Tool call ID '{item_id}' not found in conversation."
    assert found["error"]["event_id"] == "mine"
    assert not of(refused, "conversation.item.added")


def newest(**options):
    """A session of the newest model, whose answer is in writing."""
    driver = SessionDriver(realtime_session(MODEL, "sess_1", 4600), **options)
    driver.send("session.update", **update(output_modalities=["text"]))
    return driver


COMMENTED_CALL = """response.created response.output_item.added conversation.item.added
response.content_part.added response.output_text.delta response.output_item.added
conversation.item.added response.function_call_arguments.delta response.output_text.done
response.content_part.done conversation.item.done response.output_item.done
response.function_call_arguments.done conversation.item.done response.output_item.done
response.done rate_limits.updated""".split()


@pytest.mark.parametrize("words", ["", "I look it up."])
def test_newest_model_speaks_before_it_calls(words):
    """Order and phases are those of a session recorded with gpt-realtime-2.1 in July 2026."""
    driver = newest()
    call = Call("book_slot", '{"people":2}')
    driver.answer = Answer(tokens.split(words), "tool_calls", [call])
    driver.send("conversation.item.create", **user("Book two places."))

    events = driver.send("response.create")

    assert without_repeats(events) == COMMENTED_CALL
    said, made = of(events, "response.done")[0]["response"]["output"]
    assert list(said) == ["id", "type", "status", "role", "content", "phase"]
    assert (said["phase"], said["status"], "phase" in made) == ("commentary", "completed", False)
    assert said["content"][0]["text"] == (words or response.COMMENTARY)
    assert [event["item"].get("phase") for event in of(events, "conversation.item.added")] == [
        "commentary",
        None,
    ]


@pytest.mark.parametrize(("most", "count"), [(9, 1), (40, 2), ("inf", 2)])
def test_commentary_stays_within_the_limit(most, count):
    driver = newest()
    driver.send("session.update", **update(max_output_tokens=most))
    driver.answer = Answer([], "tool_calls", [Call("book_slot", '{"people":2}')])
    driver.send("conversation.item.create", **user("Book two places."))

    (done,) = of(driver.send("response.create"), "response.done")

    assert len(done["response"]["output"]) == count


def test_call_that_is_cut_leaves_its_commentary_complete():
    driver = newest(pace=1.0)
    driver.answer = Answer([], "tool_calls", [Call("book_slot", '{"people":2}')])
    driver.send("conversation.item.create", **user("Book two places."))
    events = driver.send("response.create")
    while not of(events, "response.function_call_arguments.delta"):
        events += driver.pass_time(0.05)

    (done,) = of(driver.send("response.cancel"), "response.done")

    assert [item["status"] for item in done["response"]["output"]] == ["completed", "incomplete"]


def test_newest_model_marks_its_answer_and_counts_its_reasoning():
    driver = newest()
    driver.answer = Answer(tokens.split("At eight."), reasoning=17)
    driver.send("conversation.item.create", **user("When?"))

    (done,) = of(driver.send("response.create"), "response.done")

    usage = done["response"]["usage"]
    assert done["response"]["output"][0]["phase"] == "final_answer"
    assert usage["output_token_details"] == {
        "text_tokens": 20,
        "audio_tokens": 0,
        "reasoning_tokens": 17,
    }
    assert usage["output_tokens"] == 20


def test_reasoning_counts_towards_the_limit_of_a_spoken_answer():
    driver = SessionDriver(realtime_session(MODEL, "sess_1", 4600))
    driver.send("session.update", **update(max_output_tokens=12))
    driver.answer = Answer(tokens.split("At eight."), reasoning=11)

    (done,) = of(driver.speak(loud(320), quiet(700)), "response.done")

    assert done["response"]["status_details"]["reason"] == "max_output_tokens"
    assert done["response"]["usage"]["output_token_details"]["audio_tokens"] == 4


@pytest.mark.parametrize(
    ("model", "asked", "effort"),
    [
        (MODEL, None, "low"),
        (MODEL, {"effort": "high"}, "high"),
        ("gpt-realtime-2", {"effort": "minimal"}, "minimal"),
        ("gpt-realtime-2", None, "none"),
        ("gpt-realtime-1.5", None, "none"),
    ],
)
def test_effort_is_the_models_or_what_was_asked(model, asked, effort):
    driver = SessionDriver(realtime_session(model, "sess_1", 4600))
    driver.send("conversation.item.create", **user("When?"))

    driver.send("response.create", response={"reasoning": asked} if asked else {})

    assert driver.asked[-1].prompt.effort == effort


def test_output_during_a_response_is_acknowledged_behind_it():
    driver = with_tool(pace=1.0)
    driver.send("conversation.item.create", **user("Book two places."))
    events = driver.send("response.create")
    while not of(events, "response.output_item.added"):
        events = driver.pass_time(0.1)
    call_id = of(events, "response.output_item.added")[0]["item"]["call_id"]

    output = {"type": "function_call_output", "call_id": call_id, "output": "ok"}
    assert driver.send("conversation.item.create", item=output) == []

    events = types(driver.pass_time(10))
    assert events.index("response.done") < events.index("conversation.item.added")


# ------------------------------------------------------------------ limits of all kinds


def test_spoken_answer_stops_at_its_limit():
    driver = opened()
    driver.send("session.update", **update(max_output_tokens=12))

    (done,) = of(driver.speak(loud(320), quiet(400)), "response.done")

    assert done["response"]["status"] == "incomplete"
    assert done["response"]["status_details"]["reason"] == "max_output_tokens"
    assert done["response"]["usage"]["output_tokens"] < 12 + 5


@pytest.mark.parametrize("limit", range(8, 12))
def test_block_that_reaches_the_limit_is_the_last(limit):
    driver = opened()
    driver.send("session.update", **update(max_output_tokens=limit))

    (done,) = of(driver.speak(loud(320), quiet(400)), "response.done")

    block = 200 // 50
    assert limit <= done["response"]["usage"]["output_tokens"] < limit + block


@pytest.mark.parametrize("modality", ["text", "audio"])
def test_answer_without_a_limit_ends_at_the_models(modality, monkeypatch):
    assert response.MOST_TOKENS == build_prompt.MOST_TOKENS == 4096
    for module in (response, build_prompt):
        monkeypatch.setattr(module, "MOST_TOKENS", 256)
    driver = opened()
    driver.send("session.update", **update(output_modalities=[modality]))
    driver.answer = None
    driver.send("conversation.item.create", **user("Reply with exactly: " + "word " * 400))

    (done,) = of(driver.send("response.create"), "response.done")

    assert done["response"]["status_details"]["reason"] == "max_output_tokens"
    assert done["response"]["usage"]["output_tokens"] <= 256 + 4


def test_voice_is_fixed_once_it_spoke():
    driver = opened()
    driver.send("session.update", **update(audio={"output": {"voice": "cedar"}}))
    driver.speak(loud(320), quiet(400))

    events = error(driver.send("session.update", **update(audio={"output": {"voice": "marin"}})))

    assert events["code"] == "cannot_update_voice"


def test_update_in_mid_speech_keeps_the_turn():
    driver = opened()
    driver.speak(loud(320))

    driver.send("session.update", **update(instructions="Be brief."))

    assert types(driver.speak(quiet(400)))[0] == "input_audio_buffer.speech_stopped"


def test_r10_session_expires_with_a_reason():
    driver = opened(lasts_s=3.0)

    assert driver.session.deadline == 103.0
    events = driver.pass_time(3.0)

    assert error(events)["code"] == "session_expired"
    assert driver.session.closing[0] == 1001
    assert driver.pass_time(10) == []
    assert driver.send("response.create") == []


def test_r22_idle_timeout_answers_unasked():
    driver = turned({"type": "server_vad", "idle_timeout_ms": 5000})
    driver.speak(loud(320), quiet(400))
    heard_s = driver.session.deadline - driver.now

    assert driver.pass_time(heard_s - 0.1) == []
    events = driver.pass_time(0.2)

    assert heard_s > 5.0
    assert without_repeats(events)[:2] == [
        "input_audio_buffer.timeout_triggered",
        "input_audio_buffer.committed",
    ]
    assert "still there" in joined(events, "response.output_audio_transcript.delta")


def test_r15_fault_tells_the_transcript_behind_the_answer():
    driver = opened(fault_effects=FaultEffects(is_transcript_late=True))
    driver.send("session.update", **update(audio=TRANSCRIBED))

    events = types(driver.speak(loud(320), quiet(400)))

    completed = events.index("conversation.item.input_audio_transcription.completed")
    assert completed > events.index("response.done")


def test_r24_fault_sends_what_the_sdk_does_not_know():
    events = SessionDriver(fault_effects=FaultEffects(has_unknown_events=True)).events()

    assert [event.get("type") for event in events] == ["session.created", "never.heard", None]


def test_transcription_session_only_transcribes():
    driver = SessionDriver(transcription_session("sess_1", 4600))
    audio = {"input": {"transcription": {"model": "gpt-4o-mini-transcribe"}}}
    driver.send("session.update", session={"type": "transcription", "audio": audio})

    events = driver.speak(loud(320), quiet(400))

    assert types(events)[-1] == "conversation.item.input_audio_transcription.completed"
    assert not [kind for kind in types(events) if kind.startswith("response")]
    assert error(driver.send("response.create"))


def test_failed_answer_fails_the_response():
    driver = opened(is_manual=True)
    driver.send("conversation.item.create", **user("When?"))
    events = driver.send("response.create")

    driver.session.generated(
        events[0]["response"]["id"], ApiError(502, "gone", code="x"), driver.now
    )

    (done,) = of(driver.events(), "response.done")
    assert done["response"]["status"] == "failed"
    assert done["response"]["status_details"]["error"]["message"] == "gone"


def test_picture_is_counted_and_not_seen():
    driver = opened()
    picture = "data:image/png;base64,iVBORw0KGgo="
    content = [{"type": "input_image", "image_url": picture}]
    driver.send(
        "conversation.item.create", item={"type": "message", "role": "user", "content": content}
    )

    events = driver.send("response.create", response={"output_modalities": ["text"]})

    assert "does not see" in joined(events, "response.output_text.delta")
    usage = of(events, "response.done")[0]["response"]["usage"]
    assert usage["input_token_details"]["image_tokens"] > 0


def test_sound_is_given_back_and_the_oldest_forgotten(monkeypatch):
    monkeypatch.setattr("emulator.realtime.conversation.MOST_SOUND_BYTES", 48 * 1000)
    driver = turned(None)
    ids = []
    for _ in range(2):
        driver.speak(loud(600))
        ids.append(driver.send("input_audio_buffer.commit")[0]["item_id"])

    old, new = (driver.send("conversation.item.retrieve", item_id=each)[0] for each in ids)

    assert "audio" not in old["item"]["content"][0]
    assert b64decode(new["item"]["content"][0]["audio"]) == loud(600)


# ------------------------------------------------------------------ context truncation


def read_after(questions, truncation):
    """What the model reads of many questions of some 100 tokens, where 500 fit."""
    driver = opened()
    limits = {"token_limits": {"post_instructions": 500}}
    if isinstance(truncation, float):
        truncation = {"type": "retention_ratio", "retention_ratio": truncation, **limits}
    driver.send("session.update", **update(truncation=truncation, **TEXT_ONLY))
    for number in range(questions):
        driver.send("conversation.item.create", **user(f"{number} " + "word " * 96))
    (done,) = of(driver.send("response.create"), "response.done")
    return driver, done["response"]


TEXT_ONLY = {"output_modalities": ["text"]}


def test_oldest_items_are_no_longer_read():
    driver, response = read_after(10, 1.0)

    numbers = [int(text.split()[0]) for text in driver.asked[-1].prompt.questions]
    assert numbers == list(range(10 - len(numbers), 10))
    assert response["usage"]["input_tokens"] <= 500 + 100
    assert len(list(driver.session.conversation)) == 11


def test_retention_ratio_drops_more_at_once():
    whole, _ = read_after(10, 1.0)
    half, _ = read_after(10, 0.5)

    assert len(half.asked[-1].prompt.questions) < len(whole.asked[-1].prompt.questions)


def test_short_conversation_is_read_whole():
    driver, _ = read_after(3, 0.5)

    assert len(driver.asked[-1].prompt.questions) == 3


def test_disabled_truncation_fails_the_response():
    driver = opened()
    driver.send("session.update", **update(truncation="disabled", **TEXT_ONLY))
    driver.send("conversation.item.create", **user("word " * 130_000))

    (done,) = of(driver.send("response.create"), "response.done")

    assert done["response"]["status_details"]["error"]["code"] == "context_length_exceeded"


# ------------------------------------------------------------------ housekeeping


def retrieved_ms(driver, item_id):
    """How long the sound of an item is."""
    (event,) = driver.send("conversation.item.retrieve", item_id=item_id)
    return len(b64decode(event["item"]["content"][0]["audio"])) / 48


def test_hours_of_silence_do_not_fill_the_buffer(monkeypatch):
    monkeypatch.setattr("emulator.realtime.input_buffer.MOST_QUIET_MS", 1000)
    monkeypatch.setattr("emulator.realtime.input_buffer.MOST_BYTES", 48 * 4000)
    driver = opened()

    assert driver.speak(quiet(6_000)) == []
    started, _, committed, *_ = driver.speak(loud(320), quiet(320))

    assert started["audio_start_ms"] == pytest.approx(6_000 - 300, abs=32)
    assert retrieved_ms(driver, committed["item_id"]) < 1000


def test_clear_forgets_the_id_of_the_turn():
    driver = opened()
    (started,) = driver.speak(loud(320))
    driver.send("input_audio_buffer.clear")

    driver.speak(quiet(200))
    committed = driver.send("input_audio_buffer.commit")[0]

    assert committed["item_id"] != started["item_id"]


def test_commit_in_the_middle_of_a_turn_keeps_its_id():
    driver = turned({"type": "server_vad", "create_response": False})
    (started,) = driver.speak(loud(320), quiet(32))

    committed = driver.send("input_audio_buffer.commit")[0]

    assert committed["item_id"] == started["item_id"]
    assert driver.speak(quiet(600)) == []


def test_commit_behind_a_pause_is_recognised_whole():
    driver = turned(None, is_manual=True)
    detection = {"type": "server_vad", "silence_duration_ms": 2000, "create_response": False}
    driver.send("session.update", **update(audio={"input": {"turn_detection": detection}}))
    driver.speak(loud(320), quiet(200))
    driver.send("input_audio_buffer.commit")

    paused, committed = driver.jobs
    assert paused.id != committed.id
    driver.session.transcribed(paused.id, "half", driver.now)
    driver.session.transcribed(committed.id, "all", driver.now)
    assert [entry.words for entry in driver.session.conversation] == ["all"]


def test_least_that_can_be_committed_is_100_ms():
    driver = turned(None)
    driver.speak(loud(100))

    assert types(driver.send("input_audio_buffer.commit"))[0] == "input_audio_buffer.committed"


def test_item_with_sound_is_recognised_and_kept():
    driver = opened()
    driver.send("session.update", **update(audio=TRANSCRIBED))
    content = [{"type": "input_audio", "audio": b64encode(loud(500)).decode()}]
    item = {"type": "message", "role": "user", "content": content, "id": "mine"}

    events = driver.send("conversation.item.create", item=item)
    driver.send("response.create")

    assert types(events)[-1] == "conversation.item.input_audio_transcription.completed"
    assert driver.asked[-1].prompt.questions == ["When do you open?"]
    assert retrieved_ms(driver, "mine") == 500


@pytest.mark.parametrize("model", ["whisper-1", "gpt-realtime-whisper", "gpt-transcribe"])
@pytest.mark.parametrize(("spoken_ms", "seconds"), [(320, 1), (640, 1), (1280, 2)])
def test_most_transcribers_are_billed_by_whole_seconds(model, spoken_ms, seconds):
    """Recorded: the seconds of a file are rounded up (3.7 is 4); of a turn of 2.796 s it was 3."""
    driver = opened()
    transcription = {"input": {"transcription": {"model": model}}}
    driver.send("session.update", **update(audio=transcription))

    events = driver.speak(loud(spoken_ms), quiet(400))

    (completed,) = of(events, "conversation.item.input_audio_transcription.completed")
    assert completed["usage"] == {"type": "duration", "seconds": seconds}


def test_usage_of_a_transcript_counts_both_sides():
    driver = opened()
    driver.send("session.update", **update(audio=TRANSCRIBED))

    events = driver.speak(loud(320), quiet(400))

    usage = of(events, "conversation.item.input_audio_transcription.completed")[0]["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (5, 5)
    assert usage["total_tokens"] == 10


def test_output_of_a_tool_that_is_wrong_is_refused_behind_the_response():
    driver, _ = spoken()
    driver.send("conversation.item.create", item=CALL)
    output = {"type": "function_call_output", "call_id": "call_1", "output": "ok"}
    place = {"previous_item_id": "nowhere", "event_id": "mine"}
    assert driver.send("conversation.item.create", item=output, **place) == []

    events = driver.send("response.cancel")

    assert types(events)[-1] == "error"
    assert events[-1]["error"]["event_id"] == "mine"
    assert events[-1]["error"]["code"] == "item_create_invalid_previous_item_id"


def test_unknown_words_end_a_semantic_turn_after_a_second():
    driver = turned({"type": "semantic_vad", "eagerness": "low", "create_response": False})
    driver.words = None

    assert types(driver.speak(loud(320), quiet(990))) == ["input_audio_buffer.speech_started"]
    assert types(driver.speak(quiet(64)))[0] == "input_audio_buffer.speech_stopped"


@pytest.mark.parametrize(("eagerness", "wait_ms"), [("low", 8000), ("auto", 4000)])
def test_unfinished_sentence_is_waited_for(eagerness, wait_ms):
    driver = turned({"type": "semantic_vad", "eagerness": eagerness, "create_response": False})
    driver.words = "I would like to"

    events = driver.speak(loud(320), quiet(wait_ms - 64))
    assert types(events) == ["input_audio_buffer.speech_started"]
    assert types(driver.speak(quiet(128)))[0] == "input_audio_buffer.speech_stopped"


def test_speech_behind_a_finished_sentence_makes_it_unfinished():
    """The words of the first pause shorten no wait once speech has gone on."""
    detection = {"type": "semantic_vad", "eagerness": "high", "create_response": False}
    driver = turned(detection, is_manual=True)
    driver.speak(loud(320), quiet(128))
    (first,) = driver.jobs
    driver.session.transcribed(first.id, "I come.", driver.now)

    events = driver.speak(loud(320), quiet(1000))

    assert events == []


def test_late_words_of_a_pause_do_not_end_the_turn():
    detection = {"type": "semantic_vad", "eagerness": "high", "create_response": False}
    driver = turned(detection, is_manual=True)
    driver.speak(loud(320), quiet(128), loud(320))
    (first,) = driver.jobs
    driver.session.transcribed(first.id, "I come.", driver.now)

    assert driver.speak(quiet(1000)) == []


def test_ninth_response_beside_the_conversation_is_refused():
    driver = opened(is_manual=True)
    asked = {"conversation": "none", "input": []}
    for _ in range(8):
        assert types(driver.send("response.create", response=asked)) == ["response.created"]

    assert error(driver.send("response.create", response=asked))["code"] == "rate_limit_exceeded"


def test_default_response_is_none_of_the_eight_beside_the_conversation():
    driver = opened(is_manual=True)
    driver.send("conversation.item.create", **user("When are you closed?"))
    assert "response.created" in types(driver.send("response.create"))
    asked = {"conversation": "none", "input": []}
    for _ in range(8):
        assert types(driver.send("response.create", response=asked)) == ["response.created"]

    assert error(driver.send("response.create", response=asked))["code"] == "rate_limit_exceeded"


def test_session_that_has_ended_holds_nothing():
    driver = opened()
    driver.speak(loud(320), quiet(400))
    conversation = weakref.ref(driver.session.conversation)
    gc.disable()
    try:
        driver.session.end()
        assert conversation() is None
    finally:
        gc.enable()


def test_late_deltas_end_at_the_limit_once():
    driver = opened(pace=1.0, fault_effects=FaultEffects(late_deltas=500))
    driver.send("session.update", **update(max_output_tokens=24))
    driver.speak(loud(320), quiet(400))

    events = driver.speak(loud(64))

    (done,) = of(events, "response.done")
    assert done["response"]["status"] == "incomplete"


def test_response_by_id_is_cancelled_and_no_other():
    driver, before = spoken()
    asked = {"conversation": "none", "input": [], "output_modalities": ["text"]}
    beside = driver.send("response.create", response=asked)[0]["response"]["id"]

    (done,) = of(driver.send("response.cancel", response_id=beside), "response.done")
    refused = error(driver.send("response.cancel", response_id=beside))

    assert done["response"]["id"] == beside
    assert refused["code"] == "response_cancel_not_active"
    assert driver.session._responses.active is not None


def test_idle_timeout_counts_from_the_end_of_playback():
    driver = turned({"type": "server_vad", "idle_timeout_ms": 5000}, pace=1.0)
    events, started = driver.speak(loud(320), quiet(400)), driver.now
    while not of(events, "response.done"):
        events += driver.pass_time(0.02)
    played_s = sum(len(b64decode(e["delta"])) for e in of(events, "response.output_audio.delta"))
    played_s /= 48_000

    assert driver.now - started < played_s / 2
    assert driver.session.deadline == pytest.approx(started + played_s + 5.0, abs=0.01)


def test_speech_stops_the_idle_timeout():
    driver = turned({"type": "server_vad", "idle_timeout_ms": 5000})
    driver.speak(loud(320), quiet(400))
    idle_at = driver.session.deadline
    driver.speak(loud(320))

    assert driver.session.deadline > idle_at


def test_idle_timeout_reports_the_silence():
    driver = turned({"type": "server_vad", "idle_timeout_ms": 5000})
    driver.speak(loud(320), quiet(400))
    driver.speak(quiet(4600))
    driver.now = driver.session.deadline

    triggered = driver.pass_time(0)[0]

    assert triggered["type"] == "input_audio_buffer.timeout_triggered"
    assert (triggered["audio_start_ms"], triggered["audio_end_ms"]) == (320, 5320)


def test_idle_timeout_begins_with_the_session_at_the_earliest():
    driver = turned({"type": "server_vad", "idle_timeout_ms": 5000})
    driver.speak(loud(320), quiet(400))
    driver.now = driver.session.deadline

    assert driver.pass_time(0)[0]["audio_start_ms"] == 0


def test_response_stops_the_idle_timeout():
    driver = turned({"type": "server_vad", "idle_timeout_ms": 5000})
    driver.speak(loud(320), quiet(400))
    driver.is_manual = True
    driver.send("response.create")

    assert driver.session.deadline == 100.0 + 3600.0


def test_idle_timeout_ends_with_its_setting():
    driver = turned({"type": "server_vad", "idle_timeout_ms": 5000})
    driver.speak(loud(320), quiet(400))
    detection = {"type": "server_vad", "idle_timeout_ms": None}
    driver.send("session.update", **update(audio={"input": {"turn_detection": detection}}))

    assert driver.session.deadline == 100.0 + 3600.0


def test_turn_during_an_answer_is_answered_behind_it():
    driver = turned({"type": "server_vad", "interrupt_response": False}, pace=1.0)
    driver.speak(loud(320), quiet(400))
    driver.pass_time(0.1)
    driver.speak(loud(320), quiet(400))

    kinds = []
    for _ in range(100):
        kinds += types(driver.pass_time(0.2))
        if kinds.count("response.done") == 2:
            break

    assert kinds.index("response.done") < kinds.index("response.created")
    assert kinds.count("response.done") == 2


def test_cached_tokens_are_whole_blocks_of_the_prompt_before():
    driver = opened()
    driver.send("session.update", **update(instructions="word " * 150, **TEXT_ONLY))
    cached = []
    for _ in range(2):
        driver.send("conversation.item.create", **user("When?"))
        (done,) = of(driver.send("response.create"), "response.done")
        cached.append(done["response"]["usage"]["input_token_details"]["cached_tokens"])

    assert cached == [0, 128]


def test_usage_is_the_sum_of_its_parts():
    driver = opened()
    events = driver.speak(loud(320), quiet(400))

    usage = of(events, "response.done")[0]["response"]["usage"]
    read, written = usage["input_token_details"], usage["output_token_details"]
    kinds = ("text_tokens", "audio_tokens", "image_tokens")
    assert usage["input_tokens"] == sum(read[kind] for kind in kinds)
    assert read["audio_tokens"] == 5  # 500 ms and more, a token for each 100
    assert written["text_tokens"] == len(of(events, "response.output_audio_transcript.delta"))
    assert written["audio_tokens"] == 50 * (len("At eight. ") + len("Come early.")) // 50
    assert usage["output_tokens"] == sum(written.values())
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_rate_limits_count_what_was_billed():
    driver = opened()
    events = driver.speak(loud(320), quiet(400))

    (done,) = of(events, "response.done")
    (limits,) = of(events, "rate_limits.updated")
    spent = done["response"]["usage"]["total_tokens"]
    assert limits["rate_limits"][0]["remaining"] == 1000 - spent


def test_other_turn_detection_forgets_the_id_of_the_turn():
    driver = opened()
    (started,) = driver.speak(loud(320), quiet(32))
    driver.send("session.update", **update(audio={"input": {"turn_detection": None}}))

    committed = driver.send("input_audio_buffer.commit")[0]

    assert committed["item_id"] != started["item_id"]


def committed_telephone_sound(*, is_updated):
    """The sound of an item that was sent in two halves, with an update between them or without."""
    driver = turned(None)
    driver.send("session.update", **update(audio={"input": {"format": {"type": "audio/pcmu"}}}))
    for half in (bytes(range(256)) * 5, bytes(range(255, -1, -1)) * 5):
        driver.send("input_audio_buffer.append", audio=b64encode(half).decode())
        if is_updated:
            driver.send("session.update", **update(instructions="Be brief."))
    item_id = driver.send("input_audio_buffer.commit")[0]["item_id"]
    (event,) = driver.send("conversation.item.retrieve", item_id=item_id)
    return event["item"]["content"][0]["audio"]


def test_update_between_two_pieces_of_sound_cuts_nothing_out():
    assert committed_telephone_sound(is_updated=True) == committed_telephone_sound(is_updated=False)


def test_words_are_those_of_the_last_pause():
    driver = turned({"type": "server_vad", "create_response": False}, is_manual=True)
    driver.speak(loud(320), quiet(128))
    (first,) = driver.jobs
    driver.session.transcribed(first.id, "half", driver.now)
    driver.speak(loud(320), quiet(400))
    (entry,) = driver.session.conversation

    assert entry.words is None
    driver.session.transcribed(driver.jobs[-1].id, "all", driver.now)
    assert entry.words == "all"


def test_owed_response_stops_the_idle_timeout():
    detection = {"type": "server_vad", "interrupt_response": False, "idle_timeout_ms": 5000}
    driver = turned(detection, pace=1.0)
    driver.speak(loud(320), quiet(400))
    driver.answer = Answer(tokens.split("A sentence of forty seconds. " * 28))
    driver.speak(loud(320), quiet(400))

    kinds = []
    while kinds.count("response.done") < 2:
        kinds += types(driver.pass_time(0.25))

    assert driver.now > 100.0 + 8.0
    assert "input_audio_buffer.timeout_triggered" not in kinds


def test_what_waited_for_a_response_is_done_once():
    driver = opened(pace=1.0, fault_effects=FaultEffects(is_transcript_late=True))
    driver.send("session.update", **update(audio=TRANSCRIBED))
    driver.speak(loud(320), quiet(400))
    driver.send("conversation.item.create", item=CALL)
    output = {"type": "function_call_output", "call_id": "call_1", "output": "ok", "id": "mine"}
    driver.send("conversation.item.create", item=output)

    ended = types(driver.pass_time(0.0)) + types(driver.send("response.cancel"))
    again = types(driver.send("response.create")) + types(driver.send("response.cancel"))

    assert ended.count("conversation.item.input_audio_transcription.completed") == 1
    assert ended.count("conversation.item.added") == 1
    assert "conversation.item.input_audio_transcription.completed" not in again
    assert again.count("conversation.item.added") == 1  # that of the answer
    assert "error" not in again


TEN = "One two three four five six seven eight nine ten."


def test_transcript_is_three_deltas_ahead_of_each_block():
    driver = opened()
    driver.answer = Answer(tokens.split(TEN))
    kinds = types(driver.speak(loud(320), quiet(400)))

    blocks = kinds.count("response.output_audio.delta")
    pieces = kinds.count("response.output_audio_transcript.delta")
    sent, sounded = 0, 0
    for kind in kinds:
        sent += kind == "response.output_audio_transcript.delta"
        if kind == "response.output_audio.delta":
            sounded += 1
            assert sent == min(pieces, 3 + math.ceil(pieces * sounded / blocks))
    assert (blocks, pieces) == (13, 11)


def test_sound_that_was_synthesised_late_is_not_sent_in_a_burst():
    driver = opened(pace=1.0, is_manual=True)
    driver.send("conversation.item.create", **user("When?"))
    driver.send("response.create")
    driver.do(driver.jobs.pop(0))
    driver.do(driver.jobs.pop(0) if driver.jobs else driver.session.take_jobs()[0])
    driver.pass_time(60.0)

    driver.do(driver.jobs.pop(0))
    events = driver.events()

    assert len(of(events, "response.output_audio.delta")) <= 1
    assert of(driver.pass_time(1.0), "response.output_audio.delta")


def test_long_answer_is_sent_at_four_times_its_pace():
    driver = opened(pace=1.0)
    driver.answer = Answer(tokens.split(TEN))
    events = driver.speak(loud(320), quiet(400))
    while not of(events, "response.done"):
        events += driver.pass_time(0.01)

    played_s = sum(len(b64decode(e["delta"])) for e in of(events, "response.output_audio.delta"))
    assert driver.now - 100.0 == pytest.approx((played_s / 48_000 - 0.2) / 4, abs=0.05)


def test_response_under_way_has_no_usage():
    driver = opened(is_manual=True)

    (created,) = driver.send("response.create")

    assert created["response"]["usage"] is None


@pytest.mark.parametrize(
    ("finish", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")]
)
def test_answer_that_was_cut_is_incomplete(finish, reason):
    driver = opened()
    driver.answer = Answer(tokens.split("At eight."), finish)
    driver.send("conversation.item.create", **user("When?"))

    (done,) = of(driver.send("response.create"), "response.done")

    assert done["response"]["status"] == "incomplete"
    assert done["response"]["status_details"]["reason"] == reason


def test_answer_is_generated_once_whatever_is_recognised_meanwhile():
    driver = opened(is_manual=True)
    driver.send("conversation.item.create", **user("When?"))
    driver.send("response.create")
    content = [{"type": "input_audio", "audio": b64encode(loud(500)).decode()}]
    item = {"type": "message", "role": "user", "content": content}
    driver.send("conversation.item.create", item=item)
    _, transcribe = driver.jobs

    driver.do(transcribe)

    assert driver.session.take_jobs() == []


def test_text_and_arguments_do_not_mix():
    driver = with_tool()
    call = Call("book_slot", '{"people":2}')
    driver.answer = Answer(tokens.split("One moment."), "tool_calls", [call])
    driver.send("conversation.item.create", **user("Book two places."))

    (done,) = of(driver.send("response.create"), "response.done")

    message, made = done["response"]["output"]
    assert message["content"] == [{"type": "output_text", "text": "One moment."}]
    assert made["arguments"] == '{"people":2}'
