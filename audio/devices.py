"""A real microphone and loudspeaker, with the same methods as those for files (audio/wav.py):

    with Microphone(clock) as microphone, Speaker(clock) as speaker:
        await interrupt(microphone, speaker, model, transcriber, show)
    for each in (microphone, speaker):
        print(each.problem or each.report())

`Microphone(...)` and `Speaker(...)` raise DeviceError if no device can be opened; the error says
what to do. Once they are open, they raise nothing. If the microphone is unplugged, its frames end,
and so does the call. If the loudspeaker is unplugged, the call goes on, but only the recording gets
its sound. `problem` then holds the DeviceError, and `on_problem` is called with it at once.
Lost samples are counted, and `report` describes them in words. `devices()` lists the devices, and
`choose` finds one by its number or by a part of its name.

What is exact, and what isn't. PortAudio takes a block of samples some time before you hear it:
that is the latency of the device, 20 to 200 ms. It can't give a block back, so what it has taken
will be heard even after an interruption. `stop()` counts those samples, because `audio_end_ms` has
to be the place where the sound really ends. `heard_ms()` counts them only once they were heard.

Sound arrives from the network in bursts. So a `Speaker` plays nothing until 120 ms of an answer
have arrived (a jitter buffer), and does the same after a gap. In a gap it plays silence, which
belongs to no item.
"""

import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Self

from audio.call_clock import CallClock
from audio.playback import FRAME, RATE_HZ, in_ms, ticks
from audio.portaudio import (
    INVALID_DEVICE,
    UNAVAILABLE,
    PortAudioFailure,
    SoundDevice,
    SoundStream,
    SoundSystem,
    open_sound_system,
)
from audio.wav import WavSpeaker
from common import course_command
from common.settings import CourseError
from emulator.voice.quiet_libraries import without_noise
from emulator.voice.sound import Resampler

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from audio.call_recording import Recording

LOOK_S = 0.005
"""How often the microphone checks for a new frame."""

MOST_FRAMES = 250
"""Frames that may wait to be sent, which is 5 s; after that, the oldest is dropped."""

MOST_WAITING_S = 600
"""Seconds of sound that may wait to be played; more is refused."""

JITTER_S = 0.12
STALLED_S, NEVER_CAME_S = 2.0, 5.0
"""After this many seconds without a block, or without a first one, a device counts as lost."""

CLOSING_S = 0.5
DRAIN_S = 0.1
"""Silence played after the last sound, because closing a device drops what it still holds."""

SLACK = ticks(0.02)
"""How far the count of samples may differ from the clock before it is set to the clock."""

FADE = 48
"""Samples over which a cut-off sound fades to zero, which is 2 ms, so that it doesn't click."""

RATES_HZ = (RATE_HZ, 48_000, 44_100, 16_000)

_MAC = "System Settings > Privacy & Security > Microphone: allow your terminal, then reopen it"
_WINDOWS = "Settings > Privacy & security > Microphone: turn on access, also for desktop apps"
PRIVACY = {"darwin": _MAC, "win32": _WINDOWS}
"""Where the system lets programs use the microphone. If not, you get silence or an error."""

_ALSA = "plug one in; for a desktop's sound: sudo apt install libasound2-plugins pipewire-alsa"
NO_DEVICES = {
    "darwin": "plug one in, and choose it in System Settings > Sound",
    "win32": "plug one in, and turn it on in Settings > System > Sound",
    "linux": f"{_ALSA}; on a bare console: sudo usermod -aG audio $USER, then log in again",
}
OPTIONS = {"microphone": "--input", "loudspeaker": "--output"}

OnProblem = Callable[["DeviceError"], None]
OpenStream = Callable[[SoundSystem, SoundDevice, int, int], SoundStream]
"""Opens a stream on a device, at a rate in Hz and with a number of channels."""


class DeviceError(CourseError):
    """A sound device can't be used, or no longer. Calls with WAV files still work."""


def sound_system() -> SoundSystem:
    """PortAudio, through the package that is installed; DeviceError if there is none."""
    try:
        return open_sound_system()
    except ImportError as error:
        raise DeviceError(
            "there is no package for sound devices",
            f"neither PyAudio nor sounddevice can be used: {error}",
            how_to_install(),
        ) from error


def how_to_install() -> str:
    """The commands that install a package for sound devices, without a compiler."""
    library = "sudo apt install libportaudio2, then " if sys.platform == "linux" else ""
    return library + course_command("extras")


def devices(system: SoundSystem | None = None) -> list[SoundDevice]:
    """What is connected now. Raises DeviceError if no package for sound devices is installed."""
    if system:
        return system.devices()
    opened = sound_system()
    try:
        return opened.devices()
    finally:
        opened.close()


