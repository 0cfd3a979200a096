"""What the emulator can quote: sentences of Markdown and text files, ranked for a question.

Nothing is looked up by the text of a known question: words alone decide, as follows.

A word of the question has a **rarity**, log(1 + N / n), where n of the N sentences hold it: what
few sentences hold says most of what is asked. A word that none holds counts as a middling one, as
it may be mere style. A sentence gets the rarity of every word that it has to do with, weighed by
where the word stands: 1 in the sentence, `IN_HEADING` in a heading above it, `BESIDE` in a
neighbour of its section. The sum over that of all the question's words is the **score**: 0 for no
word, 1 for a sentence that holds every one of them.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from emulator.text.markdown import line_sentences, plain
from emulator.text.words import senses, subject, terms

LEAFLETS = Path(__file__).resolve().parents[2] / "data" / "handbook"
READABLE = (".md", ".txt")
IN_HEADING, BESIDE = 0.7, 0.35
ENOUGH, MIDDLING = 0.45, 20
"""The score that makes a sentence an answer; how many sentences hold a word that none holds."""

INSTRUCTIONS = "the instructions"
"""The source of what instructions state."""

# Sentences of instructions that begin so say what to do, and state no fact.
_ORDER = re.compile(
    r"""(you|your|i|please|if|when|never|always|do|don't|be|keep|use|answer|reply|respond|speak|say
    |ask|tell|greet|stay|act|avoid|write|call|make|let|only|no|not|in)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_NOT_PROSE = ("|", ">", "<", "![", "    ")

Ranked = list[tuple[float, int]]
"""(score, place) of sentences, best first."""


@dataclass(frozen=True)
class Sentence:
    """A sentence that may be quoted: its text, the file, the headings above it, outermost first."""

    text: str
    source: str
    headings: tuple[str, ...]


class Corpus:
    """Sentences with an index of their words."""

    def __init__(self, sentences: Sequence[Sentence]) -> None:
        self.sentences = sentences
        self._extended: tuple[list[Sentence], Corpus] | None = None
        # By term and place, what finding the term there is worth.
        self._weights: dict[str, dict[int, float]] = defaultdict(dict)
        self._topics = [senses(" ".join(s.headings[-1:])) for s in sentences]
        self._subjects = [subject(s.text) for s in sentences]
        for place, sentence in enumerate(sentences):
            for term in senses(" ".join(sentence.headings)):
                self._raise(term, place, IN_HEADING)
            for term in senses(sentence.text):
                self._raise(term, place, 1.0)
                for beside in (place - 1, place + 1):
                    if self._same_section(place, beside):
                        self._raise(term, beside, BESIDE)

    def with_statements(self, instructions: Sequence[str]) -> "Corpus":
        """The same, and what instructions state as a fact; what they order is no answer."""
        stated = [s for text in instructions for s in statements(text)]
        if not stated:
            return self
        latest = self._extended  # another thread may replace it meanwhile
        if latest is None or latest[0] != stated:
            self._extended = latest = stated, Corpus([*stated, *self.sentences])
        return latest[1]

    def stated(self, hits: Ranked) -> Ranked:
        """Those hits that instructions state, and that are enough of an answer."""
        return [hit for hit in hits if hit[0] >= ENOUGH and self._is_stated(hit[1])]

    def _is_stated(self, place: int) -> bool:
        return self.sentences[place].source == INSTRUCTIONS

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
            topic = self._topics[place]
            is_asked_for = bool(topic) and topic <= wanted.keys()
            is_about = bool(self._subjects[place] & wanted.keys())
            length = len(self.sentences[place].text)
            return -round(scores[place], 6), not is_about, not is_asked_for, length

        return [(scores[place], place) for place in sorted(scores, key=order)]

    def onward(self, place: int) -> Iterator[int]:
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

    def _raise(self, term: str, place: int, weight: float) -> None:
        self._weights[term][place] = max(weight, self._weights[term].get(place, 0.0))

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
    read = (sentences(path.read_text(encoding="utf-8"), path.name) for path in paths)
    return Corpus([sentence for each in read for sentence in each])


def answering(ranked: Ranked) -> Ranked:
    """The same if the best of them is an answer, else nothing."""
    return ranked if ranked and ranked[0][0] >= ENOUGH else []


def statements(instructions: str) -> Iterator[Sentence]:
    """The sentences of instructions that state a fact, and do not say what to do."""
    for sentence in sentences(" ".join(instructions.split()), INSTRUCTIONS):
        if len(terms(sentence.text)) > 2 and not _ORDER.match(sentence.text):
            yield sentence


def sentences(markdown: str, source: str) -> Iterator[Sentence]:
    """The sentences of a Markdown text; code, tables and pictures are left out."""
    headings: list[str] = []
    in_code = False
    for line in markdown.splitlines():
        if line.lstrip().startswith("```"):
            in_code = not in_code
        elif in_code or line.startswith(_NOT_PROSE):
            continue
        elif line.startswith("#"):
            # It ends the headings of its own depth and below.
            depth = len(line) - len(line.lstrip("#"))
            headings = [*headings[: depth - 1], plain(line.lstrip("# "))]
        else:
            for text in line_sentences(line.strip().removeprefix("- ")):
                if text.endswith((".", "!", "?", ":")) and len(text.split()) > 2:
                    yield Sentence(text, source, tuple(headings))
