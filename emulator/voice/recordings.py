"""The words of a recording of any length: cut where nobody speaks, and recognized part by part.

Only the current part is kept. A detector classifies frames of 32 ms. A pause ends a span of speech,
and a span that gets too long is cut where it is quietest. Each span is recognized by itself, so the
first words are known long before the recording ends.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from emulator.voice.activity import FRAME, RATE, SpeechDetector
from emulator.voice.sound import samples

import numpy as np

FRAME_BYTES, FRAME_S = 2 * FRAME, FRAME / RATE
BEFORE, BEHIND = 2, 3
"""Frames around the speech that belong to a span; in more silence, words would be invented."""
HYSTERESIS = 0.15
LONGEST = round(20 / FRAME_S)
"""The most frames of a span: the recognizer takes no longer clip."""
LEAST_FRAMES, LEAST_PEAK = 4, 0.8
"""Frames of speech, and the likelihood of the clearest: less than that is a click or a drum."""

Transcribe = Callable[[bytes], str]
"""What is said in 16-bit mono PCM of 16 kHz."""


@dataclass(frozen=True)
class CutRules:
    """How likely speech has to be, and how long a pause ends a span."""

    threshold: float = 0.5
    silence_ms: int = 512


class SpeechSpan(NamedTuple):
    """A part that contains speech: seconds from the start, its PCM, how likely it is speech."""

    start: float
    end: float
    pcm: bytes
    likelihood: float


class Utterance(NamedTuple):
    """The words of a span. `doubt` is the share of them that changes at another speed."""

    start: float
    end: float
    text: str
    doubt: float
    likelihood: float


class SpeechCutter:
    """Cuts spans of speech out of a recording that comes in pieces: 16-bit mono PCM of 16 kHz."""

    def __init__(self, detector: SpeechDetector, rules: CutRules | None = None) -> None:
        self._detector, self._rules = detector, rules or CutRules()
        self._rest = bytearray()
        # The frames at hand, how likely each is speech, and the number of the first. In silence
        # only a few are kept; `_first` and `_last` are the frames of speech, or None.
        self._frames: list[bytes] = []
        self._chances: list[float] = []
        self._from = 0
        self._first: int | None = None
        self._last = 0

    def feed(self, pcm: bytes) -> Iterator[SpeechSpan]:
        """Take a piece; the spans that end in it."""
        self._rest += pcm
        whole = len(self._rest) // FRAME_BYTES * FRAME_BYTES
        taken = bytes(self._rest[:whole])
        del self._rest[:whole]
        for at in range(0, whole, FRAME_BYTES):
            yield from self._judge(taken[at : at + FRAME_BYTES])

    def flush(self) -> Iterator[SpeechSpan]:
        """The end of the recording: the span that it ends, if there is one."""
        if self._rest:
            yield from self._judge(bytes(self._rest).ljust(FRAME_BYTES, b"\0"))
            self._rest.clear()
        if self._first is not None:
            yield from self._cut(self._last + 1 + BEHIND, self._from + len(self._frames))

    def _judge(self, frame: bytes) -> Iterator[SpeechSpan]:
        place = self._from + len(self._frames)
        chance = self._detector.probability(frame)
        self._frames.append(frame)
        self._chances.append(chance)
        is_speaking = self._first is not None
        if chance >= self._rules.threshold - HYSTERESIS * is_speaking:
            self._first = self._first if self._first is not None else place
            self._last = place
        if self._first is None:
            self._drop(place + 1 - BEFORE)
        elif (place - self._last) * FRAME_S * 1000 >= self._rules.silence_ms:
            yield from self._cut(self._last + 1 + BEHIND, place + 1 - BEFORE)
        elif len(self._frames) >= LONGEST:
            quarter = LONGEST * 3 // 4
            at = self._from + quarter + int(np.argmin(self._chances[quarter:])) + 1
            yield from self._cut(at, at)

    def _cut(self, end: int, keep_from: int) -> Iterator[SpeechSpan]:
        """End the span before frame `end`; what is kept begins with `keep_from`."""
        first = self._first if self._first is not None else self._from
        chances = self._chances[first - self._from : self._last + 1 - self._from]
        heard = [chance for chance in chances if chance >= self._rules.threshold - HYSTERESIS]
        frames = self._frames[: end - self._from]
        start = self._from * FRAME_S
        if len(heard) >= LEAST_FRAMES and max(heard) >= LEAST_PEAK:
            mean = sum(chances) / len(chances)
            yield SpeechSpan(start, start + len(frames) * FRAME_S, b"".join(frames), mean)
        is_going_on = keep_from <= self._last
        self._drop(keep_from)
        self._first = keep_from if is_going_on else None

    def _drop(self, keep_from: int) -> None:
        count = max(0, keep_from - self._from)
        del self._frames[:count], self._chances[:count]
        self._from += count


def spans_of(
    pieces: Iterable[bytes], detector: SpeechDetector, rules: CutRules | None = None
) -> Iterator[SpeechSpan | None]:
    """The spans of speech in a recording; None after each piece that ends none.

    So a caller that takes them one by one never waits for longer than one piece.
    """
    cutter = SpeechCutter(detector, rules)
    for pcm in pieces:
        yield from cutter.feed(pcm)
        yield None
    yield from cutter.flush()


# The recognizer writes English words for anything: a door, music, German. It reports no
# probabilities. But real words stay the same when the clip is played a little slower or faster, and
# invented ones don't. We measured that on English sentences, by people and by synthetic voices: few
# words change. In other languages, most of them do. For a foreign language, it also often repeats
# itself ("the first one is the first one"). So a clip is recognized again at another speed, and a
# third time if the two results differ. It is dropped if too few words stay the same.
SPEEDS = (0.97, 1.03)
MOST_DOUBT = 0.5
"""If a larger share of the words changes at another speed, all of them are dropped."""
MOST_REPEATED, LONG_ENOUGH = 0.4, 12
"""The share of repeated groups of three words in a text of so many words that is made up."""
SLOWEST, LETTERS_OF_A_DIGIT, SHORT_S = 5, 5, 1.2
"""Letters a second of the slowest speech in a span without pauses, longer than so many seconds.

