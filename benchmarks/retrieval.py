"""How often search finds the passage that answers, and what it costs beside the bare arithmetic.

    python -m benchmarks.retrieval             quality, then speed (some minutes)
    python -m benchmarks.retrieval quality     on the questions to the handbook alone

A chunk is a hit if it is of the right file and holds the passage that answers. Search was tuned on
two thirds of the questions; the held-out third tells what it is worth. The yardstick for speed is a
NumPy product of the same vectors and an FTS5 query for the same words, turn by turn.
"""

import json
import random
import re
import sqlite3
import sys
import time
import tracemalloc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from common import COURSE
from emulator.retrieval import embedding, encoder
from emulator.retrieval.file_text import read_text
from emulator.retrieval.index import Index, Ranking, embed_chunks
from emulator.text.words import terms

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table as Grid

HANDBOOK, QUESTIONS = COURSE / "data" / "handbook", COURSE / "data" / "questions.jsonl"
SIZES, SMALL = (1000, 10_000, 100_000), 100
ROUNDS = 30
ANSWERS_FROM = 0.25
"""A best score that 19 in 20 answerable questions reach."""
FUSION, REREAD = Ranking(reread=0), Ranking()
WORDS, VECTORS = Ranking(0.0, 0.0, 1.0), Ranking(0.0, 1.0, 0.0)

Question = Mapping[str, Any]
Found = list[tuple[str, str]]
"""The file and the text of each hit, best first."""


# ----------------------------------------------------------------------- quality


def documents() -> dict[str, str]:
    """The handbook's files as text, by their path in it."""
    files = sorted(path for path in HANDBOOK.rglob("*") if path.is_file())
    return {
        path.relative_to(HANDBOOK).as_posix(): read_text(path.name, path.read_bytes())
        for path in files
    }


def questions(is_held_out: bool, *, is_answered: bool = True) -> list[Question]:
    """Those that the handbook answers, or those that it doesn't."""
    lines = QUESTIONS.read_text(encoding="utf-8").splitlines()
    every: list[Question] = [json.loads(line) for line in lines]
    of_third = [q for q in every if bool(q["held_out"]) is is_held_out]
    return [q for q in of_third if bool(q["passage"]) is is_answered]


def in_memory() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None)


def handbook(db: sqlite3.Connection) -> Index:
    index = Index(db)
    for file, text in documents().items():
        index.add("handbook", file, embed_chunks(text, title=Path(file).name))
    return index


def searched(index: Index, asked: Iterable[Question], ranking: Ranking) -> list[Found]:
    return [
        [
            (hit.file_id, hit.text)
            for hit in index.search(["handbook"], [q["question"]], limit=50, ranking=ranking)
        ]
        for q in asked
    ]


def by_means(asked: Sequence[Question]) -> list[Found]:
    """The baseline: one vector of the table for a whole chunk."""
    chunks = [(file, p.text) for file, text in documents().items() for p in embed_chunks(text)]
    alike = (
        embedding.embed([q["question"] for q in asked])
        @ embedding.embed([text for _, text in chunks]).T
    )
    return [[chunks[place] for place in np.argsort(-row, kind="stable")] for row in alike]


def ranks(asked: Sequence[Question], found: Sequence[Found]) -> list[float]:
    """At which place the passage was found, counted from 1; infinity where it was not."""
    places = []
    for question, hits in zip(asked, found, strict=True):
        files = {question["file"], *(question["also"] or ())}
        wanted = plain(question["passage"])
        right = (
            n for n, (file, text) in enumerate(hits, 1) if file in files and wanted in plain(text)
        )
        places.append(next(right, float("inf")))
    return places


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def figures(places: Sequence[float]) -> tuple[float, float, float]:
    """recall@1, recall@5 and the mean reciprocal rank."""
    count = max(1, len(places))
    first, fifth = (sum(place <= most for place in places) / count for most in (1, 5))
    return first, fifth, sum(1 / place for place in places) / count


def quality() -> Grid:
    grid = Grid(title="the passage that answers is among the first (all / without shared words)")
    for title in ("by", "questions", "recall@1", "recall@5", "mean reciprocal rank"):
        grid.add_column(title)
    for is_held_out in (False, True):
        asked = questions(is_held_out)
        is_hard = [bool(q["hard"]) for q in asked]
        for name, places in methods(asked):
            hard = [place for place, flag in zip(places, is_hard, strict=True) if flag]
            pairs = zip(figures(places), figures(hard), strict=True)
            cells = [f"{every:.3f} / {harder:.3f}" for every, harder in pairs]
            grid.add_row(name, "held out" if is_held_out else "tuned on", *cells)
        grid.add_section()
    return grid


def methods(asked: Sequence[Question]) -> Iterator[tuple[str, list[float]]]:
    """Each way to search, and the places at which it finds the passages."""
    yield "mean vectors", ranks(asked, by_means(asked))
    index = handbook(in_memory())
    ways = {
        "words alone": WORDS,
        "the table's vectors alone": VECTORS,
        "table and words": FUSION,
        "read again by the encoder": REREAD,
    }
    for way, ranking in ways.items():
        yield way, ranks(asked, searched(index, asked, ranking))


