"""The second reading: the encoder ranks again what the table and the words have found.

The table adds up words, which is fast but coarse. The encoder reads whole sentences, which is
better but takes about 10 ms for each window. So the windows of all candidates are ranked by table
and words, and the encoder reads the best `READ_AGAIN` texts among them, unless they are more than
`BEHIND` the best one:

    first reading    cosine by the table   + 0.8 * words + edition
    second reading   cosine by the encoder + 0.1 * words + edition

The encoder reads each window behind its file's name and last heading (windows.py). On four folders
of real documentation, that put the passage with the fact first for 57 of 80 questions, instead of
51. `words` is the square of the share that shared words have in the question's rarity. `edition`
says how well the edition fits (ranking.py explains both). A chunk has the value of its best window
that was read. Chunks without such a window come last, in the order of the first reading. The
encoder caches what it made of each text.

This was measured with the course's handbook, and the 76 questions that nothing was tuned on. The
first reading puts the passage that answers first for 39 of them, the second for 46. Of the 48 hard
ones, which share no word with their answer, it is 14 and 21. More windows did not help: on the 152
other questions, 24 windows put as many first as 32, 48 or 96, because each further one may mislead.

**The score** is a logistic curve of the second reading. If the chunk is the best one, it estimates
the probability that the documents answer the question at all. (Whether something answers is decided
sentence by sentence, in relevance.py.) It was fitted on the questions that `benchmarks/evidence.py`
fits on: 232 about the handbook and four folders of real documentation, and 165 that the documents
don't answer. The unanswerable ones together weigh as much as the others. Many of them are about
subjects of the documents, and search alone can't tell them from hard questions:

    best score below                   0.2     0.25    0.3     0.35    0.4
    of 165 unanswerable questions       33      45      59      76      87
    of 232 answerable ones               3      11      23      36      52
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
FIRST_WORDS, SECOND_WORDS = 0.8, 0.1
"""The weight of shared words; the cosine has the weight 1."""
FIRST_MIDDLE, FIRST_SLOPE = 0.7, 7.0
"""Without a second reading: the raw value with the score 0.5, and the steepness of the curve."""
MIDDLE, SLOPE = 0.463, 6.5
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
    # What was not read gets a lower score than what was, and keeps its order.
    least = min(read.values())
    return {place: read.get(place, least * score) for place, score in scores.items()}


def _best(raws: Iterable[tuple[Place, float]]) -> dict[Place, float]:
    """The highest raw value of each chunk."""
    return dict(sorted(raws, key=itemgetter(1)))


def _curve(raw: float, middle: float, slope: float) -> float:
    return 1 / (1 + math.exp(-slope * (raw - middle)))
