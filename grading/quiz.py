"""The quiz, and the five questions of the placement; questions stand in exercises/quiz.toml."""

import random
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from common import course_command
from console.terminal import Terminal
from grading.exercise import exercises_folder
from grading.learner_progress import LearnerProgress, load, save

MOST = 10
LETTERS = "abcdef"
SECTIONS = {"1": "streaming", "2": "your own files", "3": "Realtime", "audio": "audio"}
START = {"1": "1 --step", "2": "2 --step", "3": "3 --step", "audio": "3 transcribe"}
DONE = "You know the material. Go to the exercises:"

Read = Callable[[], str]


@dataclass(frozen=True)
class QuizQuestion:
    """A question; the first of its answers is right. `why` explains it, whatever was chosen."""

    id: str
    section: str
    text: str
    answers: tuple[str, ...]
    why: str
    is_placement: bool = False


@cache
def questions() -> tuple[QuizQuestion, ...]:
    with (exercises_folder() / "quiz.toml").open("rb") as file:
        rows = tomllib.load(file)["question"]
    return tuple(QuizQuestion(**{**row, "answers": tuple(row["answers"])}) for row in rows)


def coming(progress: LearnerProgress, section: str) -> list[QuizQuestion]:
    """Up to ten questions of a section: first those that were wrong, then new ones, then others."""

    def rank(question: QuizQuestion) -> int:
        if question.id in progress.wrong:
            return 0
        return 2 if question.id in progress.right else 1

    return sorted((q for q in questions() if q.section == section), key=rank)[:MOST]


def ask(terminal: Terminal, section: str | None, read: Read | None = None) -> int:
    """Ask the questions of a section; without one, of the first that isn't all right."""
    progress = load()
    section = section or _unfinished(progress)
    terminal.heading(f"Quiz: {SECTIONS[section]}", "Type a letter and press Enter; q ends it.")
    right = asked = 0
    for question in coming(progress, section):
        is_right = pose(terminal, question, read or _typed)
        if is_right is None:
            break
        asked, right = asked + 1, right + is_right
        progress.answered(question.id, is_right=is_right)
        save(progress)
    terminal.note(f"{right} of {asked} right.")
    if right < asked:
        terminal.note("The questions that you got wrong come first next time:")
        terminal.command(course_command("quiz", section))
    return 0


def _unfinished(progress: LearnerProgress) -> str:
    open_ = [each.section for each in questions() if each.id not in progress.right]
    return open_[0] if open_ else "1"


def place(terminal: Terminal, read: Read | None = None) -> int:
    """Ask five questions, and name the first lesson whose question was wrong."""
    terminal.heading("Where to start", "Five questions. If you don't know, press Enter.")
    missed: list[str] = []
    for question in (each for each in questions() if each.is_placement):
        is_right = pose(terminal, question, read or _typed, explains=False)
        if is_right is None:
            return 0
        missed += [] if is_right else [question.section]
    terminal.say()
    if not missed:
        terminal.note(DONE)
        terminal.command(course_command("learn"))
        return 0
    first = min(missed, key=list(SECTIONS).index)
    terminal.note(f"Start with {SECTIONS[first]}:")
    terminal.command(course_command(*START[first].split()))
    return 0


def pose(
    terminal: Terminal, question: QuizQuestion, read: Read, *, explains: bool = True
) -> bool | None:
    """Ask one question: whether the answer was right, or None if the learner wants to end."""
    answers = list(question.answers)
    random.shuffle(answers)
    terminal.paragraph(question.text)
    for letter, answer in zip(LETTERS, answers, strict=False):
        terminal.item(f"  {letter}  ", answer)
    chosen = _choice(terminal, len(answers), read)
    if chosen is None:
        return None
    is_right = chosen >= 0 and answers[chosen] == question.answers[0]
    if explains:
        terminal.note(f"{'Right.' if is_right else _correction(question, answers)} {question.why}")
    terminal.say()
    return is_right


def _correction(question: QuizQuestion, answers: Sequence[str]) -> str:
    return f"The answer is {LETTERS[answers.index(question.answers[0])]}."


def _choice(terminal: Terminal, count: int, read: Read) -> int | None:
    """Which was chosen, counted from 0; -1 for Enter alone, None for the end."""
    while True:
        line = read()
        word = line.strip().lower()
        if not line or word in ("q", "quit"):
            return None
        if not word:
            return -1
        if len(word) == 1 and word in LETTERS[:count]:
            return LETTERS.index(word)
        terminal.note(f"Type a letter from a to {LETTERS[count - 1]}, or q.")


def _typed() -> str:
    """A line with its end; "" where nothing comes any more."""
    if sys.stdin is None:
        return ""
    if sys.stdin.isatty():
        sys.stdout.write("> ")
        sys.stdout.flush()
    return sys.stdin.readline()
