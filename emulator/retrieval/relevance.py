"""How well a quote answers a question.

Six signals weigh a quote. The first is in 0..1, and the others count as much as is said here:

    meaning        cosine of the question and the quote, which stands behind its file's name and
                   its heading, as the sentence encoder reads them
    words          `WORDS` times the share of the question's words that the quote has, those in its
                   file's name or heading at `ABOVE`; the fewer quotes have a word, the more it
                   says; a code or a year (`E15`) says `CODE` times as much, a small number
                   `NUMBER` times, and a word of the question before this one `BEFORE` times
    alike          `ALIKE` times how similar to each word of the question the quote's most similar
                   word is, by the table of words
    passage        `PASSAGE` times the score that the search gave to its passage
    kind           `KIND` if it holds the kind of thing that is asked for: a time, a price, a name
    edition        less `OTHER_EDITION` if its file is of another year than the one asked for, or
                   than the newest

Reading takes long, some 10 ms a quote. So the quotes are weighed without their meaning first, with
`alike` in full in its place, and only the best `READ` are read.

Whether anything answers is decided by a logistic regression over nine `Signals`. One of them is
what the best quote weighs without its passage, since callers may score passages in their own way.
These signs say most clearly that nothing answers:

    a name or word    The question names something that no quote knows ("the weather in Paris"), or
                      has a word that is similar to none of theirs. Often just that is asked for.
    a small lead      The best quote weighs hardly more than the others.
    a missing kind    The question asks for an e-mail address, and the best quote has none.
    yes or no         "Do you have a pool?" more often asks for something that is nowhere than a
                      question with "when" or "how much" does.

A code that no quote has ("LX-8", where only LX-7 and LX-9 are known) decides alone. So does a
question that asks for nothing but a sum: "What is 15 times 12?"

The weights of quotes were tuned on the questions of `data/questions.jsonl` that are not held out,
and on two of the folders of `benchmarks/documentation.jsonl`. The weights of signals were fitted on
them, two further folders and `benchmarks/unanswerable.jsonl`, by `benchmarks/evidence.py`. It
reports that 9 of 232 answerable questions are declined, and 78 of 161 unanswerable ones, each
judged by weights that were fitted on other questions.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from emulator.retrieval.embedding import table, token_ids
from emulator.retrieval.encoder import encode
from emulator.retrieval.quotes import Quote
from emulator.retrieval.windows import YEAR
from emulator.text.words import content_words, senses

import numpy as np
from numpy.typing import NDArray

READ = 24
WORDS, ABOVE, ALIKE, PASSAGE, KIND, OTHER_EDITION = 0.3, 0.7, 0.4, 0.6, 0.15, 0.3
CODE, NUMBER, BEFORE = 2.0, 0.3, 0.5
BEHIND = slice(3, 8)
"""The places that the best quote is compared with."""
USUAL_LEAD, USUAL_STRANGEST, USUAL_FAMILIAR, LEAST_OF_FEW = 0.25, 0.72, 0.89, 0.55
"""The means of these signals, which count where the quotes are too few to tell, and the least
evidence there."""
MOST_WORDS = 8
"""A longer question counts as one of so many words."""

_AMOUNT = r"""(?:\d[\d.,]*|half|quarter|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven
    |twelve|[a-z]+teen|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:-[a-z]+)?
    |hundred|thousand)"""
_SMALL_NUMBER = re.compile(
    r"\d\d?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelv|[a-z]+teen|hundr|thousand"
)
# What a question asks for, and what answers that; the first that fits counts.
_PRICE = rf"""[$€£]\s?\d|\b{_AMOUNT}\s+(?:euro|cent|dollar|pound|per\ cent)|\bfree\b|no\ charge
    |\bpays?\ nothing"""
_KINDS = [
    (r"\b(?:price|fee|cost|pay|charge|deposit|expensive|set\ (?:me|us)\ back)", _PRICE),
    (
        r"\bhow\ (?:long|soon|quickly|often)\b|\b(?:duration|timeout)\b",
        rf"""\b{_AMOUNT}[\w -]{{0,16}}?\b(?:ms|s|seconds?|minutes?|hours?|days?|nights?|weeks?
        |months?|years?)\b|\b(?:once|twice|every)\b""",
    ),
    (
        r"\b(?:when|(?:what|which)\ (?:time|hour|date|day|month|year|evening)s?)\b",
        r"""\b\d{1,2}[:.]\d\d\b|\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\b(?:january|february
        |march|april|may|june|july|august|september|october|november|december)\b|\bo'clock\b
        |\b(?:19|20)\d\d|\bnoon\b|\bmidnight\b|\b\d{1,2}(?:st|nd|rd|th)\b|\b\d\ ?[ap]\.?m\b""",
    ),
    (
        r"""\bhow\ (?:many|much|old|high|tall|far|large|big|heavy|wide|deep|thick|young|strong
        |massive|likely|fast)\b|\b(?:number|maximum|size|limit|weight|temperature|rate)\b""",
        rf"\b{_AMOUNT}\b",
    ),
    (
        r"""\b(?:which|what)\ (?:[\w-]+\ )?(?:option|flag|command|variable|setting|field|key|code
        |parameter|macro|digits)\b""",
        r"(?-i:(?<!\w)--?[a-z]|\b\w+_\w+|\b[A-Z]{2,}\d*\b|\b[A-Z]\d+\b|\b\d{3,}\b|\b[a-z]+\ =\ )",
    ),
]
# What has to be there, as nothing else answers that.
_NEEDED = [
    (r"\be-?mail\ address\b", r"\S@\S"),
    (r"\b(?:tele)?phone\ number\b", r"\d[\d\ /()-]{4,}\d"),
    (r"\bhow\ much\b.*\b(?:cost|pay|charge|earn)|\bwhat\b.*\b(?:cost|price)\b", _PRICE),
]
# A word within a question that begins with a capital and is no abbreviation, or a long number.
_NAME = re.compile(r"(?<=[\w,;:] )[A-Z][a-z]+|\b\d{3,}\b")
_CODE = re.compile(r"\b([a-z]{1,4})-?(\d{1,5})\b", re.IGNORECASE)
# They count as those of a sum only beside a number: "three times a day" stays.
_SUM_WORDS = frozenset(
    "add added divided minus multiplied percent plus root square squared subtract sum times".split()
)
_HOW_MANY = re.compile(r"\bhow many ([\w-]+)", re.IGNORECASE)
_YES_OR_NO = re.compile(
    r"""\W*(?:is|are|am|was|were|can|could|may|must|should|will|do|does|did|has|have)\b""",
    re.IGNORECASE,
)

Floats = NDArray[np.float64]


class Signals(NamedTuple):
    """What says whether a question is answered, or the weight of each."""

    evidence: float
    """What the best quote weighs without its passage."""
    kind: float
    """1 if the best quote holds the kind of thing that is asked for."""
    lead: float
    """How much more the best quote weighs than those of the places `BEHIND`."""
    yes_or_no: float
    words: float
    """Words of the question, at most `MOST_WORDS`."""
    missing: float
    """1 if what has to be there is not in the best quote."""
    elsewhere: float
    """1 if the question names what no quote knows."""
    strangest: float
    """How similar to a word of any quote the question's least similar word piece is, 0..1."""
    familiar: float
    """The same, as the mean over the question's word pieces."""


