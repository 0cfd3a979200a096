"""Asks questions of file search by the unmodified SDK, and judges the answers.

A question is a line of JSON: `question`; `file`, the path that answers it, and `also`, other paths
that do; `fact`, the words that must stand in the answer, or a list of which one must. A question
that no file answers has a `file` and a `fact` of null.
"""

import json
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.client import LOCAL
from emulator.answers.cited import DECLINED
from emulator.server import Emulator

import httpx2
from openai import OpenAI
from openai.types.responses import Response

MODEL = "gpt-6-luna"


@dataclass(frozen=True)
class AskedQuestion:
    """A question, the answer that it got, and the paths of the files that the answer cites."""

    question: dict[str, Any]
    text: str
    cited: frozenset[str]
    response_id: str
    seconds: float

    @property
    def is_declined(self) -> bool:
        return is_refusal(self.text)

    @property
    def has_fact(self) -> bool:
        return any(has_words(self.text, fact) for fact in facts(self.question))

    @property
    def cites_file(self) -> bool:
        return bool(files(self.question) & self.cited)

    @property
    def is_right(self) -> bool:
        """Has the fact and cites its file or, where no file answers, declines."""
        if is_answerable(self.question):
            return self.has_fact and self.cites_file
        return self.is_declined


def is_refusal(text: str) -> bool:
    """Whether an answer says that the documents don't answer, and says nothing else."""
    return one_line(text).casefold() == one_line(DECLINED).casefold()


def is_answerable(question: dict[str, Any]) -> bool:
    return bool(question["fact"])


def facts(question: dict[str, Any]) -> list[str]:
    fact = question["fact"] or []
    return [fact] if isinstance(fact, str) else fact


def files(question: dict[str, Any]) -> frozenset[str]:
    """The paths that answer a question."""
    return frozenset(filter(None, [question["file"], *question.get("also", [])]))


def has_words(text: str, words: str) -> bool:
    """Whether a text has these words, each of them whole: "15 euros" doesn't have "5 euros"."""
    return bool(re.search(rf"(?<![^\W_]){re.escape(one_line(words))}(?![^\W_])", one_line(text)))


def one_line(text: str) -> str:
    """A text whose runs of blanks and line breaks are single blanks."""
    return " ".join(text.split())


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def connect(emulator: Emulator) -> OpenAI:
    http_client = httpx2.Client(**LOCAL)
    return OpenAI(base_url=emulator.base_url, api_key="offline", http_client=http_client)


def fill(client: OpenAI, name: str, documents: Iterable[tuple[str, bytes]]) -> str:
    """The id of a new store with all documents, each under its path.

    Raises ValueError if one of them could not be read.
    """
    store = client.vector_stores.create(name=name)
    uploaded = [client.files.create(file=each, purpose="assistants").id for each in documents]
    batch = client.vector_stores.file_batches.create_and_poll(store.id, file_ids=uploaded)
    if batch.file_counts.completed != len(uploaded):
        raise ValueError(f"{batch.file_counts.failed} of {len(uploaded)} files could not be read")
    return store.id


def ask(
    client: OpenAI, store_id: str, question: dict[str, Any], *, previous: str | None = None
) -> AskedQuestion:
    """Ask a question, as the next turn after the response `previous` if there is one."""
    start = time.perf_counter()
    response = client.responses.create(
        model=MODEL,
        input=question["question"],
        previous_response_id=previous,
        reasoning={"effort": "none"},
        tools=[{"type": "file_search", "vector_store_ids": [store_id]}],
    )
    seconds = time.perf_counter() - start
    return AskedQuestion(question, response.output_text, _cited(response), response.id, seconds)


def _cited(response: Response) -> frozenset[str]:
    parts = [part for item in response.output if item.type == "message" for part in item.content]
    notes = [note for part in parts if part.type == "output_text" for note in part.annotations]
    return frozenset(note.filename for note in notes if note.type == "file_citation")


def share(marks: Sequence[bool]) -> str:
    return f"{sum(marks)}/{len(marks)} ({sum(marks) / max(1, len(marks)):.0%})"


def show_wrong(asked: AskedQuestion) -> None:
    """Print a question that went wrong, what was expected, and what was said."""
    question = asked.question
    if not asked.is_right:
        expected = " | ".join(facts(question)) or "nothing, as no file answers"
        print(f"\n{question['id']} {question['question']}")
        print(f"  expected: {expected} [{', '.join(sorted(files(question)))}]")
        print(f"  answer: {asked.text} {sorted(asked.cited)}")
