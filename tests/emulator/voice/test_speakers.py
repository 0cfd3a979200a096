"""Who speaks when: labels by the voice alone, whatever else there is about the sound."""

import wave
from functools import cache
from itertools import islice, pairwise

from emulator.voice.sound import resampled
from emulator.voice.speaker_encoder import RATE
from emulator.voice.speakers import Turn, grouped, letters, tell_apart, unit
from tests.support import lessons
from tests.support.property_examples import examples

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

# Callers of lesson 3: a father, a visitor, friends. The last two voices are much alike, so they are
# played slower and faster than their 24 kHz, as if a larger person spoke and a smaller one.
VISITOR = ("ask-dogs", "ask-programme", "cut-in-price", "greeting")
PLAYED_AT = dict.fromkeys(VISITOR, 22_000) | {"book-four": 27_000}
CALL = ("book-two", "ask-dogs", "book-four", "ask-programme", "ask-ticket", "cut-in-price")
LABELS = ["A", "B", "C", "B", "A", "B"]


@cache
def clip(name):
    """What a caller says, as numbers from -1 to 1 at 16 kHz."""
    with wave.open(str(lessons.COURSE / "data" / "callers" / f"{name}.wav")) as file:
        hz = PLAYED_AT.get(name, file.getframerate())
        pcm = resampled(file.readframes(file.getnframes()), hz, RATE)
    return np.frombuffer(pcm, "<i2").astype(np.float32) / 32768


def recording(names, gap=0.3):
    """The clips one after the other, and where each lies, in seconds."""
    silence = np.zeros(round(gap * RATE), np.float32)
    pieces, spans = [silence], []
    for name in names:
        start = sum(map(len, pieces)) / RATE
        pieces += [clip(name), silence]
        spans.append((start, start + len(clip(name)) / RATE))
    return np.concatenate(pieces), spans


def label_at(turns, second):
    return next(turn.speaker for turn in turns if turn.start <= second < turn.end)


def middles(spans):
    return [(start + end) / 2 for start, end in spans]


@cache
def call():
    return recording(CALL)


@cache
def turns_of_call():
    return tell_apart(*call())


def test_speakers_are_told_apart_in_order_of_appearance():
    _, spans = call()

    assert [label_at(turns_of_call(), at) for at in middles(spans)] == LABELS
    assert {turn.speaker for turn in turns_of_call()} == {"A", "B", "C"}


def test_one_voice_is_one_speaker():
    sound, spans = recording(VISITOR)

    assert {turn.speaker for turn in tell_apart(sound, spans)} == {"A"}


@pytest.mark.parametrize("gain", [0.02, 4.0])
def test_loudness_does_not_count(gain):
    sound, spans = call()

    assert tell_apart(sound * gain, spans) == turns_of_call()


def test_louder_speaker_is_the_same_one():
    sound, spans = call()
    start, end = (round(at * RATE) for at in spans[-1])
    sound = sound.copy()
    sound[start:end] *= 0.1

    assert [label_at(tell_apart(sound, spans), at) for at in middles(spans)] == LABELS


@pytest.mark.parametrize("silence", [1.0, 7.3])
def test_silence_before_changes_nothing_else(silence):
    sound, spans = call()
    late = np.concatenate([np.zeros(round(silence * RATE), np.float32), sound])
    found = tell_apart(late, [(start + silence, end + silence) for start, end in spans])

    assert [turn.speaker for turn in found] == [turn.speaker for turn in turns_of_call()]
    starts = [turn.start + silence for turn in turns_of_call()]
    assert [turn.start for turn in found] == pytest.approx(starts)


def test_splitting_spans_changes_no_label():
    sound, spans = call()
    parts = [part for start, end in spans for part in pairwise(np.linspace(start, end, 4).tolist())]
    found = tell_apart(sound, parts)

    assert len(found) >= len(parts)
    for at in np.arange(0, len(sound) / RATE, 0.05):
        if any(turn.start <= at < turn.end for turn in turns_of_call()):
            assert label_at(found, at) == label_at(turns_of_call(), at)


