"""Transcripts: when they are sent, what is sent while somebody speaks, sessions without answers."""

from base64 import b64encode

from emulator.answers.answer import Answer
from emulator.realtime.input_buffer import FRAME_MS
from emulator.realtime.jobs import Generate, Transcribe
from emulator.realtime.session_settings import transcription_session
from emulator.realtime.transcripts import NAME, StableWords
from emulator.voice import sound
from emulator.wire import tokens
from tests.support.property_examples import examples
from tests.support.realtime_calls import (
    SessionDriver,
    joined,
    loud,
    of,
    quiet,
    types,
    update,
    user,
)

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

DELTA, COMPLETED, FAILED = (f"{NAME}.{what}" for what in ("delta", "completed", "failed"))
LIVE = ("gpt-live-transcribe", "gpt-realtime-whisper")
MANUAL = {"turn_detection": None}


def captioning(model="gpt-live-transcribe", include=None, hearing=None, **options):
    """A transcription session with this model, and the words of each pass as they are given."""
    driver = SessionDriver(transcription_session("sess_1", 4600), **options)
    driver.events()
    audio = {"input": {"transcription": {"model": model}, **(hearing or {})}}
    session = {"type": "transcription", "audio": audio, "include": include}
    (event,) = driver.send("session.update", session=session)
    assert event["type"] == "session.updated", event
    return driver


def calling(model, **options):
    """A conversation in which the caller is transcribed."""
    driver = SessionDriver(**options)
    driver.events()
    driver.send("session.update", **update(audio={"input": {"transcription": {"model": model}}}))
    return driver


def words_of(driver, *passes):
    """Let each pass hear the next of these; the last for all that come after."""
    heard = list(passes)

    def do(job):
        if isinstance(job, Transcribe):
            driver.words = heard.pop(0) if len(heard) > 1 else heard[0]
        SessionDriver.do(driver, job)

    driver.do = do


# ------------------------------------------------------------------ what is stable


def sent(live, pieces):
    live.sent += pieces
    return "".join(pieces)


@pytest.mark.parametrize(
    ("passes", "final", "deltas"),
    [
        (["When", "When do"], "When do you open?", ["", "When", " do you open?"]),
        # The sign at the end of a pass is a guess; so is a word that goes on.
        (["When do.", "When do."], "When do you open?", ["", "When do", " you open?"]),
        (["At the observat", "At the observation"], "At the observatory.", ["", "At the", None]),
        # What two passes agree on is sent once, though a third disagrees.
        (["I see", "I see the", "Icy the moon"], "I see the moon.", ["", "I see", "", None]),
        (["", ""], "", ["", "", ""]),
        (["Yes", "No"], "No.", ["", "", "No."]),
        (["When", "When", "When"], "When.", ["", "When", "", "."]),
        (["a b", "a b", "x y z"], "q r s t", ["", "a b", "", " s t"]),
    ],
)
def test_words_are_sent_once_two_passes_agree(passes, final, deltas):
    live = StableWords()

    found = [sent(live, live.hear(words)) for words in passes]
    found.append(sent(live, live.rest(final)))

    expected = [one if two is None else two for one, two in zip(found, deltas, strict=True)]
    assert found == expected
    assert "".join(found).startswith("".join(each or "" for each in deltas[:2]))


def test_stretch_that_is_over_is_sent_whole_and_the_next_begins_with_a_blank():
    live = StableWords()
    live.hear("One two.")
    said = sent(live, live.close("One two."))
    live.begin(40)
    said += sent(live, live.hear("Three"))
    said += sent(live, live.hear("Three four"))
    said += sent(live, live.rest("One two. Three four."))

    assert (said, live.start) == ("One two. Three four.", 40)


wordings = st.lists(st.sampled_from("a an the moon rises at nine , . observatory".split()))


@given(wordings.map(" ".join))
def test_passes_that_only_grow_lose_and_repeat_nothing(final):
    live, pieces = StableWords(), tokens.split(final)
    said = ""
    for end in range(len(pieces) + 1):
        said += sent(live, live.hear("".join(pieces[:end])))
    said += sent(live, live.rest(final))

    assert said == final


