"""The session machine: client events and time in, server events out (wire.md, api-facts C)."""

import json
from base64 import b64decode, b64encode

from emulator.answers.answer import Answer, Call
from emulator.errors import ApiError
from emulator.realtime.session import FaultEffects
from emulator.realtime.session_settings import transcription_session
from tests.support.realtime_calls import Desk, loud, quiet, types, update, user

import pytest

TEXT_TURN = """response.created response.output_item.added conversation.item.added
response.content_part.added response.output_text.delta response.output_text.done
response.content_part.done conversation.item.done response.output_item.done response.done
rate_limits.updated""".split()

SPOKEN_TURN = """input_audio_buffer.speech_started input_audio_buffer.speech_stopped
input_audio_buffer.committed conversation.item.added conversation.item.done response.created
response.output_item.added conversation.item.added response.content_part.added
response.output_audio_transcript.delta response.output_audio.delta response.output_audio.done
response.output_audio_transcript.done response.content_part.done conversation.item.done
response.output_item.done response.done rate_limits.updated""".split()

TRANSCRIBED = {"input": {"transcription": {"model": "gpt-transcribe"}}}


def opened(**options):
    desk = Desk(**options)
    assert types(desk.events()) == ["session.created"]
    return desk


def without_repeats(events):
    """The types, each delta once where two kinds alternate."""
    told, seen = [], set()
    for kind in types(events):
        if kind not in seen:
            told.append(kind)
        if kind.endswith(".delta"):
            seen.add(kind)
    return told


def error(events):
    assert types(events) == ["error"]
    return events[0]["error"]


def of(events, kind):
    return [event for event in events if event["type"] == kind]


def joined(events, kind):
    return "".join(event["delta"] for event in of(events, kind))


def turned(detection, **options):
    desk = opened(**options)
    desk.send("session.update", **update(audio={"input": {"turn_detection": detection}}))
    return desk


def spoken(pace=1.0, **options):
    """A desk that is in the middle of a spoken answer."""
    desk = opened(pace=pace, **options)
    told = desk.speak(quiet(320), loud(320), quiet(400)) + desk.pass_time(0.1)
    assert of(told, "response.output_audio.delta")
    return desk, told


# ------------------------------------------------------------------ a turn in writing


def test_text_turn_comes_in_recorded_order():
    desk = opened()

    asked = desk.send("conversation.item.create", **user("When?"))
    told = desk.send("response.create", response={"output_modalities": ["text"]})

    assert types(asked) == ["conversation.item.added", "conversation.item.done"]
    assert without_repeats(told) == TEXT_TURN
    assert joined(told, "response.output_text.delta") == "At eight. Come early."


def test_deltas_and_padding_fill_sixteen():
    desk = opened()
    desk.send("conversation.item.create", **user("When?"))

    told = desk.send("response.create", response={"output_modalities": ["text"]})

    sizes = {
        (len(event["delta"]) + len(event["obfuscation"])) % 16
        for event in of(told, "response.output_text.delta")
    }
    assert sizes == {0}


def test_text_waits_for_its_pace():
    desk = opened(pace=1.0)
    desk.send("conversation.item.create", **user("When?"))

    first = desk.send("response.create", response={"output_modalities": ["text"]})

    assert types(first) == ["response.created"]
    assert types(desk.pass_time(0.39)) == []
    assert types(desk.pass_time(0.02))[-1] == "response.output_text.delta"
    assert desk.session.deadline == pytest.approx(100.425)


def test_each_item_names_the_one_before():
    desk = opened()
    told = desk.send("conversation.item.create", **user("When?"))
    told += desk.send("response.create")
    told += desk.send("conversation.item.create", **user("And then?"))

    items = [event["item"]["id"] for event in of(told, "conversation.item.added")]
    previous = [event["previous_item_id"] for event in of(told, "conversation.item.added")]
    assert previous == [None, *items[:-1]]


