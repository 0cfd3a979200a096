"""The input audio buffer: sound goes in, the edges of turns come out.

Time is counted in sound, not by a clock. Sound is judged in frames of 32 ms (512 samples at 16 kHz,
as Silero takes them), so all reported times are multiples of 32 less the padding, as with OpenAI.
A frame is speech from the threshold up; within speech, only 0.15 below it does silence begin.

    state      a frame of speech          a frame of silence
    IDLE       SPEAKING, yields STARTED   IDLE
    SPEAKING   SPEAKING                   the third in a row: PAUSED, yields PAUSED
    PAUSED     SPEAKING, yields RESUMED   PAUSED

In SPEAKING and PAUSED, silence of `silence_ms` yields STOPPED. Whoever takes that signal calls
`commit`, which leads back to IDLE; so do `clear` and `set_turns`. Without turn detection the state
stays IDLE: the client decides where a turn ends.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from emulator.errors import ApiError
from emulator.voice.activity import SpeechDetector
from emulator.voice.sound import Resampler

FRAME_MS, FRAME_BYTES = 32, 1024
SAMPLES_A_MS = 24
SAMPLES_A_FRAME = FRAME_MS * SAMPLES_A_MS
HYSTERESIS = 0.15
PAUSE_FRAMES = 3
BEFORE_WORDS, BEHIND_WORDS = 2, 3
MOST_QUIET_MS = 30_000
MOST_BYTES = 60 * 2**20


@dataclass(frozen=True)
class TurnSettings:
    """How turns are detected: a probability, and times in ms."""

    threshold: float = 0.5
    prefix_ms: int = 300
    silence_ms: int = 200


class TurnState(Enum):
    IDLE, SPEAKING, PAUSED = auto(), auto(), auto()


class TurnEdge(Enum):
    """What `append` yields; PAUSED means that recognition may begin, but the turn may go on."""

    STARTED, PAUSED, RESUMED, STOPPED = auto(), auto(), auto(), auto()


Signal = tuple[TurnEdge, int]
"""An edge, and where it is: ms after the first sound of the session."""


@dataclass(frozen=True)
class Clip:
    """Committed sound: all of it at 24 kHz, and what of it is speech at 16 kHz; both s16le."""

    pcm: bytes
    speech: bytes


class InputBuffer:
    """What a client has sent and not yet committed; `turns` is None for push to talk."""

    def __init__(self, detector: SpeechDetector, turns: TurnSettings | None) -> None:
        self._detector, self._resampler = detector, Resampler(24_000, 16_000)
        # Sound at 24 kHz for the item, and its frames at 16 kHz for detector and recognizer. Both
        # lose what is no longer needed at the front: `_from` counts samples and frames lost so far.
        self._pcm, self._pcm_from = bytearray(), 0
        self._frames, self._frames_from = bytearray(), 0
        self._judged = 0
        # What `_forget_turn` resets: the first and the last frame of speech, and silence since;
        # the spans of frames, first to last, in which there was no pause.
        self._first: int | None = None
        self._spans: list[tuple[int, int]] = []
        self._last, self._silent, self._state = 0, 0, TurnState.IDLE
        self.set_turns(turns)

    @property
    def written_ms(self) -> int:
        """All sound of the session so far."""
        return (self._pcm_from + len(self._pcm) // 2) // SAMPLES_A_MS

    @property
    def buffered_ms(self) -> float:
        return len(self._pcm) / 2 / SAMPLES_A_MS

    @property
    def judged(self) -> int:
        """How many frames of the session were judged so far."""
        return self._judged

    @property
    def quiet_ms(self) -> int:
        """The silence since the last frame of speech."""
        return (self._judged - self._last - 1) * FRAME_MS

    @property
    def is_paused(self) -> bool:
        return self._state is TurnState.PAUSED

    def has_speech(self, since: int) -> bool:
        """Whether somebody spoke in what is not committed, from the frame `since` on."""
        return self._first is not None and self._last >= since

    def set_turns(self, turns: TurnSettings | None) -> None:
        """Change the turn detection; a turn that has begun is forgotten."""
        self.turns = turns
        self.silence_ms = turns.silence_ms if turns else 0
        self._forget_turn()

    def append(self, pcm: bytes) -> Iterator[Signal]:
        """Take sound (s16le, 24 kHz); `commit` may be called between two signals.

        Raises ApiError where there is more than the emulator keeps.
        """
        if len(self._pcm) + len(pcm) > MOST_BYTES:
            message = f"The input audio buffer holds more than {MOST_BYTES} bytes: commit or clear."
            raise ApiError(400, message, code="input_audio_buffer_full_in_emulator")
        self._pcm += pcm
        self._frames += self._resampler.feed(pcm)
        # A commit between two signals moves the front of `_frames`, so `start` is computed anew.
        while len(self._frames) >= (self._judged - self._frames_from + 1) * FRAME_BYTES:
            start = (self._judged - self._frames_from) * FRAME_BYTES
            chance = self._detector.probability(bytes(self._frames[start : start + FRAME_BYTES]))
            yield from self._judge(self._judged, chance)
        self._drop_silence()

    def speech(self, since: int = 0) -> bytes:
        """The words from the frame `since` on (s16le, 16 kHz), without the silence around them."""
        if self._first is None:
            return b""
        # Silence in front would make the recognizer invent words, also behind a part that is read.
        first = next((start for start, last in self._spans if last >= since), since)
        start = max(0, max(since, first - BEFORE_WORDS) - self._frames_from)
        end = self._last + 1 + BEHIND_WORDS - self._frames_from
        return bytes(self._frames[start * FRAME_BYTES : end * FRAME_BYTES])

    # What a commit takes. Push to talk takes all that is there. A detected turn ends with the last
    # frame that was judged: sound behind it belongs to the next turn, though it came in the same
    # append. And it starts `prefix_ms` before its first frame of speech, so that the first
    # consonant is not cut off; the silence before that is dropped. That start may lie before the
    # end of the turn before, which has left the buffer already: hence the max with 0.
    def commit(self, *, is_turn: bool = False) -> Clip:
        """Take sound out of the buffer: all of it, or what of it was judged to be the turn."""
        start, end = 0, len(self._pcm)
        if is_turn:
            end = 2 * (self._judged * SAMPLES_A_FRAME - self._pcm_from)
        if is_turn and self._first is not None and self.turns:
            at = self._first * SAMPLES_A_FRAME - self.turns.prefix_ms * SAMPLES_A_MS
            start = 2 * max(0, at - self._pcm_from)
        clip = Clip(bytes(self._pcm[start:end]), self.speech())
        self._drop(end)
        self._forget_turn()
        return clip

    def clear(self) -> None:
        """Forget all sound; what is not judged yet is judged as silence."""
        self._drop(len(self._pcm))
        judged = (self._judged - self._frames_from) * FRAME_BYTES
        self._frames[judged:] = bytes(len(self._frames) - judged)
        self._forget_turn()

    def _judge(self, place: int, chance: float) -> Iterator[Signal]:
        """One frame, by how likely it holds speech; see the table of states above."""
        self._judged = place + 1
        threshold = self.turns.threshold if self.turns else TurnSettings.threshold
        is_speech = chance >= threshold - (0 if self._first is None else HYSTERESIS)
        if is_speech:
            self._first = place if self._first is None else self._first
            self._last = place
            self._note_speech(place)
        # Push to talk notes the speech, too, for recognition, but has no turns.
        if self.turns and is_speech:
            yield from self._on_speech(self.turns)
        elif self._state is not TurnState.IDLE:
            yield from self._on_silence()

    def _note_speech(self, place: int) -> None:
        """A frame of speech belongs to the span before it, unless there was a pause."""
        if self._spans and place - self._spans[-1][1] <= PAUSE_FRAMES:
            self._spans[-1] = (self._spans[-1][0], place)
        else:
            self._spans.append((place, place))

    def _on_speech(self, turns: TurnSettings) -> Iterator[Signal]:
        before, self._state, self._silent = self._state, TurnState.SPEAKING, 0
        if before is TurnState.IDLE:
            yield TurnEdge.STARTED, max(0, self._last * FRAME_MS - turns.prefix_ms)
        elif before is TurnState.PAUSED:
            yield TurnEdge.RESUMED, self._last * FRAME_MS

    def _on_silence(self) -> Iterator[Signal]:
        self._silent += 1
        if self._silent == PAUSE_FRAMES:
            self._state = TurnState.PAUSED
            yield TurnEdge.PAUSED, self._judged * FRAME_MS
        if self._silent * FRAME_MS >= self.silence_ms:
            yield TurnEdge.STOPPED, self._judged * FRAME_MS

    def _forget_turn(self) -> None:
        self._state, self._first = TurnState.IDLE, None
        self._spans.clear()

    def _drop_silence(self) -> None:
        """With turn detection, silence between turns is not kept for ever."""
        if self.turns and self._state is TurnState.IDLE and self.buffered_ms > 2 * MOST_QUIET_MS:
            self._drop(len(self._pcm) - 2 * MOST_QUIET_MS * SAMPLES_A_MS)

    def _drop(self, length: int) -> None:
        """Forget the first `length` bytes, and the frames that lie before what stays."""
        del self._pcm[:length]
        self._pcm_from += length // 2
        kept = min(self._judged, self._pcm_from // SAMPLES_A_FRAME)
        del self._frames[: max(0, kept - self._frames_from) * FRAME_BYTES]
        self._frames_from = max(kept, self._frames_from)