@given(st.lists(wordings.map(" ".join), min_size=1, max_size=6), st.data())
def test_whatever_is_heard_words_are_only_added(passes, data):
    live = StableWords()
    for words in passes[:-1]:
        before = list(live.sent)
        sent(live, data.draw(st.sampled_from([live.hear, live.close]))(words))
        assert live.sent[: len(before)] == before
        if data.draw(st.booleans()):
            live.begin(live.start + 1)

    rest = live.rest(passes[-1])

    assert tokens.split(passes[-1])[len(tokens.split(passes[-1])) - len(rest) :] == rest


# ------------------------------------------------------------------ while somebody speaks


def test_captions_come_while_somebody_speaks():
    driver = captioning()
    words_of(driver, "Book", "Book two", "Book two places.", "Book two places, please.")

    before = driver.speak(loud(1600))
    committed = driver.send("input_audio_buffer.commit")

    assert joined(before, DELTA) == "Book two"
    assert types(committed)[:3] == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    assert types(committed)[-1] == COMPLETED
    assert committed[1]["item"]["content"] == [{"type": "input_audio", "transcript": None}]
    assert joined(before + committed, DELTA) == committed[-1]["transcript"]
    ids = {event["item_id"] for event in of(before + committed, DELTA) + committed[-1:]}
    assert ids == {committed[0]["item_id"]}


def test_transcript_corrects_what_was_sent():
    driver = captioning()
    words_of(driver, "I sea", "I sea the", "I see the moon.")

    before = driver.speak(loud(1100))
    committed = driver.send("input_audio_buffer.commit")

    assert joined(before + committed, DELTA) == "I sea the moon."
    assert committed[-1]["transcript"] == "I see the moon."


@pytest.mark.parametrize(
    ("model", "is_live"),
    [(LIVE[0], True), (LIVE[1], True), ("gpt-transcribe", False), ("whisper-1", False)],
)
def test_only_some_models_stream(model, is_live):
    driver = captioning(model, hearing=MANUAL)

    events = driver.speak(loud(3000))

    assert bool(of(events, DELTA)) == is_live


@pytest.mark.parametrize(("delay", "least_ms"), [("minimal", 256), ("low", 480), ("xhigh", 3200)])
def test_delay_is_how_long_a_pass_waits(delay, least_ms):
    driver = captioning(LIVE[1], is_manual=True)
    transcription = {"model": LIVE[1], "delay": delay}
    session = {"type": "transcription", "audio": {"input": {"transcription": transcription}}}
    driver.send("session.update", session=session)

    driver.speak(loud(least_ms - FRAME_MS))
    assert driver.jobs == []
    driver.speak(loud(2 * FRAME_MS))
    assert len(driver.jobs) == 1


def test_one_pass_at_a_time():
    driver = captioning(is_manual=True)

    driver.speak(loud(4000))

    assert len(driver.jobs) == 1


