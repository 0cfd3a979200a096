"""Plays a tone and records it at once, to find out whether a call can be held here.

The tone is a chirp: it rises from 500 to 3,000 Hz. A constant tone matches itself again after each
period, but a chirp matches at one moment only. So the recording is compared with the chirp at each
moment (a correlation, computed by Fourier transform). The best match is when the tone was heard.
"""

import asyncio
from dataclasses import dataclass

from audio.call_clock import CallClock
from audio.devices import DeviceError, Microphone, Speaker
from audio.playback import FRAME, RATE_HZ
from audio.portaudio import FRAME_MS, SoundSystem

import numpy as np
from numpy.typing import NDArray

CHIRP_S, BEFORE_S, TOTAL_S = 0.3, 0.6, 2.2
"""Lengths of the tone, of the silence before it, and of the whole recording."""

LOWEST_HZ, HIGHEST_HZ, PEAK = 500.0, 3_000.0, 0.4
LIKENESS = 0.3
"""The recording must be this similar to the chirp (1: alike, 0: unlike) to count as heard."""

SILENCE_DBFS = -120.0
"""The level reported for digital silence; the quietest 16-bit sample is about -90."""

Sound = NDArray[np.float64]


@dataclass(frozen=True)
class SoundCheck:
    """What was found: devices with their rates in Hz, and what the microphone recorded.

    `round_trip_ms` is the time from `Speaker.play` to the frame that has the tone; None if the tone
    wasn't heard, which is normal with headphones. Levels are in dBFS: 0 is as loud as possible.
    `is_silent`: every sample was zero, as if the microphone were switched off. `reports` says what
    was lost, `problems` which device stopped working.
    """

    microphone: str
    loudspeaker: str
    input_hz: int
    output_hz: int
    round_trip_ms: float | None
    level_dbfs: float
    noise_dbfs: float
    is_silent: bool
    reports: tuple[str, ...]
    problems: tuple[DeviceError, ...] = ()


async def check_sound(clock: CallClock, microphone: Microphone, speaker: Speaker) -> SoundCheck:
    """Play and record for two seconds, then close both devices.

    If a device is unplugged, only what was recorded before is examined.
    """
    played_at, frames = 0.0, []
    with microphone, speaker:
        async for frame in microphone:
            frames.append(frame)
            if len(frames) * FRAME == round(BEFORE_S * RATE_HZ):
                played_at = clock.now()
                speaker.play("tone", chirp_pcm())
                speaker.finish("tone")
            if len(frames) * FRAME >= TOTAL_S * RATE_HZ:
                break
    heard = np.frombuffer(b"".join(frames), "<i2") / 32768
    place = find_chirp(heard)
    arrived = None if place is None else microphone.moment(0) + place / RATE_HZ
    problems = [each.problem for each in (microphone, speaker) if each.problem]
    losses = ["" if microphone.is_silent else microphone.report(), speaker.report()]
    sound = heard if place is None else heard[place : place + round(CHIRP_S * RATE_HZ)]
    return SoundCheck(
        microphone.name,
        speaker.name,
        microphone.open_device.rate_hz,
        speaker.open_device.rate_hz,
        None if arrived is None else 1000 * (arrived - played_at) + FRAME_MS,
        dbfs(sound),
        dbfs(heard[: round(BEFORE_S * RATE_HZ)]),
        microphone.is_silent,
        tuple(filter(None, losses)),
        tuple(problems),
    )


def run_sound_check(
    system: SoundSystem, input_device: str | None = None, output_device: str | None = None
) -> SoundCheck:
    """Run the check on real devices, chosen by number or name. Raises DeviceError."""
    clock = CallClock()
    microphone = Microphone(clock, device=input_device, system=system)
    try:
        speaker = Speaker(clock, device=output_device, system=system)
    except BaseException:
        microphone.close()
        raise
    return asyncio.run(check_sound(clock, microphone, speaker))


def chirp() -> Sound:
    """The tone, from -1 to 1; it fades in and out, so that the loudspeaker doesn't click."""
    seconds = np.arange(round(CHIRP_S * RATE_HZ)) / RATE_HZ
    slope = (HIGHEST_HZ - LOWEST_HZ) / CHIRP_S
    phase = 2 * np.pi * (LOWEST_HZ + slope / 2 * seconds) * seconds
    swell: Sound = np.hanning(len(seconds))
    return PEAK * swell * np.sin(phase)


def chirp_pcm() -> bytes:
    return np.rint(chirp() * 32767).astype("<i2").tobytes()


def find_chirp(heard: Sound) -> int | None:
    """The sample at which the chirp begins; None if it isn't there."""
    tone = chirp()
    if len(heard) < len(tone):
        return None
    size = len(heard) + len(tone)
    fits = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(tone, size)), size)
    fits = fits[: len(heard) - len(tone) + 1]
    # The correlation of two sounds is at most the product of their lengths as vectors.
    sums = np.concatenate([[0.0], np.cumsum(heard**2)])
    norms = np.sqrt(np.maximum(sums[len(tone) :] - sums[: -len(tone)], 1e-9) * (tone**2).sum())
    place = int(np.argmax(fits / norms))
    return place if fits[place] / norms[place] >= LIKENESS else None


def dbfs(sound: Sound) -> float:
    """The level of a sound (root mean square) in dBFS."""
    power = float((sound**2).mean()) if len(sound) else 0.0
    return max(SILENCE_DBFS, 10 * float(np.log10(max(power, 1e-12))))