WEIGHTS = Signals(
    evidence=1.39,
    kind=0.93,
    lead=2.12,
    yes_or_no=-0.38,
    words=0.35,
    missing=-2.91,
    elsewhere=-1.54,
    strangest=1.47,
    familiar=0.66,
)
LEAST = 3.4
"""The least weighted sum of the signals for which an answer is given."""


@dataclass(frozen=True)
class Weighed:
    """The quotes that were read, by their places, best first, with what each weighs.

    `evidence` is what the best one weighs without its passage.
    """

    order: list[int]
    weights: list[float]
    evidence: float = 0.0


def is_answered(question: str, quotes: Sequence[Quote], weighed: Weighed) -> bool:
    """Whether any of the quotes answers the question at all."""
    if not weighed.order or not is_more_than_sum(question):
        return False
    known = " ".join(quote.placed for quote in quotes)
    if not all(_is_code_in(known, *code) for code in _CODE.findall(question)):
        return False  # "LX-8", while only LX-7 and LX-9 are known
    if _are_few(weighed) and weighed.evidence < LEAST_OF_FEW:
        return False
    return float(np.dot(WEIGHTS, signals(question, quotes, weighed))) >= LEAST


def signals(question: str, quotes: Sequence[Quote], weighed: Weighed) -> Signals:
    """What the best of the quotes, of which there is one at least, say about the question."""
    best = quotes[weighed.order[0]]
    placed = list({quote.placed: None for quote in quotes})
    is_needed = any(asked.search(question) for asked, _ in _compiled(tuple(_NEEDED)))
    lead, strangest, familiar = USUAL_LEAD, USUAL_STRANGEST, USUAL_FAMILIAR
    if not _are_few(weighed):
        lead = weighed.weights[0] - float(np.mean(weighed.weights[BEHIND]))
        similar = _similar_pieces(question, placed)
        strangest, familiar = float(similar.min()), float(similar.mean())
    return Signals(
        evidence=weighed.evidence,
        kind=_holds(_KINDS, question, [best.text])[0] and _counts(question, best),
        lead=lead,
        yes_or_no=_YES_OR_NO.match(question) is not None,
        words=min(len(senses(question)), MOST_WORDS),
        missing=is_needed and not _holds(_NEEDED, question, [best.text])[0],
        elsewhere=_is_elsewhere(question, placed),
        strangest=strangest,
        familiar=familiar,
    )


