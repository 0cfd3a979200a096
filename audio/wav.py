"""Sound in and out of a call: a microphone and a speaker on WAV files, and the call's recording.

    Clock           the time of a call; tests pass their own
    WavMicrophone   an open line that carries silence, and now and then a caller's clip
    WavSpeaker      plays nothing, but counts what would have been heard
    Recording       both sides by time, as stereo sound and as spans for a timeline

All of it is `audio/pcm` as the Realtime API has it: 24 kHz, 16 bits, one channel, little-endian.
"""

import asyncio
import time
import wave
from array import array
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from audio.playback import RATE_HZ, Cut, Ledger, Mark, Span, ticks
from common.settings import CourseError

FRAME = RATE_HZ // 50
"""Samples of a frame: 20 ms, 960 bytes."""

SILENCE = bytes(2 * FRAME)

# A peak of 2 % of the full scale is speech; a pause of up to half a second is part of it.
LOUD, PAUSE_S = 0.02, 0.5


@dataclass(frozen=True)
class CallClock:
    """The time of a call in seconds, `speed` times as fast as the world's (more than 0)."""

    speed: float = 1.0
    # Not time.monotonic, which moves by 15.6 ms at a time on Windows.
    monotonic: Callable[[], float] = time.perf_counter
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep

    def now(self) -> float:
        return self.monotonic() * self.speed

    async def wait_until(self, moment: float) -> None:
        """Sleep until this moment; one that is past lets other tasks run, and comes back."""
        await self.sleep(max(0.0, moment - self.now()) / self.speed)


class Recording:
    """Both sides of a call by time, and what happened when; moments are those of its clock.

    It begins with the first sound that it is given, which may be silence.
    It takes 96,000 bytes of memory a second.
    """

    def __init__(self, clock: CallClock) -> None:
        self._start: int | None = None
        self._tracks = {"caller": bytearray(), "desk": bytearray()}
        self._captions: list[tuple[float, str, str]] = []
        self.marks: list[Mark] = []

    def put(self, who: str, tick: int, pcm: bytes) -> None:
        """Place sound of the caller or the desk at a moment that is counted in samples."""
        track = self._tracks[who]
        self._start = tick if self._start is None else self._start
        place = 2 * max(0, tick - self._start)
        track.extend(bytes(max(0, place - len(track))))
        track[place : place + len(pcm)] = pcm

    def mark(self, moment: float, text: str, unheard_s: float = 0.0) -> None:
        self.marks.append(Mark(self._seconds(moment), text, unheard_s))

    def caption(self, who: str, moment: float | None, text: str) -> None:
        """What was said from a moment on; None, for what never sounded, is left out."""
        if moment is not None:
            self._captions.append((self._seconds(moment), who, text))

    @property
    def duration_s(self) -> float:
        return self._length / 2 / RATE_HZ

    def levels(self, who: str) -> list[float]:
        """The peak of each 20 ms of the call, from 0 to 1."""
        samples = array("h", self._tracks[who].ljust(self._length, b"\0"))
        frames = (samples[at : at + FRAME] for at in range(0, len(samples), FRAME))
        return [max(max(frame), -min(frame)) / 32768 for frame in frames]

    def spans(self) -> list[Span]:
        """Who spoke when, by loudness, in order; a caption goes to the first span that it meets."""
        return sorted(
            (span for who in self._tracks for span in self._spans_of(who)),
            key=lambda span: span.start_s,
        )

    def save(self, path: Path) -> None:
        """The call as a stereo WAV, caller left, desk right; OSError where it cannot be written."""
        both = array("h", bytes(2 * self._length))
        for place, track in enumerate(self._tracks.values()):
            both[place::2] = array("h", track.ljust(self._length, b"\0"))
        write_wav(path, both.tobytes(), channels=2)

    @property
    def _length(self) -> int:
        """Bytes of the longer track."""
        return max(map(len, self._tracks.values()))

    def _spans_of(self, who: str) -> list[Span]:
        captions = sorted((at, text) for at, side, text in self._captions if side == who)
        spans = []
        for start_s, end_s in loud_stretches(self.levels(who)):
            texts = [text for at, text in captions if at < end_s]
            captions = captions[len(texts) :]
            spans.append(Span(who, start_s, end_s, " ".join(texts)))
        return spans

    def _seconds(self, moment: float) -> float:
        return max(0, ticks(moment) - (self._start or ticks(moment))) / RATE_HZ


