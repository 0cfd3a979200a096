"""OpenAI's voices, and the voices of the engines that stand in for them."""

from typing import NamedTuple


class Voice(NamedTuple):
    """How a voice sounds: eSpeak's voice, its pitch (0 to 100) and pace in words a minute.

    Piper has one speaker. What it says is played at `piper_hz` in place of 22,050, so that the
    speaker seems to be larger or smaller.
    """

    espeak: str
    pitch: int
    words_a_minute: int
    piper_hz: int


VOICES = {
    "alloy": Voice("en-us+rob", 60, 160, 24_000),
    "ash": Voice("en-us+m1", 48, 160, 21_500),
    "ballad": Voice("en+adam", 60, 155, 23_000),
    "cedar": Voice("en-us+m3", 50, 155, 21_000),
    "coral": Voice("en-us+Annie", 50, 165, 26_000),
    "echo": Voice("en-us+klatt6", 42, 160, 22_500),
    "fable": Voice("en+m2", 58, 160, 22_800),
    "marin": Voice("en-us+f5", 50, 165, 25_500),
    "nova": Voice("en-us+f4", 66, 170, 26_500),
    "onyx": Voice("en-us+m7", 30, 150, 20_000),
    "sage": Voice("en-us+f2", 42, 160, 25_000),
    "shimmer": Voice("en-us+f3", 60, 165, 27_000),
    "verse": Voice("en-us+m5", 66, 165, 22_000),
}
"""The eSpeak voices that our recognizer understands best: it gets 15 to 25 % of the words wrong."""
