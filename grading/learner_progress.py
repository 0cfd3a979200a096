"""What a learner has done so far, in one small file: exercises/progress.json.

It holds ids, dates and counts, so it survives an update of the course. Nothing in it is sent
anywhere.
"""

import json
import os
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from common.settings import CourseError
from grading.exercise import Exercise, exercises, exercises_folder


def progress_file() -> Path:
    return exercises_folder() / "progress.json"


@dataclass
class Record:
    """One exercise: when it was passed, in which version of it, and what help was taken."""

    passed: str = ""
    version: str = ""
    checks: int = 0
    hints: int = 0
    gave_up: bool = False


@dataclass
class LearnerProgress:
    """All records by id, and the quiz: which questions were right, and which have to come back."""

    records: dict[str, Record] = field(default_factory=dict)
    right: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def of(self, id: str) -> Record:
        return self.records.setdefault(id, Record())

    def has_passed(self, exercise: Exercise) -> bool:
        return bool(self.of(exercise.id).passed)

    def has_changed(self, exercise: Exercise) -> bool:
        """Whether the exercise is no longer the one that was passed."""
        record = self.of(exercise.id)
        return bool(record.passed) and record.version != exercise.version

    def note_pass(self, exercise: Exercise, today: date) -> None:
        record = self.of(exercise.id)
        record.passed, record.version = today.isoformat(), exercise.version

    def next(self, behind: Exercise | None = None) -> Exercise | None:
        """The first core exercise that is not passed; then the first of the others.

        They are looked for behind one of them, and after the last from the first on.
        """
        order = [*exercises().values()]
        start = order.index(behind) + 1 if behind else 0
        left = [each for each in order[start:] + order[:start] if not self.has_passed(each)]
        return next((each for each in left if each.is_core), left[0] if left else None)

    def answered(self, question: str, *, is_right: bool) -> None:
        """Note an answer of the quiz; a wrong one comes back until it is right."""
        to, other = (self.right, self.wrong) if is_right else (self.wrong, self.right)
        to.extend([question] if question not in to else [])
        if question in other:
            other.remove(question)


def load() -> LearnerProgress:
    """What is in the file; a damaged one is set aside as progress.json.bad, and counts as empty."""
    file = progress_file()
    try:
        return _progress(json.loads(file.read_text("utf-8")))
    except FileNotFoundError:
        return LearnerProgress()
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        file.replace(file.with_name(f"{file.name}.bad"))
        return LearnerProgress()


def _progress(found: dict[str, Any]) -> LearnerProgress:
    known = Record.__dataclass_fields__
    records = {
        id: Record(**{name: value for name, value in row.items() if name in known})
        for id, row in found["exercises"].items()
    }
    quiz = found.get("quiz", {})
    return LearnerProgress(records, list(quiz.get("right", [])), list(quiz.get("wrong", [])))


def save(progress: LearnerProgress) -> None:
    """Keep it in its file; raises CourseError."""
    rows = {id: vars(row) for id, row in progress.records.items() if row != Record()}
    quiz = {"right": progress.right, "wrong": progress.wrong}
    write(progress_file(), json.dumps({"exercises": rows, "quiz": quiz}, indent=1) + "\n")


def write(file: Path, text: str) -> None:
    """Write a file of the exercises whole, or not at all; raises CourseError."""
    beside = file.with_name(f".{file.name}.new")
    try:
        beside.write_text(text, "utf-8")
        os.replace(beside, file)
    except OSError as error:
        fact = f"exercises/{file.name} can't be written, so this is not remembered"
        attempt = "copy the course to a folder of your own, and start it there"
        raise CourseError(fact, error.strerror, attempt) from None
