"""The verdicts of the Realtime scenes on traffic that is written down here, without a program."""

import json
import random
from base64 import b64encode

from grading.scenes.realtime_scenes import (
    BETA,
    BYTES_A_MS,
    FRAME_BYTES,
    ConfigureFirst,
    GoOn,
    InterruptedAnswer,
    Playback,
    TakeTurns,
    TwoCalls,
)
from grading.trace import TracedEvent, TracedExchange

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

HEARD_MS, RECEIVED_MS, FRAMES = 400, 1_200, 60


class Log:
    """The messages of one session, in order."""

    def __init__(self):
        self.events = []

    def client(self, kind, **fields):
        self.events.append(TracedEvent(float(len(self.events)), "client", {"type": kind, **fields}))
        return self

    def server(self, kind, **fields):
        self.events.append(TracedEvent(float(len(self.events)), "server", {"type": kind, **fields}))
        return self


def judged(scene, *logs):
    for log in logs:
        number = len(scene.trace.exchanges) + 1
        session = TracedExchange(number, "GET", "/v1/realtime", {}, {}, b"", 0.0, status=101)
        session.messages = log.events
        scene.trace.exchanges.append(session)
    return scene.verdict()


def fact(failure):
    return failure.fact if failure else None


def sound(ms, seed=1):
    return random.Random(seed).randbytes(ms * BYTES_A_MS)


# -------------------- R1


def settings_of(scene):
    return {
        "type": "realtime",
        "instructions": scene.instructions,
        "output_modalities": ["audio"],
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24_000},
                "transcription": {"model": "gpt-transcribe"},
            },
            "output": {"voice": scene.voice},
        },
    }


def configured(session, scene):
    heard = {"audio": b64encode(scene.question).decode()}
    log = Log().client("session.update", session=session).server("session.updated")
    return log.client("input_audio_buffer.append", **heard).server("response.done")


@pytest.fixture
def first():
    return ConfigureFirst(random.Random(1))


def test_configured_session_passes(first):
    assert judged(first, configured(settings_of(first), first)) is None


@pytest.mark.parametrize("name", BETA)
def test_each_name_of_the_beta_is_named(first, name):
    failure = judged(first, configured({**settings_of(first), name: "x"}, first))

    assert (
        failure.fact == f"Your session.update has the field `{name}`. That is a name of the beta."
    )
    assert f"`{BETA[name]}`" in failure.why


def test_wrong_value_is_told_whatever_the_number_of_updates(first):
    whole = settings_of(first)
    voice = {"type": "realtime", "audio": {"output": {"voice": "alloy"}}}
    log = Log().client("session.update", session={**whole, "instructions": "Be brief."})
    log.client("session.update", session=voice).events += configured(whole, first).events[1:]

    assert fact(judged(first, log)) == "`instructions` isn't what the task asks for."


def test_error_is_told_with_the_server_s_words(first):
    log = Log().client("session.update", session=settings_of(first))
    log.server("error", error={"message": "No such voice."})

    failure = judged(first, log)

    assert failure.fact == "The server refused your session.update."
    assert failure.excerpt.text == "No such voice."


def test_header_of_a_wav_file_is_no_sound(first):
    log = Log().client("session.update", session=settings_of(first)).server("session.updated")
    log.client("input_audio_buffer.append", audio=b64encode(b"RIFF" + first.question).decode())

    assert fact(judged(first, log)) == (
        "The sound that your program sent isn't the sound of the file."
    )


# -------------------- R2


@pytest.fixture
def talk():
    return TakeTurns(random.Random(3))


def turns_off(talk):
    log = Log()
    for silence_ms in talk.silence_ms:
        detection = {**talk.vad, "silence_duration_ms": silence_ms}
        log.client("session.update", session=with_detection(detection)).server("session.updated")
        log.server("response.done")
    return log.client("session.update", session=with_detection(None)).server("session.updated")


def with_detection(detection):
    return {"type": "realtime", "audio": {"input": {"turn_detection": detection}}}


def pressed(log, pcm, *kinds):
    log.client("input_audio_buffer.append", audio=b64encode(pcm).decode())
    for kind in kinds:
        log.client(kind)
    return log.server("response.done")


