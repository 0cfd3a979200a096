"""Text-to-speech: turns a sentence into sound, in each of OpenAI's voices.

Piper speaks where it is installed, or else eSpeak NG. Without either there is silence for as long
as the words would take, so that a conversation keeps its time.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, cached_property
from typing import Protocol

from emulator.voice.espeak import Espeak
from emulator.voice.piper import Piper
from emulator.voice.pronounce import spoken
from emulator.voice.sound import RATE
from emulator.voice.voices import VOICES, Voice


class SpeechEngine(Protocol):
    """An engine that turns words into sound."""

    name: str

    def say(self, text: str, voice: Voice, speed: float) -> bytes:
        """A sentence as 16-bit mono PCM of 24 kHz, with little silence around it."""


class Silence:
    """Silence, for as long as the words would take."""

    name = "silence"

    def say(self, text: str, voice: Voice, speed: float) -> bytes:
        seconds = len(text.split()) * 60 / (voice.words_a_minute * speed)
        return bytes(2 * round(seconds * RATE))


class SpeechSynthesizer:
    """Speaks sentences; may be called from any thread, and does one at a time."""

    def __init__(self, engines: Sequence[Callable[[], SpeechEngine]] = (Piper, Espeak)) -> None:
        """`engines` are tried in this order, when one is first needed."""
        self._makers = engines

    @property
    def name(self) -> str:
        """The engine's: "piper", "espeak-ng" or "silence"."""
        with _one_at_a_time:
            return self._engine.name

    def synthesize(self, text: str, voice: str = "marin", speed: float = 1.0) -> bytes:
        """A sentence as it is read aloud: 16-bit mono PCM of 24 kHz; b"" without a word in it.

        At most 20 ms of silence come before it, 60 behind it and 150 within it. Raises KeyError for
        an unknown voice.
        """
        words = spoken(text)
        if not any(letter.isalnum() for letter in words):
            return b""
        with _one_at_a_time:
            return self._engine.say(words, VOICES[voice], speed)

    @cached_property
    def _engine(self) -> SpeechEngine:
        """The first engine that starts, or else silence."""
        for make in self._makers:
            with suppress(ImportError, OSError, RuntimeError, ValueError):
                return _started(make)
        return Silence()


_one_at_a_time = threading.Lock()
"""The engines are C code with global state."""


@cache
def _started(make: Callable[[], SpeechEngine]) -> SpeechEngine:
    """An engine is started once in a process."""
    return make()
