"""An answer drawn from passages that a search has found, with a citation for each.

Every passage is cut into what can be quoted: sentences, items of a list, rows of a table with the
titles of their columns. A question that asks for two things is cut, too, and each clause is
answered for itself. Five signals weigh a quote for a clause:

    meaning        cosine of both vectors, the quote's alone or under its heading       up to 1
    word by word   for each word of the clause, the most similar word of the quote      0..1
    shared words   the same words, by stem                                              0..0.5
    codes          the clause's numbers and codes (`E15`, 2026) that the quote has      0..0.7
    passage        the score that the search gave to its passage                        0..0.3

The first four add up to the quote's **nearness**. Each makes good what another misses: the vector
of a whole sentence blurs it, single words lose their context, names that the vectors do not know
are found by their letters, and a code, which no vector can place, is nearly proof. Words that few
of the quotes have count more than common ones. The weights were tuned on the questions of
`data/questions.jsonl` that are not held out.

Nearness decides whether there is an answer: below `NEAR_ENOUGH` the documents have no answer. Which
quote comes first is decided by nearness and the passage's score, less `OTHER_EDITION` where the
file's name has a year that is not asked for, and more by `OPENS` where it opens with a word of the
question, as that is mostly what it is about ("Dogs may come into the garden"). The best quote and
what follows it in its passage make up half of the answer, the best of the others and what follows
that the rest.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import islice, takewhile
from typing import Any

from emulator.answers.answer import Citation, SearchOutcome
from emulator.retrieval.embedding import embed, table, token_ids
from emulator.retrieval.windows import YEAR
from emulator.text.markdown import line_sentences, plain
from emulator.text.words import content_words, senses, terms
from emulator.wire import tokens

import numpy as np
from numpy.typing import NDArray

PASSAGES = 10
NEAR_ENOUGH = 0.95
WORDS, CODES, PASSAGE, OTHER_EDITION, OPENS = 0.5, 0.7, 0.3, 0.5, 0.25
DECLINED = "I couldn't find that in your documents."

_CLAUSE = re.compile(
    r"[?;]\s+|,?\s+\b(?:and|also)\b\s+(?=(?:how|what|when|where|who|which|is|are|do|does|can|may|must|will)\b)",
    re.IGNORECASE,
)
_STARTS = re.compile(r"[#|]|[-*+] |\d+[.)] |[\w ]{1,30}: |\S+\t")
_ENDS = re.compile(r"^[#|]|[.!?:]$")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Quote:
    """What can be quoted: its text, the heading above it, the place of its passage.

    Passages overlap, so that the same sentence may come from two.
    """

    text: str
    heading: str
    result: int = field(compare=False)


def draw(question: str, found: SearchOutcome, sentences: int) -> tuple[list[str], list[Citation]]:
    """The pieces of the answer and its citations; a piece ends wherever a citation stands."""
    results = found.results[:PASSAGES]
    several = (_quotes(result, place) for place, result in enumerate(results))
    quotes = list(dict.fromkeys(quote for quotes in several for quote in quotes))
    # What is added to nearness does not depend on the clause.
    scores = np.array([results[each.result]["score"] for each in quotes])
    added = PASSAGE * scores - OTHER_EDITION * _is_of_another_edition(question, quotes, results)
    chosen: list[Quote] = []
    for clause in _clauses(question) if quotes else []:
        near = _nearness(clause, quotes, results)
        if near[np.argmax(near + added)] >= NEAR_ENOUGH:
            order = near + added + OPENS * _opens(clause, quotes)
            best = [int(place) for place in np.argsort(-order, kind="stable")]
            chosen += [each for each in _runs(quotes, best, sentences) if each not in chosen]
    return _written(chosen, results) if chosen else (tokens.split(DECLINED), [])


def _clauses(question: str) -> list[str]:
    return [part for part in _CLAUSE.split(question) if terms(part)] or [question]


def _nearness(clause: str, quotes: Sequence[Quote], results: Sequence[Any]) -> Floats:
    """How near each quote is to the clause, by the first four signals."""
    asked = embed([clause])[0]
    alone = embed([each.text for each in quotes]) @ asked
    headed = embed([f"{each.heading}. {each.text}" for each in quotes]) @ asked
    # Words may stand in the file's name and the heading as well.
    texts = [f"{results[q.result]['filename']} {q.heading}. {q.text}" for q in quotes]
    wanted = sorted(terms(clause))
    has = np.array([[term in words for term in wanted] for words in map(terms, texts)], float)
    codes = has[:, [any(map(str.isdigit, term)) for term in wanted]]
    coded = codes.mean(axis=1) if codes.size else np.zeros(len(quotes))
    shared = has @ _shares(has)
    meaning: Floats = np.maximum(alone, headed) + _by_word(clause, texts)
    return meaning + WORDS * shared + CODES * coded


def _opens(clause: str, quotes: Sequence[Quote]) -> NDArray[np.bool_]:
    """Whether the first word of each quote that carries meaning is one of the clause."""
    asked = senses(clause)
    opening = (senses(" ".join(content_words(each.text)[:1])) for each in quotes)
    return np.array([bool(words & asked) for words in opening], bool)


def _by_word(clause: str, texts: Sequence[str]) -> Floats:
    """For each text the similarity of its most similar word to each of the clause, on average."""
    pieces = _pieces()
    asked = [piece for piece in dict.fromkeys(token_ids(clause)) if pieces[piece].any()]
    held = [list(dict.fromkeys(token_ids(text))) for text in texts]
    has = np.array([[piece in ids for piece in asked] for ids in held], float)
    alike = np.maximum(pieces[asked] @ pieces.T, 0)
    best = [alike[:, ids].max(axis=1) if ids else np.zeros(len(asked)) for ids in held]
    return np.array(best) @ _shares(has)


def _shares(has: Floats) -> Floats:
    """What each word (column) weighs: the fewer quotes (rows) have it, the more; 1 in all."""
    weights = np.log(1 + len(has) / (1 + has.sum(axis=0)))
    return np.asarray(weights / (weights.sum() or 1.0))


@cache
def _pieces() -> NDArray[np.float32]:
    """The table's word pieces, each of unit length or, where it says nothing, zero."""
    rows = table().rows.astype(np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths, lengths, 1), dtype=np.float32)


