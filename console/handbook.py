"""The files of lesson 2, from the handbook or the learner's own folder, and which can be used.

A file is left out, with the reason, before anything is uploaded: OpenAI refuses some kinds of
files, and one that can't be read must not end the lesson.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from common import COURSE, LESSON, course_command
from common.settings import CourseError
from console.lesson import Lesson, Made

from openai import OpenAI
from openai.types.vector_stores import VectorStoreFile

Content = Path | bytes
Store = Callable[[OpenAI, Iterable[tuple[str, Content]], list[str]], tuple[str, dict[str, str]]]
Wait = Callable[[OpenAI, str, Iterable[str]], Iterable[VectorStoreFile]]
Chunks = Callable[[OpenAI, int, list[str], list[str]], str]

HANDBOOK = COURSE / "data" / "handbook"
QUESTIONS = COURSE / "data" / "questions.jsonl"
MOST_FILES = 500
LARGEST = 512 * 1024 * 1024
# What file search reads, according to OpenAI's guide (November 2026).
KINDS = """.c .cpp .cs .css .doc .docx .go .html .java .js .json .md .pdf .php .pptx .py .rb .sh
    .tex .ts .txt""".split()
PLAIN_TEXT = (".md", ".txt")


@dataclass
class Folder:
    """The files that can be uploaded, each under a name, and why the others are left out."""

    root: Path
    files: dict[str, Content] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def passages(self, most: int = 300) -> list[str]:
        """The paragraphs of the plain texts, without headings and tables."""
        found: list[str] = []
        for name, content in self.files.items():
            if name.lower().endswith(PLAIN_TEXT):
                data = content if isinstance(content, bytes) else content.read_bytes()
                found += _paragraphs(data.decode("utf-8", "replace"))
        return found[:most]


def read_folder(folder: Path | None = None) -> Folder:
    """Look at each file in a folder and its subfolders; by default, the handbook's.

    Hidden files don't count. Raises CourseError if there is no file that can be used.
    """
    root = (folder or HANDBOOK).expanduser()
    attempt = f"{course_command(*LESSON)} ask --folder FOLDER, with a folder of your files"
    if not root.is_dir():
        raise CourseError(f"{_shown(root)} is not a folder", attempt=attempt)
    found, seen = Folder(root), dict[str, str]()
    for path in _paths(root, found.left_out):
        name = _shown(path.relative_to(root))
        if reason := _reason_against(path) or _reason_of_content(path, name, seen):
            found.left_out[name] = reason
        else:
            found.files[_upload_name(name, found.files)] = path
    if not found.files:
        why = "; ".join(f"{name}: {reason}" for name, reason in found.left_out.items())
        raise CourseError(f"{_shown(root)} has no files for file search", why or None, attempt)
    if len(found.files) > MOST_FILES:
        why = f"this lesson uploads each file, and takes at most {MOST_FILES}"
        raise CourseError(f"{_shown(root)} has {len(found.files):,} files", why, attempt)
    return found


@dataclass
class OpenedStore:
    """The store of a run: one that was kept, or a new one, filled when a part first needs it.

    `store` and `wait` are the lesson's functions. This class adds what only a lesson needs:
    progress bars, and a Ctrl-C that waits until each new id is noted.
    """

    lesson: Lesson
    client: OpenAI
    made: Made
    store: Store
    wait: Wait

    def __post_init__(self) -> None:
        self.folder = read_folder(self.lesson.options.folder)

    @property
    def passages(self) -> list[str]:
        """The paragraphs of the plain texts in the folder; says so if there are none."""
        found = self.folder.passages()
        if not found:
            self.lesson.terminal.note(
                "No file here is a .md or .txt file, so there are no passages."
            )
        return found

    @property
    def id(self) -> str:
        return self._filled[0]

    @cached_property
    def _filled(self) -> tuple[str, list[str]]:
        """The store, and the ids of the files that can be searched."""
        client, terminal = self.client, self.lesson.terminal
        if kept := self.lesson.options.store:
            counts = client.vector_stores.retrieve(kept).file_counts
            _require(counts.completed if counts else 0, kept)
            return kept, []
        terminal.left_out(self.folder.left_out)
        uploading = terminal.progress(self.folder.files.items(), "uploading")
        # Closed at once after Ctrl-C: a progress bar would go on drawing during the deleting.
        with closing(uploading) as files, self.made.noting():
            store_id, names = self.store(client, files, self.made)
        states = list(terminal.progress(self.wait(client, store_id, names), "indexing"))
        terminal.files(states, names)
        indexed = [file.id for file in states if file.status == "completed"]
        _require(len(indexed), _shown(self.folder.root))
        return store_id, indexed

    def fill(self) -> None:
        """Fill it now, if it isn't filled yet."""
        self.lesson.terminal.note(f"The store is {self.id}.")

    def fill_with_unreadable(self) -> None:
        """Fill it, and add a file without text: the server takes that, but can't index it."""
        if not (self.lesson.options.store or self.lesson.options.folder):
            self.folder.files["scanned-page.txt"] = bytes(range(256))
        self.fill()

    def again(self, chunks_of: Chunks, tokens: int) -> str:
        """The same files in another store, in chunks of that many tokens."""
        client, (_, indexed) = self.client, self._filled
        with self.made.noting():
            store_id = chunks_of(client, tokens, indexed, self.made)
        files = self.wait(client, store_id, indexed)
        list(self.lesson.terminal.progress(files, f"{tokens} tokens a chunk"))
        return store_id

    def has_known_answers(self) -> bool:
        """Whether these files are the handbook's; says so if they aren't."""
        options = self.lesson.options
        if options.folder or options.store:
            text = "Skipped: the right passages are known only for the handbook."
            self.lesson.terminal.note(text)
        return not (options.folder or options.store)


