"""Speech recognition: what a voice says is understood, or there is a reason why it cannot be."""

import re
import threading
from array import array
from concurrent.futures import ThreadPoolExecutor

from emulator.voice import sound
from emulator.voice.recognizer import (
    RATE,
    VERSION,
    EngineTurns,
    RecognitionError,
    SpeechRecognizer,
    missing_wheel,
    unavailable_reason,
)
from emulator.voice.sound import resampled
from emulator.voice.synthesizer import SpeechSynthesizer
from tests.support.files_in_stores import until

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

SENTENCES = [
    "Good evening, this is the observatory.",
    "Dogs are welcome in the garden but not inside the building.",
    "I would like to book two places for Friday.",
    "You can park behind the museum, but the gate closes at eleven.",
    "Could you tell me your name and how many people will come?",
]
SECOND = bytes(2 * RATE - 2) + b"\0\x40"
"""A second that is not silent."""


@pytest.fixture(scope="module")
def recognizer():
    pytest.importorskip("moonshine_voice", reason="speech recognition is not installed")
    return SpeechRecognizer()


@pytest.fixture(scope="module")
def clips():
    pytest.importorskip("espeakng_loader", reason="there is no voice to listen to")
    synthesizer = SpeechSynthesizer()
    return [resampled(synthesizer.synthesize(text), sound.RATE, RATE) for text in SENTENCES]


def words(text):
    return re.findall(r"[a-z0-9]+", text.lower())


def misheard(said, heard):
    """How many words differ: left out, put in, or mistaken."""
    row = list(range(len(heard) + 1))
    for place, word in enumerate(said, 1):
        above, row = row, [place]
        for at, other in enumerate(heard, 1):
            row.append(min(above[at] + 1, row[-1] + 1, above[at - 1] + (word != other)))
    return row[-1]


def test_most_words_are_heard(recognizer, clips):
    said = [words(text) for text in SENTENCES]
    wrong = [
        misheard(s, words(recognizer.transcribe(clip))) for s, clip in zip(said, clips, strict=True)
    ]

    assert sum(wrong) <= sum(map(len, said)) / 2
    assert recognizer.unavailable_reason is None


def test_single_word_is_heard(recognizer):
    pytest.importorskip("espeakng_loader", reason="there is no voice to listen to")
    answers = [
        resampled(SpeechSynthesizer().synthesize(word), sound.RATE, RATE)
        for word in ("Yes.", "No.", "Two.")
    ]

    assert all(map(recognizer.transcribe, answers))


def test_clip_is_heard_the_same_after_others(recognizer, clips):
    first = recognizer.transcribe(clips[0])
    recognizer.transcribe(clips[1])

    assert recognizer.transcribe(clips[0]) == first


def test_many_threads_may_ask(recognizer, clips):
    alone = [recognizer.transcribe(clip) for clip in clips[:2]]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(recognizer.transcribe, clips[:2] * 2)) == alone * 2


@given(st.lists(st.booleans(), max_size=7))
@settings(deadline=None, max_examples=30)
def test_calls_go_before_recordings_and_each_in_order(arrivals):
    turns, served = EngineTurns(), []

    def use(number, is_call):
        with turns.turn(is_call):
            served.append(number)

    with ThreadPoolExecutor(8) as pool:
        with turns.turn(False):
            for number, is_call in enumerate(arrivals):
                pool.submit(use, number, is_call)
                until(lambda number=number: turns.waiting == number + 1)

    numbers = range(len(arrivals))
    assert served == sorted(numbers, key=lambda number: (not arrivals[number], number))
    assert turns.waiting == 0


