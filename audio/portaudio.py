"""PortAudio, the library for sound devices: through PyAudio, or else sounddevice.

    open_sound_system    whichever of the two packages is installed
    SoundSystem          lists devices, and opens streams of 16-bit samples

Both packages use the same library, with different functions. This module gives them one interface:
a device is a `SoundDevice`, a stream calls your function in one of PortAudio's threads, and every
failure is a `PortAudioFailure` with PortAudio's own code (portaudio.h, `PaErrorCode`). Sample rates
and queues are handled in audio/devices.py.

PortAudio asks ALSA and JACK for devices, and both print some 80 lines to standard error if they
find none. They write to the file descriptor, not to `sys.stderr`. So the descriptor is redirected
while PortAudio starts or opens a stream. ALSA also prints during a call ("underrun occurred"), from
the stream's own thread, so its error handler is replaced. Nothing is redirected while a device is
being closed, because that may take forever if the device is gone.
"""

import ctypes
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar, Protocol

from emulator.voice.quiet_libraries import without_noise

FRAME_MS, PLAYED_MS = 20, 40
"""How long the blocks of a microphone and of a loudspeaker are, in ms.

A late block from a microphone isn't lost, but a loudspeaker that gets no block in time has a gap.
On two cores with twelve busy programs, we counted 13 gaps a minute with blocks of 20 ms, one with
30 ms, and none with 40 ms.
"""

NICENESS = -11
"""The priority of a thread that handles sound. PulseAudio uses the same."""

LATENCY_MOST_S = 2.0
"""A longer delay than this is a driver's mistake, and the stream's own latency is used instead."""


@dataclass(frozen=True)
class SoundDevice:
    """A device as PortAudio lists it; `inputs` and `outputs` are its channels, 0 for none.

    Windows may list a device several times, once for each `host`. A host is one of the system's
    sound interfaces: MME, DirectSound, WASAPI.
    """

    index: int
    name: str
    host: str
    inputs: int
    outputs: int
    rate_hz: int
    is_default_input: bool = False
    is_default_output: bool = False


class PortAudioFailure(Exception):
    """PortAudio refused. `code` is its own, such as -9985 for a device that is busy."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{text} ({code})")
        self.code = code


INVALID_DEVICE, UNAVAILABLE, INVALID_RATE, INVALID_CHANNELS = -9996, -9985, -9997, -9998
HOST_ERROR = -9999

TakeInput = Callable[[bytes, bool], None]
"""Gets the samples that were recorded, and whether others were lost before them (-9981)."""

FillOutput = Callable[[int, float, bool], bytes]
"""Gets the number of samples to play, the seconds until the first is heard, and whether the device
had run out of sound (-9980). Returns exactly that many samples, for each channel."""


class SoundStream(Protocol):
    """An open stream, not yet started; `latency_s` is what the driver reports."""

    latency_s: float

    def start(self) -> None: ...
    def is_active(self) -> bool: ...
    def close(self) -> None: ...


class SoundSystem(Protocol):
    """What Microphone and Speaker need from PortAudio; tests use one of their own.

    `open_input` and `open_output` raise PortAudioFailure.
    """

    name: str

    def devices(self) -> list[SoundDevice]: ...
    def open_input(
        self, device: SoundDevice, rate_hz: int, channels: int, take: TakeInput
    ) -> SoundStream: ...
    def open_output(
        self, device: SoundDevice, rate_hz: int, channels: int, fill: FillOutput
    ) -> SoundStream: ...
    def close(self) -> None: ...


_ALSA_HANDLER = ctypes.CFUNCTYPE(
    None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p
)
_say_nothing = _ALSA_HANDLER(lambda *_: None)
"""In place of ALSA's printing (alsa/error.h, `snd_lib_error_handler_t`)."""