def long_presses(talk):
    return [pcm for pcm in talk.presses if len(pcm) >= 100 * BYTES_A_MS]


TURN = ("input_audio_buffer.commit", "response.create")


def test_presses_that_are_long_enough_pass(talk):
    log = turns_off(talk)
    for pcm in long_presses(talk):
        pressed(log, pcm, *TURN)

    assert judged(talk, log) is None


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        (TURN[::-1], "Your program asked for a response before it had committed the sound."),
        ((*TURN, TURN[1]), "Your program asked for a response twice for one commit."),
        (
            (TURN[0], TURN[0]),
            "Your program committed twice without asking for a response between.",
        ),
        (TURN[:1], "2 presses were long enough, but 0 were answered."),
    ],
)
def test_each_disorder_of_a_turn_has_its_sentence(talk, kinds, told):
    assert fact(judged(talk, pressed(turns_off(talk), long_presses(talk)[0], *kinds))) == told


def test_press_waits_until_detection_is_off(talk):
    log = turns_off(talk)
    log.events.pop()  # session.updated
    early = fact(judged(talk, pressed(log, long_presses(talk)[0], *TURN)))

    assert early == "Your program sent input_audio_buffer.append before session.updated had come."


def test_sound_of_another_press_is_noticed(talk):
    log = pressed(turns_off(talk), long_presses(talk)[1], *TURN)

    assert fact(judged(talk, log)) == (
        "Commit 1 doesn't hold the sound of the press that it is for."
    )


@pytest.mark.parametrize("is_alone", [True, False])
def test_accidental_press_is_named(talk, is_alone):
    short = next(pcm for pcm in talk.presses if len(pcm) < 100 * BYTES_A_MS)
    log = turns_off(talk).client("input_audio_buffer.append", audio=b64encode(short).decode())
    right = long_presses(talk)[0]
    failure = judged(talk, pressed(log, b"" if is_alone else right, *TURN))

    ms = len(short) // BYTES_A_MS
    assert failure.fact == f"Your program sent the press that lasted only {ms} ms."
    expected = "no commit" if is_alone else f"{len(right) // BYTES_A_MS} ms"
    assert failure.excerpt.expected == expected


# -------------------- how long an event is held


@pytest.mark.parametrize(("late_s", "hold_s"), [(0.1, 1.0), (0.5, 3.0), (3.0, 8.0), (9.0, 9.9)])
def test_event_is_held_for_longer_if_the_program_went_on_late(late_s, hold_s):
    scene = TwoCalls(random.Random(1))
    log = Log().server("response.done")
    log.events.append(TracedEvent(late_s, "client", {"type": "response.create"}))
    judged(scene, log)

    assert scene.next_hold_s() == pytest.approx(hold_s)


# -------------------- R3: what was heard


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 40)), max_size=20), st.integers(1, 9))
def test_playback_counts_each_item_whatever_the_blocks(parts, block):
    items = {"item_a": sound(900, 1), "item_b": sound(900, 2)}
    at, played = {"item_a": 0, "item_b": 0}, bytearray()
    for which, ms in parts:
        name = f"item_{'ab'[which]}"
        played += items[name][at[name] : at[name] + ms * BYTES_A_MS]
        at[name] += ms * BYTES_A_MS
    size = 96 * block
    ledger = [
        json.dumps({"frame": n, "played": b64encode(played[s : s + size]).decode()})
        for n, s in enumerate(range(0, len(played), size))
    ]

    playback = Playback("\n".join(ledger), items)

    assert {name: playback.ms(name) for name in items} == {
        name: min(length, len(items[name])) // BYTES_A_MS for name, length in at.items()
    }


