"""Who speaks when: the turns of a recording, each with its speaker.

Nobody says how many people speak; that is found. The way is the usual one of speaker diarisation:

    1  windows     1.6 s of speech every 0.2 s, each as a vector of its voice
    2  groups      the most similar windows are joined until the groups that remain are unlike
    3  path        every 0.1 s gets the group whose voice is nearest, where a change has its price
    4  names       a known voice's name, or else "A", "B", ... in order of appearance

Two people who speak at once get one label, that of the voice that is nearer.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from itertools import count, pairwise, product
from string import ascii_uppercase
from typing import NamedTuple

from emulator.voice.speaker_encoder import FRAMES, HOP, RATE, Floats, embed, levelled, spectrum

import numpy as np
from numpy.typing import NDArray

Span = tuple[float, float]
Integers = NDArray[np.intp]

A_SECOND = RATE // HOP
"""Frames of the spectrum."""
STEP = 10
"""Frames for which a label is decided at once: 0.1 s."""
EVERY = 20
"""Frames from one window to the next: 0.2 s."""
SHORT = 80
"""Frames of the windows by which the path is found: 0.8 s."""
MOST = 1000
"""Windows that are grouped; of a longer recording only so many, evenly spread."""
ALIKE = 0.70
"""Cosine of two groups' voices above which they are one speaker."""
KNOWN = 0.70
"""Cosine above which a group is taken for a known speaker."""
LEAST = 1.0
"""Seconds of speech below which a group is no speaker of its own."""
CHANGE = 2.0
"""What a change of speakers costs in mid-sound, in units of a step's cosine."""
CHANGE_AT_PAUSE = 0.5
"""What it costs from one span to the next."""


QUIET, NEAR = 5, 30
"""Frames over which loudness is measured; how far from a change its quietest place is sought."""

_one_at_a_time = threading.Lock()


class Turn(NamedTuple):
    """What one speaker says without a break: seconds from the start of the recording."""

    start: float
    end: float
    speaker: str


class _Windows(NamedTuple):
    """Parts of the speech: the piece that each is of, its middle there in frames, its voice."""

    pieces: Integers
    middles: NDArray[np.float64]
    vectors: Floats


def tell_apart(
    samples: Floats, spans: Sequence[Span], known: Mapping[str, Floats] | None = None
) -> list[Turn]:
    """The turns in a recording, in order; together they cover the spans, and nothing else.

    `samples` are numbers from -1 to 1 at 16 kHz. `spans` are the parts that hold speech, in seconds,
    as a voice activity detector finds them. A turn lies within one span; a span in which the
    speaker changes has several. `known` has samples of voices whose names are to be used: 2 to 10 s
    of each.

    It takes about a tenth of the recording's length on one core.
    """
    pieces = _pieces(spans, len(samples) / RATE)
    if not pieces:
        return []
    with _one_at_a_time:
        spectra = [spectrum(samples[round(a * RATE) : round(b * RATE)]) for a, b in pieces]
        wide = _windows(spectra, FRAMES, EVERY)
        voices = _voices(wide.vectors)
        narrow = _windows(spectra, SHORT, STEP)
        names = _names(voices, known or {})
    scores = [_scores(narrow, number, len(each), voices) for number, each in enumerate(spectra)]
    parts = [
        Turn(piece[0] + start, min(piece[0] + end, piece[1]), str(voice))
        for piece, bands, path in zip(pieces, spectra, _path(scores), strict=True)
        for start, end, voice in _runs(path, bands, piece[1] - piece[0])
    ]
    return _cut(_labelled(parts, names), spans)


def _pieces(spans: Sequence[Span], length: float) -> list[Span]:
    """The spans in order, within the recording, those joined that touch or overlap."""
    pieces: list[Span] = []
    for start, end in sorted(spans):
        start, end = max(0.0, start), min(end, length)
        if pieces and start <= pieces[-1][1]:
            pieces[-1] = pieces[-1][0], max(end, pieces[-1][1])
        elif start < end:
            pieces.append((start, end))
    return pieces


def _windows(spectra: Sequence[Floats], frames: int, every: int) -> _Windows:
    """Windows of so many frames; of a piece that is shorter, one in which it is repeated."""
    pieces, middles, found = [], [], []
    for number, bands in enumerate(spectra):
        starts = [0] if len(bands) <= frames else [*range(0, len(bands) - frames, every)]
        if len(bands) > frames:
            starts.append(len(bands) - frames)
        for start in starts:
            part = np.resize(bands[start : start + frames], (frames, bands.shape[1]))
            pieces.append(number)
            middles.append(start + min(frames, len(bands)) / 2)
            found.append(part)
    vectors = embed(levelled(np.stack(found)))
    return _Windows(np.array(pieces), np.array(middles), vectors)


