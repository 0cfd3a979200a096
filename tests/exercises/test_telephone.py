"""The telephone of the exercises: one clock, counts of what was played, cues of the caller."""

import importlib.util
import json
import wave
from base64 import b64decode
from pathlib import Path

import pytest

PATH = Path(__file__).resolve().parents[2] / "exercises" / "03_realtime" / "telephone.py"
FRAME, SAMPLES = 960, 480


@pytest.fixture
def module(monkeypatch):
    spec = importlib.util.spec_from_file_location("telephone", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module.time, "sleep", lambda seconds: None)
    return module


@pytest.fixture
def ring(module, monkeypatch, tmp_path):
    """A telephone whose caller says two words of 40 ms; the second after 60 ms were played."""
    for name, value in (("one.wav", 1), ("two.wav", 2)):
        with wave.open(str(tmp_path / name), "wb") as file:
            file.setparams((1, 2, 24_000, 0, "NONE", ""))
            file.writeframes(value.to_bytes(2, "little") * 2 * SAMPLES)
    recordings = {str(tmp_path / "one.wav"): 0, str(tmp_path / "two.wav"): 60}
    call = {"recordings": recordings, "quiet_ms": 40, "patience_ms": 200}
    monkeypatch.setenv("EXERCISE_CALL", json.dumps(call))
    monkeypatch.setenv("EXERCISE_LEDGER", str(tmp_path / "ledger"))
    return module.Telephone({})


def said(frames):
    return [frame[0] for frame in frames]


def test_nothing_is_played_between_two_frames(ring):
    ring.play(bytes(3 * FRAME))
    frames = ring.frames()
    counts = [(next(frames), ring.played, ring.waiting)[1:] for _ in range(4)]

    assert counts == [
        (SAMPLES, 2 * SAMPLES),
        (2 * SAMPLES, SAMPLES),
        (3 * SAMPLES, 0),
        (3 * SAMPLES, 0),
    ]


def test_second_recording_waits_until_enough_was_played(ring):
    frames = ring.frames()
    before = said(next(frames) for _ in range(5))
    ring.play(bytes(5 * FRAME))
    rest = said(frames)

    assert before == [1, 1, 0, 0, 0]
    assert rest[:5] == [0, 0, 0, 2, 2]


def test_caller_loses_patience_if_nothing_is_played(ring):
    assert said(ring.frames()) == [1, 1, *[0] * 10, 2, 2, *[0] * 10]


def test_what_waits_is_forgotten_but_not_what_was_played(ring, tmp_path):
    ring.play(b"\1\2" * SAMPLES * 2)
    frames = ring.frames()
    next(frames)
    ring.stop()
    next(frames)

    assert (ring.played, ring.waiting) == (SAMPLES, 0)
    notes = [json.loads(line) for line in (tmp_path / "ledger").read_text().splitlines()]
    assert [(note["frame"], "played" in note) for note in notes] == [(1, True), (1, False)]
    assert b64decode(notes[0]["played"]) == b"\1\2" * SAMPLES


def test_text_is_not_played(ring):
    with pytest.raises(TypeError, match="decode the base64"):
        ring.play("AAAA")


def test_caller_waits_for_a_server_that_is_slow(ring, monkeypatch, tmp_path):
    heard, waits = tmp_path / "heard", []
    ring._heard = heard

    def take(seconds):
        waits.append(seconds)
        with heard.open("ab") as file:
            file.write(b"\0")

    monkeypatch.setattr(ring, "_pause_s", lambda: 0.0)
    monkeypatch.setattr("time.sleep", lambda seconds: seconds and take(seconds))
    frames = said(ring.frames())

    assert len(frames) == 24
    assert len(waits) == len(frames) - 11


def test_caller_goes_on_without_a_server_that_takes_nothing(ring, monkeypatch, tmp_path):
    ring._heard = tmp_path / "heard"

    assert len(said(ring.frames())) == 24


async def test_microphone_is_the_same_for_asyncio(ring, monkeypatch):
    monkeypatch.setattr(ring, "_pause_s", lambda: 0.0)

    assert [frame[0] async for frame in ring.microphone()] == [
        *(1, 1, *[0] * 10),
        *(2, 2, *[0] * 10),
    ]


def test_own_recordings_are_those_of_the_course(module, monkeypatch):
    monkeypatch.delenv("EXERCISE_CALL", raising=False)
    monkeypatch.delenv("EXERCISE_LEDGER", raising=False)
    ring = module.Telephone({"ask-dogs.wav": 0})

    frames = ring.frames()
    assert any(max(next(frames)) > 0 for _ in range(20))
