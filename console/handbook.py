"""The files of lesson 2, and questions about them with the passages that answer them."""

import json
from collections.abc import Iterator
from pathlib import Path

from common import COURSE, LESSON, course_command
from common.settings import CourseError

HANDBOOK = COURSE / "data" / "handbook"
QUESTIONS = COURSE / "data" / "questions.jsonl"
MOST_FILES = 500
LARGEST = 512 * 1024 * 1024


def documents(folder: Path | None = None) -> Iterator[tuple[str, bytes]]:
    """Name (below the folder) and bytes of each file; by default the handbook's.

    Hidden files and empty ones are skipped. Raises CourseError as `check_folder` does.
    """
    root = (folder or HANDBOOK).expanduser()
    for path in check_folder(folder):
        yield path.relative_to(root).as_posix(), path.read_bytes()


def check_folder(folder: Path | None) -> list[Path]:
    """The files in a folder, at any depth; raises CourseError if they can't be used."""
    root = (folder or HANDBOOK).expanduser()
    attempt = f"{course_command(*LESSON)} ask --folder FOLDER, with a folder of your files"
    if not root.is_dir():
        raise CourseError(f"{root} is not a folder", attempt=attempt)
    paths = sorted(
        path for path in root.rglob("*") if path.is_file() and not _is_hidden(path, root)
    )
    paths = [path for path in paths if path.stat().st_size]
    if not paths:
        raise CourseError(f"{root} has no files", "empty and hidden ones do not count", attempt)
    if len(paths) > MOST_FILES:
        why = f"this lesson takes at most {MOST_FILES}, as each is uploaded"
        raise CourseError(f"{root} has {len(paths):,} files", why, attempt)
    for path in paths:
        if path.stat().st_size > LARGEST:
            why = "OpenAI takes files of at most 512 MB"
            raise CourseError(f"{path} is too large", why, "take it out of the folder")
    return paths


def known_questions(most: int) -> list[tuple[str, str]]:
    """Some questions about the handbook, each with the words that answer it, in one line."""
    lines = QUESTIONS.read_text(encoding="utf-8").splitlines()
    known = [json.loads(line) for line in lines]
    answerable = [each for each in known if each["passage"]]
    step = max(1, len(answerable) // most)
    chosen = answerable[::step][:most]
    return [(each["question"], " ".join(each["passage"].split())) for each in chosen]


def _is_hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)
