"""How well file search answers questions about real documentation, not written for this course.

    python -m benchmarks.documentation FOLDER --name NAME [--wrong]

`documentation.jsonl` describes five public folders of Markdown. For each it has the repository,
commit, folder and license, then 20 questions that the folder answers and 10 that it doesn't. The
questions about a folder were written before anything was tuned on it. `fitted` is false for one
folder, the manual of Anki. Nobody looks at its answers when tuning, and `--wrong` doesn't show
them. The folders are not part of this repository. Fetch one like this:

    git clone https://github.com/REPOSITORY scratch && git -C scratch checkout COMMIT

FOLDER is the path of that folder in the clone. The unmodified SDK uploads its Markdown files to the
emulator, each under its path, and asks every question. The rows of the table:

    file first           the best result of a search is from a file that answers
    file among five      one of the best five results is from such a file
    fact in the answer   the answer has the words that are expected
    right file cited     the answer cites a file that answers
    right                both of these
    declined             the answer says that the documents don't answer
    seconds              from request to response: median and slowest
    best score           the best score of a search, 0 to 1: lowest, median and highest
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.file_search import (
    AskedQuestion,
    ask,
    connect,
    facts,
    files,
    fill,
    has_words,
    is_answerable,
    read_lines,
    share,
    show_wrong,
)
from emulator.server import Emulator

from openai import OpenAI
from rich.console import Console
from rich.table import Table

QUESTIONS = Path(__file__).with_name("documentation.jsonl")
BEST = 5


@dataclass(frozen=True)
class SearchedQuestion:
    """A question, the paths of the files of the best five results, and the best score (0 to 1)."""

    question: dict[str, Any]
    paths: Sequence[str]
    score: float

    @property
    def is_first(self) -> bool:
        return bool(files(self.question) & set(self.paths[:1]))

    @property
    def is_found(self) -> bool:
        return bool(files(self.question) & set(self.paths))


def main() -> None:
    lines = read_lines(QUESTIONS)
    fitted = {line["name"]: line["fitted"] for line in lines if "repository" in line}
    parser = argparse.ArgumentParser("python -m benchmarks.documentation")
    parser.add_argument("folder", type=Path, help="the described folder, in a clone")
    parser.add_argument("--name", choices=fitted, required=True, help="which of them it is")
    parser.add_argument("--wrong", action="store_true", help="show what went wrong (if fitted)")
    args = parser.parse_args()
    documents = dict(markdown(args.folder))
    questions = [line for line in lines if line["name"] == args.name and "question" in line]
    check(documents, questions)
    with Emulator() as emulator, connect(emulator) as client:
        store_id = fill(client, args.name, documents.items())
        asked = [ask(client, store_id, question) for question in questions]
        # Only now, so that no earlier search makes an answer faster.
        searched = [search(client, store_id, question) for question in questions]
    Console().print(table(f"{args.name}, {len(documents)} files", asked, searched))
    for each in asked:
        if args.wrong and fitted[args.name]:
            show_wrong(each)


def markdown(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Path (below the folder) and bytes of each Markdown file."""
    for path in sorted(folder.rglob("*.md")):
        yield path.relative_to(folder).as_posix(), path.read_bytes()


def check(documents: dict[str, bytes], questions: Sequence[dict[str, Any]]) -> None:
    """Raise ValueError if a fact is missing from its file, as it may be at another commit."""
    for question in questions:
        for path in files(question):
            text = documents.get(path, b"").decode("utf-8")
            if not any(has_words(text, fact) for fact in facts(question)):
                why = "is the folder the described one, at the described commit?"
                raise ValueError(
                    f"{path} doesn't have the fact of question {question['id']}: {why}"
                )


def search(client: OpenAI, store_id: str, question: dict[str, Any]) -> SearchedQuestion:
    page = client.vector_stores.search(store_id, query=question["question"], max_num_results=BEST)
    results = page.data
    score = max((result.score for result in results), default=0.0)
    return SearchedQuestion(question, [result.filename for result in results], score)


def table(
    title: str, asked: Sequence[AskedQuestion], searched: Sequence[SearchedQuestion]
) -> Table:
    shown = Table("figure", "answerable", "unanswerable", title=title)
    answerable = [each for each in asked if is_answerable(each.question)]
    others = [each for each in asked if not is_answerable(each.question)]
    found = [each for each in searched if is_answerable(each.question)]
    scores = [each.score for each in searched if not is_answerable(each.question)]
    rows = [
        ("questions", str(len(answerable)), str(len(others))),
        ("file first", share([each.is_first for each in found]), ""),
        ("file among five", share([each.is_found for each in found]), ""),
        ("fact in the answer", share([each.has_fact for each in answerable]), ""),
        ("right file cited", share([each.cites_file for each in answerable]), ""),
        ("right", share([each.is_right for each in answerable]), ""),
        ("declined", *(share([a.is_declined for a in group]) for group in (answerable, others))),
        ("seconds", *(seconds(group) for group in (answerable, others))),
        ("best score", spread([each.score for each in found]), spread(scores)),
    ]
    for row in rows:
        shown.add_row(*row)
    return shown


def seconds(asked: Sequence[AskedQuestion]) -> str:
    return f"{median(a.seconds for a in asked):.2f}, at most {max(a.seconds for a in asked):.2f}"


def spread(scores: Sequence[float]) -> str:
    return f"{min(scores):.2f} / {median(scores):.2f} / {max(scores):.2f}"


if __name__ == "__main__":
    main()