def is_more_than_sum(question: str) -> bool:
    """Whether a question has words besides those of a sum."""
    words = set(content_words(question))
    if any(map(str.isdecimal, words)):
        words -= _SUM_WORDS
    return any(any(map(str.isalpha, word)) for word in words)


def _is_code_in(text: str, letters: str, digits: str) -> bool:
    """Whether a text has a code, however its parts are joined: "LX-8", "LX 8", "lx8"."""
    return re.search(rf"\b{letters}[- ]?{digits}(?!\d)", text, re.IGNORECASE) is not None


def _are_few(weighed: Weighed) -> bool:
    return len(weighed.order) < BEHIND.stop


def _counts(question: str, quote: Quote) -> bool:
    """Whether a quote speaks of what "how many" asks for; true for any other question."""
    found = _HOW_MANY.search(question)
    return found is None or bool(senses(found[1]) & senses(quote.placed))


def _is_elsewhere(question: str, placed: Sequence[str]) -> bool:
    """Whether the question names what none of the quotes knows."""
    known = " ".join(placed).lower()
    # By their first letters, as names have endings: "Jupiter's".
    return any(
        not re.search(rf"\b{name}\b" if name.isdigit() else rf"\b{name[:5]}", known)
        for name in map(str.lower, _NAME.findall(question))
    )


def _similar_pieces(question: str, placed: Sequence[str]) -> Floats:
    """For each word piece of the question, how similar the most similar one of all quotes is."""
    pieces = _pieces()
    asked = [piece for piece in _content_pieces(question) if pieces[piece].any()]
    held = list({piece for text in placed for piece in token_ids(text)})
    if not asked or not held:
        return np.zeros(1)  # nothing of it is known
    return np.asarray((pieces[asked] @ pieces[held].T).max(axis=1), np.float64)


def _content_pieces(question: str) -> list[int]:
    return list(dict.fromkeys(token_ids(" ".join(content_words(question)))))


def weigh(
    question: str, quotes: Sequence[Quote], scores: Sequence[float], before: str = ""
) -> Weighed:
    """Weigh the quotes; `scores` are those of their passages.

    `before` are words of an earlier question that this one leans on.
    """
    if not quotes or not question.strip():
        return Weighed([], [])
    placed = [quote.placed for quote in quotes]
    importance = _importance(question, before)
    question = f"{question} {before}".strip()
    others = _others(question, quotes, placed, np.array(scores), importance)
    alike = _by_word(question, placed)
    read = np.argsort(-(others + alike), kind="stable")[:READ]
    asked, *vectors = encode([question, *(placed[place] for place in read)])
    weights = np.array(vectors) @ asked + (others + ALIKE * alike)[read]
    order = np.argsort(-weights, kind="stable")
    best = float(weights[order[0]] - PASSAGE * scores[read[order[0]]])
    return Weighed([int(read[at]) for at in order], [float(weights[at]) for at in order], best)