@given(st.integers(64, 3000), st.integers(0, 1900))
@settings(deadline=None, max_examples=20)
def test_pause_with_turn_detection_has_no_pass_of_its_own(speech_ms, pause_ms):
    """The pause has the turn recognized as a whole already, in case it is its end."""
    turns = {"turn_detection": {"type": "server_vad", "silence_duration_ms": 2500}}
    driver = calling(LIVE[0], is_manual=True)
    driver.send("session.update", **update(audio={"input": turns}))
    driver.speak(loud(speech_ms), quiet(300))
    for job in driver.jobs:
        driver.do(job)
    driver.jobs.clear()

    driver.speak(quiet(pause_ms // 2))
    jobs = len(driver.jobs)
    driver.speak(quiet(pause_ms // 2))

    assert (jobs, len(driver.jobs)) == (0, 0)


def test_silence_is_not_read_again():
    driver = captioning(is_manual=True)
    driver.speak(quiet(3000))
    assert driver.jobs == []

    driver.is_manual = False
    driver.speak(loud(640), quiet(1600))
    driver.is_manual = True
    driver.speak(quiet(3000))

    assert driver.jobs == []


def test_pause_closes_a_stretch():
    driver = captioning(is_manual=True)
    driver.is_manual = False
    words_of(driver, "One", "One two", "One two.", "One two.", "Three", "Three")
    events = driver.speak(loud(640), quiet(1600))
    assert joined(events, DELTA) == "One two."

    words_of(driver, "Three", "Three four", "One two. Three four.")
    events = driver.speak(loud(1000))
    events += driver.send("input_audio_buffer.commit")

    assert joined(events, DELTA) == " Three four."
    assert events[-1]["transcript"] == "One two. Three four."


def test_long_speech_is_read_in_parts():
    driver = captioning(is_manual=True)
    lengths = []
    for _ in range(40):
        driver.speak(loud(640))
        for job in driver.jobs:
            lengths.append(len(job.pcm) // 32)
            driver.do(job)
        driver.jobs.clear()

    assert 14_000 < max(lengths) < 17_000
    assert min(lengths[30:]) < 5_000


def test_pass_that_fails_sends_nothing_and_the_next_may_succeed():
    driver = captioning()
    words_of(driver, None, "Book", "Book two")

    assert joined(driver.speak(loud(1600)), DELTA) == "Book"


@pytest.mark.parametrize("end", ["input_audio_buffer.clear", "input_audio_buffer.commit"])
def test_late_pass_of_what_is_over_sends_nothing(end):
    driver = captioning(is_manual=True)
    driver.speak(loud(640))
    driver.do(driver.jobs.pop())
    driver.speak(loud(640))
    second = driver.jobs.pop()  # it agrees with the first, so its words would be sent
    driver.send(end)

    driver.do(second)

    assert not of(driver.events(), DELTA)


def test_without_recognition_there_is_no_pass():
    driver = captioning(is_manual=True, why_no_words="Not installed.")

    driver.speak(loud(2000))
    assert driver.jobs == []
    driver.send("input_audio_buffer.commit")
    driver.words = None
    driver.do(driver.jobs.pop())

    (failed,) = of(driver.events(), FAILED)
    assert failed["error"]["message"] == "Not installed."


def test_caller_is_captioned_in_mid_turn_too():
    """Recorded: `gpt-realtime-whisper` sends deltas during speech, the first with a blank."""
    driver = calling("gpt-realtime-whisper")
    words_of(driver, "Hello, my", "Hello, my name is", "Hello, my name is Ana.")

    during = driver.speak(loud(1100))
    after = driver.speak(quiet(400))

    assert joined(during, DELTA) == " Hello, my"
    assert types(after)[0] == "input_audio_buffer.speech_stopped"
    assert joined(during + after, DELTA) == " Hello, my name is Ana."
    (completed,) = of(after, COMPLETED)
    assert completed["transcript"] == "Hello, my name is Ana."
    assert completed["usage"] == {"type": "duration", "seconds": 2}


# ------------------------------------------------------------------ beside the answer


def order(events):
    """The answer's first and last event, and the transcript's last, in the order they came."""
    names = {"response.output_item.added": "begins", "response.done": "ends", COMPLETED: "heard"}
    return [names[kind] for kind in types(events) if kind in names]


LONG = "Could you please tell me at what time the last bus leaves the hill on Sundays?"
MINUTES = "At eight. " * 12


@pytest.mark.parametrize(
    ("model", "question", "answer", "expected"),
    [
        ("gpt-4o-transcribe", "When?", MINUTES, ["begins", "heard", "ends"]),
        ("gpt-realtime-whisper", LONG, "Yes.", ["begins", "ends", "heard"]),
    ],
)
def test_transcript_comes_during_or_after_the_answer(model, question, answer, expected):
    driver = calling(model, pace=1.0)
    driver.words, driver.answer = question, Answer(tokens.split(answer))
    events = driver.speak(loud(320), quiet(400))
    assert "response.created" in types(events)
    while len(order(events)) < 3:
        events += driver.pass_time(0.01)

    assert order(events) == expected
    assert joined(events, DELTA).strip() == of(events, COMPLETED)[0]["transcript"] == question


def test_transcript_comes_before_an_answer_that_takes_long():
    driver = calling("gpt-4o-transcribe", pace=1.0, is_manual=True)
    events = driver.speak(loud(320), quiet(400))
    driver.do(driver.jobs.pop(0))
    events += driver.pass_time(1.0)
    while driver.jobs:
        driver.do(driver.jobs.pop(0))
        events += driver.events()
    while "ends" not in order(events):
        events += driver.pass_time(0.1)
        while driver.jobs:
            driver.do(driver.jobs.pop(0))
            events += driver.events()

    assert order(events) == ["heard", "begins", "ends"]


def test_deltas_keep_their_times():
    driver = calling("gpt-4o-transcribe", pace=1.0, is_manual=True)
    driver.speak(loud(320), quiet(400))
    driver.do(driver.jobs.pop(0))
    driver.events()

    assert driver.session.deadline == pytest.approx(100.15)
    assert driver.pass_time(0.1) == []
    assert types(driver.pass_time(0.055)) == [DELTA]
    assert types(driver.pass_time(0.01)) == [DELTA]
    assert types(driver.pass_time(0.1)) == [DELTA] * 3 + [COMPLETED]


def test_item_is_announced_without_its_transcript_and_retrieved_with_it():
    driver = calling("gpt-4o-transcribe")
    events = driver.speak(loud(320), quiet(400))

    items = of(events, "conversation.item.added")[:1] + of(events, "conversation.item.done")[:1]
    assert [item["item"]["content"][0]["transcript"] for item in items] == [None, None]
    (found,) = driver.send("conversation.item.retrieve", item_id=items[0]["item"]["id"])
    assert found["item"]["content"][0]["transcript"] == "When do you open?"


def test_idle_timeout_is_billed_as_nothing():
    """Recorded with gpt-realtime-2.1-mini: no words, no seconds."""
    driver = calling("gpt-realtime-whisper")
    detection = {"type": "server_vad", "idle_timeout_ms": 5000}
    driver.send("session.update", **update(audio={"input": {"turn_detection": detection}}))
    driver.speak(loud(320), quiet(400))

    (completed,) = of(driver.pass_time(60), COMPLETED)

    assert completed["transcript"] == ""
    assert completed["usage"] == {"type": "duration", "seconds": 0}


def test_transcriber_is_that_of_the_commit():
    driver = captioning("whisper-1", hearing=MANUAL, is_manual=True)
    driver.speak(loud(320))
    driver.send("input_audio_buffer.commit")
    audio = {"input": {"transcription": None}}
    driver.send("session.update", session={"type": "transcription", "audio": audio})

    driver.do(driver.jobs.pop())

    assert types(driver.events())[-1] == COMPLETED


def test_deleted_item_is_transcribed_all_the_same():
    driver = captioning("whisper-1", hearing=MANUAL, is_manual=True)
    driver.speak(loud(320))
    item_id = driver.send("input_audio_buffer.commit")[0]["item_id"]
    driver.send("conversation.item.delete", item_id=item_id)

    driver.do(driver.jobs.pop())

    assert [event["item_id"] for event in of(driver.events(), COMPLETED)] == [item_id]


# ------------------------------------------------------------------ fields of the events


LOGPROBS = ["item.input_audio_transcription.logprobs"]


@pytest.mark.parametrize("model", ["gpt-4o-transcribe", "gpt-4o-mini-transcribe"])
def test_logprobs_come_if_included(model):
    driver = captioning(model, LOGPROBS, MANUAL)
    driver.words = "Ünder."
    driver.speak(loud(320))
    events = driver.send("input_audio_buffer.commit")

    deltas, (completed,) = of(events, DELTA), of(events, COMPLETED)
    assert [event["logprobs"][0]["token"] for event in deltas] == ["Ünder", "."]
    assert completed["logprobs"] == [event["logprobs"][0] for event in deltas]
    assert completed["logprobs"][0] == {
        "token": "Ünder",
        "logprob": 0.0,
        "bytes": list("Ünder".encode()),
    }


@pytest.mark.parametrize(
    ("model", "include"), [("gpt-4o-transcribe", None), ("gpt-transcribe", LOGPROBS)]
)
def test_no_logprobs_otherwise(model, include):
    driver = captioning(model, include, MANUAL)
    driver.speak(loud(320))

    events = driver.send("input_audio_buffer.commit")

    assert not [event for event in events if "logprobs" in event]


@pytest.mark.parametrize(("words", "languages"), [("Hm?", [{"code": "en"}]), ("", [])])
def test_gpt_transcribe_tells_the_language(words, languages):
    driver = captioning("gpt-transcribe", hearing=MANUAL)
    driver.words = words
    driver.speak(loud(320))

    assert driver.send("input_audio_buffer.commit")[-1]["languages"] == languages


def test_event_has_its_fields_in_recorded_order():
    driver = calling("gpt-4o-transcribe")
    events = driver.speak(loud(320), quiet(400))

    delta, completed = of(events, DELTA)[0], of(events, COMPLETED)[0]
    place = ["type", "event_id", "item_id", "content_index"]
    assert list(delta) == [*place, "delta", "obfuscation"]
    assert len(delta["delta"]) + len(delta["obfuscation"]) == 16
    assert list(completed) == [*place, "transcript", "usage"]


# ------------------------------------------------------------------ sessions without answers


def test_turns_are_detected_and_no_answer_comes():
    driver = captioning("gpt-transcribe")

    events = driver.speak(loud(320), quiet(400), loud(320), quiet(400))

    turn = """input_audio_buffer.speech_started input_audio_buffer.speech_stopped
    input_audio_buffer.committed conversation.item.added conversation.item.done""".split()
    pieces = tokens.split(driver.words)
    assert types(events) == [*turn, *[DELTA] * len(pieces), COMPLETED] * 2
    first, second = of(events, "input_audio_buffer.committed")
    assert (first["previous_item_id"], second["previous_item_id"]) == (None, first["item_id"])


def test_response_is_refused_by_name():
    driver = captioning()

    (event,) = driver.send("response.create", event_id="mine")

    assert event["error"]["param"] == "type"
    assert "'response.create'" in event["error"]["message"]
    assert event["error"]["event_id"] == "mine"


def test_idle_timeout_does_not_strike_where_nothing_is_answered():
    driver = captioning("gpt-transcribe")
    detection = {"type": "server_vad", "idle_timeout_ms": 5000}
    audio = {"input": {"turn_detection": detection}}
    driver.send("session.update", session={"type": "transcription", "audio": audio})
    driver.speak(loud(320), quiet(400))

    assert driver.pass_time(60) == []


def test_late_transcript_waits_for_no_answer_that_never_comes():
    from emulator.realtime.session import FaultEffects

    driver = captioning("gpt-transcribe", fault_effects=FaultEffects(is_transcript_late=True))
    detection = {"type": "server_vad", "create_response": True}
    audio = {"input": {"turn_detection": detection}}
    driver.send("session.update", session={"type": "transcription", "audio": audio})

    assert types(driver.speak(loud(320), quiet(700)))[-1] == COMPLETED


@pytest.mark.parametrize("format", ["audio/pcm", "audio/pcmu", "audio/pcma"])
@pytest.mark.parametrize("piece_ms", [20, 1000, 60_000])
def test_pieces_of_any_length_and_format_make_one_item(format, piece_ms):
    """48,000 bytes at a time, or all at once: faster than anybody speaks."""
    driver = captioning(hearing={**MANUAL, "format": {"type": format}})
    data = sound.encoded(quiet(320) + loud(2000) + quiet(320), format)
    step = piece_ms * sound.bytes_per_ms(format)
    for start in range(0, len(data), step):
        audio = b64encode(data[start : start + step]).decode()
        driver.send("input_audio_buffer.append", audio=audio)

    events = driver.send("input_audio_buffer.commit")

    (completed,) = of(events, COMPLETED)
    assert (completed["transcript"], completed["usage"]["seconds"]) == (driver.words, 3)


# ------------------------------------------------------------------ any order of client events


MODELS = [*LIVE, "gpt-transcribe", "gpt-4o-transcribe", "whisper-1", None]
models = st.sampled_from(MODELS)
detections = st.sampled_from(
    [None, {"type": "server_vad"}, {"type": "server_vad", "silence_duration_ms": 900}]
    + [{"type": "semantic_vad", "eagerness": "high"}]
)
hearings = st.fixed_dictionaries(
    {},
    optional={
        "transcription": models.map(lambda model: model and {"model": model}),
        "turn_detection": detections,
        "noise_reduction": st.sampled_from([None, {"type": "far_field"}]),
        "format": st.sampled_from([{"type": "audio/pcm"}, {"type": "audio/pcmu"}]),
    },
)
steps = st.one_of(
    st.tuples(st.just("speak"), st.sampled_from([loud(40), loud(640), quiet(120), quiet(1000)])),
    st.tuples(st.just("wait"), st.sampled_from([0.0, 0.05, 3.0])),
    st.tuples(st.just("work"), st.integers(0, 3)),
    st.tuples(st.just("session.update"), hearings),
    st.tuples(
        st.sampled_from(
            """input_audio_buffer.commit input_audio_buffer.clear response.create response.cancel
            delete nonsense""".split()
        ),
        st.just({}),
    ),
)
HEARD = ["When", "When do", "When do you open?", "Then, do you", "", None]


class CaptionedSession:
    """Plays steps to a transcription session; jobs end in any order."""

    def __init__(self, pace):
        self.driver = captioning(pace=pace, is_manual=True)
        self.events = []
        self.expected = set()
        self.has_transcriber = True

    def play(self, kind, given):
        if kind == "speak":
            self.events += self.driver.speak(given)
        elif kind == "wait":
            self.events += self.driver.pass_time(given)
        elif kind == "work":
            self.work(given)
        elif kind == "delete":
            items = list(self.driver.session.conversation)
            item_id = items[0].id if items else "item_x"
            self.events += self.driver.send("conversation.item.delete", item_id=item_id)
        elif kind == "session.update":
            session = {"type": "transcription", "audio": {"input": given}}
            self.note(self.driver.send(kind, session=session))
        else:
            self.note(self.driver.send(kind))
        self.note([])

    def note(self, events):
        """Which of the items that are committed have to be transcribed."""
        self.events += events
        for event in self.events[len(self.events) - len(events) :]:
            if event["type"] == "session.updated":
                audio_input = event["session"]["audio"]["input"]
                self.has_transcriber = bool(audio_input["transcription"])

    def work(self, place):
        jobs = self.driver.jobs
        if jobs:
            job = jobs.pop(place % len(jobs))
            assert not isinstance(job, Generate)
            self.driver.words = HEARD[(job.id + place) % len(HEARD)]
            self.driver.do(job)
        self.events += self.driver.events()

    def finish(self):
        while self.driver.jobs:
            self.work(0)
        self.events += self.driver.pass_time(100.0)


@given(st.lists(steps, max_size=30), st.sampled_from([0.0, 1.0]))
@settings(max_examples=examples(150), deadline=None)
def test_any_order_of_events_transcribes_each_item_once(script, pace):
    """The driver validates every event by the SDK's types."""
    session = CaptionedSession(pace)
    expected, seen = [], 0
    for kind, given_ in script:
        has_transcriber = session.has_transcriber
        session.play(kind, given_)
        new, seen = session.events[seen:], len(session.events)
        committed = of(new, "input_audio_buffer.committed")
        expected += [event["item_id"] for event in committed if has_transcriber]
    session.finish()

    ended = [event["item_id"] for event in session.events if event["type"] in (COMPLETED, FAILED)]
    assert sorted(ended) == sorted(expected)
    for event in of(session.events, COMPLETED):
        place = session.events.index(event)
        later = [each["item_id"] for each in of(session.events[place:], DELTA)]
        assert event["item_id"] not in later
    assert not [kind for kind in types(session.events) if kind.startswith("response.")]


def test_item_of_a_conversation_is_transcribed_once():
    driver = calling("gpt-4o-transcribe")
    content = [{"type": "input_audio", "audio": b64encode(loud(500)).decode()}]
    item = {"type": "message", "role": "user", "content": content, "id": "mine"}

    events = driver.send("conversation.item.create", item=item)
    again = driver.send("conversation.item.create", item=item)

    assert types(events)[-1] == COMPLETED
    assert types(again) == ["error"]
    assert driver.send("conversation.item.create", **user("Hm?"))
