"""Both sides of a call over time: as stereo sound, and as spans and marks for a timeline.

The caller's sound is placed at the time when it is sent. The assistant's is placed when it is
heard, which may be long after it arrived. What was never heard is left out. Words arrive at yet
other times. So a caption has the time at which its sound began, and belongs to the first stretch of
speech that hasn't ended by then.
"""

from array import array
from dataclasses import dataclass
from pathlib import Path

from audio.call_clock import CallClock
from audio.playback import FRAME, RATE_HZ, ticks
from audio.wav import write_wav

# A peak of 2 % of the full scale is speech; a pause of up to half a second is part of it.
LOUD, PAUSE_S = 0.02, 0.5


@dataclass(frozen=True)
class Span:
    """A stretch in which a side ("caller" or "assistant") spoke, in seconds of the call."""

    speaker: str
    start_s: float
    end_s: float
    text: str = ""


@dataclass(frozen=True)
class Mark:
    """A moment of the call that the timeline shows; `unheard_s` is the speech dropped then."""

    at_s: float
    text: str
    unheard_s: float = 0.0


class Recording:
    """Both sides of a call, and what happened when; times are those of its clock.

    It begins with the first sound that it gets, which may be silence. A second of it takes 96,000
    bytes of memory.
    """

    def __init__(self, clock: CallClock) -> None:
        self._start: int | None = None
        self._tracks = {"caller": bytearray(), "assistant": bytearray()}
        self._captions: list[tuple[float, str, str]] = []
        self.marks: list[Mark] = []

    def put(self, speaker: str, tick: int, pcm: bytes) -> None:
        """Place sound of a side at a moment that is counted in samples."""
        track = self._tracks[speaker]
        self._start = tick if self._start is None else self._start
        place = 2 * max(0, tick - self._start)
        track.extend(bytes(max(0, place - len(track))))
        track[place : place + len(pcm)] = pcm

    def mark(self, moment: float, text: str, unheard_s: float = 0.0) -> None:
        self.marks.append(Mark(self.seconds(moment), text, unheard_s))

    def caption(self, speaker: str, moment: float | None, text: str) -> None:
        """What was said from a moment on; None means that it was never heard, and is ignored."""
        if moment is not None:
            self._captions.append((self.seconds(moment), speaker, text))

    @property
    def duration_s(self) -> float:
        return self._length / 2 / RATE_HZ

    def levels(self, speaker: str) -> list[float]:
        """The peak of each 20 ms of the call, from 0 to 1."""
        # A device's thread may add to a track meanwhile, so each is copied once.
        track = bytes(self._tracks[speaker])
        samples = array("h", track.ljust(max(self._length, len(track)), b"\0"))
        frames = (samples[at : at + FRAME] for at in range(0, len(samples), FRAME))
        return [max(max(frame), -min(frame)) / 32768 for frame in frames]

    def spans(self) -> list[Span]:
        """Which side spoke when, by loudness, in order of time."""
        return sorted(
            (span for speaker in self._tracks for span in self._spans_of(speaker)),
            key=lambda span: span.start_s,
        )

    def save(self, path: Path) -> None:
        """The call as a stereo WAV, the caller left; raises OSError if it can't be written."""
        tracks = [bytes(track) for track in self._tracks.values()]
        length = max(map(len, tracks))
        both = array("h", bytes(2 * length))
        for place, track in enumerate(tracks):
            both[place::2] = array("h", track.ljust(length, b"\0"))
        write_wav(path, both.tobytes(), channels=2)

    @property
    def _length(self) -> int:
        """Bytes of the longer track."""
        return max(map(len, self._tracks.values()))

    def _spans_of(self, speaker: str) -> list[Span]:
        captions = sorted((at, text) for at, side, text in self._captions if side == speaker)
        spans = []
        for start_s, end_s in loud_stretches(self.levels(speaker)):
            texts = [text for at, text in captions if at < end_s]
            captions = captions[len(texts) :]
            spans.append(Span(speaker, start_s, end_s, " ".join(texts)))
        return spans

    def seconds(self, moment: float) -> float:
        return max(0, ticks(moment) - (self._start or ticks(moment))) / RATE_HZ


def loud_stretches(levels: list[float]) -> list[tuple[float, float]]:
    """Start and end, in seconds, of what is louder than background noise; short pauses count."""
    found: list[tuple[float, float]] = []
    for place, level in enumerate(levels):
        if level < LOUD:
            continue
        start_s, end_s = place * FRAME / RATE_HZ, (place + 1) * FRAME / RATE_HZ
        if found and start_s - found[-1][1] <= PAUSE_S:
            start_s = found.pop()[0]
        found.append((start_s, end_s))
    return found