def _others(
    question: str,
    quotes: Sequence[Quote],
    placed: Sequence[str],
    scores: Floats,
    importance: Mapping[str, float],
) -> Floats:
    """What the signals add up to without meaning and likeness."""
    texts = [quote.text for quote in quotes]
    kind = np.array(_holds(_KINDS, question, texts), float)
    other = np.array(_is_of_another_edition(question, [quote.source for quote in quotes]), float)
    words = _shared(importance, texts, placed)
    return WORDS * words + PASSAGE * scores + KIND * kind - OTHER_EDITION * other


def _holds(kinds: Sequence[tuple[str, str]], question: str, texts: Sequence[str]) -> list[bool]:
    """Which texts hold the kind of thing that the question asks for."""
    found = (held for asked, held in _compiled(tuple(kinds)) if asked.search(question))
    wanted = next(found, None)
    return [bool(wanted and wanted.search(text)) for text in texts]


@cache
def _compiled(kinds: tuple[tuple[str, str], ...]) -> list[tuple[re.Pattern[str], ...]]:
    flags = re.IGNORECASE | re.VERBOSE
    return [(re.compile(asked, flags), re.compile(held, flags)) for asked, held in kinds]


def _importance(question: str, before: str) -> dict[str, float]:
    """What each word of the question says by itself, whatever has it."""

    def of(word: str) -> float:
        if _SMALL_NUMBER.fullmatch(word):
            return NUMBER
        return CODE if any(map(str.isdigit, word)) else 1.0

    earlier = {word: BEFORE * of(word) for word in senses(before)}
    return earlier | {word: of(word) for word in senses(question)}


def _shared(importance: Mapping[str, float], texts: Sequence[str], placed: Sequence[str]) -> Floats:
    """The share of the question's words that each quote has, weighed by their rarity."""
    wanted = sorted(importance)
    own, all_ = (
        np.array([[word in words for word in wanted] for words in map(senses, each)], float)
        for each in (texts, placed)
    )
    rarity = _rarity(all_) * [importance[word] for word in wanted]
    return np.asarray(np.maximum(own, ABOVE * all_) @ rarity / (rarity.sum() or 1.0))


def _by_word(question: str, texts: Sequence[str]) -> Floats:
    """The similarity of the question's words to those of each text, the most similar each time."""
    pieces = _pieces()
    asked = [piece for piece in dict.fromkeys(token_ids(question)) if pieces[piece].any()]
    held = [list(dict.fromkeys(token_ids(text))) for text in texts]
    alike = np.maximum(pieces[asked] @ pieces.T, 0)
    best = [alike[:, ids].max(axis=1) if ids else np.zeros(len(asked)) for ids in held]
    rarity = _rarity(np.array([[piece in ids for piece in asked] for ids in map(set, held)], float))
    return np.asarray(np.array(best) @ (rarity / (rarity.sum() or 1.0)))


def _rarity(has: Floats) -> Floats:
    """What each word (column) says, by how few quotes (rows) have it."""
    return np.asarray(np.log(1 + len(has) / (1 + has.sum(axis=0))))


@cache
def _pieces() -> NDArray[np.float32]:
    """The table's word pieces, each of unit length or, where it says nothing, zero."""
    rows = table().rows.astype(np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths, lengths, 1), dtype=np.float32)


def _is_of_another_edition(question: str, sources: Sequence[str]) -> list[bool]:
    """A question is for the edition of the year that it names, or else for the newest."""
    years = {source: set(YEAR.findall(source)) for source in set(sources)}
    wanted = set(YEAR.findall(question)) or {max(set().union(*years.values()), default="")}
    return [bool(years[source]) and not years[source] & wanted for source in sources]