def interrupted(played_after_ms=0, **truncation):
    """A call in which HEARD_MS of an answer were heard when the caller interrupted it."""
    scene = InterruptedAnswer(random.Random(1))
    answer, last = sound(RECEIVED_MS), sound(100, 2)
    log = Log().server("input_audio_buffer.speech_started", item_id="item_user")
    log.server("response.output_audio.delta", **delta("item_answer", answer))
    frame = b64encode(bytes(FRAME_BYTES)).decode()
    for _ in range(FRAMES):
        log.client("input_audio_buffer.append", audio=frame)
    log.server("input_audio_buffer.speech_started", item_id="item_user_2")
    fields = {"item_id": "item_answer", "content_index": 0, "audio_end_ms": HEARD_MS}
    log.client("conversation.item.truncate", **{**fields, **truncation})
    log.server("response.output_audio.delta", **delta("item_last", last))
    heard = (HEARD_MS + played_after_ms) * BYTES_A_MS
    scene._played = "\n".join(
        [*lines(answer[: HEARD_MS * BYTES_A_MS], FRAMES - 25)]
        + [*lines(answer[HEARD_MS * BYTES_A_MS : heard], FRAMES + 10)]
        + [*lines(last, FRAMES + 80)]
    )
    return judged(scene, log)


def delta(item_id, pcm):
    return {"item_id": item_id, "delta": b64encode(pcm).decode()}


def lines(pcm, frame):
    for number, start in enumerate(range(0, len(pcm), FRAME_BYTES), frame):
        block = b64encode(pcm[start : start + FRAME_BYTES]).decode()
        yield json.dumps({"frame": number, "played": block})


@settings(max_examples=20, deadline=None)
@given(st.integers(-20, 20))
def test_what_was_heard_passes_within_20_ms(off):
    assert interrupted(audio_end_ms=HEARD_MS + off) is None


@pytest.mark.parametrize(
    ("truncation", "told"),
    [
        ({"audio_end_ms": HEARD_MS + 60}, "audio_end_ms says 460 ms, but 400 ms of this item"),
        ({"audio_end_ms": HEARD_MS - 60}, "audio_end_ms says 340 ms, but 400 ms of this item"),
        ({"audio_end_ms": 24 * HEARD_MS}, "audio_end_ms isn't in milliseconds."),
        ({"audio_end_ms": 48 * HEARD_MS}, "audio_end_ms isn't in milliseconds."),
        ({"audio_end_ms": RECEIVED_MS + 100}, "audio_end_ms is more than the 1200 ms"),
        ({"audio_end_ms": RECEIVED_MS}, "audio_end_ms is all that had come"),
        ({"audio_end_ms": "400"}, "audio_end_ms isn't a whole number."),
        ({"audio_end_ms": 400.0}, "audio_end_ms isn't a whole number."),
        ({"item_id": "item_user_2"}, "Your truncation names the caller's item"),
        ({"item_id": "item_last"}, "Your truncation names another answer"),
        ({"item_id": "resp_1"}, "Your truncation names the response."),
        ({"item_id": "item_0"}, "Your truncation names an item that the server never sent."),
        ({"content_index": 1}, "content_index isn't 0."),
        ({"played_after_ms": 200}, "After the truncation, 200 ms more of the same answer"),
    ],
)
def test_each_wrong_truncation_has_its_sentence(truncation, told):
    assert fact(interrupted(**truncation)).startswith(told)


# -------------------- R5


@pytest.fixture
def calls():
    return TwoCalls(random.Random(2))


def asked(scene):
    log = Log().client("response.create").server("response.created")
    for n, (name, arguments) in enumerate(scene.wanted):
        item = {"type": "function_call", "id": f"item_{n}", "call_id": f"call_{n}"}
        item |= {"name": name, "arguments": arguments}
        log.server("response.output_item.done", item=item)
    return log.server("response.done")


def result(log, scene, number, *, of=None, **fields):
    output = json.dumps(scene.result(*scene.wanted[number if of is None else of]))
    item = {"type": "function_call_output", "call_id": f"call_{number}", "output": output}
    return log.client("conversation.item.create", item={**item, **fields})


def test_results_in_any_order_pass(calls):
    log = result(result(asked(calls), calls, 1), calls, 0)

    assert judged(calls, log.client("response.create").server("response.done")) is None