def test_item_goes_where_it_is_told():
    desk = opened()
    desk.send("conversation.item.create", **user("one", id="one"))
    desk.send("conversation.item.create", **user("three", id="three"))

    desk.send("conversation.item.create", previous_item_id="one", **user("two", id="two"))
    desk.send("conversation.item.create", previous_item_id="root", **user("zero", id="zero"))

    assert [entry.id for entry in desk.session.conversation] == ["zero", "one", "two", "three"]


def test_deleted_item_is_forgotten():
    desk = opened()
    desk.send("conversation.item.create", **user("one", id="one"))

    assert types(desk.send("conversation.item.delete", item_id="one")) == [
        "conversation.item.deleted"
    ]
    told = error(desk.send("conversation.item.retrieve", item_id="one"))
    assert told["code"] == "item_retrieve_invalid_item_id"


def test_model_reads_the_conversation_and_the_instructions():
    desk = opened()
    desk.send("session.update", **update(instructions="Be brief."))
    desk.send("conversation.item.create", **user("When?"))
    desk.send("response.create")
    desk.send("conversation.item.create", **user("And on Sunday?"))

    desk.send("response.create")

    said = [(m.role, m.text) for m in desk.asked[-1].prompt.messages]
    assert said == [
        ("system", "Be brief."),
        ("user", "When?"),
        ("assistant", "At eight. Come early."),
        ("user", "And on Sunday?"),
    ]


def test_out_of_band_response_leaves_no_trace():
    desk = opened()
    desk.send("conversation.item.create", **user("When?", id="q"))

    asked = {"conversation": "none", "metadata": {"for": "me"}, "output_modalities": ["text"]}
    told = desk.send("response.create", response={**asked, "input": []})

    done = of(told, "response.done")[0]["response"]
    assert not of(told, "conversation.item.added")
    assert (done["conversation_id"], done["metadata"]) == (None, {"for": "me"})
    assert [entry.id for entry in desk.session.conversation] == ["q"]
    assert [m.role for m in desk.asked[-1].prompt.messages] == ["system"]


def test_out_of_band_response_reads_what_it_is_given():
    desk = opened()
    desk.send("conversation.item.create", **user("When?", id="q"))
    desk.send("conversation.item.create", **user("Why?"))

    item = {"type": "item_reference", "id": "q"}
    desk.send("response.create", response={"conversation": "none", "input": [item]})

    assert [m.text for m in desk.asked[-1].prompt.messages if m.role == "user"] == ["When?"]


# ------------------------------------------------------------------ a turn in speech


def test_spoken_turn_comes_in_recorded_order():
    desk = opened()

    told = desk.speak(quiet(320), loud(640), quiet(400))

    assert without_repeats(told) == SPOKEN_TURN
    assert joined(told, "response.output_audio_transcript.delta") == "At eight. Come early."


def test_times_are_those_of_frames():
    desk = opened()

    told = desk.speak(quiet(640), loud(640), quiet(400))

    started, stopped = told[0], told[1]
    assert (started["audio_start_ms"] + 300) % 32 == 0
    assert started["audio_start_ms"] + 300 == pytest.approx(640, abs=32)
    assert stopped["audio_end_ms"] == pytest.approx(1280 + 224, abs=32)
    assert started["item_id"] == stopped["item_id"] == told[2]["item_id"]


@pytest.mark.parametrize(("silence_ms", "frames"), [(0, 1), (200, 7), (500, 16), (512, 16)])
def test_silence_is_counted_in_frames(silence_ms, frames):
    desk = turned({"type": "server_vad", "silence_duration_ms": silence_ms})

    told = desk.speak(loud(320), quiet(frames * 32 + 64))

    assert of(told, "input_audio_buffer.speech_stopped")[0]["audio_end_ms"] == 320 + frames * 32


def test_short_pause_does_not_end_the_turn():
    desk = opened()

    told = desk.speak(loud(320), quiet(128), loud(320), quiet(400))

    assert types(told).count("input_audio_buffer.speech_stopped") == 1


