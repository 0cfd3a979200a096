"""How often an answer of file search holds the fact, cites its file, and declines when it should.

    python -m benchmarks.answers [--held-out] [--wrong]

All of it by the unmodified SDK against the emulator: the handbook is uploaded, and each question of
`data/questions.jsonl` asked. No tuning looks at those with `held_out`.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from common.client import LOCAL
from console.handbook import QUESTIONS, documents
from emulator.server import Emulator

import httpx2
from openai import OpenAI
from rich.console import Console
from rich.table import Table

MODEL = "gpt-6-luna"
DECLINED = "documents do not tell"


@dataclass(frozen=True)
class Told:
    """A question, and what became of it."""

    question: dict[str, Any]
    text: str
    cited: frozenset[str]

    @property
    def is_declined(self) -> bool:
        return DECLINED in self.text

    @property
    def is_right(self) -> bool:
        """Holds the fact, and cites a file that tells it."""
        files = {self.question["file"], *self.question.get("also", [])}
        return self.question["fact"] in self.text and bool(files & self.cited)


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.answers")
    parser.add_argument("--held-out", action="store_true", help="the held-out third, too")
    parser.add_argument("--wrong", action="store_true", help="show what went wrong (not held out)")
    args = parser.parse_args()
    questions = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    with Emulator() as emulator, connect(emulator) as client:
        told = list(ask_all(client, fill(client), questions))
    table = Table(title="answers of file search over the handbook")
    for title in (
        "questions",
        "answerable",
        "right",
        "of them hard",
        "declined",
        "unanswerable declined",
    ):
        table.add_column(title)
    for name, is_held_out in (("tuned on", False), ("held out", True)):
        if args.held_out or not is_held_out:
            table.add_row(
                name, *figures([t for t in told if t.question["held_out"] == is_held_out])
            )
    Console().print(table)
    for each in told:
        if args.wrong and not each.question["held_out"]:
            show_wrong(each)


def figures(told: Sequence[Told]) -> list[str]:
    answerable = [each for each in told if each.question["fact"]]
    others = [each for each in told if not each.question["fact"]]
    hard = [each for each in answerable if each.question["hard"]]
    return [
        str(len(answerable)),
        share([each.is_right for each in answerable]),
        share([each.is_right for each in hard]),
        share([each.is_declined for each in answerable]),
        share([each.is_declined for each in others]),
    ]


def share(marks: Sequence[bool]) -> str:
    return f"{sum(marks)}/{len(marks)} ({sum(marks) / max(1, len(marks)):.0%})"


def show_wrong(told: Told) -> None:
    question = told.question
    is_wrong = not told.is_right if question["fact"] else not told.is_declined
    if is_wrong:
        print(f"\n{question['id']} {question['question']}")
        print(f"  fact: {question['fact']} in {question['file']}")
        print(f"  told: {told.text} {sorted(told.cited)}")


def connect(emulator: Emulator) -> OpenAI:
    http_client = httpx2.Client(**LOCAL)
    return OpenAI(base_url=emulator.base_url, api_key="offline", http_client=http_client)


def fill(client: OpenAI) -> str:
    """A store with the whole handbook, each file under its path."""
    store = client.vector_stores.create(name="handbook")
    files = [client.files.create(file=each, purpose="assistants").id for each in documents()]
    client.vector_stores.file_batches.create_and_poll(store.id, file_ids=files)
    return store.id


def ask_all(client: OpenAI, store_id: str, questions: Sequence[dict[str, Any]]) -> Iterator[Told]:
    for question in questions:
        response = client.responses.create(
            model=MODEL,
            input=question["question"],
            reasoning={"effort": "none"},
            tools=[{"type": "file_search", "vector_store_ids": [store_id]}],
            store=False,
        )
        parts = [
            part for item in response.output if item.type == "message" for part in item.content
        ]
        notes = [note for part in parts if part.type == "output_text" for note in part.annotations]
        cited = frozenset(note.filename for note in notes if note.type == "file_citation")
        yield Told(question, response.output_text, cited)


if __name__ == "__main__":
    main()