def choose(listed: list[SoundDevice], kind: str, wanted: str | int | None = None) -> SoundDevice:
    """The "microphone" or "loudspeaker" with this number, or with this part of a name.

    None means the system's default device, or the first one if there is no default. Raises
    DeviceError if no device matches, or several do.
    """
    usable = [each for each in listed if (each.inputs if kind == "microphone" else each.outputs)]
    if not usable:
        fix = NO_DEVICES.get(sys.platform, NO_DEVICES["linux"])
        raise DeviceError(f"no {kind} was found", "this system lists none", fix)
    default = next((each for each in usable if _is_default(each, kind)), usable[0])
    if wanted is None or wanted == "":
        return default
    found = [each for each in usable if str(each.index) == str(wanted)] or _named(
        usable, str(wanted), default.host
    )
    if len(found) == 1:
        return found[0]
    names = "; ".join(f"{each.index} {each.name}" for each in found or usable)
    misses = f"several {kind}s match" if found else f"no {kind} matches"
    fix = f"use {OPTIONS[kind]} with one of these numbers"
    raise DeviceError(f"{misses} {str(wanted)!r}", f"there are: {names}", fix)


def _is_default(device: SoundDevice, kind: str) -> bool:
    return device.is_default_input if kind == "microphone" else device.is_default_output


def _named(usable: list[SoundDevice], part: str, host: str) -> list[SoundDevice]:
    """Devices with this part in their name; the default's host and exact names are preferred."""
    found = [each for each in usable if part.casefold() in each.name.casefold()]
    found = [each for each in found if each.host == host] or found
    return [each for each in found if each.name.casefold() == part.casefold()] or found


def refusal(kind: str, device: SoundDevice, failure: PortAudioFailure) -> DeviceError:
    """Why a device can't be opened, and what to do."""
    what = f"the {kind} {device.name!r} can't be opened"
    other = f"choose another with {OPTIONS[kind]}; {course_command('3', '--devices')} lists them"
    if failure.code == UNAVAILABLE:
        why = f"another program may be using it: {failure}"
        return DeviceError(what, why, f"close the programs that use it, or {other}")
    if failure.code == INVALID_DEVICE:
        return DeviceError(what, f"it is no longer connected: {failure}", f"plug it in, or {other}")
    fix = PRIVACY.get(sys.platform) if kind == "microphone" else None
    return DeviceError(what, str(failure), f"{fix}; or {other}" if fix else other)


def lost(kind: str, device: SoundDevice) -> DeviceError:
    """What to do about a device that stopped in the middle of a call."""
    goes_on = {
        "microphone": "so the call has ended",
        "loudspeaker": "but the call goes on, and the recording has its sound",
    }
    return DeviceError(
        f"the {kind} {device.name!r} stopped working, {goes_on[kind]}",
        "it was unplugged, or the computer went to sleep",
        f"plug it in and start again, or choose another with {OPTIONS[kind]}",
    )


