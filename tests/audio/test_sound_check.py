"""A tone that is played and recorded, on devices that a test drives."""

import asyncio

from audio.devices import DeviceError, Microphone, Speaker
from audio.playback import RATE_HZ
from audio.portaudio import PLAYED_MS, PortAudioFailure
from audio.sound_check import (
    BEFORE_S,
    CHIRP_S,
    SILENCE_DBFS,
    check_sound,
    chirp,
    dbfs,
    find_chirp,
    run_sound_check,
)
from tests.support.scripted_devices import DeviceTime, ScriptedPortAudio

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


class Room(ScriptedPortAudio):
    """Its microphone hears its loudspeaker, so much later and so many times as loud, and noise."""

    def __init__(self, time, delay_s=0.1, gain=0.5, noise=0):
        super().__init__(time)
        self.gain, self.noise = gain, noise
        self.behind, self.place = round(delay_s * RATE_HZ), 0
        self.random = np.random.default_rng(7)

    def hear(self, size):
        count = size // 2
        played = np.frombuffer(self.outputs[0].played, "<i2")
        line = np.concatenate([np.zeros(self.behind), played, np.zeros(self.place + count)])
        heard = line[self.place : self.place + count] * self.gain
        self.place += count
        return np.rint(heard + self.random.normal(0, self.noise, count)).astype("<i2").tobytes()


async def checked(system):
    clock = system.time.clock()
    microphone = Microphone(clock, system=system)
    return await check_sound(
        clock, microphone, Speaker(clock, system=system, sleep=system.time.wait)
    )


async def test_round_trip_and_levels_are_measured():
    check = await checked(Room(DeviceTime(), delay_s=0.1, gain=0.5))

    assert (check.microphone, check.loudspeaker) == ("USB Headset", "USB Headset")
    assert (check.input_hz, check.output_hz) == (RATE_HZ, RATE_HZ)
    assert 100 <= check.round_trip_ms <= 100 + 3 * PLAYED_MS
    assert check.level_dbfs == pytest.approx(dbfs(chirp()) - 6, abs=0.5)
    assert check.noise_dbfs == SILENCE_DBFS
    assert not check.is_silent and check.reports == ()


@settings(max_examples=8, deadline=None)
@given(delay_ms=st.integers(0, 600), gain=st.floats(0.05, 2.0), noise=st.integers(0, 50))
def test_longer_way_is_a_longer_round_trip(delay_ms, gain, noise):
    near = asyncio.run(checked(Room(DeviceTime(), 0.05)))
    far = asyncio.run(checked(Room(DeviceTime(), 0.05 + delay_ms / 1000, gain, noise)))

    assert far.round_trip_ms - near.round_trip_ms == pytest.approx(delay_ms, abs=1)


async def test_tone_that_is_not_heard_has_no_round_trip():
    check = await checked(Room(DeviceTime(), gain=0, noise=100))

    assert check.round_trip_ms is None
    assert check.noise_dbfs == pytest.approx(check.level_dbfs, abs=1)
    assert not check.is_silent


async def test_microphone_that_is_switched_off_is_silent():
    check = await checked(Room(DeviceTime(), gain=0))

    assert check.is_silent and check.reports == ()
    assert check.level_dbfs == SILENCE_DBFS


async def test_device_that_is_pulled_meanwhile_is_reported():
    time = DeviceTime()
    system = Room(time)
    microphone = Microphone(time.clock(), system=system)
    speaker = Speaker(time.clock(), system=system, sleep=time.wait)
    checking = asyncio.ensure_future(check_sound(time.clock(), microphone, speaker))
    while time.now < 1000 + BEFORE_S / 2:
        await asyncio.sleep(0)
    system.inputs[0].unplug()
    check = await checking

    assert check.round_trip_ms is None
    assert "'USB Headset' stopped working" in str(check.problems[0])


def test_devices_that_cannot_be_opened_are_an_error():
    system = ScriptedPortAudio(DeviceTime(), failure=PortAudioFailure(-9985, "Device unavailable"))
    with pytest.raises(DeviceError, match="the microphone"):
        run_sound_check(system)

    system = ScriptedPortAudio(DeviceTime())
    with pytest.raises(DeviceError, match="no loudspeaker matches 'x'"):
        run_sound_check(system, None, "x")
    assert system.inputs[0].is_closed


@settings(deadline=None)
@given(place=st.integers(0, 20_000), gain=st.floats(0.01, 1), noise_dbfs=st.integers(-90, -30))
def test_chirp_is_found_in_noise(place, gain, noise_dbfs):
    heard = np.zeros(place + len(chirp()) + 3_000)
    heard[place : place + len(chirp())] += gain * chirp()
    level = 10 ** (min(noise_dbfs / 20, np.log10(gain * 0.1)))
    heard += np.random.default_rng(place).normal(0, level, len(heard))

    assert abs(find_chirp(heard) - place) <= 2


def test_what_is_no_chirp_is_not_found():
    places = np.arange(2 * RATE_HZ) / RATE_HZ
    assert find_chirp(np.zeros(2 * RATE_HZ)) is None
    assert find_chirp(np.random.default_rng(1).normal(0, 0.1, 2 * RATE_HZ)) is None
    assert find_chirp(0.5 * np.sin(2 * np.pi * 1000 * places)) is None
    assert find_chirp(np.zeros(round(CHIRP_S * RATE_HZ) - 1)) is None


def test_levels_are_of_the_whole_scale():
    assert dbfs(np.ones(100)) == 0
    assert dbfs(np.full(100, 0.5)) == pytest.approx(-6.02, abs=0.01)
    assert dbfs(np.zeros(0)) == SILENCE_DBFS
