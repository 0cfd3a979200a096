"""The second reading: the encoder judges what the table and the words have found.

The table adds up words, which is quick but coarse. The encoder reads whole sentences, which is
better but takes some 10 ms for each window. So the windows of all candidates are ranked by table
and words, and the best `READ_AGAIN` texts among them are read, as far as they are not `BEHIND` the
best one:

    first reading    cosine by the table   + 0.6 * words + edition
    second reading   cosine by the encoder + 0.1 * words + edition

`words` is the square of the share of the question's rarity in shared words, `edition` how well the
edition fits (ranking.py explains both). A chunk counts as its best window that was read. Chunks
without one come behind, in the order of the first reading. What was read is remembered by its text.

Measured on the course's handbook, on the 76 questions that nothing was tuned on: the passage that
answers is first for 40 by the first reading, and for 44 by the second; of the 48 hard ones, which
share no word with their answer, for 14 and for 20. More windows did not help: of 24, 32, 48 and 96
the first found most on the 152 other questions, as every window is one more that may mislead.

**The score** is a logistic curve of the second reading. It estimates how probable it is that the
documents answer the question at all if this is their best chunk. Whether something answers is then
decided sentence by sentence (relevance.py). The curve was fitted on the 152 questions to the
handbook that search was tuned on, on 40 to two folders of real documentation, and on 30 questions
that none of them answers; both kinds weigh the same. A third of these 30 is about what no document
mentions, and has less than 0.25. The others are about what the documents are about, and search
alone can't tell them from hard questions:

    best score below                   0.2     0.25    0.3     0.35    0.4
    of 30 unanswerable questions         8      10      14      18      18
    of 192 answerable ones               0       4      13      22      31
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

from emulator.retrieval.encoder import encode

READ_AGAIN = 24
BEHIND = 0.25
"""How far a window may be behind the best by the first reading, and is still read again. On the
tuning questions that saves a third of the reading, and finds as much."""
FIRST_WORDS, SECOND_WORDS = 0.6, 0.1
"""How much shared words count beside the cosine."""
FIRST_MIDDLE, FIRST_SLOPE = 0.7, 7.0
"""The raw value that scores 0.5 where nothing is read again, and how steep the curve is there."""
MIDDLE, SLOPE = 0.449, 6.0
"""The same for the second reading."""

Place = tuple[int, int]
"""The number of a store in a search, and the row of a chunk in it."""


class Window(NamedTuple):
    """A window of a chunk that is a candidate, and how it fits the question by table and words."""

    place: Place
    text: str
    cosine: float
    words: float
    edition: float

    @property
    def first(self) -> float:
        """The raw value of the first reading."""
        return self.cosine + FIRST_WORDS * self.words + self.edition

    def second(self, cosine: float) -> float:
        """The raw value of the second reading, by the encoder's cosine."""
        return cosine + SECOND_WORDS * self.words + self.edition


def scored(query: str, windows: Sequence[Window], count: int) -> Mapping[Place, float]:
    """The score of each chunk, 0..1; `count` texts are read again."""
    ranked = sorted(windows, key=lambda window: (-window.first, window.place))
    first = _best((window.place, window.first) for window in ranked)
    scores = {place: _curve(raw, FIRST_MIDDLE, FIRST_SLOPE) for place, raw in first.items()}
    if not ranked or not count:
        return scores
    close = (window.text for window in ranked if window.first >= ranked[0].first - BEHIND)
    texts = list(dict.fromkeys(close))[:count]
    asked, *vectors = encode([query, *texts])
    cosines = {text: float(asked @ each) for text, each in zip(texts, vectors, strict=True)}
    second = _best(
        (window.place, window.second(cosines[window.text]))
        for window in ranked
        if window.text in cosines
    )
    read = {place: _curve(raw, MIDDLE, SLOPE) for place, raw in second.items()}
    # What was not read is worth less than what was, and keeps its order.
    least = min(read.values())
    return {place: read.get(place, least * score) for place, score in scores.items()}


def _best(raws: Iterable[tuple[Place, float]]) -> dict[Place, float]:
    """The highest raw value of each chunk."""
    return dict(sorted(raws, key=itemgetter(1)))


def _curve(raw: float, middle: float, slope: float) -> float:
    return 1 / (1 + math.exp(-slope * (raw - middle)))
