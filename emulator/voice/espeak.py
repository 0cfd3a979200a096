"""Text-to-speech by rules: eSpeak NG, as a library in the package `espeakng_loader`.

    pip install espeakng-loader

It sounds robotic but clear, runs on every system, and is 100 times faster than real time. It is C
code with global state, so a process has one, and `synthesizer.py` gives it one sentence at a time.
The calls are those of eSpeak NG's `speak_lib.h`.
"""

import atexit
import ctypes
import importlib
import locale
import os
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from emulator.voice.mastering import mastered, stretched
from emulator.voice.sound import RATE, resampled
from emulator.voice.voices import Voice

SYNCHRONOUS, DONT_EXIT, UTF8, FROM_CHARACTER = 2, 0x8000, 1, 1
WORDS_A_MINUTE, PITCH = 1, 3
"""Numbers of parameters."""
BUFFER_MS = 200
SLOWEST, FASTEST = 80, 450
"""The range of its speed, in words a minute."""
LONGEST_PATH = 130
"""Bytes; it keeps the path of its data in a field of 160, names of files included."""

Heard = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class Espeak:
    """eSpeak NG, started."""

    name = "espeak-ng"

    def __init__(self) -> None:
        """Raises ImportError without the package, OSError where it does not start."""
        self._library, self._rate = _started()
        self._pieces: list[bytes] = []
        self._heard = Heard(self._keep)  # lives as long as the library may call it

    def say(self, text: str, voice: Voice, speed: float) -> bytes:
        """A sentence as 16-bit mono PCM of 24 kHz; raises OSError where it refuses."""
        wanted = voice.words_a_minute * speed
        pace = round(min(max(wanted, SLOWEST), FASTEST))
        self._pieces.clear()
        self._library.espeak_SetSynthCallback(self._heard)
        self._must("SetVoiceByName", voice.espeak.encode())
        self._must("SetParameter", PITCH, voice.pitch, 0)
        self._must("SetParameter", WORDS_A_MINUTE, pace, 0)
        letters = text.replace("\0", " ").encode("utf-8", "ignore")
        self._must("Synth", letters, len(letters) + 1, 0, FROM_CHARACTER, 0, UTF8, None, None)
        # What the engine can't do is done to its sound afterwards.
        said = mastered(b"".join(self._pieces), self._rate)
        paced = stretched(said, self._rate, pace / wanted) if pace != round(wanted) else said
        return resampled(paced, self._rate, RATE)

    def _must(self, name: str, *arguments: object) -> None:
        if code := getattr(self._library, f"espeak_{name}")(*arguments):
            raise OSError(f"espeak_{name} gave {code}")

    def _keep(self, wave: Any, count: int, events: object) -> int:
        """Called from C with each piece, and without one at the end; nothing here can raise."""
        if wave and count > 0:
            self._pieces.append(ctypes.string_at(wave, 2 * count))
        return 0


@cache
def _started() -> tuple[ctypes.CDLL, int]:
    """The library, and its sample rate in Hz."""
    # Argument types are only needed where ctypes would guess wrong: sizes, and pointers of 64 bits.
    package: Any = importlib.import_module("espeakng_loader")
    library = ctypes.CDLL(package.get_library_path())
    library.espeak_Synth.argtypes = [
        *(ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint),
        *(ctypes.c_uint, ctypes.POINTER(ctypes.c_uint), ctypes.c_void_p),
    ]
    place = _encoded(_short(Path(package.get_data_path())))
    rate = library.espeak_Initialize(SYNCHRONOUS, BUFFER_MS, place, DONT_EXIT)
    if rate <= 0:
        raise OSError("espeak_Initialize found no voices")
    return library, rate


def _short(data: Path) -> Path:
    """The folder itself or, where its path is too long, a copy of what English needs of it."""
    if len(_encoded(data)) <= LONGEST_PATH:
        return data
    copy = Path(tempfile.mkdtemp(prefix="espeak-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    shutil.copytree(data, copy, ignore=_not_english, dirs_exist_ok=True)
    return copy


def _not_english(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name.endswith("_dict") and name != "en_dict"}


def _encoded(path: Path) -> bytes:
    """As C opens files: on Windows in the code page of the system."""
    if sys.platform == "win32":
        return str(path).encode(locale.getencoding(), "replace")
    return os.fsencode(path)
