"""Makes the recorded meeting: `meeting.wav` out of the words in `meeting.json`.

Install what stands at the head of make_callers.py, then:

    python -m tools.make_meeting

The voices come from the same model as the callers'. Each turn is spoken by itself. A quarter to
three quarters of a second lie between two turns, and the faint noise of a room beneath it all. The
script then writes into `meeting.json` when each turn begins and ends.
"""

import json
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emulator.voice.sound import resampled
from tools.make_callers import (
    RATE,
    Kokoro,
    levelled,
    phonemes,
    started_espeak,
    with_short_pauses,
)

import numpy as np

DATA = Path(__file__).resolve().parent.parent / "data"
TEXT, SOUND = DATA / "meeting.json", DATA / "meeting.wav"
SOUND_RATE = 16_000
"""Hz; two minutes take 3.8 MB."""

# The model's voices for women are much alike, so one is played faster and one slower, which
# makes them seem those of a smaller person and of a larger one.
VOICES = {
    "Helen": ({"jf_alpha": 1.0}, 25_500),
    "Martin": ({"jm_kumo": 1.0}, RATE),
    "Grace": ({"jf_alpha": 0.2, "jf_gongitsune": 0.8}, 21_000),
}
"""The mixture of each voice, and at how many samples a second it is played, in place of 24,000."""
PAUSES = (0.25, 0.75)
"""Seconds between two turns: at least, at most."""
LONGEST_PAUSE = 40
"""Frames of 10 ms: within a turn, commas and full stops may take this long."""
ROOM = -66.0
"""Loudness of the room's noise, in dB of full scale."""

Turns = Sequence[dict[str, Any]]


def spoken(turns: Turns) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """The meeting at 24 kHz, and from which sample to which each turn lasts."""
    espeak, kokoro, dice = started_espeak(), Kokoro(threads=1), np.random.default_rng(14)
    pieces, places, length = [], [], 0
    for turn in turns:
        mix, hz = VOICES[turn["speaker"]]
        pause = np.zeros(round(dice.uniform(*PAUSES) * RATE))
        said = kokoro.say(phonemes(espeak, turn["text"]), mix, 1.0)
        sound = played(levelled(with_short_pauses(levelled(said), LONGEST_PAUSE)), hz)
        pieces += [pause, sound]
        places.append((length + pause.size, length + pause.size + sound.size))
        length = places[-1][1]
        print(f"{length / RATE:6.1f} s  {turn['speaker']}: {turn['text']}", flush=True)
    whole = np.concatenate([*pieces, np.zeros(RATE // 2)])
    return whole + dice.normal(0, 10 ** (ROOM / 20), whole.size), places


def timed(turns: Turns, places: Sequence[tuple[int, int]]) -> Turns:
    """The turns with from when to when they last, in seconds."""
    return [
        {
            "speaker": turn["speaker"],
            "start": round(start / RATE, 2),
            "end": round(end / RATE, 2),
            "text": turn["text"],
        }
        for turn, (start, end) in zip(turns, places, strict=True)
    ]


def written(turns: Turns) -> str:
    """JSON with a line for each turn."""
    lines = ",\n".join(f"  {json.dumps(turn, ensure_ascii=False)}" for turn in turns)
    return f"[\n{lines}\n]\n"


def pcm_of(sound: np.ndarray) -> bytes:
    """16-bit samples."""
    return (sound.clip(-1, 1) * 32_767).round().astype("<i2").tobytes()


def played(sound: np.ndarray, hz: int) -> np.ndarray:
    """Sound of 24 kHz as it is when played at another rate."""
    return np.frombuffer(resampled(pcm_of(sound), hz, RATE), "<i2") / 32_768


def save_at(path: Path, sound: np.ndarray, hz: int) -> None:
    """Write mono, 16 bits, at another rate than the model's."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(hz)
        file.writeframes(resampled(pcm_of(sound), RATE, hz))


if __name__ == "__main__":
    turns = json.loads(TEXT.read_text(encoding="utf-8"))
    sound, places = spoken(turns)
    save_at(SOUND, sound, SOUND_RATE)
    TEXT.write_text(written(timed(turns, places)), encoding="utf-8")
    print(f"{SOUND.name}: {sound.size / RATE:.1f} s, {SOUND.stat().st_size:,} bytes")