class OpenDevice:
    """One direction of one device: its stream, and the check that the device still works.

    From `start` to the end of `close`, what C libraries print is hidden: if a device is lost,
    PortAudio prints about it from a thread of its own.

    `rate_hz` and `channels` are what the stream was opened with: 24,000 Hz and one channel, if the
    device supports them. `last_block` is the time on the clock at which the device last called.
    """

    def __init__(
        self,
        kind: str,
        wanted: str | int | None,
        system: SoundSystem | None,
        clock: CallClock,
    ) -> None:
        self.kind, self._clock = kind, clock
        self._system = system or sound_system()
        self._owns_system = system is None
        self._stream: SoundStream | None = None
        self._quiet = ExitStack()
        self.rate_hz, self.channels = RATE_HZ, 1
        self.last_block: float | None = None
        self._started: float | None = None
        try:
            self.device = choose(self._system.devices(), kind, wanted)
        except DeviceError:
            self.close()
            raise

    def open(self, open_stream: "OpenStream") -> None:
        """Open at 24 kHz and one channel, or at other rates; DeviceError if nothing works.

        If the device is gone or busy, other rates aren't tried. After any other error they are,
        because some drivers refuse a rate with their own error (-9999) instead of -9997.
        """
        rates = dict.fromkeys([RATE_HZ, self.device.rate_hz, *RATES_HZ])
        for channels, rate_hz in product((1, 2), rates):
            try:
                self._stream = open_stream(self._system, self.device, rate_hz, channels)
            except PortAudioFailure as error:
                failure = error
                if error.code in (UNAVAILABLE, INVALID_DEVICE):
                    break
            else:
                self.rate_hz, self.channels = rate_hz, channels
                return
        self.close()
        raise refusal(self.kind, self.device, failure) from failure

    @property
    def latency_s(self) -> float:
        """The latency in seconds, as the driver reports it."""
        return self._stream.latency_s if self._stream else 0.0

    def start(self) -> None:
        """Start the stream; raises DeviceError."""
        if self._stream and self._started is None:
            self._started = self._clock.now()
            self._quiet.enter_context(without_noise())
            try:
                self._stream.start()
            except PortAudioFailure as error:
                self.close()
                raise refusal(self.kind, self.device, error) from error

    def is_lost(self) -> bool:
        """Whether the device no longer calls. An unplugged device is noticed that way."""
        if self._started is None or self._stream is None:
            return False
        if self.last_block is None:
            return self._clock.now() - self._started > NEVER_CAME_S
        return self._is_silent(STALLED_S) or (
            self._is_silent(DRAIN_S) and not self._stream.is_active()
        )

    def _is_silent(self, seconds: float) -> bool:
        """Whether it hasn't called for this long."""
        last = self.last_block if self.last_block is not None else self._started
        return last is not None and self._clock.now() - last > seconds

    def close(self) -> None:
        """Close the stream.

        A driver may wait forever for a device that is gone. So that one is closed in a thread of
        its own. Any other is closed in the thread that opened it, as some drivers require.
        """
        stream, self._stream = self._stream, None
        if not self._is_silent(DRAIN_S):
            self._close(stream)
            return
        closing = threading.Thread(target=self._close, args=(stream,), daemon=True)
        closing.start()
        closing.join(CLOSING_S)

    def _close(self, stream: SoundStream | None) -> None:
        if stream:
            stream.close()
            self._quiet.close()
        if self._owns_system:
            self._owns_system = False
            self._system.close()


class Microphone:
    """A microphone; iterate over its frames of 20 ms, 960 bytes: 24 kHz, 16 bits, one channel.

    The device starts when you ask for the first frame, so no frames pile up while the connection
    is being opened. `device` is a number or a part of a name. `system` is PortAudio, except in
    tests. `recording` gets what was sent.

    Set `is_muted` at any time to get frames of silence instead. A call still needs frames while the
    key isn't held, or while the assistant speaks through loudspeakers. `level` is the peak of the
    last frame before muting, from 0 to 1, for a meter.
    """

    def __init__(
        self,
        clock: CallClock,
        recording: "Recording | None" = None,
        *,
        device: str | int | None = None,
        system: SoundSystem | None = None,
        on_problem: OnProblem = lambda problem: None,
    ) -> None:
        self._clock, self._recording, self._on_problem = clock, recording, on_problem
        self.problem: DeviceError | None = None
        self.is_muted, self.level, self.is_silent = False, 0.0, True
        self.overflows = self.dropped_frames = 0
        self._frames: deque[tuple[int, bytes]] = deque()
        self._spare = bytearray()
        self._start: int | None = None
        self._count = 0
        self._is_closed = False
        self.open_device = OpenDevice("microphone", device, system, clock)
        self.open_device.open(self._open)
        self._resampler = Resampler(self.open_device.rate_hz, RATE_HZ)

    def _open(
        self, system: SoundSystem, device: SoundDevice, rate_hz: int, channels: int
    ) -> SoundStream:
        return system.open_input(device, rate_hz, channels, partial(self._record, channels))

    def _record(self, channels: int, pcm: bytes, has_lost: bool) -> None:
        """A block from the device, in its thread."""
        now = self._clock.now()
        self.open_device.last_block = now
        self.overflows += has_lost
        self._spare += self._resampler.feed(_mixed(pcm, channels))
        if self._start is None:
            self._start = ticks(now) - len(self._spare) // 2
        while len(self._spare) >= 2 * FRAME:
            frame = bytes(self._spare[: 2 * FRAME])
            del self._spare[: 2 * FRAME]
            self.level = peak(frame)
            self.is_silent = self.is_silent and not self.level
            self._frames.append((self._start + self._count * FRAME, frame))
            self._count += 1
        while len(self._frames) > MOST_FRAMES:
            self._frames.popleft()
            self.dropped_frames += 1

    @property
    def name(self) -> str:
        return self.open_device.device.name

    def moment(self, audio_ms: int) -> float:
        """When, on the clock, this moment of the sound was recorded, as in `audio_start_ms`."""
        start = ticks(self._clock.now()) if self._start is None else self._start
        return start / RATE_HZ + (audio_ms + 20 * self.dropped_frames) / 1000

    def report(self) -> str:
        """What was lost, or that all was silent, in words; empty if there is nothing to report."""
        said = []
        if self.dropped_frames:
            ms = 20 * self.dropped_frames
            said.append(f"{ms:,} ms were dropped, because the network was too slow")
        if self.overflows:
            slow = times(self.overflows)
            said.append(f"the computer was too slow {slow}, so sound was lost (-9981)")
        if self._count and self.is_silent:
            fix = PRIVACY.get(sys.platform, "check in the sound settings whether it is muted")
            said.append(f"it recorded nothing but silence; {fix}")
        return f"The microphone {self.name!r}: {'; '.join(said)}." if said else ""

    def close(self) -> None:
        """Hang up: the iteration ends within a frame, and the device is closed."""
        self._is_closed = True
        self.open_device.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        self._start_device()
        while not self._is_closed:
            if self._frames:
                return self._sent(*self._frames.popleft())
            if self.open_device.is_lost():
                self._lose(lost("microphone", self.open_device.device))
                break
            await self._clock.wait_until(self._clock.now() + LOOK_S)
        raise StopAsyncIteration

    def _start_device(self) -> None:
        try:
            self.open_device.start()
        except DeviceError as problem:
            self._lose(problem)

    def _lose(self, problem: DeviceError) -> None:
        self.problem = problem
        self.close()
        self._on_problem(problem)

    def _sent(self, tick: int, frame: bytes) -> bytes:
        frame = bytes(len(frame)) if self.is_muted else frame
        if self._recording:
            self._recording.put("caller", tick, frame)
        return frame