def test_recognition_of_a_pause_is_thrown_away():
    desk = opened(is_manual=True)
    desk.speak(loud(320), quiet(128), loud(320), quiet(400))

    first, second = desk.jobs
    desk.session.heard(first.id, "half of", desk.now)
    assert desk.session.take_jobs() == []
    desk.session.heard(second.id, "half of a sentence", desk.now)

    (think,) = desk.session.take_jobs()
    assert think.prompt.questions == ["half of a sentence"]


def test_transcript_leads_the_sound():
    desk = opened()

    told = types(desk.speak(loud(320), quiet(400)))

    first = told.index("response.output_audio.delta")
    assert 2 <= told[:first].count("response.output_audio_transcript.delta") <= 4


def test_transcript_of_the_caller_is_told_if_asked_for():
    desk = opened()
    desk.send("session.update", **update(audio=TRANSCRIBED))

    told = desk.speak(loud(320), quiet(400))

    name = "conversation.item.input_audio_transcription"
    (completed,) = of(told, f"{name}.completed")
    assert completed["transcript"] == joined(told, f"{name}.delta") == "When do you open?"
    assert completed["item_id"] == told[0]["item_id"]
    assert completed["usage"]["type"] == "tokens"


def test_words_that_cannot_be_had_fail_as_an_event():
    desk = opened()
    desk.words = None
    desk.send("session.update", **update(audio=TRANSCRIBED))

    told = desk.speak(loud(320), quiet(400))

    assert "conversation.item.input_audio_transcription.failed" in types(told)
    said = joined(told, "response.output_audio_transcript.delta")
    assert "cannot hear words" in said


def test_nothing_heard_is_said_in_words():
    desk = opened()
    desk.words = ""

    said = joined(desk.speak(loud(320), quiet(400)), "response.output_audio_transcript.delta")

    assert "did not catch" in said


def test_no_response_unless_the_session_wants_one():
    desk = turned({"type": "server_vad", "create_response": False})

    told = desk.speak(loud(320), quiet(400))

    assert types(told)[-1] == "conversation.item.done"
    assert without_repeats(desk.send("response.create"))[0] == "response.created"


def test_push_to_talk_waits_for_the_commit():
    desk = turned(None)

    assert desk.speak(loud(320), quiet(400)) == []
    told = desk.send("input_audio_buffer.commit")

    assert types(told) == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    assert without_repeats(desk.send("response.create"))[0] == "response.created"


def test_r14_commit_of_too_little_is_refused():
    desk = turned(None)
    desk.speak(loud(60))

    told = error(desk.send("input_audio_buffer.commit", event_id="mine"))

    assert told["code"] == "input_audio_buffer_commit_empty"
    assert "only has 60.00ms" in told["message"]
    assert told["event_id"] == "mine"


def test_cleared_sound_is_gone():
    desk = turned(None)
    desk.speak(loud(320))

    assert types(desk.send("input_audio_buffer.clear")) == ["input_audio_buffer.cleared"]
    assert (
        error(desk.send("input_audio_buffer.commit"))["code"] == "input_audio_buffer_commit_empty"
    )


def test_speech_of_a_cleared_turn_is_forgotten():
    desk = opened()
    desk.speak(loud(320))

    desk.send("input_audio_buffer.clear")

    assert desk.speak(quiet(600)) == []


def test_r16_half_a_sample_is_refused_and_shifts_nothing():
    desk = opened()
    odd = b64encode(loud(20)[:-1]).decode()

    told = error(desk.send("input_audio_buffer.append", audio=odd, event_id="e1"))

    assert told["event_id"] == "e1"
    assert desk.session._buffer.buffered_ms == 0
    assert without_repeats(desk.speak(quiet(320), loud(640), quiet(400))) == SPOKEN_TURN


def test_r21_padding_may_reach_into_the_turn_before():
    desk = turned({"type": "server_vad", "create_response": False})

    told = desk.speak(loud(320), quiet(256), loud(320), quiet(400))

    (first, second) = of(told, "input_audio_buffer.speech_stopped")
    starts = [e["audio_start_ms"] for e in of(told, "input_audio_buffer.speech_started")]
    assert starts[1] < first["audio_end_ms"] < second["audio_end_ms"]


