"""How often an answer of file search holds the fact, cites its file, and declines when it should.

    python -m benchmarks.answers [--held-out] [--wrong]
    python -m benchmarks.answers --follow-ups [--wrong]

All of it by the unmodified SDK against the emulator. The handbook is uploaded, and each question of
`data/questions.jsonl` asked. No tuning looks at those with `held_out`. With `--follow-ups` it asks
the dialogues of `followups.jsonl` instead, and judges the second answer of each.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.file_search import (
    AskedQuestion,
    ask,
    connect,
    fill,
    is_answerable,
    read_lines,
    share,
    show_wrong,
)
from console.handbook import QUESTIONS, documents
from emulator.server import Emulator

from openai import OpenAI
from rich.console import Console
from rich.table import Table

FOLLOW_UPS = Path(__file__).with_name("followups.jsonl")
TITLES = ("questions", "answerable", "right", "of them hard", "declined", "unanswerable declined")


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.answers")
    parser.add_argument("--held-out", action="store_true", help="the held-out third, too")
    parser.add_argument("--follow-ups", action="store_true", help="dialogues of two turns instead")
    parser.add_argument("--wrong", action="store_true", help="show what went wrong (not held out)")
    args = parser.parse_args()
    with Emulator() as emulator, connect(emulator) as client:
        store_id = fill(client, "handbook", documents())
        if args.follow_ups:
            asked = ask_follow_ups(client, store_id)
            print(f"right answers to the second turn: {share([each.is_right for each in asked])}")
        else:
            asked = [ask(client, store_id, question) for question in read_lines(QUESTIONS)]
            Console().print(table(asked, with_held_out=args.held_out))
    for each in asked:
        if args.wrong and not each.question.get("held_out"):
            show_wrong(each)


def ask_follow_ups(client: OpenAI, store_id: str) -> list[AskedQuestion]:
    """The second turn of each dialogue, asked after the answer to the first."""
    asked = []
    for dialogue in read_lines(FOLLOW_UPS):
        first = ask(client, store_id, {**dialogue, "question": dialogue["first"]})
        asked.append(ask(client, store_id, dialogue, previous=first.response_id))
    return asked


def table(asked: Sequence[AskedQuestion], *, with_held_out: bool) -> Table:
    shown = Table(*TITLES, title="answers of file search over the handbook")
    for name, is_held_out in (("tuned on", False), ("held out", True)):
        if with_held_out or not is_held_out:
            group = [each for each in asked if each.question["held_out"] == is_held_out]
            shown.add_row(name, *figures(group))
    return shown


def figures(asked: Sequence[AskedQuestion]) -> list[str]:
    answerable = [each for each in asked if is_answerable(each.question)]
    others = [each for each in asked if not is_answerable(each.question)]
    hard = [each for each in answerable if each.question["hard"]]
    return [
        str(len(answerable)),
        share([each.is_right for each in answerable]),
        share([each.is_right for each in hard]),
        share([each.is_declined for each in answerable]),
        share([each.is_declined for each in others]),
    ]


if __name__ == "__main__":
    main()
