"""What the emulator can quote by itself: the sentences of Markdown and text files.

Words alone settle most questions. A word of the question has a **rarity**, log(1 + N / n), where n
of the N sentences hold it: what few sentences hold says most of what is asked. A word that none
holds counts as a middling one, as it may be mere style. A sentence gets the rarity of every word
that it has to do with, weighed by where the word stands: 1 in the sentence, `IN_HEADING` in a
heading above it, `BESIDE` in a neighbour of its section. The sum over that of all the question's
words is the **score**: 0 for no word, 1 for a sentence that holds every one of them.

A question is **settled** by a score of `SETTLED` in a sentence that has two of its words, its
headings included, or begins with one. Any other question is searched for as file search does it, in
an index of the same texts; whether anything answers it is decided there, too. The index is made for
the first such question, since NumPy and the sentence encoder take time and memory.
"""

import math
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import takewhile
from pathlib import Path
from typing import Any

from emulator.answers.answer import USUAL_SENTENCES
from emulator.retrieval.quotes import Quote, quotes
from emulator.text.words import senses, subject

LEAFLETS = Path(__file__).resolve().parents[2] / "data" / "handbook"
READABLE = (".md", ".txt")
IN_HEADING, BESIDE = 0.7, 0.35
ENOUGH, SETTLED, MIDDLING = 0.45, 0.8, 20
"""The score that fills in a value; the one that settles a question; how many sentences hold a word
that none holds."""
AS_GOOD = 0.75
"""The part of the best score from which on another sentence counts as good."""
REMEMBERED = 64
"""Questions whose answers a corpus keeps; each of them took some 35 ms."""

GOES_ON = re.compile(r"\W*(?:and|but|or|what about|how about)\b", re.IGNORECASE)
"""How a question begins that says only what is new: its own words count more, so it is read."""

_ASKS_ONE_THING = re.compile(
    r"""\b(?:when|where|who|whose|which|what\ time
    |how\ (?:much|many|long|late|early|soon|often|far|old|high|big)
    |(?<!what\ )(?:may|can|could|must|should|do|does|did|is|are|am|will)
    \ (?:i|we|you|it|there|they|the|my|our))\b""",
    re.IGNORECASE | re.VERBOSE,
)
"""Such a question is answered by a sentence or two; what comes next in the text answers nothing."""

_LEANS = re.compile(r"(?:it|its|they|their|them|this|these|he|she)\b", re.IGNORECASE)

Texts = Sequence[tuple[str, str]]
"""The name of a file, and its text."""
Ranked = list[tuple[float, int]]
"""(score, place) of sentences, best first."""


