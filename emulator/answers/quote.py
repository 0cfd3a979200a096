"""Sentences that answer: the emulator's only source of words.

A corpus is a few Markdown or text files. Each sentence is weighed by the words that it shares with
the question, rare words more than common ones; words in the headings above it and in the sentences
beside it count for less. The best sentence opens the answer, and its section goes on with it.
Nothing is looked up by the text of a known question.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from emulator.answers.answer import Prompt
from emulator.answers.instructions import sentences_wanted, without_brevity
from emulator.text.small_talk import courtesies, greets, reply_to, without_courtesies
from emulator.text.words import senses, subject, terms

LEAFLETS = Path(__file__).resolve().parents[2] / "data" / "handbook"
READABLE = (".md", ".txt")
IN_HEADING, BESIDE = 0.7, 0.35
ENOUGH = 0.45
MIDDLING = 20
AS_GOOD = 0.75
TOPICS, SPOKEN_TOPICS = 12, 3

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(])")
_MARKUP = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|[*`]+|<[^>]+>")
_ORDER = re.compile(
    r"""(you|your|i|please|if|when|never|always|do|don't|be|keep|use|answer|reply|respond|speak|say
    |ask|tell|greet|stay|act|avoid|write|call|make|let|only|no|not|in)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_NOT_PROSE = ("|", ">", "<", "![", "    ")


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
        self._told: tuple[list[Sentence], Corpus] | None = None
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

    @classmethod
    def read(cls, paths: Iterable[Path]) -> "Corpus":
        """Read Markdown and text files; raises OSError or UnicodeDecodeError."""
        return cls(
            [s for path in paths for s in sentences(path.read_text(encoding="utf-8"), path.name)]
        )

    def with_told(self, instructions: Sequence[str]) -> "Corpus":
        """The same, and what instructions state as a fact; what they order is no answer."""
        told = [s for text in instructions for s in statements(text)]
        if not told:
            return self
        latest = self._told  # another thread may replace it meanwhile
        if latest is None or latest[0] != told:
            self._told = latest = told, Corpus([*told, *self.sentences])
        return latest[1]

    def rank(self, question: str) -> list[tuple[float, int]]:
        """(score 0..1, place) of the sentences that share words with the question, best first."""
        wanted = {term: self._rarity(term) for term in senses(without_courtesies(question))}
        total = sum(wanted.values())
        scores: defaultdict[int, float] = defaultdict(float)
        for term, rarity in wanted.items():
            for place, weight in self._weights.get(term, {}).items():
                scores[place] += weight * rarity / total

        def order(place: int) -> tuple[float, bool, bool, int]:
            """Among equals first what begins with a word that is asked for, then what stands under
            a heading that is, then the short."""
            topic, text = self._topics[place], self.sentences[place].text
            is_asked_for = bool(topic) and topic <= wanted.keys()
            is_about = bool(self._subjects[place] & wanted.keys())
            return -round(scores[place], 6), not is_about, not is_asked_for, len(text)

        return [(scores[place], place) for place in sorted(scores, key=order)]

    def best_sentence(self, question: str) -> str:
        """The sentence that answers a question best; nothing where none does."""
        ranked = self.rank(question)
        return self.sentences[ranked[0][1]].text if ranked and ranked[0][0] >= ENOUGH else ""

    def knows(self, question: str) -> float:
        """How well its best sentence answers a question, 0..1."""
        ranked = self.rank(question)
        return ranked[0][0] if ranked else 0.0

    def section(self, place: int) -> Iterator[int]:
        """The places that follow in the same section, then what stands before them in it."""
        yield from self._run(place, +1)
        yield from self._run(place, -1)

    def after(self, place: int) -> Iterator[int]:
        """The places that follow in the same file, beyond the section."""
        source = self.sentences[place].source
        for further in range(place + 1, len(self.sentences)):
            if self.sentences[further].source != source:
                return
            yield further

    def topics(self) -> list[str]:
        """The innermost headings, in order: what can be asked about."""
        return list(dict.fromkeys(s.headings[-1] for s in self.sentences if s.headings))

    def _raise(self, term: str, place: int, weight: float) -> None:
        self._weights[term][place] = max(weight, self._weights[term].get(place, 0.0))

    def _rarity(self, term: str) -> float:
        """Rare words tell most, except one that the corpus never uses: it may be mere style."""
        known = len(self._weights.get(term, ()))
        return math.log(1 + len(self.sentences) / (known or MIDDLING))

    def _same_section(self, place: int, other: int) -> bool:
        return (
            0 <= other < len(self.sentences)
            and self.sentences[place].source == self.sentences[other].source
            and self.sentences[place].headings == self.sentences[other].headings
        )

    def _run(self, place: int, step: int) -> Iterator[int]:
        while self._same_section(place, place + step):
            place += step
            yield place