def _voices(vectors: Floats, alike: float = ALIKE) -> Floats:
    """The mean voice of each group, as unit vectors."""
    labels = grouped(vectors, alike)
    sums = np.stack([vectors[labels == n].sum(axis=0) for n in range(labels.max() + 1)])
    return sums / np.linalg.norm(sums, axis=1, keepdims=True)


def grouped(vectors: Floats, alike: float) -> Integers:
    """A group's number for each vector: by agglomeration, until no two groups are as similar.

    What is compared is the cosine of the sums. Of all pairs the most similar is joined first.
    """
    sums = vectors.astype(np.float64)
    labels = np.arange(len(vectors))
    products = sums @ sums.T
    while True:
        sizes = np.sqrt(np.diag(products))
        cosines = products / sizes[:, None] / sizes
        np.fill_diagonal(cosines, -1)
        one, other = sorted(divmod(int(cosines.argmax()), len(cosines)))
        if len(cosines) == 1 or cosines[one, other] < alike:
            return labels
        products[one] += products[other]
        products[:, one] += products[:, other]
        products = np.delete(np.delete(products, other, 0), other, 1)
        labels[labels == other] = one
        labels[labels > other] -= 1


def _scores(windows: _Windows, piece: int, frames: int, voices: Floats) -> Floats:
    """How near each voice is, each 0.1 s of a piece: between two windows' middles, in between."""
    chosen = windows.pieces == piece
    cosines = windows.vectors[chosen] @ voices.T
    steps = np.arange(max(1, frames // STEP)) * STEP + STEP / 2
    middles = windows.middles[chosen]
    return np.stack([np.interp(steps, middles, column) for column in cosines.T], axis=1)


def _path(scores: Sequence[Floats]) -> list[Integers]:
    """The voice of each step of each piece: the best path (Viterbi's), where changes cost."""
    costs = np.concatenate([[CHANGE_AT_PAUSE, *[CHANGE] * (len(each) - 1)] for each in scores])
    rows = np.concatenate(scores)
    best, back = rows[0], [np.zeros(rows.shape[1], int)]
    for row, cost in zip(rows[1:], costs[1:], strict=True):
        change = best.max() - cost
        back.append(np.where(best >= change, np.arange(len(best)), best.argmax()))
        best = np.maximum(best, change) + row
    at, path = int(best.argmax()), []
    for row in reversed(back):
        path.append(at)
        at = int(row[at])
    path.reverse()
    return np.split(np.array(path), np.cumsum([len(each) for each in scores])[:-1])


def _runs(path: Integers, bands: Floats, length: float) -> Iterator[tuple[float, float, int]]:
    """From when to when each voice is heard, in seconds; a change lies where it is quietest."""
    loudness = np.convolve(bands.sum(axis=1), np.ones(QUIET), "same")
    start = 0.0
    for step in np.flatnonzero(np.diff(path)) + 1:
        first = max(0, step * STEP - NEAR)
        frame = first + int(loudness[first : step * STEP + NEAR].argmin())
        end = frame / A_SECOND
        if end > start:
            yield start, end, int(path[step - 1])
            start = end
    yield start, length, int(path[-1])


def _names(voices: Floats, known: Mapping[str, Floats]) -> dict[str, str]:
    """The known speaker that each voice is, if any."""
    references = {name: _reference(sound) for name, sound in known.items()}
    found = {}
    for number, voice in enumerate(voices):
        likely = max(references, key=lambda name: float(voice @ references[name]), default=None)
        if likely is not None and voice @ references[likely] >= KNOWN:
            found[str(number)] = likely
    return found


def _reference(sound: Floats) -> Floats:
    total = _windows([spectrum(sound)], FRAMES, EVERY).vectors.sum(axis=0)
    return total / np.linalg.norm(total)


def _labelled(parts: Sequence[Turn], names: dict[str, str]) -> list[Turn]:
    """Known names, or else letters in order of appearance."""
    taken = set(names.values())
    letters = (letter for letter in _letters() if letter not in taken)
    for part in parts:
        if part.speaker not in names:
            names[part.speaker] = next(letters)
    return [part._replace(speaker=names[part.speaker]) for part in parts]


def _letters() -> Iterator[str]:
    """A to Z, then AA, AB and so on."""
    for length in count(1):
        yield from map("".join, product(ascii_uppercase, repeat=length))


def _cut(turns: Sequence[Turn], spans: Sequence[Span]) -> list[Turn]:
    """The turns, cut where a span begins or ends; those joined that only touch in one span."""
    borders = sorted({border for span in spans for border in span})
    parts: list[Turn] = []
    for turn in turns:
        inside = [border for border in borders if turn.start < border < turn.end]
        parts += [Turn(a, b, turn.speaker) for a, b in pairwise([turn.start, *inside, turn.end])]
    return parts
