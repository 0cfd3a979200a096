"""Speech recognition: the words of a clip, by Moonshine's tiny English model.

    pip install moonshine-voice==0.1.0

That is the last version that contains its model; later ones download it. The engine is C code with
global state, so a process has one, which takes one clip at a time.
"""

import contextlib
import hashlib
import importlib
import os
import platform
import sys
import threading
from bisect import insort
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from itertools import count
from typing import Any

from emulator.voice.sound import Samples, samples

import numpy as np

RATE = 16_000
"""The sample rate that it takes, in Hz: 16-bit mono PCM."""
SHORTEST_MS, LONGEST_MS = 100, 20_000
"""A clip shorter than that holds no word; a longer one is cut, as the work grows by its square."""
SILENCE = 33
"""A clip that nowhere gets as loud as this, -60 dB of full scale, holds no word either."""
VERSION = "0.1.0"
OPTIONS = {"vad_threshold": "0", "return_audio_data": "false"}
"""Without its own detector of speech, which remembers other clips: ours has done that."""

Recognize = Callable[[list[float]], str]
"""Says what is said in samples (-1 to 1) of 16 kHz; raises OSError where it fails."""


class RecognitionError(Exception):
    """No words can be recognized; the message is one sentence for a learner."""


def moonshine() -> Recognize:
    """The engine, loaded; raises ImportError or OSError."""
    # With a thread for each core it is no faster, and takes more than twice the work.
    os.environ.setdefault("MOONSHINE_ORT_SINGLE_THREAD", "1")
    package: Any = importlib.import_module("moonshine_voice")
    model = str(package.get_model_path("tiny-en"))
    try:
        engine = package.Transcriber(model, package.ModelArch.TINY, options=OPTIONS)
    except package.MoonshineError as error:
        raise OSError(str(error)) from error

    def recognize(numbers: list[float]) -> str:
        try:
            lines = engine.transcribe_without_streaming(numbers, RATE).lines
        except package.MoonshineError as error:
            raise OSError(str(error)) from error
        return " ".join(line.text for line in lines)

    return recognize


# A recording is many clips, and a thread that is done with one comes back at once with the next. A
# plain lock gives it to that thread again and again, because the others have to wake up first. So
# a call would wait for seconds. Here those who wait stand in a queue: the calls in front, since
# somebody waits for their answer, then the recordings, and each group in the order of its coming.
# So a call waits for the clip that is under way, and for other calls.
class EngineTurns:
    """Gives the engine to one thread at a time."""

    def __init__(self) -> None:
        self._has_changed = threading.Condition()
        self._waiting: list[tuple[bool, int]] = []
        self._numbers = count()
        self._is_taken = False

    @contextlib.contextmanager
    def turn(self, is_urgent: bool) -> Iterator[None]:
        """Wait until it's your turn; the block is the turn."""
        with self._has_changed:
            ticket = (not is_urgent, next(self._numbers))
            insort(self._waiting, ticket)
            try:
                self._has_changed.wait_for(lambda: not self._is_taken and self._is_next(ticket))
                self._is_taken = True
            finally:
                self._waiting.remove(ticket)
        try:
            yield
        finally:
            with self._has_changed:
                self._is_taken = False
                self._has_changed.notify_all()

    def _is_next(self, ticket: tuple[bool, int]) -> bool:
        return self._waiting[0] == ticket

    @property
    def waiting(self) -> int:
        """How many threads wait."""
        return len(self._waiting)


_TURNS = EngineTurns()