def read_corpus(folder: Path | None = None) -> Corpus:
    """What may be quoted: the files of a folder; by default the handbook's leaflets.

    Raises OSError where a file cannot be read.
    """
    chosen = folder or LEAFLETS
    return Corpus.read(sorted(path for path in chosen.iterdir() if path.suffix in READABLE))


def quoted(prompt: Prompt, corpus: Corpus, variant: int) -> str:
    """The best sentences, with their sources, or a word on what can be asked.

    Courtesies get another back; in writing a greeting is better answered by what can be asked.
    """
    said = courtesies(prompt.questions[-1]) if prompt.questions else []
    if said and not (prompt.names_sources and said[0] == "greeting"):
        return reply_to(said)
    ranked = [] if said else _hits(prompt.questions, corpus)
    if not ranked:
        return nothing_found(corpus, TOPICS if prompt.names_sources else SPOKEN_TOPICS)
    lead = ranked[min(variant, len(ranked) - 1)][1]
    hits = [place for score, place in ranked if score >= AS_GOOD * ranked[0][0]]
    chosen = _choose(lead, hits, corpus, most_sentences(prompt))
    text = " ".join(corpus.sentences[place].text for place in chosen)
    if not prompt.names_sources:
        return text
    sources = dict.fromkeys(corpus.sentences[place].source for place in chosen)
    return f"{text} (Quoted from {' and '.join(sources)}.)"


def most_sentences(prompt: Prompt) -> int:
    """How long an answer may be: the number that was asked for in words, else the setting's."""
    return sentences_wanted([*prompt.instructions, *prompt.questions[-1:]]) or prompt.sentences


def nothing_found(corpus: Corpus, most: int) -> str:
    topics = "; ".join(corpus.topics()[:most])
    return f"""This is the course's emulator. It can only quote the files that it was given, and \
nothing in them answers that. It can be asked about: {topics}."""


def _hits(questions: Sequence[str], corpus: Corpus) -> list[tuple[float, int]]:
    """What answers the latest question; one that finds nothing alone leans on the one before.

    Courtesies are no questions, and one who greets begins anew.
    """
    asked = [question for question in questions if not courtesies(question)]
    begins_anew = bool(asked) and greets(asked[-1])
    for question in (asked[-1:],) if begins_anew else (asked[-1:], asked[-2:]):
        ranked = corpus.rank(without_brevity(" ".join(question)))
        if ranked and ranked[0][0] >= ENOUGH:
            return ranked
    return []


def _choose(lead: int, hits: list[int], corpus: Corpus, limit: int) -> list[int]:
    """The lead and what goes on from it, then up to a third of sentences that are as good."""
    others = [place for place in hits if place != lead][: limit // 3]
    onward = [*corpus.section(lead), *corpus.after(lead)]
    flow = [place for place in dict.fromkeys(onward) if place not in others]
    return [lead, *flow[: limit - 1 - len(others)], *others][:limit]


def statements(instructions: str) -> Iterator[Sentence]:
    """The sentences of instructions that tell something, and do not tell what to do."""
    flowing = " ".join(instructions.split())
    for sentence in sentences(flowing, "the instructions"):
        words = terms(sentence.text)
        if len(words) > 2 and not _ORDER.match(sentence.text):
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
            depth = len(line) - len(line.lstrip("#"))
            headings = [*headings[: depth - 1], _plain(line.lstrip("# "))]
        else:
            for text in _SENTENCE_END.split(_plain(line.strip().removeprefix("- "))):
                if text.endswith((".", "!", "?", ":")) and len(text.split()) > 2:
                    yield Sentence(text, source, tuple(headings))


def _plain(line: str) -> str:
    return _MARKUP.sub(lambda found: found[1] or "", line).strip()