@pytest.mark.parametrize("eagerness", ["low", "medium", "high"])
def test_semantic_turn_waits_for_a_finished_sentence(eagerness):
    desk = turned({"type": "semantic_vad", "eagerness": eagerness, "create_response": False})
    desk.words = "I would like to"

    assert types(desk.speak(loud(320), quiet(1200))) == ["input_audio_buffer.speech_started"]
    desk.words = "I would like to come on Friday."
    told = desk.speak(loud(320), quiet(480))

    assert types(told)[0] == "input_audio_buffer.speech_stopped"


def test_semantic_turn_ends_at_last_without_a_sentence():
    desk = turned({"type": "semantic_vad", "eagerness": "high", "create_response": False})
    desk.words = "I would like to"

    told = desk.speak(loud(320), quiet(2100))

    assert "input_audio_buffer.speech_stopped" in types(told)


@pytest.mark.parametrize("format", ["audio/pcmu", "audio/pcma"])
def test_telephone_formats_go_in_and_out(format):
    from emulator.voice import sound

    desk = opened()
    both = {"input": {"format": {"type": format}}, "output": {"format": {"type": format}}}
    desk.send("session.update", **update(audio=both))

    data = sound.encoded(quiet(320) + loud(640) + quiet(400), format)
    told = []
    for start in range(0, len(data), 160):
        audio = b64encode(data[start : start + 160]).decode()
        told += desk.send("input_audio_buffer.append", audio=audio)

    assert without_repeats(told) == SPOKEN_TURN
    (done,) = of(told, "response.done")
    assert done["response"]["audio"]["output"]["format"] == {"type": format}


# ------------------------------------------------------------------ interruption


def test_speech_ends_the_answer():
    desk, before = spoken()

    told = desk.speak(loud(64))

    assert types(told)[0] == "input_audio_buffer.speech_started"
    (done,) = of(told, "response.done")
    assert done["response"]["status"] == "cancelled"
    details = {"type": "cancelled", "reason": "turn_detected"}
    assert done["response"]["status_details"] == details
    assert done["response"]["output"][0]["status"] == "incomplete"
    assert not of(desk.pass_time(60), "response.output_audio.delta")


def test_what_closes_a_cut_answer_holds_what_was_sent():
    desk, before = spoken()

    told = desk.speak(loud(64))

    (closed,) = of(told, "response.output_audio_transcript.done")
    assert closed["transcript"] == joined(before, "response.output_audio_transcript.delta")


def test_answer_that_has_not_begun_costs_nothing():
    desk = opened(is_manual=True)
    desk.speak(loud(320), quiet(400))

    (done,) = of(desk.speak(loud(64)), "response.done")

    assert done["response"]["output"] == []
    assert done["response"]["usage"]["total_tokens"] == 0


def test_speech_lets_the_answer_go_on_if_asked_to():
    detection = {"type": "server_vad", "interrupt_response": False}
    desk = turned(detection, pace=1.0)
    desk.speak(loud(320), quiet(400))
    desk.pass_time(0.1)

    told = desk.speak(loud(320), quiet(400))

    assert not of(told, "response.done")
    answered = desk.pass_time(60)
    assert types(answered).count("response.done") == 2 or types(answered).count("response.created")


def test_truncation_forgets_what_was_not_heard():
    desk, before = spoken()
    desk.speak(loud(64))
    item_id = of(before, "response.output_audio.delta")[0]["item_id"]

    place = {"item_id": item_id, "content_index": 0, "audio_end_ms": 200}
    (told,) = desk.send("conversation.item.truncate", **place)

    assert {key: told[key] for key in place} == place
    assert told["type"] == "conversation.item.truncated"
    (item,) = desk.send("conversation.item.retrieve", item_id=item_id)
    assert item["item"]["content"] == [{"type": "output_audio", "transcript": None}]
    entry = desk.session.conversation.get(item_id, "retrieve")
    assert len(entry.words) < len(joined(before, "response.output_audio_transcript.delta"))


