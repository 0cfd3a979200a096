"""The files of lesson 2, from the handbook or the learner's own folder, and which can be used.

OpenAI refuses some types of files, and a file that can't be read must not end the lesson. So these
files are left out before anything is uploaded, and the lesson says why.
"""

import hashlib
import json
import os
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from common import COURSE, LESSON, course_command
from common.settings import CourseError
from console.lesson import Lesson, Made
from console.terminal import MOST_ROWS, short_name
from emulator.storage.file_table import SEARCHABLE

from openai import NotFoundError, OpenAI
from openai.types import VectorStore
from openai.types.vector_stores import VectorStoreFile

Content = Path | bytes
Store = Callable[[OpenAI, Iterable[tuple[str, Content]], list[str]], tuple[str, dict[str, str]]]
Wait = Callable[[OpenAI, str, Iterable[str]], Iterable[VectorStoreFile]]
Chunks = Callable[[OpenAI, int, list[str], list[str]], str]

HANDBOOK = COURSE / "data" / "handbook"
QUESTIONS = COURSE / "data" / "questions.jsonl"
MOST_FILES = 500
WITHOUT_FILES = ("embed", "clean")  # one has its own texts, the other finds what was left
MOST_NAMED, LONGEST_NAME = 8, 40
LARGEST = 512 * 1024 * 1024
PLAIN_TEXT = (".md", ".txt")


# Characters in a name that could move the cursor, break the line or change its direction.
_UNSAFE = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


@dataclass
class Folder:
    """The files that can be uploaded, each under a name, and why the others are left out.

    `unsupported` has the files of types that OpenAI's file search doesn't read, with their
    extensions; `left_out` has all others, with the reason.
    """

    root: Path
    files: dict[str, Content] = field(default_factory=dict)
    unsupported: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def passages(self, most: int = 300) -> list[str]:
        """The paragraphs of the plain texts, without headings and tables.

        A file that isn't text in UTF-8 or UTF-16 is left out from now on.
        """
        found: list[str] = []
        for name, content in self.files.copy().items():
            if name.endswith(PLAIN_TEXT):
                try:
                    data = content if isinstance(content, bytes) else content.read_bytes()
                    found += _paragraphs(data.decode(_encoding(data)))
                except (UnicodeError, OSError) as error:
                    self.left_out[name] = _words(error)
                    del self.files[name]
        return found[:most]


def read_folder(folder: Path | None = None, part: str = "ask") -> Folder:
    """Look at each file in a folder and its subfolders; by default, the handbook's.

    Hidden files don't count. Raises CourseError if no file can be used. The error suggests a
    command for this part of the lesson.
    """
    root = (folder or HANDBOOK).expanduser()
    attempt = f"{course_command(*LESSON, part)} --folder FOLDER, with a folder of your files"
    if not root.is_dir():
        why = "it is a file" if root.is_file() else "there is no folder of that name"
        raise CourseError(f"{_shown(root)} is not a folder", why, attempt)
    found, paths = Folder(root), list[Path]()
    for path in _paths(root, found.left_out):
        name = _shown(path.relative_to(root))
        if reason := _reason_against(path):
            found.left_out[name] = reason
        elif (kind := path.suffix.lower()) not in SEARCHABLE:
            found.unsupported[name] = kind
        else:
            paths.append(path)
    if len(paths) > MOST_FILES:
        why = f"this lesson uploads at most {MOST_FILES} files"
        raise CourseError(f"{_shown(root)} has {len(paths):,} files", why, attempt)
    _add_files(found, paths)
    if not found.files:
        reasons = [f"{name}: {reason}" for name, reason in found.left_out.items()]
        if found.unsupported:
            reasons.insert(0, unsupported_files(found.unsupported))
        fact = f"{_shown(root)} has no files for file search"
        raise CourseError(fact, "; ".join(reasons) or None, attempt)
    return found


