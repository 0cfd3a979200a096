"""PortAudio as a test needs it: devices that refuse, stop, or lose samples, in a time of its own.

It calls the same callbacks in the same way as PortAudio does, in blocks as long, but only while
the test's time passes. So a call of a minute takes as long as its computing, and is the same twice.
"""

import asyncio
from dataclasses import replace

from audio.portaudio import FRAME_MS, PLAYED_MS, PortAudioFailure, SoundDevice
from tests.support.call_sound import Time

HEADSET = SoundDevice(0, "USB Headset", "ALSA", 1, 2, 48_000, True, True)
BUILT_IN = SoundDevice(1, "Built-in Audio", "ALSA", 2, 2, 44_100)
OUTPUT_ONLY = SoundDevice(2, "HDMI Output", "ALSA", 0, 8, 48_000)
DEVICES = [HEADSET, BUILT_IN, OUTPUT_ONLY]

LATENCY_S = 0.04


class DeviceTime(Time):
    """A time in which devices call; it passes while somebody sleeps, or waits in `wait`."""

    def __init__(self, now=1000.0):
        super().__init__(now)
        self.streams = []

    async def sleep(self, seconds):
        self.wait(seconds)
        await asyncio.sleep(0)

    def wait(self, seconds):
        """Let time pass; each stream is called when its block is due."""
        end = self.now + seconds
        while due := [each for each in self.streams if each.is_running and each.due <= end]:
            stream = min(due, key=lambda each: each.due)
            self.now = max(self.now, stream.due)
            stream.call()
        self.now = max(self.now, end)


class ScriptedStream:
    """A stream that a test drives, and can stop: `unplug`. `flags` are set in the next blocks."""

    latency_s = LATENCY_S

    def __init__(self, system, rate_hz, channels, callback):
        self.system, self.rate_hz, self.channels = system, rate_hz, channels
        self.callback = callback
        self.block = rate_hz * self.block_ms // 1000
        self.is_running = self.is_closed = self.stays_active = False
        self.flags = []
        system.time.streams.append(self)

    def start(self):
        if self.system.refuses_start:
            raise PortAudioFailure(-9999, "Unanticipated host error")
        self.due = self.system.time.now + self.block_ms / 1000
        self.is_running = True

    def is_active(self):
        return self.is_running or self.stays_active

    def unplug(self, *, stays_active=False):
        """It calls no more; some drivers report such a stream as active all the same."""
        self.is_running, self.stays_active = False, stays_active

    def close(self):
        self.is_running, self.is_closed = False, True

    def call(self):
        self.due += self.block_ms / 1000
        flag = bool(self.flags) and self.flags.pop(0)
        self.exchange(flag)


class InputStream(ScriptedStream):
    """Hears what is put into `heard`, samples of its own rate and channels, and silence."""

    block_ms = FRAME_MS

    def exchange(self, has_lost):
        size = 2 * self.block * self.channels
        self.callback(self.system.hear(size).ljust(size, b"\0"), has_lost)


class OutputStream(ScriptedStream):
    """Keeps what it plays in `played`."""

    block_ms = PLAYED_MS

    played = b""

    def exchange(self, has_starved):
        pcm = self.callback(self.block, self.latency_s, has_starved)
        assert len(pcm) == 2 * self.block * self.channels
        self.played += pcm


class ScriptedPortAudio:
    """A SoundSystem. `refused` are rates and channels that no device takes (-9997, -9998)."""

    name = "numpy"  # any package that is installed, as its version is shown

    def __init__(self, time, devices=DEVICES, *, refused=(), failure=None, refuses_start=False):
        self.time, self.listed = time, list(devices)
        self.refused, self.failure, self.refuses_start = set(refused), failure, refuses_start
        self.heard = b""
        self.asked = []
        self.inputs, self.outputs = [], []
        self.is_closed = False

    def hear(self, size):
        """The next bytes of what there is to hear."""
        pcm, self.heard = self.heard[:size], self.heard[size:]
        return pcm

    def devices(self):
        return [replace(each) for each in self.listed]

    def open_input(self, device, rate_hz, channels, take):
        return self._open(self.inputs, InputStream, device, rate_hz, channels, take)

    def open_output(self, device, rate_hz, channels, fill):
        return self._open(self.outputs, OutputStream, device, rate_hz, channels, fill)

    def close(self):
        self.is_closed = True

    def _open(self, streams, kind, device, rate_hz, channels, callback):
        self.asked.append((device.index, rate_hz, channels))
        if self.failure:
            raise self.failure
        if rate_hz in self.refused:
            raise PortAudioFailure(-9997, "Invalid sample rate")
        if channels in self.refused:
            raise PortAudioFailure(-9998, "Invalid number of channels")
        streams.append(kind(self, rate_hz, channels, callback))
        return streams[-1]