def test_r1_truncation_past_the_end_is_refused():
    desk, before = spoken()
    desk.speak(loud(64))
    delta = of(before, "response.output_audio.delta")[0]

    place = {"item_id": delta["item_id"], "content_index": 0, "audio_end_ms": 99_000}
    told = error(desk.send("conversation.item.truncate", **place))

    assert told["code"] == "invalid_value"
    assert "is already shorter than 99000ms" in told["message"]


def test_r1_fault_counts_less_than_was_sent():
    desk, before = spoken(fault_effects=FaultEffects(short_by_ms=85))
    desk.speak(loud(64))
    deltas = of(before, "response.output_audio.delta")
    sent_ms = sum(len(b64decode(delta["delta"])) for delta in deltas) // 48

    place = {"item_id": deltas[0]["item_id"], "content_index": 0}
    told = error(desk.send("conversation.item.truncate", audio_end_ms=sent_ms, **place))
    assert told["code"] == "invalid_value"

    length_ms = (sent_ms - 85) // 50 * 50
    told = desk.send("conversation.item.truncate", audio_end_ms=length_ms, **place)
    assert types(told) == ["conversation.item.truncated"]


def test_r2_truncation_before_any_sound_is_refused():
    desk = opened()
    desk.send("conversation.item.create", **user("When?", id="q"))

    place = {"item_id": "q", "content_index": 0, "audio_end_ms": 0}
    told = error(desk.send("conversation.item.truncate", **place))

    assert told["code"] == "unsupported_content_type"
    assert told["message"] == "Only model output audio messages can be truncated"


def test_r4_fault_sends_deltas_late():
    desk, _ = spoken(fault_effects=FaultEffects(late_deltas=3))

    told = types(desk.speak(loud(64)))

    done = told.index("response.done")
    assert sum("delta" in kind for kind in told[1:done]) == 3


def test_r6_cancel_without_a_response_is_refused():
    desk = opened()

    assert error(desk.send("response.cancel"))["code"] == "response_cancel_not_active"


def test_cancel_ends_the_answer():
    desk, _ = spoken()

    (done,) = of(desk.send("response.cancel"), "response.done")

    assert done["response"]["status_details"]["reason"] == "client_cancelled"
    assert error(desk.send("response.cancel"))["code"] == "response_cancel_not_active"


def test_r7_second_response_is_refused():
    desk, _ = spoken()

    told = error(desk.send("response.create"))

    assert told["code"] == "conversation_already_has_active_response"


def test_r8_cancel_before_the_answer_is_known():
    desk = opened(is_manual=True)
    desk.send("conversation.item.create", **user("When?"))
    desk.send("response.create")

    (done,) = of(desk.send("response.cancel"), "response.done")
    (think,) = desk.jobs
    desk.do(think)

    assert done["response"]["status"] == "cancelled"
    assert desk.events() == []


# ------------------------------------------------------------------ tools


TOOL = {
    "type": "function",
    "name": "book_slot",
    "description": "Book places.",
    "parameters": {"type": "object", "properties": {"people": {"type": "integer"}}},
}


def with_tool(**options):
    desk = opened(**options)
    desk.send("session.update", **update(tools=[TOOL], output_modalities=["text"]))
    desk.answer = Answer([], "tool_calls", [Call("book_slot", '{"people":2}')])
    return desk