class SpeechRecognizer:
    """Recognizes English words; may be called from any thread.

    `unavailable_reason` says why no words can be recognized here, or is None. It may change when
    the engine is loaded, because only then it is known whether the engine works.
    """

    def __init__(
        self,
        installed: str | None = None,
        load: Callable[[], Recognize] = moonshine,
        most_known: int = 0,
        is_urgent: bool = False,
        turns: EngineTurns = _TURNS,
    ) -> None:
        """`installed` is the version of moonshine-voice: the one that is there, unless given.

        `most_known` is of how many clips the words are remembered, by a digest of their sound.
        The clips of an urgent recognizer go before those of all others.
        """
        found = _installed() if installed is None else installed
        self.unavailable_reason = unavailable_reason(found, missing_wheel(*_machine()))
        self._load = load
        self._known: dict[bytes, str] = {}
        self._most_known = most_known
        self._is_urgent, self._turns = is_urgent, turns

    def transcribe(self, pcm: bytes) -> str:
        """What is said in a clip of 16 kHz 16-bit mono PCM; "" where there is next to nothing.

        It takes 0.1 to 0.4 s for a sentence. Silence before the first word makes the engine invent
        some, so cut it off. Raises RecognitionError, and ValueError for odd bytes.
        """
        clip = samples(pcm)
        if self.unavailable_reason:
            raise RecognitionError(self.unavailable_reason)
        return " ".join(word for part in _parts(clip) for word in self._recognized(part).split())

    def warm(self) -> None:
        """Load the engine before the first clip, about 0.5 s; this may set `unavailable_reason`."""
        if self.unavailable_reason is None:
            with contextlib.suppress(RecognitionError), self._turns.turn(self._is_urgent):
                self._engine()

    def _recognized(self, part: Samples) -> str:
        if len(part) < SHORTEST_MS * RATE // 1000 or np.abs(part.astype(int)).max() < SILENCE:
            return ""
        # A call remembers nothing, so it needs no digest.
        sound = hashlib.sha256(part.tobytes()).digest() if self._most_known else b""
        if (known := self._known.get(sound)) is not None:
            return known
        with self._turns.turn(self._is_urgent):
            try:
                return self._remembered(sound, self._engine()((part / 32768).tolist()))
            except OSError as error:
                message = f"The speech recognition failed on a clip: {error}."
                raise RecognitionError(message) from error

    def _remembered(self, sound: bytes, words: str) -> str:
        if self._most_known:
            while len(self._known) >= self._most_known:
                del self._known[next(iter(self._known))]
            self._known[sound] = words
        return words

    def _engine(self) -> Recognize:
        """Loaded by whoever needs it first."""
        try:
            return _loaded(self._load)
        except (ImportError, OSError) as error:
            self.unavailable_reason = f"The speech recognition does not start here: {error}."
            raise RecognitionError(self.unavailable_reason) from error


@cache
def for_calls() -> SpeechRecognizer:
    """The recognizer of all calls; it goes before that of recordings."""
    return SpeechRecognizer(is_urgent=True)


@cache
def for_recordings() -> SpeechRecognizer:
    """The recognizer of all recordings.

    It remembers words, because the same recording is often sent again: for another format, or in
    the next turn of a chat.
    """
    return SpeechRecognizer(most_known=1_000)


@cache
def _loaded(load: Callable[[], Recognize]) -> Recognize:
    """The engine of this process, however many recognizers there are."""
    return load()


def _parts(clip: Samples) -> Iterator[Samples]:
    """A long clip in parts. Each is cut where its last quarter is quietest."""
    longest, step = LONGEST_MS * RATE // 1000, RATE // 10
    while len(clip) > longest:
        start = longest * 3 // 4
        loud = np.abs(clip[start : start + longest // 4 // step * step].astype(int))
        cut = start + int(loud.reshape(-1, step).sum(axis=1).argmin()) * step + step // 2
        yield clip[:cut]
        clip = clip[cut:]
    yield clip


def unavailable_reason(installed: str, no_wheel: str) -> str | None:
    """Why words can't be recognized: no package, one without a model, no wheel for this machine.

    `installed` is the package's version, or ""; `no_wheel` says for what there is no wheel, or "".
    """
    if installed == VERSION:
        return None
    if no_wheel:
        return f"Speech recognition (moonshine-voice) is not available for {no_wheel}."
    reason = f"as {installed} has no model in it" if installed else "which is not installed"
    return f"Speech recognition needs moonshine-voice {VERSION}, {reason}."


def missing_wheel(system: str, machine: str, release: str) -> str:
    """For what moonshine-voice has no wheel, or "" for a machine that it runs on.

    `system` is sys.platform; `release` that of macOS ("15.1") or of glibc ("2.36", "" for others).
    """
    # As the names of its wheels say: manylinux_2_34_x86_64, manylinux_2_31_aarch64,
    # macosx_15_0_arm64.
    known = tuple(int(part) for part in release.split(".")[:2] if part.isdecimal())
    if system == "win32":
        return "" if machine.upper() == "AMD64" else "Windows on ARM"
    if system == "darwin" and machine != "arm64":
        return "Macs with an Intel processor"
    if system == "darwin":
        return "" if known >= (15,) else f"macOS {release}: it needs 15"
    if not known:
        return "Linux without glibc"
    least = (2, 31) if machine == "aarch64" else (2, 34)
    return "" if known >= least else f"glibc {release}: it needs {least[0]}.{least[1]}"


def _machine() -> tuple[str, str, str]:
    name, glibc = platform.libc_ver() if sys.platform == "linux" else ("", "")
    release = platform.mac_ver()[0] if sys.platform == "darwin" else glibc * (name == "glibc")
    return sys.platform, platform.machine(), release


def _installed() -> str:
    try:
        return version("moonshine-voice")
    except PackageNotFoundError:
        return ""
