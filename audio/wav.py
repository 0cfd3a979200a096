"""Sound in and out of a call: WAV files, and a microphone and a speaker that work without a device.

    WavMicrophone   carries silence, and now and then a caller's clip
    WavSpeaker      plays nothing, but counts what would have been heard
    read_wav, write_wav

All of it is `audio/pcm` as the Realtime API has it: 24 kHz, 16 bits, one channel, little-endian.
"""

import asyncio
import wave
from array import array
from pathlib import Path
from typing import TYPE_CHECKING

from audio.call_clock import CallClock
from audio.playback import FRAME, RATE_HZ, Cut, Ledger, ticks
from common import course_command
from common.settings import CourseError
from emulator.errors import INSTALL_FULL

if TYPE_CHECKING:
    from audio.call_recording import Recording

SILENCE = bytes(2 * FRAME)

"""It has the decoder of the formats that the extras can't read, such as M4A."""

LONGEST_S = 300
"""The longest sound file that can be a caller's question."""


class WavMicrophone:
    """A microphone that records silence until `speak` gives it a clip; iterate over its frames.

    A frame of 20 ms is ready when its 20 ms have passed. The schedule counts samples from the
    start, so it doesn't drift: after a delay, late frames follow at once.
    """

    def __init__(self, clock: CallClock, recording: "Recording | None" = None) -> None:
        self._clock, self._recording = clock, recording
        self._start: int | None = None
        self._frames = 0
        self._clip = bytearray()
        self._is_closed = False
        self._is_quiet = asyncio.Event()
        self._is_quiet.set()

    def speak(self, clip: bytes | Path) -> None:
        """Speak a clip from the next frame on, or after one that is being spoken.

        Raises CourseError for a file of another format, ValueError for half a sample.
        """
        pcm = read_wav(clip) if isinstance(clip, Path) else clip
        if len(pcm) % 2:
            raise ValueError(f"expected samples of two bytes, not {len(pcm)} bytes")
        if pcm and not self._is_closed:
            self._clip += pcm
            self._is_quiet.clear()

    @property
    def is_speaking(self) -> bool:
        """Whether a clip has been given of which not all frames are sent."""
        return not self._is_quiet.is_set()

    async def spoken(self) -> None:
        """Wait until every clip is sent, or the microphone is closed."""
        await self._is_quiet.wait()

    def moment(self, audio_ms: int) -> float:
        """When, on the clock, this moment of the sound was sent, as in `audio_start_ms`."""
        start = ticks(self._clock.now()) if self._start is None else self._start
        return start / RATE_HZ + audio_ms / 1000

    def close(self) -> None:
        """Hang up: the iteration ends within a frame, and clips that wait are dropped."""
        self._is_closed = True
        self._clip.clear()
        self._is_quiet.set()

    def __aiter__(self) -> "WavMicrophone":
        return self

    async def __anext__(self) -> bytes:
        # Asking for the next frame means that the last one is sent.
        if not self._clip:
            self._is_quiet.set()
        if self._start is None:
            self._start = ticks(self._clock.now())
        begin = self._start + self._frames * FRAME
        await self._clock.wait_until((begin + FRAME) / RATE_HZ)
        if self._is_closed:
            raise StopAsyncIteration
        frame = bytes(self._clip[: 2 * FRAME]).ljust(2 * FRAME, b"\0")
        del self._clip[: 2 * FRAME]
        self._frames += 1
        if self._recording:
            self._recording.put("caller", begin, frame)
        return frame