class Corpus:
    """Texts with an index of their words, made when a question first needs it.

    Only what `is_quotable` is quoted.
    """

    def __init__(self, texts: Texts, is_quotable: Callable[[Quote], bool] = bool) -> None:
        self._texts = texts
        self._is_quotable = is_quotable
        self._lock = threading.Lock()
        self._searched = lru_cache(REMEMBERED)(self._search)

    @cached_property
    def sentences(self) -> list[Quote]:
        every = (quote for name, text in self._texts for quote in quotes(text, name))
        return [quote for quote in every if quote.is_sentence and self._is_quotable(quote)]

    @cached_property
    def _weights(self) -> dict[str, dict[int, float]]:
        """By term and place, what finding the term there is worth."""
        weights: defaultdict[str, dict[int, float]] = defaultdict(dict)

        def raise_to(term: str, place: int, weight: float) -> None:
            weights[term][place] = max(weight, weights[term].get(place, 0.0))

        for place, sentence in enumerate(self.sentences):
            for term in senses(" ".join(sentence.headings)):
                raise_to(term, place, IN_HEADING)
            for term in senses(sentence.text):
                raise_to(term, place, 1.0)
                for beside in (place - 1, place + 1):
                    if self._same_section(place, beside):
                        raise_to(term, beside, BESIDE)
        return weights

    def rank(self, question: str) -> Ranked:
        """The sentences that share words with the question, best first."""
        wanted = {term: self._rarity(term) for term in senses(question)}
        total = sum(wanted.values())
        scores: defaultdict[int, float] = defaultdict(float)
        for term, rarity in wanted.items():
            for place, weight in self._weights.get(term, {}).items():
                scores[place] += weight * rarity / total

        # Among equals first what begins with a word that is asked for, then what stands under a
        # heading all of whose words are, then the short. Sums of floats are equal only if rounded.
        def order(place: int) -> tuple[float, bool, bool, int]:
            sentence = self.sentences[place]
            topic = senses(" ".join(sentence.headings[-1:]))
            is_asked_for = bool(topic) and topic <= wanted.keys()
            is_about = bool(subject(sentence.text) & wanted.keys())
            return -round(scores[place], 6), not is_about, not is_asked_for, len(sentence.text)

        return [(scores[place], place) for place in sorted(scores, key=order)]

    def answering(
        self, question: str, most: int, variant: int = 0, before: str = ""
    ) -> list[Quote]:
        """The quotes that answer; none if nothing does. `variant` k leads with the k-th best.

        `before` are words of an earlier question that this one leans on.
        """
        together = f"{question} {before}"
        ranked = self.rank(together)
        is_short = bool(before and GOES_ON.match(question))
        if ranked and not is_short and self._settles(ranked[0], together):
            lead = ranked[min(variant, len(ranked) - 1)][1]
            good = [p for score, p in ranked if score >= AS_GOOD * ranked[0][0] and p != lead]
            if _ASKS_ONE_THING.search(question) and most <= USUAL_SENTENCES:
                few = [*self._before(lead), *good][:2] if most > 1 else [lead]
                return [self.sentences[place] for place in few]
            return [self.sentences[place] for place in self._choose(lead, good, most)]
        found = self._searched(question, most, before)
        first = min(variant, max(0, len(found) - 1))
        return [*found[first:], *found[:first]]

    def _settles(self, best: tuple[float, int], question: str) -> bool:
        score, place = best
        sentence, asked = self.sentences[place], senses(question)
        shared = asked & senses(" ".join([*sentence.headings, sentence.text]))
        return score >= SETTLED and (len(shared) > 1 or bool(asked & subject(sentence.text)))

    def _choose(self, lead: int, good: Sequence[int], most: int) -> list[int]:
        """The lead and what goes on from it, then up to a third of sentences that are as good."""
        others = list(good[: most // 3])
        flow = [place for place in dict.fromkeys(self._onward(lead)) if place not in others]
        return [lead, *flow[: most - 1 - len(others)], *others][:most]

    def _before(self, lead: int) -> list[int]:
        """The lead, behind the sentence that says what its "it" is."""
        leans = _LEANS.match(self.sentences[lead].text) and self._same_section(lead, lead - 1)
        return [lead - 1, lead] if leans else [lead]

    def _search(self, question: str, most: int, before: str) -> Sequence[Quote]:
        """What file search would find; remembered, as a lesson often asks the same again."""
        # Imported here, as NumPy would double the time in which the emulator starts.
        from emulator.answers.cited import PASSAGES, answering, everything_in

        together = f"{question} {before}"
        if not senses(together):
            return []
        with self._lock:
            hits = self._index.search(["corpus"], [together], limit=PASSAGES)
        results = [{"filename": hit.file_id, "text": hit.text} for hit in hits]
        every = [quote for quote in everything_in(results) if self._is_quotable(quote)]
        return answering(question, before, every, [hit.score for hit in hits], most)

    @cached_property
    def _index(self) -> Any:
        import sqlite3

        from emulator.retrieval.index import Index, embed_chunks

        index = Index(sqlite3.connect(":memory:", check_same_thread=False))
        for name, text in self._texts:
            if text.strip():
                index.add("corpus", name, embed_chunks(text, title=name))
        return index

    def _onward(self, place: int) -> Iterator[int]:
        """What goes on from a sentence: the rest of its section, what is before it there, then
        what comes in the same file beyond the section."""
        for step in (+1, -1):
            other = place + step
            while self._same_section(place, other):
                yield other
                other += step
        source = self.sentences[place].source
        beyond = range(place + 1, len(self.sentences))
        yield from takewhile(lambda other: self.sentences[other].source == source, beyond)

    def topics(self) -> list[str]:
        """The innermost headings, in order: what can be asked about."""
        return list(dict.fromkeys(s.headings[-1] for s in self.sentences if s.headings))

    def _rarity(self, term: str) -> float:
        known = len(self._weights.get(term, ()))
        return math.log(1 + len(self.sentences) / (known or MIDDLING))

    def _same_section(self, place: int, other: int) -> bool:
        if not 0 <= other < len(self.sentences):
            return False
        one, two = self.sentences[place], self.sentences[other]
        return (one.source, one.headings) == (two.source, two.headings)


def read_corpus(folder: Path | None = None) -> Corpus:
    """What may be quoted: the files of a folder; by default the handbook's leaflets.

    Raises OSError or UnicodeDecodeError where a file cannot be read.
    """
    paths = sorted(path for path in (folder or LEAFLETS).iterdir() if path.suffix in READABLE)
    return Corpus([(path.name, path.read_text(encoding="utf-8")) for path in paths])


def if_enough(ranked: Ranked) -> Ranked:
    """The same if the best of them is an answer, else nothing."""
    return ranked if ranked and ranked[0][0] >= ENOUGH else []