@pytest.mark.parametrize(
    ("number", "fields", "told"),
    [
        (0, {"of": 1}, "The result of one call was sent for the other."),
        (0, {"output": "{}"}, "The result isn't that of this call."),
        (1, {"call_id": "call_9"}, "Your result names a call that the model never made."),
        (1, {"call_id": "item_1"}, "Your result names the id of the call's item, not its call_id."),
        (1, {"call_id": "call_0"}, "Your program sent two results for the same call."),
        (
            1,
            {"type": "message"},
            "Your program sent a result in an item that isn't a function_call_output.",
        ),
    ],
)
def test_each_wrong_result_has_its_sentence(calls, number, fields, told):
    log = asked(calls)
    if number:
        result(log, calls, 0)

    assert fact(judged(calls, result(log, calls, number, **fields))) == told


def test_result_that_is_missing_is_counted(calls):
    assert fact(judged(calls, result(asked(calls), calls, 0))) == (
        "One of the 2 calls never got a result."
    )


def test_program_that_found_no_call_is_told_where_they_are(calls):
    failure = judged(calls, asked(calls))

    assert failure.fact == "Neither of the 2 calls got a result."
    assert "response.output_item.done" in failure.why


@pytest.mark.parametrize(
    ("is_done", "told"),
    [
        (False, "Your program asked for the next response twice."),
        (True, "Your program asked for a third response, after the one about the results."),
    ],
)
def test_third_request_is_told_by_what_had_come(calls, is_done, told):
    log = result(result(asked(calls), calls, 1), calls, 0).client("response.create")
    if is_done:
        log.server("response.done")

    assert fact(judged(calls, log.client("response.create"))) == told


# -------------------- R6


@pytest.fixture
def dropped():
    scene = GoOn(random.Random(4))
    scene.complete[:] = ["Answer one.", "Answer two.", "Answer three."]
    scene.cuts[:] = ["Answer"]
    return scene


def begin(scene):
    session = {"type": "realtime", "output_modalities": ["text"]}
    return Log().client("session.update", session={**session, "instructions": scene.instructions})


def say(log, role, text, **fields):
    part = {"type": "input_text" if role == "user" else "output_text", "text": text}
    item = {"type": "message", "role": role, "content": [part]}
    return log.client("conversation.item.create", item=item, **fields)


def ask(log, question):
    return say(log, "user", question).client("response.create").server("response.done")


def history(log, scene, count):
    for question, answer in zip(scene.questions[:count], scene.complete, strict=False):
        say(say(log, "user", question), "assistant", answer)
    return log


def test_one_connection_or_one_each_passes(dropped):
    logs = [
        ask(history(begin(dropped), dropped, count), question)
        for count, question in enumerate(dropped.questions[:2])
    ]
    ask(logs[-1], dropped.questions[2])

    assert judged(dropped, *logs) is None


@pytest.mark.parametrize(
    ("second", "told"),
    [
        (
            lambda log, scene: say(log, "user", scene.questions[1]),
            "The history has a gap, or a wrong order: item 1 on connection 2 should be another.",
        ),
        (
            lambda log, scene: say(say(log, "user", scene.questions[0]), "assistant", "Answer"),
            "The history has an answer that was cut off.",
        ),
        (
            lambda log, scene: history(log, scene, 1).client("response.create"),
            "On connection 2 the response was asked for too soon.",
        ),
        (
            lambda log, scene: ask(history(log, scene, 1), scene.questions[1]).client(
                "response.create"
            ),
            "Your program asked for a response before it had sent the question.",
        ),
        (
            lambda log, scene: history(ask(history(log, scene, 1), scene.questions[1]), scene, 1),
            "Your program sent again what this connection had already got.",
        ),
        (
            lambda log, scene: say(log, "user", scene.questions[0], previous_item_id="item_old"),
            "On connection 2, previous_item_id belongs to an earlier connection.",
        ),
        (
            lambda log, scene: say(say(log, "user", scene.questions[0]), "user", scene.complete[0]),
            "Item 2 on connection 2 isn't what belongs there.",
        ),
    ],
)
def test_each_wrong_second_connection_has_its_sentence(dropped, second, told):
    first = ask(begin(dropped), dropped.questions[0])

    assert fact(judged(dropped, first, second(begin(dropped), dropped))) == told


def test_second_connection_begins_with_settings(dropped):
    first = ask(begin(dropped), dropped.questions[0])

    assert fact(judged(dropped, first, say(Log(), "user", dropped.questions[1]))) == (
        "On connection 2 your program first sent conversation.item.create."
    )