def honesty() -> Grid:
    """How many questions have a best score from which something may answer."""
    grid = Grid(title=f"questions whose best score is {ANSWERS_FROM} or more")
    for title in ("questions", "that the handbook answers", "that it doesn't"):
        grid.add_column(title)
    index = handbook(in_memory())
    for is_held_out in (False, True):
        cells = []
        for is_answered in (True, False):
            asked = [q["question"] for q in questions(is_held_out, is_answered=is_answered)]
            best = [index.search(["handbook"], [question])[0].score for question in asked]
            cells.append(f"{sum(score >= ANSWERS_FROM for score in best)} of {len(best)}")
        grid.add_row("held out" if is_held_out else "tuned on", *cells)
    return grid


# ------------------------------------------------------------------------- speed


def asking(grid: Grid) -> None:
    """Questions to the handbook: with windows that nobody has read yet, then once more."""
    grid.add_row("reading the encoder's weights", f"{timed(encoder.weights) * 1000:.0f} ms", "", "")
    index = handbook(in_memory())
    asked = [q["question"] for q in questions(False)][:ROUNDS]
    index.search(["handbook"], [asked[0]], ranking=FUSION)
    first = [timed(lambda q=q: index.search(["handbook"], [q], ranking=FUSION)) for q in asked]
    times: dict[str, list[float]] = {"new": [], "remembered": []}
    for question in asked:
        encoder.forget()
        for what in times:
            times[what].append(timed(lambda q=question: index.search(["handbook"], [q])))
    for what, each in times.items():
        measured = f"{median(each) * 1000:.0f} ms, at most {max(each) * 1000:.0f}"
        beside = f"{median(first) * 1000:.0f} ms without it"
        aim = "under 500 ms" if what == "new" else ""
        grid.add_row(f"question to the handbook, windows {what}", measured, beside, aim)


def synthetic(words: int) -> str:
    """Sentences of the handbook's words."""
    dice = random.Random(words)
    known = [word for text in documents().values() for word in text.split()]
    chosen = dice.choices(known, k=words)
    return ". ".join(" ".join(chosen[n : n + 14]) for n in range(0, words, 14))


def indexing(grid: Grid) -> None:
    """Chunks of 800 tokens, cut, embedded and stored by one thread."""
    index = Index(in_memory())
    text = synthetic(400_000)
    start = time.process_time()
    made = embed_chunks(text)
    index.add("store", "file", made)
    rate = len(made) / (time.process_time() - start)
    what = f"chunks of 800 tokens indexed a second, of {len(made):,}"
    grid.add_row(what, f"{rate:,.0f} on one core", "", "at least 1,000 on two")


def searching(grid: Grid, count: int) -> None:
    """Search beside the product and the FTS5 query that it cannot do without."""
    db = in_memory()
    index = Index(db)
    text = synthetic(count * SMALL)
    made = embed_chunks(text, SMALL, 0)[:count]
    assert len(made) == count, len(made)
    for start in range(0, count, 1000):
        index.add("store", f"file {start}", made[start : start + 1000])
    matrix = np.concatenate([passage.windows for passage in made])
    del made
    asked = [q["question"] for q in questions(False)][:ROUNDS]
    tracemalloc.start()
    index.search(["store"], [asked[0]], ranking=FUSION)
    held = tracemalloc.get_traced_memory()[1] / matrix.nbytes
    tracemalloc.stop()
    pairs = [
        (timed(lambda q=q: index.search(["store"], [q], ranking=FUSION)), bare(db, matrix, q))
        for q in asked
    ]
    mine, theirs = (median(pair[side] for pair in pairs) * 1000 for side in (0, 1))
    ratio = median(mine / theirs for mine, theirs in pairs)
    aim = "at most 1.5" if count == SIZES[-1] else ""
    beside = f"{theirs:.1f} ms: {ratio:.2f}"
    grid.add_row(f"search of {count:,} chunks, nothing read again", f"{mine:.1f} ms", beside, aim)
    grid.add_row(f"memory for {count:,} chunks, of their vectors", f"{held:.2f}", "", "at most 2.5")


def bare(db: sqlite3.Connection, matrix: NDArray[np.float32], question: str) -> float:
    words = " OR ".join(f'"{word}"' for word in re.findall(r"\w+", question) if terms(word))
    vector = embedding.embed([question])[0]

    def run() -> None:
        np.argpartition(-(matrix @ vector), 10)
        sql = "SELECT rowid FROM search_words WHERE search_words MATCH ? ORDER BY rank LIMIT 10"
        db.execute(sql, (words,)).fetchall()

    return timed(run)


def timed(work: Any) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    console = Console()
    console.print(quality())
    console.print(honesty())
    if sys.argv[1:] == ["quality"]:
        return
    grid = Grid(title=f"cost, medians of {ROUNDS} questions; chunks of {SMALL} tokens")
    for title in ("figure", "measured", "beside: ratio", "aim"):
        grid.add_column(title)
    asking(grid)
    indexing(grid)
    for count in SIZES:
        searching(grid, count)
    console.print(grid)


if __name__ == "__main__":
    main()