def test_call_waits_for_one_clip_of_long_recordings():
    turns, may_go_on, heard = EngineTurns(), threading.Semaphore(0), []

    def engine(numbers):
        may_go_on.acquire()
        heard.append(len(numbers) // RATE)
        return "words"

    def load():
        return engine

    recordings = SpeechRecognizer(VERSION, load, turns=turns)
    call = SpeechRecognizer(VERSION, load, is_urgent=True, turns=turns)
    with ThreadPoolExecutor(9) as pool:
        for _ in range(8):
            pool.submit(lambda: [recordings.transcribe(SECOND) for _ in range(3)])
        until(lambda: turns.waiting == 7)
        answer = pool.submit(call.transcribe, SECOND * 2)
        until(lambda: turns.waiting == 8)
        may_go_on.release(3 * 8 + 1)

    assert answer.result() == "words"
    assert heard == [1, 2, *[1] * 23]


def test_text_is_clean(recognizer, clips):
    heard = recognizer.transcribe(clips[1])

    assert heard == " ".join(heard.split()) != ""


def test_nothing_is_printed(recognizer, clips, capfd):
    recognizer.warm()
    recognizer.transcribe(clips[0])

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("clip", [b"", SECOND[-2 * 1_598 :], bytes(2 * RATE)])
def test_next_to_nothing_has_no_words(recognizer, clip):
    assert recognizer.transcribe(clip) == ""


def test_long_clip_is_heard_in_parts():
    parts = []
    recognizer = SpeechRecognizer(
        VERSION, lambda: lambda heard: f" part  {parts.append(len(heard))}"
    )

    assert recognizer.transcribe(SECOND * 45) == "part None part None part None"
    assert sum(parts) == 45 * RATE
    assert max(parts) <= 20 * RATE


def test_odd_bytes_are_refused():
    with pytest.raises(ValueError, match="2 bytes"):
        SpeechRecognizer("").transcribe(b"\0")


def test_without_package_it_is_said_why():
    recognizer = SpeechRecognizer("")

    assert recognizer.unavailable_reason
    with pytest.raises(RecognitionError) as caught:
        recognizer.transcribe(SECOND)
    assert str(caught.value) == recognizer.unavailable_reason
    recognizer.warm()


def test_engine_that_does_not_start_is_told():
    def load():
        raise OSError("GLIBC_2.34 not found")

    recognizer = SpeechRecognizer(VERSION, load)
    assert recognizer.unavailable_reason is None
    recognizer.warm()

    assert (
        recognizer.unavailable_reason
        == "The speech recognition does not start here: GLIBC_2.34 not found."
    )
    with pytest.raises(RecognitionError, match="GLIBC"):
        recognizer.transcribe(SECOND)


def test_engine_that_fails_on_a_clip_may_hear_the_next():
    heard = iter([OSError("unknown error"), "yes"])

    def recognise(numbers):
        if isinstance(said := next(heard), OSError):
            raise said
        return said

    recognizer = SpeechRecognizer(VERSION, lambda: recognise)
    with pytest.raises(RecognitionError, match="unknown error"):
        recognizer.transcribe(SECOND)
    assert (recognizer.transcribe(SECOND), recognizer.unavailable_reason) == ("yes", None)


def test_words_of_the_last_clips_are_remembered():
    heard = []

    def recognise(numbers):
        heard.append(numbers[0])
        return f"word {len(heard)}"

    recognizer = SpeechRecognizer(VERSION, lambda: recognise, most_known=2)
    clips = [array("h", [level] * 16_000).tobytes() for level in (1_000, 2_000, 3_000)]

    said = [recognizer.transcribe(clips[place]) for place in (0, 0, 1, 0, 2, 1, 0)]

    assert said == ["word 1", "word 1", "word 2", "word 1", "word 3", "word 2", "word 4"]


def test_engine_is_loaded_once():
    loads = []

    def load():
        loads.append(1)
        return lambda numbers: "yes"

    assert [SpeechRecognizer(VERSION, load).transcribe(SECOND) for _ in range(3)] == ["yes"] * 3
    assert loads == [1]


@pytest.mark.parametrize(
    ("installed", "no_wheel", "reason"),
    [
        (VERSION, "Windows on ARM", None),
        ("0.1.5", "", "as 0.1.5 has no model in it."),
        ("", "", "which is not installed."),
        ("", "Windows on ARM", "is not available for Windows on ARM."),
    ],
)
def test_reason_is_told_in_a_sentence(installed, no_wheel, reason):
    reason_given = unavailable_reason(installed, no_wheel)

    assert reason_given == reason if reason is None else reason_given.endswith(reason)


@pytest.mark.parametrize(
    ("machine", "missing"),
    [
        (("linux", "x86_64", "2.36"), ""),
        (("linux", "x86_64", "2.31"), "glibc 2.31: it needs 2.34"),
        (("linux", "aarch64", "2.31"), ""),
        (("linux", "x86_64", ""), "Linux without glibc"),
        (("darwin", "arm64", "15.1"), ""),
        (("darwin", "arm64", "14.6"), "macOS 14.6: it needs 15"),
        (("darwin", "x86_64", "15.1"), "Macs with an Intel processor"),
        (("win32", "AMD64", ""), ""),
        (("win32", "ARM64", ""), "Windows on ARM"),
    ],
)
def test_machines_without_a_wheel_are_known(machine, missing):
    assert missing_wheel(*machine) == missing