class WavMicrophone:
    """A caller's open line: silence, until something is said into it; iterate over its frames.

    A frame of 20 ms is there when its 20 ms have passed. The schedule is counted in samples from
    its start, so it does not drift; frames that a busy loop asks for late follow at once.
    """

    def __init__(self, clock: CallClock, recording: Recording | None = None) -> None:
        self._clock, self._recording = clock, recording
        self._start: int | None = None
        self._frames = 0
        self._said = bytearray()
        self._is_closed = False
        self._is_quiet = asyncio.Event()
        self._is_quiet.set()

    def speak(self, clip: bytes | Path) -> None:
        """Say a clip from the next frame on, or after those that are being said.

        CourseError for a file of another format, ValueError for half a sample.
        """
        pcm = read_wav(clip) if isinstance(clip, Path) else clip
        if len(pcm) % 2:
            raise ValueError(f"expected samples of two bytes, not {len(pcm)} bytes")
        if pcm and not self._is_closed:
            self._said += pcm
            self._is_quiet.clear()

    @property
    def is_speaking(self) -> bool:
        """Whether a clip has begun, or waits, of which not all frames are sent."""
        return not self._is_quiet.is_set()

    async def spoken(self) -> None:
        """Wait until all that is to be said is sent, or the line is closed."""
        await self._is_quiet.wait()

    def moment(self, audio_ms: int) -> float:
        """When, on the clock, the line carried this moment of its sound, as in `audio_start_ms`."""
        start = ticks(self._clock.now()) if self._start is None else self._start
        return start / RATE_HZ + audio_ms / 1000

    def close(self) -> None:
        """Hang up: the iteration ends within a frame, and nobody waits for a clip."""
        self._is_closed = True
        self._said.clear()
        self._is_quiet.set()

    def __aiter__(self) -> "WavMicrophone":
        return self

    async def __anext__(self) -> bytes:
        # Who asks for the next frame has sent the last one.
        if not self._said:
            self._is_quiet.set()
        if self._start is None:
            self._start = ticks(self._clock.now())
        begin = self._start + self._frames * FRAME
        await self._clock.wait_until((begin + FRAME) / RATE_HZ)
        if self._is_closed:
            raise StopAsyncIteration
        frame = bytes(self._said[: 2 * FRAME]).ljust(2 * FRAME, b"\0")
        del self._said[: 2 * FRAME]
        self._frames += 1
        if self._recording:
            self._recording.put("caller", begin, frame)
        return frame