def quiet_alsa() -> None:
    """Keep ALSA from printing from now on, where there is ALSA."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(_say_nothing)


class PyAudioSystem:
    """PortAudio by PyAudio. Raises ImportError or OSError where it isn't installed."""

    name = "PyAudio"

    def __init__(self) -> None:
        with without_noise():
            self._module: Any = import_module("pyaudio")
            quiet_alsa()
            self._audio = self._module.PyAudio()

    def devices(self) -> list[SoundDevice]:
        default_input = self._default("input")
        default_output = self._default("output")
        return [
            _device(
                info,
                self._audio.get_host_api_info_by_index(info["hostApi"])["name"],
                {"maxInputChannels": "inputs", "maxOutputChannels": "outputs"},
                "defaultSampleRate",
                (default_input, default_output),
            )
            for info in map(
                self._audio.get_device_info_by_index, range(self._audio.get_device_count())
            )
        ]

    def open_input(
        self, device: SoundDevice, rate_hz: int, channels: int, take: TakeInput
    ) -> "_PyAudioStream":
        def callback(pcm: bytes, frames: int, times: Any, status: int) -> tuple[None, int]:
            take(pcm, bool(status & self._module.paInputOverflow))
            return None, int(self._module.paContinue)

        side = {"input": True, "input_device_index": device.index}
        return self._open(rate_hz, channels, FRAME_MS, callback, side, "get_input_latency")

    def open_output(
        self, device: SoundDevice, rate_hz: int, channels: int, fill: FillOutput
    ) -> "_PyAudioStream":
        stream: _PyAudioStream | None = None

        def callback(pcm: None, frames: int, times: Any, status: int) -> tuple[bytes, int]:
            assert stream is not None
            delay_s = times["output_buffer_dac_time"] - times["current_time"]
            has_starved = bool(status & self._module.paOutputUnderflow)
            sound = fill(frames, _plausible(delay_s, stream.latency_s), has_starved)
            return sound, int(self._module.paContinue)

        side = {"output": True, "output_device_index": device.index}
        stream = self._open(rate_hz, channels, PLAYED_MS, callback, side, "get_output_latency")
        return stream

    def close(self) -> None:
        self._audio.terminate()

    def _open(
        self,
        rate_hz: int,
        channels: int,
        block_ms: int,
        callback: Any,
        side: dict[str, Any],
        latency: str,
    ) -> "_PyAudioStream":
        try:
            with without_noise():
                stream = self._audio.open(
                    rate=rate_hz,
                    channels=channels,
                    format=self._module.paInt16,
                    frames_per_buffer=rate_hz * block_ms // 1000,
                    stream_callback=_hurried(callback),
                    start=False,
                    **side,
                )
        except (OSError, ValueError) as error:
            raise _failure(error) from error
        return _PyAudioStream(stream, getattr(stream, latency)())

    def _default(self, side: str) -> int | None:
        try:
            return int(getattr(self._audio, f"get_default_{side}_device_info")()["index"])
        except OSError:
            return None


class _PyAudioStream:
    def __init__(self, stream: Any, latency_s: float) -> None:
        self._stream, self.latency_s = stream, latency_s

    def start(self) -> None:
        try:
            with without_noise():
                self._stream.start_stream()
        except OSError as error:
            raise _failure(error) from error

    def is_active(self) -> bool:
        try:
            return bool(self._stream.is_active())
        except OSError:
            return False

    def close(self) -> None:
        with suppress(OSError):
            self._stream.close()


