"""How well questions that documents don't answer are told apart, and the weights that do so.

    python -m benchmarks.evidence CARGO PLAYBOOK KLIPPER PIHOLE

It fits the `WEIGHTS` by which `emulator/retrieval/relevance.py` decides whether anything answers a
question, and prints them. The paths are those of the folders of `documentation.jsonl` that are
`fitted`, as for `benchmarks.documentation`. Nothing that is held out is read.

The questions are those about these folders, those of `data/questions.jsonl` that are not held out,
and those of `unanswerable.jsonl`. The last ones were written for the fit. They ask for things near
the subjects of the documents that no document mentions. Sums are left out, as they are declined
without any weights. The answerable questions together weigh as much as the others.

How many questions are declined is counted with weights that have not seen them: the questions are
divided into ten parts, and each part is judged by weights that were fitted on the other nine.

An answerable question also becomes an unanswerable one if you leave out the passages that answer
it. That was tried, and made no difference. The passages that are left are often about the same
thing, whereas people mostly ask for something that no passage mentions.
"""

import argparse
from pathlib import Path
from typing import Any

from benchmarks.documentation import QUESTIONS as FOLDERS
from benchmarks.documentation import markdown
from benchmarks.file_search import connect, fill, is_answerable, read_lines
from console.handbook import QUESTIONS, documents
from emulator.answers.cited import PASSAGES, everything_in
from emulator.retrieval.relevance import Signals, is_more_than_sum, signals, weigh
from emulator.server import Emulator
from emulator.text.small_talk import find_small_talk

import numpy as np
from numpy.typing import NDArray
from openai import OpenAI

UNANSWERABLE = Path(__file__).with_name("unanswerable.jsonl")
PARTS, STEPS = 10, 30
SHRINK = 20.0
"""How strongly the weights are drawn to zero; fewer questions were declined rightly with 5."""
DECLINED = 0.035
"""The share of the answerable questions that may be declined: about 5 in 100 of new ones are."""

Floats = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.evidence")
    names = [line["name"] for line in read_lines(FOLDERS) if line.get("fitted")]
    for name in names:
        parser.add_argument(name, type=Path, help=f"the folder {name}, in a clone")
    folders = vars(parser.parse_args())
    stores = {name: list(markdown(folder)) for name, folder in folders.items()}
    stores["handbook"] = list(documents())
    rows: list[Signals] = []
    marks: list[bool] = []
    with Emulator() as emulator, connect(emulator) as client:
        for name, files in stores.items():
            store_id = fill(client, name, files)
            for question in questions(name):
                rows += signals_of(client, store_id, question["question"])
                marks += [is_answerable(question)] * (len(rows) - len(marks))
    report(np.array(rows, float), np.array(marks))


def questions(name: str) -> list[dict[str, Any]]:
    """All questions about a store that may be fitted on."""
    asked = [line for line in read_lines(FOLDERS) if line["name"] == name and "question" in line]
    if name == "handbook":
        asked = [line for line in read_lines(QUESTIONS) if not line["held_out"]]
    more = [line for line in read_lines(UNANSWERABLE) if line["name"] == name]
    return [*asked, *({**line, "fact": None} for line in more)]


def signals_of(client: OpenAI, store_id: str, question: str) -> list[Signals]:
    """The signals of a question; none if they don't decide on it."""
    page = client.vector_stores.search(store_id, query=question, max_num_results=PASSAGES)
    found = [
        {"filename": each.filename, "text": "\n".join(part.text for part in each.content)}
        for each in page.data
    ]
    quotes = everything_in(found)
    asked = find_small_talk(question).rest
    weighed = weigh(asked, quotes, [page.data[quote.result].score for quote in quotes])
    is_judged = weighed.order and is_more_than_sum(asked)
    return [signals(asked, quotes, weighed)] if is_judged else []


def report(rows: Floats, is_answered: NDArray[np.bool_]) -> None:
    weights, constant = fit(rows, is_answered)
    parts = np.random.default_rng(0).permutation(len(rows)) % PARTS
    sums = np.zeros(len(rows))
    for part in range(PARTS):
        own, own_constant = fit(rows[parts != part], is_answered[parts != part])
        sums[parts == part] = rows[parts == part] @ own + own_constant - constant
    least = float(np.quantile(sums[is_answered], DECLINED))
    declined = sums < least
    for name, weight in zip(Signals._fields, weights, strict=True):
        print(f"{name}={weight:.2f}")
    print(f"LEAST = {least:.1f}")
    for kind, chosen in (("answerable", is_answered), ("unanswerable", ~is_answered)):
        print(f"{kind}: {declined[chosen].sum()} of {chosen.sum()} declined")
    print("means:", *(f"{mean:.2f}" for mean in rows.mean(axis=0)))


def fit(rows: Floats, is_answered: NDArray[np.bool_]) -> tuple[Floats, float]:
    """A logistic regression by Newton's method: the weights, and the constant."""
    mean, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-9
    inputs = np.column_stack([(rows - mean) / spread, np.ones(len(rows))])
    each = np.where(is_answered, 1.0, is_answered.sum() / (~is_answered).sum())
    shrink = np.diag([SHRINK] * rows.shape[1] + [0.0])
    found = np.zeros(inputs.shape[1])
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-inputs @ found))
        slope = inputs.T @ (each * (chance - is_answered)) + shrink @ found
        bend = (inputs.T * (each * chance * (1 - chance))) @ inputs + shrink
        found = found - np.linalg.solve(bend, slope)
    weights = found[:-1] / spread
    return weights, float(found[-1] - weights @ mean)


if __name__ == "__main__":
    main()