People speak at 10 to 18. What is made up of two seconds of noise is often a single "You".
"""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def heard_in(span: SpeechSpan, transcribe: Transcribe) -> Utterance | None:
    """The words of a span, or None if they change too much at another speed.

    Of several results that differ, it returns the one most similar to the others. Raises what
    `transcribe` raises.
    """
    texts = [transcribe(span.pcm)]
    first = words_of(texts[0])
    if not first or is_circular(first) or is_slow(texts[0], span.end - span.start):
        return None
    for speed in SPEEDS:
        texts.append(transcribe(at_speed(span.pcm, speed)))
        if words_of(texts[1]) == first:
            break
    said = [words_of(text) for text in texts]
    doubt = sum(min(1.0, differences(first, other) / len(first)) for other in said[1:])
    doubt /= len(said) - 1
    if doubt > MOST_DOUBT:
        return None
    distances = [sum(differences(one, other) for other in said) for one in said]
    text = texts[distances.index(min(distances))]
    return Utterance(span.start, span.end, text, doubt, span.likelihood)


def at_speed(pcm: bytes, speed: float) -> bytes:
    """A clip of 16-bit PCM, played faster (above 1) or slower."""
    sound = samples(pcm).astype(np.float32)
    places = np.arange(int(len(sound) / speed)) * speed
    played = np.interp(places, np.arange(len(sound)), sound)
    pcm_then: bytes = np.rint(played).astype("<i2").tobytes()
    return pcm_then


def words_of(text: str) -> list[str]:
    """The words in lowercase, without punctuation."""
    return [found[0].lower() for found in _WORD.finditer(text)]


def is_circular(said: list[str]) -> bool:
    """Whether a text repeats itself again and again."""
    groups = list(zip(said, said[1:], said[2:], strict=False))
    if len(said) < LONG_ENOUGH:
        return False
    return 1 - len(set(groups)) / len(groups) >= MOST_REPEATED


def is_slow(text: str, seconds: float) -> bool:
    """Whether nobody would speak so slowly: the text has a pause in it, or is invented."""
    letters = sum(map(str.isalpha, text)) + LETTERS_OF_A_DIGIT * sum(map(str.isdigit, text))
    return seconds > SHORT_S and letters < SLOWEST * seconds


def differences(one: list[str], other: list[str]) -> int:
    """How many words must be removed, added or replaced to turn one text into the other."""
    row = list(range(len(other) + 1))
    for place, word in enumerate(one, 1):
        above, row = row, [place]
        for at, another in enumerate(other):
            row.append(min(above[at + 1] + 1, row[-1] + 1, above[at] + (word != another)))
    return row[-1]