def test_change_within_a_span_is_found():
    sound, spans = recording(("book-two", "ask-programme", "ask-ticket"), gap=0.1)
    found = tell_apart(sound, [(spans[0][0], spans[-1][1])])

    assert [turn.speaker for turn in found] == ["A", "B", "A"]
    for turn, (start, _) in zip(found[1:], spans[1:], strict=True):
        assert turn.start == pytest.approx(start, abs=0.3)


def test_known_voices_have_their_names():
    sound, spans = call()
    known = {"Ruth": clip("greeting"), "B": clip("follow-up-daughter")}
    found = tell_apart(sound, spans, known)
    names = {"A": "B", "B": "Ruth", "C": "A"}

    # The label "B" is somebody's name, so it is nobody else's label.
    assert [label_at(found, at) for at in middles(spans)] == [names[label] for label in LABELS]


def test_stranger_gets_no_known_name():
    sound, spans = recording(VISITOR)

    assert {turn.speaker for turn in tell_apart(sound, spans, {"Tom": clip("book-two")})} == {"A"}


def test_speakers_are_told_apart_in_noise():
    sound, spans = call()
    noise = np.random.default_rng(5).normal(0, 0.1 / 10 ** (15 / 20), len(sound))
    found = tell_apart((sound + noise).astype(np.float32), spans)

    assert [label_at(found, at) for at in middles(spans)] == LABELS


def test_word_of_a_quarter_second_goes_to_its_speaker():
    sound, spans = call()
    short = spans[:2] + [(spans[2][0], spans[2][0] + 0.25)] + spans[3:]
    found = tell_apart(sound, short)

    assert len([turn for turn in found if turn.start == short[2][0]]) == 1
    assert {turn.speaker for turn in found} <= {"A", "B", "C"}


@pytest.mark.parametrize("spans", [[], [(9.0, 12.0)], [(1.0, 1.0)], [(-2.0, -1.0)]])
def test_nothing_in_the_recording_gives_no_turn(spans):
    assert tell_apart(np.zeros(RATE, np.float32), spans) == []


def test_silence_is_somebody_all_the_same():
    assert tell_apart(np.zeros(RATE, np.float32), [(0.2, 0.9)]) == [Turn(0.2, 0.9, "A")]


moment = st.floats(-0.5, 3.5)


@settings(deadline=None, max_examples=12)
@given(st.lists(st.tuples(moment, moment).map(sorted).map(tuple), max_size=4))
def test_turns_cover_the_spans_and_nothing_else(spans):
    sound = np.concatenate([clip("greeting"), clip("ask-ticket")])[: 3 * RATE]
    found = tell_apart(sound, spans)

    assert all(before.end <= after.start for before, after in pairwise(found))
    for at in np.arange(0.005, 3, 0.01):
        is_in_span = any(start <= at < end for start, end in spans)
        assert any(turn.start <= at < turn.end for turn in found) == is_in_span
    for turn in found:
        assert turn.start < turn.end
        assert not any(turn.start < border < turn.end for span in spans for border in span)


@settings(deadline=None, max_examples=examples(50))
@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(0, 2**32 - 1))
def test_groups_are_those_of_the_directions(members, seed):
    dice = np.random.default_rng(seed)
    vectors = unit((np.eye(8)[members] + dice.normal(0, 0.05, (len(members), 8))).astype("f4"))
    labels = grouped(vectors, 0.8)

    assert len(set(labels.tolist())) == len(set(members))
    assert len(set(zip(members, labels.tolist(), strict=True))) == len(set(members))


def test_labels_go_on_after_z():
    first = [*islice(letters(), 29)]
    assert first[:2] == ["A", "B"] and first[25:] == ["Z", "AA", "AB", "AC"]