def _is_of_another_edition(
    question: str, quotes: Sequence[Quote], results: Sequence[Any]
) -> NDArray[np.bool_]:
    """A question is for the edition of the year that it names, or else for the newest."""
    years = [set(YEAR.findall(result["filename"])) for result in results]
    wanted = set(YEAR.findall(question)) or {max(set().union(*years), default="")}
    return np.array([bool(years[q.result]) and not years[q.result] & wanted for q in quotes], bool)


def _runs(quotes: Sequence[Quote], best: Sequence[int], sentences: int) -> list[Quote]:
    """The best quote with what follows it, then the best of the others, within the length."""
    first = _run(quotes, best[0], (sentences + 1) // 2)
    others = [place for place in best[1:] if quotes[place] not in first]
    room = sentences - len(first)
    return [*first, *_run(quotes, others[0], room)] if others and room else first


def _run(quotes: Sequence[Quote], start: int, most: int) -> list[Quote]:
    """A quote, and what follows it in its passage under the same heading."""
    place = (quotes[start].result, quotes[start].heading)
    run = takewhile(lambda each: (each.result, each.heading) == place, quotes[start:])
    return list(islice(run, most))


def _written(chosen: Sequence[Quote], results: Sequence[Any]) -> tuple[list[str], list[Citation]]:
    """The quotes side by side, each run of one file cited before its last full stop."""
    pieces: list[str] = []
    citations: list[Citation] = []
    for place, quote in enumerate(chosen):
        text = quote.text if quote.text.endswith((".", "!", "?")) else f"{quote.text}."
        lead = " " if place else ""
        result = results[quote.result]
        # A citation stands before the full stop, where OpenAI's stand: " [mark]."
        following = chosen[place + 1] if place + 1 < len(chosen) else None
        if following and results[following.result]["file_id"] == result["file_id"]:
            pieces += tokens.split(lead + text)
            continue
        pieces += tokens.split(f"{lead}{text[:-1]} ")
        index = sum(map(len, pieces))
        citations.append(Citation(index, result["file_id"], result["filename"]))
        pieces.append(text[-1])
    return pieces, citations


def _quotes(result: Any, place: int) -> Iterator[Quote]:
    """The sentences, items and rows of a passage."""
    heading = ""
    columns: list[str] = []
    for line in _unwrapped(result["text"]):
        if line.startswith("#"):
            heading, columns = plain(line.lstrip("# ")), []
            continue
        if line.startswith("|"):
            cells = [plain(cell) for cell in line.strip("|").split("|")]
            if not columns:
                columns = cells
                continue
            # The line below the titles has nothing but dashes and colons.
            texts = [_row(columns, cells)] if any(set(cell) - set("-: ") for cell in cells) else []
        else:
            columns = []
            texts = line_sentences(_ITEM.sub("", line))
        for text in texts:
            if len(text.split()) > 1:
                yield Quote(text, heading, place)


def _unwrapped(text: str) -> Iterator[str]:
    """The lines of a text, those of a paragraph that was broken for its width joined again."""
    paragraph = ""
    for line in [*map(str.strip, text.splitlines()), ""]:
        if paragraph and line and not _STARTS.match(line) and not _ENDS.search(paragraph):
            paragraph += f" {line}"
            continue
        if paragraph:
            yield paragraph
        paragraph = line


def _row(columns: Sequence[str], cells: Sequence[str]) -> str:
    """`Adult: 14 euros, Child: 8 euros`, as a row reads without its table."""
    first, *rest = cells
    others = [f"{column} {cell}" for column, cell in zip(columns[1:], rest, strict=False) if cell]
    return f"{first}: {', '.join(others)}" if others else first
