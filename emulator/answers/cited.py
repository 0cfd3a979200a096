"""An answer drawn from passages that a search has found, with a citation for each of its files.

Every passage is cut into what can be quoted (quotes.py), which is weighed for the question
(relevance.py); the best quotes, best first, are the answer. A quote that announces what follows it
("The code is:") brings that along, and what is announced brings its lead. Neither leads nor short
items count as sentences of the answer. A question that asks for two things is cut, too, and each
clause is answered for itself.

Whether there is an answer at all is decided by `is_answered`, for file search, for the corpus and
for what a prompt brings along alike.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from emulator.answers.answer import Citation, SearchOutcome
from emulator.retrieval.quotes import Quote, joined, quotes
from emulator.retrieval.relevance import Weighed, is_answered, weigh
from emulator.text.words import terms
from emulator.wire import tokens

PASSAGES = 10
DECLINED = "I couldn't find that in your documents."
LONGEST_QUESTION, MOST_CLAUSES = 2_000, 8
"""Characters of a question that are read, as each word is compared with each quote; and how many
things it may ask for at once. One that seems to ask for more is answered as a whole."""
AS_GOOD = 0.8
"""The part of the best quote's weight from which on another quote belongs to the answer."""
LONGEST_ANNOUNCED = 400
"""Characters of what is quoted behind a sentence that announces it."""
UNMISTAKABLE = 5
"""Words of a quote that is the same statement in whatever file it stands."""

_CLAUSE = re.compile(
    r"[?;]\s+|(?:,|(?<!\s))\s+\b(?:and|also)\b\s+(?=(?:how|what|when|where|who|which|is|are|do|does|did|can|may|must|will)\b)",
    re.IGNORECASE,
)


def draw(
    question: str, found: SearchOutcome, sentences: int, before: str = ""
) -> tuple[list[str], list[Citation]]:
    """The pieces of the answer and its citations; a piece ends wherever a citation stands.

    `before` are words of an earlier question that this one leans on.
    """
    results = found.results[:PASSAGES]
    everything = everything_in(results)
    scores = [result["score"] for result in results]
    chosen = answering(question, before, everything, scores, sentences)
    return _written(chosen, everything, results) if chosen else (tokens.split(DECLINED), [])


def answering(
    question: str,
    before: str,
    everything: Sequence[Quote],
    scores: Sequence[float],
    sentences: int,
) -> list[Quote]:
    """The quotes that answer, at most as many as there may be sentences; none if nothing does.

    `scores` are those of the passages.
    """
    chosen: list[Quote] = []
    question, before = question[:LONGEST_QUESTION], before[:LONGEST_QUESTION]
    clauses = [part for part in _CLAUSE.split(question) if terms(part) or before]
    if len(clauses) > MOST_CLAUSES:
        clauses = [question]
    of_each = [scores[quote.result] for quote in everything]
    for clause in clauses:
        weighed = weigh(clause, everything, of_each, before)
        if is_answered(f"{clause} {before}", everything, weighed):
            best = _best(everything, weighed, -(-sentences // len(clauses)))
            known = {quote.text for quote in chosen}
            chosen += [quote for quote in best if quote.text not in known]
    return chosen


def everything_in(results: Sequence[Any]) -> list[Quote]:
    """The quotes of all passages, each once in a file under each heading.

    What stands under no heading in one passage stands under its heading in another, and what is cut
    off at the end of one is whole in another. So is a row that is cut off from its titles.
    """
    known: dict[tuple[str, str, tuple[str, ...]], Quote] = {}
    edges = set[tuple[str, str]]()
    for place, result in enumerate(results):
        found = list(quotes(result["text"], result["filename"], place))
        edges |= {(quote.source, quote.text) for quote in (*found[:1], *found[-1:])}
        for quote in found:
            known.setdefault((quote.source, quote.text, quote.headings[-1:]), quote)
    rows: dict[tuple[str, tuple[str, ...]], int] = {}
    for quote in known.values():
        row = quote.source, quote.cells
        rows[row] = max(len(quote.text), rows.get(row, 0))
    headed = {(source, text) for source, text, heading in known if heading}
    whole = [
        quote
        for (source, text, heading), quote in known.items()
        if (heading or (source, text) not in headed)
        and not (quote.cells and len(text) < rows[source, quote.cells])
    ]
    return [
        quote
        for quote in whole
        if (quote.source, quote.text) not in edges or not _is_in(quote, whole)
    ]


def _is_in(quote: Quote, others: Sequence[Quote]) -> bool:
    """Whether a longer one of the same file holds it."""
    return any(
        quote.source == other.source
        and len(quote.text) < len(other.text)
        and quote.text in other.text
        for other in others
    )


def _best(everything: Sequence[Quote], weighed: Weighed, most: int) -> list[Quote]:
    """The best quotes with what announces them or what they announce, no text twice."""
    chosen: dict[str, Quote] = {}
    left = most
    for place, weight in zip(weighed.order, weighed.weights, strict=True):
        if not left or weight < AS_GOOD * weighed.weights[0]:
            break
        quote = everything[place]
        left -= quote.text not in chosen
        announced = [
            each for each in _announced(everything, place, left) if each.text not in chosen
        ]
        left -= sum(each.is_sentence for each in announced)
        leads = [replace(quote, text=lead, leads=()) for lead in quote.leads]
        for each in (*leads, quote, *announced):
            chosen.setdefault(each.text, each)
    return list(chosen.values())


def _announced(everything: Sequence[Quote], place: int, most: int) -> list[Quote]:
    """What a quote announces: short items and code, and among them at most so many sentences."""
    quote = everything[place]
    leads = (*quote.leads, quote.text)
    found: list[Quote] = []
    if quote.leads_on:
        for following in everything[place + 1 :]:
            most -= following.is_sentence
            length = sum(len(each.text) for each in (*found, following))
            if following.leads[: len(leads)] != leads or most < 0 or length > LONGEST_ANNOUNCED:
                break
            found.append(following)
    return found


def _written(
    chosen: Sequence[Quote], everything: Sequence[Quote], results: Sequence[Any]
) -> tuple[list[str], list[Citation]]:
    """The quotes side by side, each run of one file cited before its last full stop.

    OpenAI's citations stand there, behind the blank that the mark has left: "text ."
    """
    pieces: list[str] = []
    citations: list[Citation] = []
    files = [_files(quote, everything, results) for quote in chosen]
    for place, (quote, lead) in enumerate(
        zip(chosen, joined([q.text for q in chosen]), strict=True)
    ):
        if place + 1 < len(chosen) and files[place] == files[place + 1]:
            pieces += tokens.split(lead + quote.text)
            continue
        end = 1 if quote.text.endswith((".", "!", "?")) else 0
        text = quote.text[: len(quote.text) - end]
        pieces += tokens.split(f"{lead}{text}{' ' * end}")
        index = sum(map(len, pieces))
        citations += [Citation(index, file_id, name) for file_id, name in files[place].items()]
        pieces += [quote.text[-1]] * end
    return pieces, citations


def _files(quote: Quote, everything: Sequence[Quote], results: Sequence[Any]) -> dict[str, str]:
    """The files that state it, by their ids: its own first."""
    same = [other for other in everything if other.text == quote.text]
    if len(quote.text.split()) < UNMISTAKABLE:
        same = []
    stated = [results[each.result] for each in (quote, *same)]
    return {result["file_id"]: result["filename"] for result in stated}
