"""The recorded meeting: its sound, its words, and that they lie where the times say."""

import json
import wave
from functools import cache
from itertools import pairwise

from tests.support import lessons

import numpy as np

MEETING = lessons.COURSE / "data" / "meeting.wav"
HZ = 16_000
PAUSE = -45.0
"""dB of full scale below which a pause between two turns lies."""


@cache
def meeting():
    """Samples from -1 to 1."""
    with wave.open(str(MEETING)) as file:
        assert file.getparams()[:3] == (1, 2, HZ)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768


@cache
def turns():
    return json.loads(MEETING.with_suffix(".json").read_text(encoding="utf-8"))


def level(start, end):
    """dB of full scale of the sound between two moments in seconds."""
    part = meeting()[round(start * HZ) : round(end * HZ)]
    return 10 * np.log10(np.square(part).mean() + 1e-12)


def test_meeting_lasts_two_minutes():
    assert 110 <= len(meeting()) / HZ <= 140
    assert MEETING.stat().st_size < 4_500_000


def test_three_people_speak_in_turn():
    speakers = [turn["speaker"] for turn in turns()]

    assert len(set(speakers)) == 3
    assert all(before != after for before, after in pairwise(speakers))
    assert min(map(speakers.count, set(speakers))) >= 6


def test_times_are_in_order():
    moments = [at for turn in turns() for at in (turn["start"], turn["end"])]

    assert moments == sorted(moments)
    assert moments[-1] <= len(meeting()) / HZ


def test_speech_is_in_the_turns_and_pauses_between_them():
    for turn in turns():
        assert -24 < level(turn["start"], turn["end"]) < -17, turn["text"]
    for before, after in pairwise(turns()):
        assert after["start"] - before["end"] >= 0.2
        assert level(before["end"] + 0.02, after["start"] - 0.02) < PAUSE


def test_nobody_is_much_louder_than_the_others():
    levels = [level(turn["start"], turn["end"]) for turn in turns()]

    assert max(levels) - min(levels) < 4


def test_facts_can_be_searched():
    words = " ".join(turn["text"] for turn in turns())

    for fact in ("fourteenth of March", "ten euros", "six hundred euros", "second of February"):
        assert fact in words
