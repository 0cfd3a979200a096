"""Changes to a synthesized sentence before it is sent: shorter pauses, an even level, its speed.

An engine pauses for about 300 ms at a comma, as people do. A turn of the Realtime API may end after
200 ms, so a sentence that has to stay one turn needs shorter pauses.
"""

from collections.abc import Iterator

from emulator.voice.sound import Samples, samples

import numpy as np
from numpy.typing import NDArray

LEAD_MS, PAUSE_MS, TAIL_MS = 20, 150, 60
"""The longest silence before, within and after the words."""
STEP_MS = 5
QUIET_DB = -42.0
"""dB below the loudness of the words under which a step of 5 ms is silence."""
LEVEL_DB = -20.0
"""Loudness of the words, in dB of full scale (rms)."""
KNEE, CEILING = 0.6, 0.97
"""Shares of full scale: from the knee on peaks are bent, and none goes beyond the ceiling."""

Floats = NDArray[np.float64]


def mastered(pcm: bytes, hz: int) -> bytes:
    """16-bit mono PCM with short pauses at an even level; b"" where there is only silence."""
    sound = samples(pcm) / 32768
    step = hz * STEP_MS // 1000
    loud = _loudness(sound, step)
    if not loud.any():
        return b""
    # A step is of the words if it is near the loudest in level; the level of all those is evened
    # out.
    words = loud > loud.max() * 10 ** (QUIET_DB / 20)
    kept = np.concatenate([sound[start:end] for start, end in _kept(words, step)])
    level = np.sqrt(np.square(loud[words]).mean())
    made = _limited(kept * 10 ** (LEVEL_DB / 20) / level)
    whole: Samples = np.rint(made * 32767).astype("<i2")
    return whole.tobytes()


FRAME_MS, SEARCH_MS = 30, 8
"""Lengths of a piece that is laid over the next, and of how far one is moved to fit."""


def stretched(pcm: bytes, hz: int, factor: float) -> bytes:
    """16-bit mono PCM made `factor` times as long, at the same pitch.

    The sound is cut into frames that overlap by half, and these are laid closer together or
    further apart. Where two frames meet their waves must agree, or the voice would sound hoarse:
    so each frame is taken a little earlier or later, where it is most similar to what would have
    followed the frame before it (waveform similarity overlap-add, Verhelst and Roelands, 1993).
    """
    sound = samples(pcm).astype(float)
    half, reach = hz * FRAME_MS // 2000, hz * SEARCH_MS // 1000
    if factor == 1 or len(sound) < 2 * half:
        return pcm
    window = np.hanning(2 * half + 1)[:-1]
    padded = np.concatenate([np.zeros(reach), sound, np.zeros(3 * half + reach)])
    frames = round(len(sound) * factor) // half + 1
    made = np.zeros((frames + 1) * half)
    follows = padded[reach : reach + 2 * half]
    for place in range(frames):
        # `start` is where this frame begins in `padded`, at the earliest.
        start = min(round(place * half / factor), len(sound) + half)
        around = padded[start : start + 2 * (half + reach)]
        best = int(np.correlate(around, follows, "valid").argmax())
        frame = around[best : best + 2 * half]
        made[place * half : (place + 2) * half] += frame * window
        follows = padded[start + best + half : start + best + 3 * half]
        follows = np.pad(follows, (0, 2 * half - len(follows)))
    clipped: NDArray[np.float64] = np.clip(np.rint(made), -32768, 32767)
    return clipped[: round(len(sound) * factor)].astype("<i2").tobytes()


def _loudness(sound: Floats, step: int) -> Floats:
    """The rms of each whole step."""
    steps = sound[: len(sound) // step * step].reshape(-1, step)
    loudness: Floats = np.sqrt(np.square(steps).mean(axis=1))
    return loudness


def _kept(words: NDArray[np.bool_], step: int) -> Iterator[tuple[int, int]]:
    """What stays of the sound: from sample to sample, silence at the edges and in long pauses left.

    Of a pause its two ends are kept, which still belong to the words beside it.
    """
    # `spoken` are the steps with words; a gap between two neighbours is a pause.
    spoken = np.flatnonzero(words)
    start = max(0, int(spoken[0]) - LEAD_MS // STEP_MS)
    for before, after in zip(spoken, spoken[1:], strict=False):
        if (after - before - 1) * STEP_MS > PAUSE_MS:
            half = PAUSE_MS // STEP_MS // 2
            yield start * step, int(before + 1 + half) * step
            start = int(after) - half
    yield start * step, int(spoken[-1] + 1 + TAIL_MS // STEP_MS) * step


def _limited(sound: Floats) -> Floats:
    """Peaks beyond the knee, bent smoothly so that none reaches full scale."""
    size = np.abs(sound)
    room = CEILING - KNEE
    bent = np.sign(sound) * (KNEE + room * np.tanh((size - KNEE) / room))
    return np.where(size > KNEE, bent, sound)