class Speaker(WavSpeaker):
    """A loudspeaker with a queue, which counts how much of each item was heard.

    It has the methods of WavSpeaker: `play`, `finish`, `stop`, `sounding`, `silent`. Here the
    device takes the samples out of the ledger, not the clock. `latency_s` is the time from the
    ledger to your ear, as the device reports it. `underruns` counts the gaps because the network
    was too slow, `underflows` those because the computer was.

    `sleep` waits for the last sound before the device is closed; tests replace it.
    """

    def __init__(
        self,
        clock: CallClock,
        recording: "Recording | None" = None,
        *,
        device: str | int | None = None,
        system: SoundSystem | None = None,
        on_problem: OnProblem = lambda problem: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(clock, recording)
        self._on_problem, self._sleep = on_problem, sleep
        self.problem: DeviceError | None = None
        self.level = 0.0
        self.underruns = self.underflows = self.refused = 0
        self._gap_s = 0.0
        self._starved: tuple[str | None, float] = (None, 0.0)
        self._is_playing = self._is_closing = False
        self._waits_since: float | None = None
        self._last_sample, self._spare = 0, bytearray()
        self.open_device = OpenDevice("loudspeaker", device, system, clock)
        self.open_device.open(self._open)
        self.latency_s = self.open_device.latency_s
        self._resampler = Resampler(RATE_HZ, self.open_device.rate_hz)
        self.open_device.start()

    def _open(
        self, system: SoundSystem, device: SoundDevice, rate_hz: int, channels: int
    ) -> SoundStream:
        return system.open_output(device, rate_hz, channels, partial(self._fill, channels))

    @property
    def name(self) -> str:
        return self.open_device.device.name

    def play(
        self, item_id: str, pcm: bytes, *, content_index: int = 0, response_id: str = ""
    ) -> bool:
        """Queue a delta; False if it is late, or if 10 minutes of sound are waiting already."""
        if self.ledger.waiting > MOST_WAITING_S * RATE_HZ:
            self.refused += 1
            return False
        return super().play(item_id, pcm, content_index=content_index, response_id=response_id)

    def heard_ms(self, item_id: str) -> int:
        """How many ms of an item were heard so far, without what the device still holds."""
        self._advance()
        held = max(0, self._ended.get(item_id, 0) - ticks(self._clock.now()))
        return max(0, self.ledger.heard_ms(item_id) - in_ms(held + RATE_HZ // 1000 - 1))

    @property
    def sounding(self) -> str | None:
        """The item that is sounding now, even if only the device still holds some of it."""
        self._advance()
        item_id = self._last_item
        is_held = self._ended.get(item_id, 0) > ticks(self._clock.now())
        return self.ledger.sounding or (item_id if is_held else None)

    def report(self) -> str:
        """What was missing or refused, in words; empty if there is nothing to report."""
        said = []
        if self.underruns:
            ms = round(1000 * self._gap_s)
            said.append(f"the network was too slow {times(self.underruns)}, for {ms:,} ms in all")
        if self.underflows:
            said.append(f"the computer was too slow {times(self.underflows)} (-9980)")
        if self.refused:
            said.append(f"its queue was full {times(self.refused)}, and sound was dropped")
        return f"The loudspeaker {self.name!r}: {'; '.join(said)}." if said else ""

    def close(self) -> None:
        """Close the device once you heard all that it took; what still waits isn't played."""
        if self.problem is None and not self._is_closing:
            self._is_closing = True
            heard_at = (self._fell_silent or 0) / RATE_HZ + DRAIN_S
            self._sleep(max(0.0, heard_at - self._clock.now()))
        self.open_device.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _advance(self) -> None:
        """Normally the device takes the samples; after it is lost, the clock does."""
        if self.problem:
            super()._advance()
        elif self.open_device.is_lost():
            self.problem = lost("loudspeaker", self.open_device.device)
            self._tick = ticks(self._clock.now())  # nothing was heard since its last block
            self.open_device.close()
            self._on_problem(self.problem)

    # ---------------------------------------------------------------- in the device's thread

    def _fill(self, channels: int, frames: int, delay_s: float, has_starved: bool) -> bytes:
        """A block for the device: `frames` samples at its own rate."""
        now = self._clock.now()
        self.open_device.last_block = now
        self.latency_s = delay_s
        # If the device ran out of silence, as it does when it starts, no sound was lost.
        self.underflows += has_starved and self._is_playing
        # Counting samples keeps the sound free of gaps. But a device doesn't run at exactly the
        # clock's speed, so from time to time the count is corrected.
        tick = ticks(now + delay_s)
        if abs(tick - self._tick) > SLACK:
            self._tick = max(tick, self._fell_silent or tick)
        rate_hz = self.open_device.rate_hz
        while (missing := frames - len(self._spare) // 2) > 0:
            self._spare += self._resampler.feed(self._next(-(-missing * RATE_HZ // rate_hz), now))
        block = bytes(self._spare[: 2 * frames])
        del self._spare[: 2 * frames]
        return _spread(block, channels)

    def _next(self, samples: int, now: float) -> bytes:
        """This many samples of 24 kHz: sound as far as there is any, then silence."""
        sound = self._take(samples) if self._may_play(now) else b""
        missing = samples - len(sound) // 2
        self.level = peak(sound)
        if missing and self._is_playing:
            self._is_playing, self._waits_since = False, None
            self._starved = self.ledger.sounding, now
        if sound:
            self._last_sample = _samples(sound)[-1]
        self._tick += missing
        return sound + self._silence(missing)

    def _may_play(self, now: float) -> bool:
        """Whether sound may be played now: only once the jitter buffer is full."""
        waiting = self.ledger.waiting
        if self._is_closing or not waiting:
            return self._is_playing and not self._is_closing
        if not self._is_playing:
            since = self._waits_since = now if self._waits_since is None else self._waits_since
            is_enough = waiting >= ticks(JITTER_S) or self.ledger.is_complete
            self._is_playing = is_enough or now - since >= JITTER_S
            if self._is_playing:
                self._count_gap(now)
        return self._is_playing

    def _count_gap(self, now: float) -> None:
        """Sound begins again. If it is still the same item, the pause was a gap."""
        item_id, since = self._starved
        if item_id and item_id == self.ledger.sounding:
            self.underruns += 1
            self._gap_s += now - since
        self._starved = (None, 0.0)

    def _silence(self, samples: int) -> bytes:
        """Silence; the last sample fades into it."""
        fade = np.linspace(self._last_sample, 0, FADE + 1)[1 : samples + 1].astype("<i2")
        if len(fade):
            self._last_sample = int(fade[-1])
        return fade.tobytes().ljust(2 * samples, b"\0")


def times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def peak(pcm: bytes) -> float:
    """The loudest of these samples, from 0 to 1."""
    return int(np.abs(_samples(pcm).astype(np.int32)).max(initial=0)) / 32768


def _samples(pcm: bytes) -> NDArray[np.int16]:
    return np.frombuffer(pcm, "<i2")


def _mixed(pcm: bytes, channels: int) -> bytes:
    """Interleaved channels as one: their mean."""
    if channels == 1:
        return pcm
    mean: NDArray[np.float64] = _samples(pcm).reshape(-1, channels).mean(axis=1)
    return mean.astype("<i2").tobytes()


def _spread(pcm: bytes, channels: int) -> bytes:
    """One channel, copied to several."""
    return pcm if channels == 1 else np.repeat(_samples(pcm), channels).tobytes()
