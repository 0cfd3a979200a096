"""Who speaks when: the turns of a recording, each with its speaker.

The number of speakers isn't given, but found, in the way that is usual for speaker diarization:

    1  windows   every 0.2 s, a vector for the voice in the 0.8 s around it (speaker_encoder.py)
    2  groups    the most similar vectors are joined, until no groups are similar: the speakers
    3  path      each 0.2 s gets the speaker with the most similar voice; a change has a cost
    4  names     the name of a known voice, or else "A", "B", ... in order of appearance

Steps 2 and 3 are repeated with the voices that step 3 found. When two people speak at once, the
time goes to the one with the more similar voice.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from itertools import count, pairwise, product
from string import ascii_uppercase
from typing import NamedTuple

from emulator.voice.speaker_encoder import (
    BANDS,
    BATCH,
    HOP,
    RATE,
    Floats,
    embed,
    levelled,
    spectrum,
)

import numpy as np
from numpy.typing import NDArray

Span = tuple[float, float]
Integers = NDArray[np.intp]

A_SECOND = RATE // HOP
"""Frames of the spectrum."""
STEP, WINDOW = 20, 80
"""Frames from one window to the next, and in one: 0.2 s and 0.8 s."""
APART = WINDOW // STEP
"""Windows from one to the first that shares no sound with it."""
PURE = 0.70
"""Cosine of two neighbours above which no change of speakers is supposed between them."""
ALIKE = 0.82
"""Cosine of two groups above which they are one speaker."""
KNOWN = 0.80
"""Cosine of a group and a known voice above which they are one speaker."""
LEAST = 6
"""Steps that a speaker must have: 1.2 s. What is shorter goes to the nearest of the others."""
MOST = 800
"""Windows that are grouped; of a longer recording only so many, evenly spread."""
CHANGE, CHANGE_AT_PAUSE = 0.5, 0.1
"""What a change of speakers costs within a span, and from one to the next, in cosines of a step."""
ROUNDS = 3
QUIET, NEAR = 5, 20
"""Frames over which loudness is measured; how far from a change its quietest place is sought."""

_one_at_a_time = threading.Lock()


class Turn(NamedTuple):
    """What one speaker says without a break: seconds from the start of the recording."""

    start: float
    end: float
    speaker: str


def tell_apart(
    samples: Floats, spans: Sequence[Span], known: Mapping[str, Floats] | None = None
) -> list[Turn]:
    """The turns in a recording, in order; together they cover the spans, and nothing else.

    `samples` are numbers from -1 to 1 at 16 kHz. `spans` are the parts that hold speech, in
    seconds, as a voice activity detector finds them. A turn lies within one span; a span in which
    the speaker changes has several. `known` has 2 to 10 s of each voice whose name is to be used.

    It takes about a twentieth of the recording's length on one core.
    """
    pieces = _pieces(spans, len(samples) / RATE)
    if not pieces:
        return []
    with _one_at_a_time:
        spectra = [spectrum(samples[round(a * RATE) : round(b * RATE)]) for a, b in pieces]
        windows = voices_of(spectra)
        references = {name: _voice_of(sound) for name, sound in (known or {}).items()}
    paths = _paths(windows)
    names = _names(np.concatenate(paths), np.concatenate(windows), references)
    turns = [
        Turn(start, end, names[voice])
        for piece, bands, path in zip(pieces, spectra, paths, strict=True)
        for start, end, voice in _runs(path, bands, piece)
    ]
    return _cut(turns, spans)


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


def unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), np.float32)


# -------------------------------------------------------------------- 1  windows


def voices_of(spectra: Sequence[Floats]) -> list[Floats]:
    """The voice around the middle of each step of 0.2 s of each piece: shapes (steps, 256).

    A window that would reach beyond its piece is moved into it. A piece that is shorter than a
    window is repeated, as the network knows voices by what they do over time.
    """
    pieces = [np.resize(each, (WINDOW, BANDS)) if len(each) < WINDOW else each for each in spectra]
    starts = [_starts(len(each)) for each in spectra]
    places = [(piece, start) for piece, each in zip(pieces, starts, strict=True) for start in each]
    vectors = [
        embed(levelled(np.stack([piece[start : start + WINDOW] for piece, start in batch])))
        for batch in (places[n : n + BATCH] for n in range(0, len(places), BATCH))
    ]
    return np.split(np.concatenate(vectors), np.cumsum([len(each) for each in starts])[:-1])


def _starts(frames: int) -> Integers:
    """Where the windows of a piece begin, in frames."""
    middles = np.arange(STEP // 2, max(frames, STEP), STEP)
    return np.clip(middles - WINDOW // 2, 0, max(0, frames - WINDOW))


def _voice_of(samples: Floats) -> Floats:
    return unit(voices_of([spectrum(samples)])[0].sum(axis=0))


# --------------------------------------------------------------------- 2  groups


def _groups(windows: Sequence[Floats]) -> Floats:
    """One vector for the voice of each speaker: (speakers, 256)."""
    vectors = np.concatenate([_pure(each) for each in windows])
    if not len(vectors):
        vectors = np.concatenate(windows)
    vectors = vectors[:: -(-len(vectors) // MOST)]
    labels = grouped(vectors, ALIKE)
    return _means(vectors, labels)


def _pure(vectors: Floats) -> Floats:
    """The voice in 1.6 s, wherever only one speaker is heard for that long."""
    first, second = vectors[:-APART], vectors[APART:]
    is_pure = (first * second).sum(axis=1) >= PURE
    return unit(first[is_pure] + second[is_pure])


def grouped(vectors: Floats, alike: float) -> Integers:
    """The group of each vector: agglomerative clustering by the cosine of the groups' sums.

    The two most similar groups are joined, again and again, until none are as similar as `alike`.
    """
    labels = np.arange(len(vectors))
    products = vectors.astype(np.float64) @ vectors.T
    while True:
        lengths = np.sqrt(np.diag(products))
        cosines = products / lengths[:, None] / lengths
        np.fill_diagonal(cosines, -1)
        one, other = sorted(divmod(int(cosines.argmax()), len(cosines)))
        if cosines[one, other] < alike or one == other:
            return labels
        products[one] += products[other]
        products[:, one] += products[:, other]
        products = np.delete(np.delete(products, other, 0), other, 1)
        labels[labels == other] = one
        labels[labels > other] -= 1


def _means(vectors: Floats, labels: Integers) -> Floats:
    return unit(np.stack([vectors[labels == each].sum(axis=0) for each in np.unique(labels)]))


# ----------------------------------------------------------------------- 3  path


def _paths(windows: Sequence[Floats]) -> list[Integers]:
    """The speaker of each step of each piece. Each has some time, and no two are similar."""
    voices, every = _groups(windows), np.concatenate(windows)
    for _ in range(ROUNDS):
        labels = np.concatenate(_path([each @ voices.T for each in windows]))
        counts = np.bincount(labels, minlength=len(voices))
        kept = np.flatnonzero(counts >= min(LEAST, counts.max()))
        voices = _means(every[np.isin(labels, kept)], labels[np.isin(labels, kept)])
        voices = _means(voices, grouped(voices, ALIKE))
    return _path([each @ voices.T for each in windows])


def _path(scores: Sequence[Floats]) -> list[Integers]:
    """The best way through the cosines (steps, speakers) of each piece, by Viterbi's algorithm.

    For each step and speaker it keeps the best sum of cosines that ends there, less what the
    changes on the way cost, and from where it came. At the end it walks back.
    """
    costs = np.concatenate([[CHANGE_AT_PAUSE, *[CHANGE] * (len(each) - 1)] for each in scores])
    rows = np.concatenate(scores)
    stay = np.arange(rows.shape[1])
    best, origins = rows[0], [stay]
    for row, cost in zip(rows[1:], costs[1:], strict=True):
        change = best.max() - cost
        origins.append(np.where(best >= change, stay, best.argmax()))
        best = np.maximum(best, change) + row
    at, path = int(best.argmax()), []
    for origin in reversed(origins):
        path.append(at)
        at = int(origin[at])
    every = np.array(path[::-1], np.intp)
    return np.split(every, np.cumsum([len(each) for each in scores])[:-1])


def _runs(path: Integers, bands: Floats, piece: Span) -> Iterator[tuple[float, float, int]]:
    """Start and end of each speaker's turns, in seconds; changes are put where it is quietest."""
    loudness = np.convolve(bands.sum(axis=1), np.ones(QUIET), "same")
    start = piece[0]
    for step in (np.flatnonzero(np.diff(path)) + 1).tolist():
        first = max(0, step * STEP - NEAR)
        frame = first + int(loudness[first : step * STEP + NEAR].argmin())
        end = piece[0] + frame / A_SECOND
        if start < end < piece[1]:
            yield start, end, int(path[step - 1])
            start = end
    yield start, piece[1], int(path[-1])


