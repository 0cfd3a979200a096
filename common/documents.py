"""The files of lesson 2, and questions about them whose passage is known."""

import json
from collections.abc import Iterator
from pathlib import Path

from common import COURSE
from common.settings import CourseError

HANDBOOK = COURSE / "data" / "handbook"
QUESTIONS = COURSE / "data" / "questions.jsonl"
LARGEST = 512 * 1024 * 1024


def documents(folder: Path | None = None) -> Iterator[tuple[str, bytes]]:
    """Name (below the folder) and bytes of each file; by default the handbook's.

    Hidden files and empty folders are passed over. Raises CourseError for a folder that is none or
    has nothing in it.
    """
    root = (folder or HANDBOOK).expanduser()
    if not root.is_dir():
        raise CourseError(f"{root} is no folder", attempt="--folder with a folder of your files")
    paths = sorted(
        path for path in root.rglob("*") if path.is_file() and not _is_hidden(path, root)
    )
    if not paths:
        raise CourseError(f"{root} holds no files", attempt="put some .md, .txt or .pdf into it")
    for path in paths:
        if path.stat().st_size > LARGEST:
            why = "OpenAI takes files of at most 512 MB"
            raise CourseError(f"{path} is too large", why, "take it out of the folder")
        yield path.relative_to(root).as_posix(), path.read_bytes()


def known_questions(most: int) -> list[tuple[str, str]]:
    """Some questions about the handbook, each with the words that answer it, in one line."""
    lines = QUESTIONS.read_text(encoding="utf-8").splitlines()
    told = [json.loads(line) for line in lines]
    answerable = [each for each in told if each["passage"]]
    step = max(1, len(answerable) // most)
    chosen = answerable[::step][:most]
    return [(each["question"], " ".join(each["passage"].split())) for each in chosen]


def _is_hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)
