"""An answer drawn from passages that a search has found, with a citation for each.

Every passage is cut into what can be quoted: sentences, items of a list, rows of a table with the
titles of their columns. Each is weighed by its meaning beside the question's, by the words that it
shares with it, and by its passage's score. The best opens the answer and what follows it goes on;
a question that asks for two things gets an answer to each. Where nothing comes near, the answer
says that the documents do not tell.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice, takewhile
from typing import Any

from emulator.answers.answer import Citation, SearchOutcome
from emulator.retrieval.embedding import embed, table, token_ids
from emulator.text.words import terms
from emulator.wire import tokens

import numpy as np
from numpy.typing import NDArray

PASSAGES = 10
NEAR_ENOUGH = 0.95
WORDS, CODES, PASSAGE, OTHER_EDITION = 0.5, 0.7, 0.3, 0.5
DECLINED = "The documents do not tell."

_CLAUSE = re.compile(
    r"[?;]\s+|,?\s+\b(?:and|also)\b\s+(?=(?:how|what|when|where|who|which|is|are|do|does|can|may|must|will)\b)",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"'(])")
_MARKUP = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|[*`_]{1,2}(?=\S)|(?<=\S)[*`_]{1,2}|<[^>]+>")
_YEAR = re.compile(r"(?<!\d)20\d\d(?!\d)")
_STARTS = re.compile(r"[#|]|[-*+] |\d+[.)] |[\w ]{1,30}: |\S+\t")
_ENDS = re.compile(r"^[#|]|[.!?:]$")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+")


@dataclass(frozen=True)
class Quote:
    """What can be quoted: its text, the heading above it, the place of its passage."""

    text: str
    heading: str
    result: int


def draw(question: str, found: SearchOutcome, sentences: int) -> tuple[list[str], list[Citation]]:
    """The pieces of the answer and its citations; a piece ends wherever a citation stands."""
    results = found.results[:PASSAGES]
    quotes = list(_different(_quotes(result, place) for place, result in enumerate(results)))
    chosen: list[Quote] = []
    for clause in _clauses(question) if quotes else []:
        near = _nearness(clause, quotes, results)
        weights = near + PASSAGE * np.array([results[each.result]["score"] for each in quotes])
        weights -= OTHER_EDITION * _is_of_another_edition(question, quotes, results)
        best = [int(place) for place in np.argsort(-weights, kind="stable")]
        if near[best[0]] >= NEAR_ENOUGH:
            chosen += [each for each in _runs(quotes, best, sentences) if each not in chosen]
    return _written(chosen, results) if chosen else (tokens.split(DECLINED), [])


def _clauses(question: str) -> list[str]:
    return [part for part in _CLAUSE.split(question) if terms(part)] or [question]


def _different(several: Iterable[Iterator[Quote]]) -> Iterator[Quote]:
    """Passages overlap, so that the same sentence may come twice."""
    seen = set()
    for quotes in several:
        for quote in quotes:
            if (quote.heading, quote.text) not in seen:
                seen.add((quote.heading, quote.text))
                yield quote


def _nearness(
    question: str, quotes: Sequence[Quote], results: Sequence[Any]
) -> NDArray[np.float32]:
    """How near each quote is to the question: as a whole, word by word, in the same words.

    A code or a number (`E15`, 2026) has no meaning to be near to, but to hold it says most.
    """
    asked = embed([question])[0]
    alone = embed([each.text for each in quotes]) @ asked
    headed = embed([f"{each.heading}. {each.text}" for each in quotes]) @ asked
    texts = [f"{results[q.result]['filename']} {q.heading}. {q.text}" for q in quotes]
    held = [terms(text) for text in texts]
    wanted = sorted(terms(question))
    rarity = _shares([sum(term in words for words in held) for term in wanted], len(quotes))
    shared = [
        sum(share for term, share in zip(wanted, rarity, strict=True) if term in words)
        for words in held
    ]
    codes = {term for term in wanted if any(map(str.isdigit, term))}
    coded = [len(codes & words) / len(codes) if codes else 0.0 for words in held]
    nearness: NDArray[np.float32] = np.maximum(alone, headed) + _by_word(question, texts)
    evidence = WORDS * np.array(shared) + CODES * np.array(coded)
    return np.asarray(nearness + evidence, dtype=np.float32)


def _is_of_another_edition(
    question: str, quotes: Sequence[Quote], results: Sequence[Any]
) -> NDArray[np.bool_]:
    """A question is for the edition of the year that it names, or else for the newest."""
    years = [set(_YEAR.findall(result["filename"])) for result in results]
    named = set(_YEAR.findall(question))
    wanted = named or {max(set().union(*years), default="")}
    return np.array([bool(years[q.result]) and not years[q.result] & wanted for q in quotes])


def _by_word(question: str, texts: Sequence[str]) -> NDArray[np.float32]:
    """For each text the nearest it has to each word of the question, rare words first (0..1)."""
    pieces = _pieces()
    asked = [piece for piece in dict.fromkeys(token_ids(question)) if pieces[piece].any()]
    if not asked:
        return np.zeros(len(texts), dtype=np.float32)
    held = [list(dict.fromkeys(token_ids(text))) for text in texts]
    shares = _shares([sum(piece in ids for ids in held) for piece in asked], len(texts))
    alike = np.maximum(pieces[asked] @ pieces.T, 0)
    best = [alike[:, ids].max(axis=1) if ids else np.zeros(len(asked)) for ids in held]
    return np.array(best, dtype=np.float32) @ np.array(shares, dtype=np.float32)


@cache
def _pieces() -> NDArray[np.float32]:
    """The table's word pieces, each of unit length or, where it says nothing, zero."""
    rows = table().rows.astype(np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths, lengths, 1), dtype=np.float32)


def _shares(counts: Sequence[int], of: int) -> list[float]:
    """What each word weighs in the question, by how many of the quotes have it; 1 in all."""
    weights = [float(np.log(1 + of / (1 + count))) for count in counts]
    return [weight / (sum(weights) or 1.0) for weight in weights]


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
            heading, columns = _plain(line.lstrip("# ")), []
            continue
        if line.startswith("|"):
            cells = [_plain(cell) for cell in line.strip("|").split("|")]
            if not columns:
                columns = cells
                continue
            texts = [_row(columns, cells)] if any(set(cell) - set("-: ") for cell in cells) else []
        else:
            columns = []
            texts = _SENTENCE_END.split(_plain(_ITEM.sub("", line)))
        for text in texts:
            if len(text.split()) > 1:
                yield Quote(text, heading, place)


def _unwrapped(text: str) -> Iterator[str]:
    """The lines of a text, those of a paragraph that was broken for its width joined again."""
    paragraph = ""
    for line in [*map(str.strip, text.splitlines()), ""]:
        goes_on = paragraph and line and not _STARTS.match(line) and not _ENDS.search(paragraph)
        if goes_on:
            paragraph += f" {line}"
            continue
        if paragraph:
            yield paragraph
        paragraph = line


def _row(columns: Sequence[str], cells: Sequence[str]) -> str:
    """`Adult: 14 euros, Child: 8 euros`, as a row reads without its table."""
    first, *rest = cells
    told = [f"{column} {cell}" for column, cell in zip(columns[1:], rest, strict=False) if cell]
    return f"{first}: {', '.join(told)}" if told else first


def _plain(line: str) -> str:
    return _MARKUP.sub(lambda found: found[1] or "", line).strip()
