"""The input audio buffer: sound in, turns out.

Time is counted in sound, not by a clock. Sound is judged in frames of 32 ms (512 samples at 16 kHz,
as Silero takes them), so that the times told are multiples of 32, as with OpenAI: a turn starts at
its first frame of speech less the prefix padding, and stops once so many frames of silence follow
as the silence duration takes. A frame is speech from the threshold up, silence 0.15 below it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from emulator.errors import ApiError

FRAME_MS, FRAME_BYTES = 32, 1024
SAMPLES_A_MS = 24
SAMPLES_A_FRAME = FRAME_MS * SAMPLES_A_MS
HYSTERESIS = 0.15
PAUSE_FRAMES = 3
BEFORE_WORDS, BEHIND_WORDS = 2, 3
MOST_QUIET_MS = 30_000
MOST_BYTES = 60 * 2**20


class SpeechDetector(Protocol):
    """Tells how probably a frame is speech, 0..1."""

    def probability(self, frame: bytes) -> float: ...

    def reset(self) -> None: ...


class Downsampler(Protocol):
    """Turns s16le at 24 kHz into s16le at 16 kHz, piece by piece."""

    def feed(self, pcm: bytes) -> bytes: ...


@dataclass(frozen=True)
class Turns:
    """How turns are told apart: a probability, and times in ms."""

    threshold: float = 0.5
    prefix_ms: int = 300
    silence_ms: int = 200


@dataclass(frozen=True)
class Started:
    """Speech began; its turn starts `at_ms` after the first sound of the session."""

    at_ms: int


@dataclass(frozen=True)
class Paused:
    """A short silence: recognition may begin, but the turn may go on."""


@dataclass(frozen=True)
class Resumed:
    """Speech went on after a pause."""


@dataclass(frozen=True)
class Stopped:
    """The turn ended `at_ms` after the first sound of the session, its silence included."""

    at_ms: int


Signal = Started | Paused | Resumed | Stopped


@dataclass(frozen=True)
class Clip:
    """Committed sound: all of it at 24 kHz, and what of it is speech at 16 kHz; both s16le."""

    pcm: bytes
    speech: bytes


class InputBuffer:
    """What a caller has sent and not yet committed; `turns` is None for push to talk."""

    def __init__(
        self, detector: SpeechDetector, resampler: Downsampler, turns: Turns | None
    ) -> None:
        self.turns = turns
        self.silence_ms = turns.silence_ms if turns else 0
        self.is_speaking = False
        self._detector, self._resampler = detector, resampler
        self._pcm, self._pcm_from = bytearray(), 0
        self._frames, self._frames_from = bytearray(), 0
        self._judged = 0
        self._silent = 0
        self._first: int | None = None
        self._last = 0

    @property
    def written_ms(self) -> int:
        """All sound of the session so far."""
        return (self._pcm_from + len(self._pcm) // 2) // SAMPLES_A_MS

    @property
    def buffered_ms(self) -> float:
        return len(self._pcm) / 2 / SAMPLES_A_MS

    def set_turns(self, turns: Turns | None) -> None:
        """Other turn detection; a turn that has begun is forgotten."""
        self.turns = turns
        self.silence_ms = turns.silence_ms if turns else 0
        self._forget_turn()

    def append(self, pcm: bytes) -> Iterator[Signal]:
        """Take sound (s16le, 24 kHz); commit may be called between two signals.

        Raises ApiError where there is more than the emulator keeps.
        """
        if len(self._pcm) + len(pcm) > MOST_BYTES:
            message = f"The input audio buffer holds more than {MOST_BYTES} bytes: commit or clear."
            raise ApiError(400, message, code="input_audio_buffer_full_in_emulator")
        self._pcm += pcm
        self._frames += self._resampler.feed(pcm)
        while (self._judged - self._frames_from + 1) * FRAME_BYTES <= len(self._frames):
            start = (self._judged - self._frames_from) * FRAME_BYTES
            chance = self._detector.probability(bytes(self._frames[start : start + FRAME_BYTES]))
            self._judged += 1
            yield from self._judge(chance)
        self._drop_silence()

    def speech(self) -> bytes:
        """The words so far (s16le, 16 kHz), without the silence around them."""
        if self._first is None:
            return b""
        start = max(0, self._first - BEFORE_WORDS - self._frames_from)
        end = self._last + 1 + BEHIND_WORDS - self._frames_from
        return bytes(self._frames[start * FRAME_BYTES : end * FRAME_BYTES])

    def commit(self, *, is_turn: bool = False) -> Clip:
        """Take what is there out of the buffer; of a turn, what was judged so far."""
        length = len(self._pcm)
        if is_turn:
            length = 2 * (self._judged * SAMPLES_A_FRAME - self._pcm_from)
        turn_from = 0
        if is_turn and self._first is not None and self.turns:
            at = self._first * SAMPLES_A_FRAME - self.turns.prefix_ms * SAMPLES_A_MS
            turn_from = 2 * max(0, at - self._pcm_from)
        clip = Clip(bytes(self._pcm[turn_from:length]), self.speech())
        self._drop(length)
        self._forget_turn()
        return clip

    def clear(self) -> None:
        """Forget all sound; what is not judged yet is judged as silence."""
        self._drop(len(self._pcm))
        judged = (self._judged - self._frames_from) * FRAME_BYTES
        self._frames[judged:] = bytes(len(self._frames) - judged)
        self._forget_turn()

    def _judge(self, chance: float) -> Iterator[Signal]:
        place = self._judged - 1
        threshold = self.turns.threshold if self.turns else Turns.threshold
        if chance >= threshold or (self._first is not None and chance >= threshold - HYSTERESIS):
            if self._first is None:
                self._first = place
            self._last = place
        if self.turns is None or self._first is None:
            return
        if self._last == place:
            yield from self._on_speech(self.turns)
        elif self.is_speaking:
            yield from self._on_silence()

    def _on_speech(self, turns: Turns) -> Iterator[Signal]:
        was_paused = self._silent >= PAUSE_FRAMES
        self._silent = 0
        if not self.is_speaking:
            self.is_speaking = True
            yield Started(max(0, self._last * FRAME_MS - turns.prefix_ms))
        elif was_paused:
            yield Resumed()

    def _on_silence(self) -> Iterator[Signal]:
        self._silent += 1
        if self._silent == PAUSE_FRAMES:
            yield Paused()
        if self._silent * FRAME_MS >= self.silence_ms:
            yield Stopped(self._judged * FRAME_MS)

    def _forget_turn(self) -> None:
        self.is_speaking = False
        self._silent = 0
        self._first = None

    def _drop_silence(self) -> None:
        """With turn detection, silence between turns is not kept for ever."""
        if self.turns and not self.is_speaking and self.buffered_ms > 2 * MOST_QUIET_MS:
            self._drop(len(self._pcm) - 2 * MOST_QUIET_MS * SAMPLES_A_MS)

    def _drop(self, length: int) -> None:
        """Forget the first `length` bytes, and the frames that lie before what stays."""
        del self._pcm[:length]
        self._pcm_from += length // 2
        kept = min(self._judged, self._pcm_from // SAMPLES_A_FRAME)
        del self._frames[: max(0, kept - self._frames_from) * FRAME_BYTES]
        self._frames_from = max(kept, self._frames_from)