class WavSpeaker:
    """A loudspeaker without a device: it takes a sample from the ledger every 1/24,000 second.

    What it took since it was last asked is counted, and recorded, whenever it is asked again.
    """

    def __init__(self, clock: CallClock, recording: Recording | None = None) -> None:
        self.ledger = Ledger()
        self._clock, self._recording = clock, recording
        self._tick = ticks(clock.now())
        self._began: dict[str, int] = {}
        self._fell_silent: int | None = None

    def play(
        self, item_id: str, pcm: bytes, *, content_index: int = 0, response_id: str = ""
    ) -> bool:
        """Queue a delta; False, and no sound, if it comes late, of what was cut."""
        self._advance()
        return self.ledger.receive(
            item_id, pcm, content_index=content_index, response_id=response_id
        )

    def finish(self, item_id: str) -> None:
        """All of an item has come: once it was heard to its end there is nothing to cut."""
        self._advance()
        self.ledger.finish(item_id)

    def stop(self) -> Cut | None:
        """Fall silent at once; what was heard of the item that sounded, or None if none did."""
        self._advance()
        cut = self.ledger.cut()
        if cut and self._recording:
            unheard_s = (cut.received - cut.heard) / RATE_HZ
            moment = self._tick / RATE_HZ
            self._recording.mark(moment, f"cut after {cut.audio_end_ms:,} ms", unheard_s)
        return cut

    @property
    def sounding(self) -> str | None:
        """The item that sounds now."""
        self._advance()
        return self.ledger.sounding

    def has_sounded(self, within_s: float) -> bool:
        """Whether anything was to be heard in the last seconds."""
        self._advance()
        silent_for = self._tick - (self._fell_silent or 0)
        return self._fell_silent is not None and silent_for < ticks(within_s)

    def moment(self, item_id: str) -> float | None:
        """When, on the clock, an item was first heard; None if it was not."""
        self._advance()
        began = self._began.get(item_id)
        return None if began is None else began / RATE_HZ

    async def silent(self) -> None:
        """Wait until all was heard; an item that is not finished is waited for."""
        while self.sounding:
            await self._clock.wait_until(self._clock.now() + FRAME / RATE_HZ)

    def _advance(self) -> None:
        now = max(self._tick, ticks(self._clock.now()))
        for item_id, pcm in self.ledger.take(now - self._tick):
            self._began.setdefault(item_id, self._tick)
            if self._recording:
                self._recording.put("desk", self._tick, pcm)
            self._tick += len(pcm) // 2
            self._fell_silent = self._tick
        self._tick = now


def half_duplex(frame: bytes, speaker: WavSpeaker, tail_s: float = 0.3) -> bytes:
    """A frame of the caller, or silence while the desk sounds and until its echo has died away.

    For loudspeakers without headphones: the desk cannot interrupt itself, nor can the caller.
    """
    return bytes(len(frame)) if speaker.has_sounded(tail_s) else frame


def loud_stretches(levels: list[float]) -> list[tuple[float, float]]:
    """Start and end, in seconds, of what is louder than a hiss, short pauses included."""
    found: list[tuple[float, float]] = []
    for place, level in enumerate(levels):
        if level < LOUD:
            continue
        start_s, end_s = place * FRAME / RATE_HZ, (place + 1) * FRAME / RATE_HZ
        if found and start_s - found[-1][1] <= PAUSE_S:
            start_s = found.pop()[0]
        found.append((start_s, end_s))
    return found


def read_wav(path: Path) -> bytes:
    """The samples of a WAV file; CourseError if it is not 24 kHz, 16 bits, one channel."""
    try:
        with path.open("rb") as file, wave.open(file) as sound:
            form = (sound.getframerate(), 8 * sound.getsampwidth(), sound.getnchannels())
            pcm: bytes = sound.readframes(sound.getnframes())
    except (wave.Error, EOFError, RuntimeError) as error:  # the last for a chunk that is too long
        raise _unusable(path, f"it is no plain WAV file: {error or 'it is damaged'}") from error
    if form != (RATE_HZ, 16, 1):
        rate_hz, bits, channels = form
        raise _unusable(path, f"it has {rate_hz} Hz, {bits} bits, channels: {channels}")
    if len(pcm) < 2:
        raise _unusable(path, "there is no sound in it")
    return pcm[: len(pcm) // 2 * 2]


def write_wav(path: Path, pcm: bytes, channels: int = 1) -> None:
    """Samples as a WAV file of 24 kHz; OSError where it cannot be written."""
    with path.open("wb") as file, wave.open(file, "wb") as sound:
        sound.setparams((channels, 2, RATE_HZ, 0, "NONE", "not compressed"))
        sound.writeframes(pcm)


def _unusable(path: Path, why: str) -> CourseError:
    mend = f"convert it: ffmpeg -i {path.name} -ar {RATE_HZ} -ac 1 -c:a pcm_s16le caller.wav"
    return CourseError(
        f"{path.name} cannot be spoken: a call takes WAV of 24,000 Hz, 16 bits, mono", why, mend
    )