def documents(folder: Path | None = None) -> Iterator[tuple[str, bytes]]:
    """Path (below the folder) and bytes of each file that can be used."""
    found = read_folder(folder)
    for content in found.files.values():
        if isinstance(content, Path):
            yield content.relative_to(found.root).as_posix(), content.read_bytes()


def known_questions(most: int) -> list[tuple[str, str]]:
    """Some questions about the handbook, each with the words that answer it, in one line."""
    lines = QUESTIONS.read_text(encoding="utf-8").splitlines()
    known = [json.loads(line) for line in lines]
    answerable = [each for each in known if each["passage"]]
    step = max(1, len(answerable) // most)
    chosen = answerable[::step][:most]
    return [(each["question"], " ".join(each["passage"].split())) for each in chosen]


def _paths(root: Path, left_out: dict[str, str]) -> list[Path]:
    """All paths except hidden ones; a folder that can't be opened is left out."""

    def note(error: OSError) -> None:
        left_out[_shown(Path(error.filename).relative_to(root))] = _words(error)

    paths = []
    for top, folders, names in os.walk(root, onerror=note):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [Path(top) / name for name in names if not name.startswith(".")]
    return sorted(paths)


def _reason_against(path: Path) -> str | None:
    """Why a file can't be uploaded, judged by its name and size."""
    kind = path.suffix.lower()
    try:
        size = path.stat().st_size
    except OSError as error:
        return _words(error)
    if not path.is_file():
        return "it isn't a file"
    if _shown(path.name) != path.name:
        return "its name isn't text in UTF-8"
    if kind not in KINDS:
        return f"file search doesn't read {kind} files" if kind else "its name has no extension"
    if size > LARGEST:
        return "it is larger than 512 MB"
    return None if size else "it is empty"


def _reason_of_content(path: Path, name: str, seen: dict[str, str]) -> str | None:
    """The same, judged by its content; `seen` holds each earlier content, with its file's name."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return _words(error)
    first = seen.setdefault(digest, name)
    return None if first == name else f"it is the same as {first}"


def _require(count: int, where: str) -> None:
    """Stop if nothing can be searched: the model would answer without your files."""
    if not count:
        why = "without a file, the model would answer without your documents"
        raise CourseError(f"no file in {where} could be indexed", why, "try other files")


def _upload_name(name: str, taken: dict[str, Content]) -> str:
    """Turn the path into a single name that no other file has."""
    flat = name.replace("/", "-").replace("\\", "-")
    stem, dot, kind = flat.rpartition(".")
    names = (f"{stem}-{number}{dot}{kind}" for number in range(2, MOST_FILES + 2))
    return flat if flat not in taken else next(each for each in names if each not in taken)


def _paragraphs(text: str) -> Iterator[str]:
    for block in re.split(r"\n\s*\n", text):
        lines = [line for line in block.splitlines() if not line.startswith(("#", "|"))]
        if len(words := " ".join(lines).split()) > 8:
            yield " ".join(words)


def _shown(path: Path | str) -> str:
    """A path as text; bytes that aren't UTF-8 become question marks."""
    return str(path).encode("utf-8", "replace").decode("utf-8")


def _words(error: OSError) -> str:
    return f"it can't be read: {error.strerror or error}"