class SounddeviceSystem:
    """PortAudio by sounddevice. Raises ImportError, or OSError if there is no PortAudio."""

    name = "sounddevice"
    _open_systems: ClassVar[int] = 0

    def __init__(self) -> None:
        with without_noise():
            self._module: Any = import_module("sounddevice")
            quiet_alsa()
            # PortAudio lists devices once, when it starts. One that was plugged in since then is
            # found only by starting it anew, which closes every stream.
            if not SounddeviceSystem._open_systems:
                self._module._terminate()
                self._module._initialize()
        SounddeviceSystem._open_systems += 1

    def devices(self) -> list[SoundDevice]:
        hosts = [host["name"] for host in self._module.query_hostapis()]
        defaults = self._default("input"), self._default("output")
        channels = {"max_input_channels": "inputs", "max_output_channels": "outputs"}
        return [
            _device(info, hosts[info["hostapi"]], channels, "default_samplerate", defaults)
            for info in self._module.query_devices()
        ]

    def open_input(
        self, device: SoundDevice, rate_hz: int, channels: int, take: TakeInput
    ) -> "_SounddeviceStream":
        def callback(pcm: Any, frames: int, times: Any, status: Any) -> None:
            take(bytes(pcm), bool(status.input_overflow))

        return self._open("RawInputStream", device, rate_hz, channels, FRAME_MS, callback)

    def open_output(
        self, device: SoundDevice, rate_hz: int, channels: int, fill: FillOutput
    ) -> "_SounddeviceStream":
        stream: _SounddeviceStream | None = None

        def callback(pcm: Any, frames: int, times: Any, status: Any) -> None:
            assert stream is not None
            delay_s = times.outputBufferDacTime - times.currentTime
            delay_s = _plausible(delay_s, stream.latency_s)
            pcm[:] = fill(frames, delay_s, bool(status.output_underflow))

        stream = self._open("RawOutputStream", device, rate_hz, channels, PLAYED_MS, callback)
        return stream

    def close(self) -> None:
        SounddeviceSystem._open_systems -= 1

    def _open(
        self,
        kind: str,
        device: SoundDevice,
        rate_hz: int,
        channels: int,
        block_ms: int,
        callback: Any,
    ) -> "_SounddeviceStream":
        try:
            with without_noise():
                stream = getattr(self._module, kind)(
                    samplerate=rate_hz,
                    channels=channels,
                    dtype="int16",
                    blocksize=rate_hz * block_ms // 1000,
                    latency="low",
                    device=device.index,
                    callback=_hurried(callback),
                )
        except (self._module.PortAudioError, ValueError) as error:
            raise _failure(error) from error
        return _SounddeviceStream(stream, self._module.PortAudioError)

    def _default(self, side: str) -> int | None:
        try:
            return int(self._module.query_devices(kind=side)["index"])
        except (self._module.PortAudioError, ValueError):
            return None


class _SounddeviceStream:
    def __init__(self, stream: Any, error: type[Exception]) -> None:
        self._stream, self._error = stream, error
        self.latency_s = float(stream.latency)

    def start(self) -> None:
        try:
            with without_noise():
                self._stream.start()
        except self._error as error:
            raise _failure(error) from error

    def is_active(self) -> bool:
        try:
            return bool(self._stream.active)
        except self._error:
            return False

    def close(self) -> None:
        with suppress(self._error):
            self._stream.close()


def _hurried(callback: Callable[..., Any]) -> Callable[..., Any]:
    """A callback whose thread gets a higher priority, on Linux if the user may set it.

    A block that comes too late is a gap. Other systems give sound threads priority by themselves.
    """
    is_first = True

    def hurried(*arguments: Any) -> Any:
        nonlocal is_first
        if is_first:
            is_first = False
            with suppress(AttributeError, OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        return callback(*arguments)

    return hurried


SYSTEMS: tuple[Callable[[], SoundSystem], ...] = (PyAudioSystem, SounddeviceSystem)


def open_sound_system(systems: tuple[Callable[[], SoundSystem], ...] = SYSTEMS) -> SoundSystem:
    """The first that can be opened. Raises ImportError, with the reasons, if none can."""
    reasons = []
    for system in systems:
        try:
            return system()
        except Exception as error:  # packages, libraries and drivers all fail in their own ways
            reasons.append(" ".join(str(error).split()) or type(error).__name__)
    raise ImportError("; ".join(reasons))


def _device(
    info: Any,
    host: str,
    channels: dict[str, str],
    rate: str,
    defaults: tuple[int | None, int | None],
) -> SoundDevice:
    sides = {ours: int(info[theirs]) for theirs, ours in channels.items()}
    index = int(info["index"])
    return SoundDevice(
        index=index,
        name=str(info["name"]).strip(),
        host=host,
        rate_hz=round(info[rate]),
        is_default_input=index == defaults[0],
        is_default_output=index == defaults[1],
        **sides,
    )


def _failure(error: Exception) -> PortAudioFailure:
    """The arguments of both packages' errors hold PortAudio's text and code, in either order."""
    codes = [each for each in error.args if isinstance(each, int)]
    texts = [str(each) for each in error.args if isinstance(each, str)]
    return PortAudioFailure((codes or [HOST_ERROR])[0], (texts or [str(error)])[0])


def _plausible(delay_s: float, latency_s: float) -> float:
    """The seconds until a sample is heard: the driver's figure, if it is plausible."""
    return delay_s if 0 < delay_s < LATENCY_MOST_S else latency_s