class WavSpeaker:
    """A loudspeaker without a device: it takes a sample from the ledger every 1/24,000 second.

    Nothing runs between the calls. Each call first takes the samples that are due by then. With a
    real device, the device takes them: audio/devices.py.
    """

    def __init__(self, clock: CallClock, recording: "Recording | None" = None) -> None:
        self.ledger = Ledger()
        self.cuts: dict[str, Cut] = {}
        self._clock, self._recording = clock, recording
        self._tick = ticks(clock.now())
        self._began: dict[str, int] = {}
        self._ended: dict[str, int] = {}
        self._last_item = ""
        self._fell_silent: int | None = None

    def play(
        self, item_id: str, pcm: bytes, *, content_index: int = 0, response_id: str = ""
    ) -> bool:
        """Queue a delta; False if it is late, of something that was cut, and so won't be heard."""
        self._advance()
        return self.ledger.receive(
            item_id, pcm, content_index=content_index, response_id=response_id
        )

    def finish(self, item_id: str) -> None:
        """All of an item has come, so once it is heard to its end there is nothing to cut."""
        self._advance()
        self.ledger.finish(item_id)

    def stop(self) -> list[tuple[str, int]]:
        """Stop at once; each item that isn't over, and how many ms of it were heard.

        First comes the item that was sounding, then those that waited behind it. `cuts` keeps them.
        """
        self._advance()
        cut = self.ledger.cut()
        if cut is None:
            return []
        if self._recording:
            unheard_s = (cut.received - cut.heard) / RATE_HZ
            moment = self._tick / RATE_HZ
            self._recording.mark(moment, f"cut after {cut.audio_end_ms:,} ms", unheard_s)
        self.cuts |= cut.by_item
        return [(item_id, each.audio_end_ms) for item_id, each in cut.by_item.items()]

    @property
    def sounding(self) -> str | None:
        """The item that is sounding now."""
        self._advance()
        return self.ledger.sounding

    def has_sounded(self, within_s: float) -> bool:
        """Whether anything was heard in the last seconds."""
        self._advance()
        silent_for = ticks(self._clock.now()) - (self._fell_silent or 0)
        return self._fell_silent is not None and silent_for < ticks(within_s)

    def moment(self, item_id: str) -> float | None:
        """When, on the clock, an item was first heard; None if it was not."""
        self._advance()
        began = self._began.get(item_id)
        return None if began is None else began / RATE_HZ

    async def silent(self) -> None:
        """Wait until everything was heard, also the rest of an item that is not finished."""
        while self.sounding:
            await self._clock.wait_until(self._clock.now() + FRAME / RATE_HZ)

    def _advance(self) -> None:
        now = max(self._tick, ticks(self._clock.now()))
        self._take(now - self._tick)
        self._tick = now

    def _take(self, samples: int) -> bytes:
        """Take samples that are heard from `_tick` on; there may be fewer."""
        taken = self.ledger.take(samples)
        for item_id, pcm in taken:
            self._began.setdefault(item_id, self._tick)
            if self._recording:
                self._recording.put("assistant", self._tick, pcm)
            self._tick += len(pcm) // 2
            self._ended[item_id] = self._fell_silent = self._tick
            self._last_item = item_id
        return b"".join(pcm for _, pcm in taken)


def read_wav(path: Path) -> bytes:
    """The samples of a WAV file; CourseError if it is not 24 kHz, 16 bits, one channel."""
    try:
        with path.open("rb") as file, wave.open(file) as sound:
            form = (sound.getframerate(), 8 * sound.getsampwidth(), sound.getnchannels())
            pcm: bytes = sound.readframes(sound.getnframes())
    except (wave.Error, EOFError, RuntimeError) as error:  # the last for a chunk that is too long
        raise _unusable(path, f"it is not a plain WAV file: {error or 'it is damaged'}") from error
    if form != (RATE_HZ, 16, 1):
        rate_hz, bits, channels = form
        found = f"it has {rate_hz:,} Hz, {bits} bits, channels: {channels}"
        raise _unusable(path, f"{found}; a call needs 24,000 Hz, 16 bits, mono")
    if len(pcm) < 2:
        raise _unusable(path, "there is no sound in it")
    return pcm[: len(pcm) // 2 * 2]


def read_sound(path: Path) -> bytes:
    """A sound file of any format that the installed decoders read, as 24 kHz, 16 bits, one channel.

    Raises CourseError if it can't be read, or is longer than five minutes.
    """
    # Imported here, as NumPy takes a tenth of a second to load.
    from emulator.voice import audio_files

    try:
        pcm = b""
        for piece in audio_files.speech_pcm(path.read_bytes(), RATE_HZ):
            pcm += piece
            if len(pcm) > LONGEST_S * 2 * RATE_HZ:
                raise _unusable(path, f"it is longer than {LONGEST_S // 60} minutes", "-t 60 ")
    except audio_files.MissingDecoder as error:
        fix = course_command("extras") if error.package == "soundfile" else INSTALL_FULL
        raise CourseError(f"{path.name} can't be read", str(error).rstrip("."), fix) from error
    except audio_files.UnreadableAudio as error:
        raise _unusable(path, str(error)) from error
    if not pcm:
        raise _unusable(path, "there is no sound in it")
    return pcm


def read_mono(path: Path) -> bytes:
    """The samples of one of the course's own recordings, its two sides mixed into one."""
    with path.open("rb") as file, wave.open(file) as sound:
        channels, samples = sound.getnchannels(), array("h", sound.readframes(sound.getnframes()))
    if channels == 1:
        return samples.tobytes()
    sides = zip(samples[::2], samples[1::2], strict=True)
    return array("h", [max(-32768, min(32767, left + right)) for left, right in sides]).tobytes()


def write_wav(path: Path, pcm: bytes, channels: int = 1) -> None:
    """Samples as a WAV file of 24 kHz; raises OSError if it can't be written."""
    with path.open("wb") as file, wave.open(file, "wb") as sound:
        sound.setparams((channels, 2, RATE_HZ, 0, "NONE", "not compressed"))
        sound.writeframes(pcm)


def _unusable(path: Path, why: str, only: str = "") -> CourseError:
    """`only` are options of ffmpeg that keep a part of the sound."""
    fix = f"convert it: ffmpeg -i {path.name} {only}-ar {RATE_HZ} -ac 1 -c:a pcm_s16le caller.wav"
    return CourseError(f"{path.name} can't be spoken in a call", why, fix)
