"""Voices as vectors: the numbers of the original encoder, and what they are worth."""

import json
import subprocess
import sys
import wave
from functools import cache

from emulator.voice import speaker_encoder
from emulator.voice.sound import resampled
from emulator.voice.speaker_encoder import BANDS, HOP, RATE, SIZE, embed, levelled, spectrum
from tests.support import lessons

import numpy as np
import pytest

ORIGINAL = json.loads((lessons.COURSE / "tests/fixtures/voices/embeddings.json").read_text("utf-8"))
NAMES = [name for name in ORIGINAL if name != "made by"]
PROGRAM = """
import emulator.app, emulator.voice.speakers
from emulator.voice import speaker_encoder
print(speaker_encoder._weights.cache_info().currsize)
"""
MEAN_SQUARE = 10 ** (-30 / 10)


@cache
def clip(name):
    """A caller's clip as numbers from -1 to 1 at 16 kHz, at -30 dB of full scale."""
    with wave.open(str(lessons.COURSE / "data" / "callers" / f"{name}.wav")) as file:
        pcm = resampled(file.readframes(file.getnframes()), file.getframerate(), RATE)
    numbers = np.frombuffer(pcm, "<i2").astype(np.float32) / 32768
    return numbers * np.sqrt(MEAN_SQUARE / np.square(numbers).mean()).astype(np.float32)


@pytest.mark.parametrize("name", NAMES)
def test_vector_is_the_original_one(name):
    """`embeddings.json` was made by Resemblyzer 0.1.4 on PyTorch, from the same clips."""
    found = embed(spectrum(clip(name))[None])[0]

    # Its numbers are rounded to four places, which alone may take a millionth.
    assert found @ np.array(ORIGINAL[name]) > 1 - 1e-4


@pytest.mark.parametrize("gain", [0.01, 3.0])
def test_loudness_does_not_count(gain):
    bands = spectrum(clip("ask-dogs"))[None]

    assert embed(levelled(bands * gain)) == pytest.approx(embed(levelled(bands)), abs=1e-4)


@pytest.mark.parametrize("count", [0, 1, 159, 160, 161, 400, 16_000])
def test_spectrum_has_a_frame_every_ten_milliseconds(count):
    bands = spectrum(np.ones(count, np.float32))

    assert bands.shape == (1 + count // HOP, BANDS)
    assert np.isfinite(bands).all()


@pytest.mark.parametrize(("hertz", "band"), [(200, 3), (1000, 14), (4000, 30)])
def test_tone_is_in_its_band(hertz, band):
    tone = np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE).astype(np.float32)

    assert abs(int(spectrum(tone)[50].argmax()) - band) <= 1


def test_long_sound_is_worked_on_in_blocks():
    noise = np.random.default_rng(3).normal(size=3 * RATE).astype(np.float32)
    speaker_encoder_block, speaker_encoder.BLOCK = speaker_encoder.BLOCK, 100
    try:
        in_blocks = spectrum(noise)
    finally:
        speaker_encoder.BLOCK = speaker_encoder_block

    assert in_blocks == pytest.approx(spectrum(noise))


def test_window_does_not_depend_on_its_neighbours(monkeypatch):
    windows = levelled(np.stack([spectrum(clip(name))[:100] for name in NAMES]))
    together = embed(windows)
    monkeypatch.setattr(speaker_encoder, "BATCH", 1)

    assert embed(windows) == pytest.approx(together, abs=1e-4)


def test_vectors_are_of_unit_length_whatever_the_sound():
    silence, noise = np.zeros((1, 80, BANDS), np.float32), np.full((1, 80, BANDS), 9, np.float32)
    for windows in (silence, noise):
        assert np.linalg.norm(embed(levelled(windows))) <= 1.0001
    assert embed(silence[:0]).shape == (0, SIZE)


def test_weights_are_read_by_the_first_window():
    """An emulator that nobody asks for speakers doesn't hold them in memory."""
    run = [sys.executable, "-c", PROGRAM]
    said = subprocess.run(run, cwd=lessons.COURSE, capture_output=True, text=True, check=True)
    assert said.stdout == "0\n"
