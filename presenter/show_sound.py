"""The sound of the calls in lesson 3, through the loudspeaker, in time with the show.

It plays only at the recorded speed. A pause stops it, and it goes on from the same place.
"""

import wave
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Protocol

from audio.call_clock import CallClock
from audio.playback import RATE_HZ
from presenter.course_show import ShowPart
from presenter.show_player import ShowPlayer


class Loudspeaker(Protocol):
    """What is needed of audio/devices.py: a queue of 24 kHz, 16 bits, one channel."""

    def play(self, item_id: str, pcm: bytes) -> bool: ...
    def finish(self, item_id: str) -> object: ...
    def stop(self) -> object: ...


class ShowSound:
    """Starts and stops the sound as the show goes on; without a loudspeaker, it does nothing."""

    def __init__(self, speaker: Loudspeaker | None = None) -> None:
        self._speaker = speaker
        self._heard = self._count = 0

    @property
    def is_there(self) -> bool:
        return self._speaker is not None

    def follow(self, player: ShowPlayer) -> None:
        """Call this after each tick."""
        heard, sound = player.heard, player.part.sound
        if self._speaker is None or heard == self._heard:
            return
        self._speaker.stop()
        self._heard = heard
        if heard and sound:
            start = max(0, int((player.seconds - sound.at) * RATE_HZ)) * 2
            # Each stretch is an item of its own: the queue takes nothing more of one it stopped.
            self._count += 1
            item = f"stretch {self._count}"
            self._speaker.play(item, samples_of(sound.file)[start:])
            self._speaker.finish(item)


@contextmanager
def open_sound(show: Sequence[ShowPart], *, is_mute: bool) -> Iterator[ShowSound]:
    """The loudspeaker, if there is one and a part of the show can be heard."""
    if is_mute or not any(part.sound for part in show):
        yield ShowSound()
        return
    try:
        from audio.devices import Speaker

        speaker = Speaker(CallClock())
    except Exception:  # whatever is wrong with the sound, the show goes on
        yield ShowSound()
        return
    try:
        yield ShowSound(speaker)
    finally:
        speaker.stop()
        speaker.close()


@cache
def samples_of(file: Path) -> bytes:
    """The sound of a WAV file at the rate of the loudspeaker."""
    # Imported here, as NumPy takes a tenth of a second to load, and most parts are silent.
    from emulator.voice.sound import resampled

    with wave.open(str(file)) as sound:
        return resampled(sound.readframes(sound.getnframes()), sound.getframerate(), RATE_HZ)
