"""What the tests of a call share: a time of their own, tones, and the two sides of a recording."""

import asyncio
import wave
from array import array

from audio.call_clock import CallClock
from audio.playback import RATE_HZ


class Time:
    """A time that passes while somebody sleeps, and not otherwise."""

    def __init__(self, now=1000.0):
        self.now = now
        self.slept = []

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    def clock(self, speed=1.0):
        return CallClock(speed, lambda: self.now, self.sleep)


def tone(seconds, level=8000):
    """A square wave: as loud in each of its frames."""
    count = round(seconds * RATE_HZ)
    return array("h", [level if place // 24 % 2 else -level for place in range(count)]).tobytes()


async def frames_of(microphone, count):
    """The next frames of a line."""
    return [await anext(microphone) for _ in range(count)]


def sides(path):
    """The samples of a stereo file, left and right."""
    with wave.open(str(path)) as sound:
        assert sound.getparams()[:3] == (2, 2, RATE_HZ)
        both = array("h", sound.readframes(sound.getnframes()))
    return both[::2], both[1::2]