# ---------------------------------------------------------------------- 4  names


def _names(labels: Integers, vectors: Floats, references: Mapping[str, Floats]) -> dict[int, str]:
    """Each speaker's name: that of the most similar reference, or else the next letter."""
    names = {}
    for speaker in np.unique(labels).tolist():
        voice = unit(vectors[labels == speaker].sum(axis=0))
        near = {name: float(voice @ reference) for name, reference in references.items()}
        if near and max(near.values()) >= KNOWN:
            names[speaker] = max(near, key=near.__getitem__)
    free = (letter for letter in letters() if letter not in references)
    for speaker in labels.tolist():
        if speaker not in names:
            names[speaker] = next(free)
    return names


def letters() -> Iterator[str]:
    """A to Z, then AA, AB and so on."""
    for length in count(1):
        yield from map("".join, product(ascii_uppercase, repeat=length))


def _cut(turns: Sequence[Turn], spans: Sequence[Span]) -> list[Turn]:
    """The turns, cut where a span begins or ends."""
    borders = sorted({border for span in spans for border in span})
    parts: list[Turn] = []
    for turn in turns:
        inside = [border for border in borders if turn.start < border < turn.end]
        places = pairwise([turn.start, *inside, turn.end])
        parts += [Turn(start, end, turn.speaker) for start, end in places]
    return parts