def test_call_comes_in_recorded_order():
    desk = with_tool()
    desk.send("conversation.item.create", **user("Book two places."))

    told = desk.send("response.create")

    assert without_repeats(told) == [
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
    (done,) = of(told, "response.function_call_arguments.done")
    assert joined(told, "response.function_call_arguments.delta") == done["arguments"]
    assert (done["name"], json.loads(done["arguments"])) == ("book_slot", {"people": 2})


def test_output_of_a_tool_is_read():
    desk = with_tool()
    desk.send("conversation.item.create", **user("Book two places."))
    (done,) = of(desk.send("response.create"), "response.function_call_arguments.done")

    output = {"type": "function_call_output", "call_id": done["call_id"], "output": "ok"}
    desk.send("conversation.item.create", item=output)
    desk.send("response.create")

    calls, given = desk.asked[-1].prompt.turn
    assert calls.calls[0].id == given.call_id == done["call_id"]
    assert given.text == "ok"


def test_output_during_a_response_is_acknowledged_behind_it():
    desk = with_tool(pace=1.0)
    desk.send("conversation.item.create", **user("Book two places."))
    told = desk.send("response.create")
    while not of(told, "response.output_item.added"):
        told = desk.pass_time(0.1)
    call_id = of(told, "response.output_item.added")[0]["item"]["call_id"]

    output = {"type": "function_call_output", "call_id": call_id, "output": "ok"}
    assert desk.send("conversation.item.create", item=output) == []

    told = types(desk.pass_time(10))
    assert told.index("response.done") < told.index("conversation.item.added")


# ------------------------------------------------------------------ limits of all kinds


def test_spoken_answer_stops_at_its_limit():
    desk = opened()
    desk.send("session.update", **update(max_output_tokens=12))

    (done,) = of(desk.speak(loud(320), quiet(400)), "response.done")

    assert done["response"]["status"] == "incomplete"
    assert done["response"]["status_details"]["reason"] == "max_output_tokens"
    assert done["response"]["usage"]["output_tokens"] < 12 + 5


@pytest.mark.parametrize("modality", ["text", "audio"])
def test_answer_without_a_limit_ends_at_the_models(modality):
    desk = opened()
    desk.send("session.update", **update(output_modalities=[modality]))
    desk.answer = None
    desk.send("conversation.item.create", **user("Reply with exactly: " + "word " * 6000))

    (done,) = of(desk.send("response.create"), "response.done")

    assert done["response"]["status_details"]["reason"] == "max_output_tokens"
    assert done["response"]["usage"]["output_tokens"] <= 4096 + 4


def test_voice_is_fixed_once_it_spoke():
    desk = opened()
    desk.send("session.update", **update(audio={"output": {"voice": "cedar"}}))
    desk.speak(loud(320), quiet(400))

    told = error(desk.send("session.update", **update(audio={"output": {"voice": "marin"}})))

    assert told["code"] == "cannot_update_voice"


def test_update_in_mid_speech_keeps_the_turn():
    desk = opened()
    desk.speak(loud(320))

    desk.send("session.update", **update(instructions="Be brief."))

    assert types(desk.speak(quiet(400)))[0] == "input_audio_buffer.speech_stopped"


def test_r10_session_expires_with_a_reason():
    desk = opened(lasts_s=3.0)

    assert desk.session.deadline == 103.0
    told = desk.pass_time(3.0)

    assert error(told)["code"] == "session_expired"
    assert desk.session.closing[0] == 1001
    assert desk.pass_time(10) == []


def test_r22_idle_timeout_answers_unasked():
    desk = turned({"type": "server_vad", "idle_timeout_ms": 5000})
    desk.speak(loud(320), quiet(400))
    heard_s = desk.session.deadline - desk.now

    assert desk.pass_time(heard_s - 0.1) == []
    told = desk.pass_time(0.2)

    assert heard_s > 5.0
    assert without_repeats(told)[:2] == [
        "input_audio_buffer.timeout_triggered",
        "input_audio_buffer.committed",
    ]
    assert "still there" in joined(told, "response.output_audio_transcript.delta")


def test_r15_fault_tells_the_transcript_behind_the_answer():
    desk = opened(fault_effects=FaultEffects(is_transcript_late=True))
    desk.send("session.update", **update(audio=TRANSCRIBED))

    told = types(desk.speak(loud(320), quiet(400)))

    completed = told.index("conversation.item.input_audio_transcription.completed")
    assert completed > told.index("response.done")


def test_r24_fault_sends_what_the_sdk_does_not_know():
    told = Desk(fault_effects=FaultEffects(has_unknown_events=True)).events()

    assert [event.get("type") for event in told] == ["session.created", "never.heard", None]


def test_transcription_session_only_transcribes():
    desk = Desk(transcription_session("sess_1", 4600))
    audio = {"input": {"transcription": {"model": "gpt-4o-mini-transcribe"}}}
    desk.send("session.update", session={"type": "transcription", "audio": audio})

    told = desk.speak(loud(320), quiet(400))

    assert types(told)[-1] == "conversation.item.input_audio_transcription.completed"
    assert not [kind for kind in types(told) if kind.startswith("response")]
    assert error(desk.send("response.create"))


def test_failed_answer_fails_the_response():
    desk = opened(is_manual=True)
    desk.send("conversation.item.create", **user("When?"))
    told = desk.send("response.create")

    desk.session.thought(told[0]["response"]["id"], ApiError(502, "gone", code="x"), desk.now)

    (done,) = of(desk.events(), "response.done")
    assert done["response"]["status"] == "failed"
    assert done["response"]["status_details"]["error"]["message"] == "gone"


def test_picture_is_counted_and_not_seen():
    desk = opened()
    picture = "data:image/png;base64,iVBORw0KGgo="
    content = [{"type": "input_image", "image_url": picture}]
    desk.send(
        "conversation.item.create", item={"type": "message", "role": "user", "content": content}
    )

    told = desk.send("response.create", response={"output_modalities": ["text"]})

    assert "does not see" in joined(told, "response.output_text.delta")
    usage = of(told, "response.done")[0]["response"]["usage"]
    assert usage["input_token_details"]["image_tokens"] > 0


def test_sound_is_given_back_and_the_oldest_forgotten(monkeypatch):
    monkeypatch.setattr("emulator.realtime.conversation.MOST_SOUND_BYTES", 48 * 1000)
    desk = turned(None)
    ids = []
    for _ in range(2):
        desk.speak(loud(600))
        ids.append(desk.send("input_audio_buffer.commit")[0]["item_id"])

    old, new = (desk.send("conversation.item.retrieve", item_id=each)[0] for each in ids)

    assert "audio" not in old["item"]["content"][0]
    assert b64decode(new["item"]["content"][0]["audio"]) == loud(600)


# ------------------------------------------------------------------ context truncation


def read_after(questions, truncation):
    """What the model reads of many questions of some 100 tokens, where 500 fit."""
    desk = opened()
    limits = {"token_limits": {"post_instructions": 500}}
    if isinstance(truncation, float):
        truncation = {"type": "retention_ratio", "retention_ratio": truncation, **limits}
    desk.send("session.update", **update(truncation=truncation, **TEXT_ONLY))
    for number in range(questions):
        desk.send("conversation.item.create", **user(f"{number} " + "word " * 96))
    (done,) = of(desk.send("response.create"), "response.done")
    return desk, done["response"]


TEXT_ONLY = {"output_modalities": ["text"]}


def test_oldest_items_are_no_longer_read():
    desk, response = read_after(10, 1.0)

    numbers = [int(text.split()[0]) for text in desk.asked[-1].prompt.questions]
    assert numbers == list(range(10 - len(numbers), 10))
    assert response["usage"]["input_tokens"] <= 500 + 100
    assert len(list(desk.session.conversation)) == 11


def test_retention_ratio_drops_more_at_once():
    whole, _ = read_after(10, 1.0)
    half, _ = read_after(10, 0.5)

    assert len(half.asked[-1].prompt.questions) < len(whole.asked[-1].prompt.questions)


def test_short_conversation_is_read_whole():
    desk, _ = read_after(3, 0.5)

    assert len(desk.asked[-1].prompt.questions) == 3


def test_disabled_truncation_fails_the_response():
    desk = opened()
    desk.send("session.update", **update(truncation="disabled", **TEXT_ONLY))
    desk.send("conversation.item.create", **user("word " * 130_000))

    (done,) = of(desk.send("response.create"), "response.done")

    assert done["response"]["status_details"]["error"]["code"] == "context_length_exceeded"