def _add_files(folder: Folder, paths: Iterable[Path]) -> None:
    """Read each file once, and leave out those that can't be read or that repeat another one."""
    seen = dict[str, str]()
    for path in paths:
        name = _shown(path.relative_to(folder.root))
        if reason := _reason_of_content(path, name, seen):
            folder.left_out[name] = reason
        else:
            folder.files[_upload_name(name, folder.files)] = path


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
        options = self.lesson.options
        self.folder = read_folder(options.folder, options.part or "ask")
        if options.part in WITHOUT_FILES and (options.folder or options.store):
            name = "--folder" if options.folder else "--store"
            self.lesson.terminal.note(f"The part {options.part} doesn't use {name}.")
        self._has_introduced = False

    @property
    def passages(self) -> list[str]:
        """The paragraphs of the plain texts in the folder; says so if there are none."""
        found = self.folder.passages()
        if self.lesson.options.store:
            text = "This part reads files on this machine: the handbook's, not those of the store."
            self.lesson.terminal.note(text)
        else:
            self._introduce()
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
        self._introduce()
        if kept := self.lesson.options.store:
            self._check(client.vector_stores.retrieve(kept))
            return kept, []
        uploading = terminal.progress(self.folder.files.items(), "uploading")
        # Closed at once after Ctrl-C: a progress bar would go on drawing during the deleting.
        with closing(uploading) as files, self.made.noting():
            store_id, names = self.store(client, files, self.made)
        states = list(terminal.progress(self.wait(client, store_id, names), "indexing"))
        indexed = [file.id for file in states if file.status == "completed"]
        terminal.files(len(indexed), len(names), states, names)
        _require(len(indexed), _shown(self.folder.root))
        return store_id, indexed

    def _introduce(self) -> None:
        """Say once which files aren't used, and that the part's question is about the handbook."""
        options, terminal = self.lesson.options, self.lesson.terminal
        if self._has_introduced:
            return
        self._has_introduced = True
        if not options.store:
            terminal.left_out(unsupported_files(self.folder.unsupported), self.folder.left_out)
        part, where = self.lesson.now, self._own_files()
        if part and part.texts.get("question") and where and not options.question:
            terminal.note("The question of this part is about the handbook. To ask your own:")
            terminal.command(course_command(*LESSON, part.name, "YOUR QUESTION", *where))

    def _own_files(self) -> list[str]:
        """The option that names the learner's own files; empty if they are the handbook's."""
        options = self.lesson.options
        if options.store:
            return ["--store", options.store]
        if options.folder and not self.folder.root.resolve().is_relative_to(HANDBOOK):
            return ["--folder", str(options.folder)]
        return []

    def _check(self, store: VectorStore) -> None:
        """Say how many files of a kept store can be searched, and name those that failed."""
        if store.status == "expired":
            why = "it wasn't used for too long, so it can't be searched anymore"
            attempt = f"keep a new one: {course_command(*LESSON, 'store', '--keep')}"
            raise CourseError(f"the store {store.id} has expired", why, attempt)
        counts, files = store.file_counts, self.client.vector_stores.files
        if not (counts and counts.total):
            return _require(0, store.id)
        if counts.in_progress and not counts.completed:
            why = f"{counts.in_progress} of its files are still being indexed"
            raise CourseError(f"no file in {store.id} is indexed yet", why, "wait a minute")
        failed = list(files.list(store.id, filter="failed")) if counts.failed else []
        names = {file.id: self._name_of(file.id) for file in failed[:MOST_ROWS]}
        self.lesson.terminal.files(counts.completed, counts.total, failed, names)
        _require(counts.completed, store.id)

    def _name_of(self, file_id: str) -> str:
        try:
            return self.client.files.retrieve(file_id).filename or file_id
        except NotFoundError:  # it was deleted, but its store still lists it
            return file_id

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

    def has_editions(self, *years: int) -> bool:
        """Whether the name of a file has one of these years; says so if none has."""
        if not self.lesson.options.folder:
            return True
        found = any(str(year) in name for name in self.folder.files for year in years)
        if not found:
            self.lesson.terminal.note(
                f"Skipped: no file of yours has {' or '.join(map(str, years))} in its name."
            )
        return found

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
        name = _shown(Path(error.filename).relative_to(root))
        left_out["the folder itself" if name == "." else name] = _words(error)

    paths = []
    for top, folders, names in os.walk(root, onerror=note):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [Path(top) / name for name in names if not name.startswith(".")]
    return sorted(paths)


def _reason_against(path: Path) -> str | None:
    """Why a file can't be uploaded, whatever its type is."""
    try:
        path.stat()
    except OSError as error:
        return _words(error)
    if not path.is_file():
        return "it isn't a file"
    if _as_text(path.name) != path.name:
        return "its name isn't text in UTF-8"
    return "its name has control characters" if _UNSAFE.search(path.name) else None


def _reason_of_content(path: Path, name: str, seen: dict[str, str]) -> str | None:
    """The same, judged by its content; `seen` holds each earlier content, with its file's name."""
    try:
        if not (size := path.stat().st_size):
            return "it is empty"
        if size > LARGEST:
            return "it is larger than 512 MB"
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return _words(error)
    first = seen.setdefault(digest, name)
    return None if first == name else f"it is the same as {first}"


def _require(count: int, where: str) -> None:
    """Stop if nothing can be searched: the model would answer without your files."""
    if not count:
        why = "the model would answer without your documents"
        raise CourseError(f"no file in {where} could be indexed", why, "try other files")


def _upload_name(name: str, taken: dict[str, Content]) -> str:
    """Turn the path into a single name that no other file has, with a lower-case extension.

    Users report that OpenAI refuses extensions in capital letters, such as `.PDF`.
    """
    flat = name.replace("/", "-").replace("\\", "-")
    stem, dot, kind = flat.rpartition(".")
    kind = kind.lower()
    names = (f"{stem}-{number}{dot}{kind}" for number in range(2, MOST_FILES + 2))
    first = f"{stem}{dot}{kind}"
    return first if first not in taken else next(each for each in names if each not in taken)


def _encoding(data: bytes) -> str:
    return "utf-16" if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"


def unsupported_files(files: Mapping[str, str]) -> str:
    """How many files are of types that aren't read, which types these are, and some names."""
    if not files:
        return ""
    count = f"{len(files):,} file{'s' if len(files) > 1 else ''}"
    kinds = _first(sorted({kind or "no extension" for kind in files.values()}))
    return f"{count} that OpenAI's file search doesn't read ({kinds}): {_first(files)}"


def _first(names: Collection[str]) -> str:
    """The first of these names, and how many more there are."""
    shown = ", ".join(short_name(name, LONGEST_NAME) for name in list(names)[:MOST_NAMED])
    return f"{shown} and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else shown


def _paragraphs(text: str) -> Iterator[str]:
    for block in re.split(r"\n\s*\n", text):
        lines = [line for line in block.splitlines() if not line.startswith(("#", "|"))]
        if len(words := " ".join(lines).split()) > 8:
            yield " ".join(words)


def _as_text(name: str) -> str:
    """A name with question marks in place of bytes that aren't UTF-8."""
    return name.encode("utf-8", "replace").decode("utf-8")


def _shown(path: Path | str) -> str:
    """A path as text that can be printed."""
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", _as_text(str(path)))


def _words(error: OSError | UnicodeError) -> str:
    if isinstance(error, UnicodeError):
        return "it isn't text in UTF-8 or UTF-16"
    return f"it can't be read: {error.strerror or error}"
