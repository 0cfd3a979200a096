"""The frame of a lesson: its arguments, its parts, its exit codes, its words for a failure."""

import argparse
import os
import re
import signal
import sys
import textwrap
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

from common import COURSE, LESSON, course_command
from common.client import Connection, cost_of, open_connection
from common.servers import CassetteFile
from common.settings import (
    CourseError,
    Settings,
    SettingsError,
    default_settings,
    load_settings,
)
from common.wire_tap import Tap
from console.errors import Where, explain
from console.terminal import Terminal
from emulator.models import MODELS

from openai import OpenAI

Option = tuple[str, str, str]
"""An option of the command line: its name, its kind (a key of `_KINDS`), its help."""

# Where the emulator keeps what a lesson wants to find again.
KEPT = COURSE / ".emulator"

Cleanup = Callable[[OpenAI, dict[str, str]], Iterable[tuple[str, str]]]

FAILED, STOPPED, UNREAD = 1, 130, 141


@dataclass(frozen=True)
class Lesson:
    """What a lesson's main needs: the settings, the client, the terminal, what was asked for."""

    settings: Settings
    connection: Connection
    show: Terminal
    contents: "Contents"
    chosen: str | None
    question: str | None
    options: argparse.Namespace

    @property
    def client(self) -> OpenAI:
        return self.connection.client

    def part(self, function: Callable[..., object]) -> bool:
        """Whether this part is to run; if so, its heading and its docstring's reason are shown."""
        name = function.__name__
        if name != (self.chosen or name) or (self.chosen is None and name in self.contents.asides):
            return False
        _, _, reason = (function.__doc__ or "").partition("\n")
        self.show.heading(f"{self.contents.title(name)}: {self.contents.parts[name]}", reason)
        return True


@contextmanager
def open_lesson(
    doc: str,
    tour_tokens: tuple[int, int],
    options: Sequence[Option] = (),
    model_of: Callable[[Settings], str] = attrgetter("model"),
    asking: Sequence[str] | None = None,
) -> Iterator[Lesson]:
    """Read the arguments, open the client, say who answers; turn every failure into three lines.

    `doc` is the script's docstring, whose numbered lines are the parts; `tour_tokens` is what a
    tour takes, in and out; `options` are the lesson's own; `model_of` picks the model that answers;
    `asking` are the parts that take a question of the learner's, if not all do. Leaves by
    SystemExit: 1 a failure, 2 usage, 130 Ctrl-C.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    contents = parts_of(doc)
    args = arguments(doc, contents, options, asking=asking)
    show, where = Terminal(), Where()
    with three_lines(where, debug=args.debug):
        settings = _settings(is_needed=not (args.offline or args.replay))
        with open_connection(
            settings,
            offline=args.offline,
            send_key=args.send_key,
            pace=args.pace,
            cassette=_cassette(args),
            data=KEPT if _keeps(args, contents) else None,
        ) as connection:
            if args.wire:
                connection = connection.tapped(Tap(show.wire))
            where.model, where.host = model_of(settings), connection.host
            where.key_tail, where.is_ours = connection.key_tail, connection.is_ours
            _introduce(show, where.model, connection, args.part is None, tour_tokens)
            yield Lesson(settings, connection, show, contents, args.part, args.question, args)


@contextmanager
def three_lines(where: Where, *, debug: bool = False) -> Iterator[None]:
    """Turn what goes wrong inside into three lines and an exit code."""
    try:
        yield
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        sys.exit(STOPPED)
    except BrokenPipeError:
        _forget_output()
        sys.exit(UNREAD)
    except Exception as error:  # a learner gets three lines instead of a traceback
        if debug:
            traceback.print_exc()
        _complain(error, where)
        if isinstance(error, OSError):
            _forget_output()  # a full disk under standard output would complain once more at exit
        sys.exit(FAILED)


@dataclass(frozen=True)
class Contents:
    """A lesson's parts (name -> what it shows); `asides` are those that a tour leaves out."""

    parts: dict[str, str]
    asides: set[str]

    def title(self, name: str) -> str:
        number = list(self.parts).index(name) + 1
        return name if name in self.asides else f"{number}  {name}"


@contextmanager
def tidied(lesson: Lesson, cleanup: Cleanup) -> Iterator[dict[str, str]]:
    """A ledger (id -> kind) of what a lesson makes; at the end, however it comes, that is deleted.

    With --keep it stays, and the command is told that comes back to it.
    """
    made: dict[str, str] = {}
    try:
        yield made
    finally:
        if made:
            if lesson.options.keep:
                _tell_kept(lesson.show, made)
            else:
                with _unstoppable():
                    _delete(lesson, cleanup, made)


def _delete(lesson: Lesson, cleanup: Cleanup, made: dict[str, str]) -> None:
    total, deleted = Counter(made.values()), Counter[str]()
    lesson.show.note(f"Deleting what was made, {len(made)} things; Ctrl-C waits for it.")
    try:
        deleted = Counter(kind for kind, _ in cleanup(lesson.client, made))
    finally:
        told = [f"{count} of {total[kind]} {kind}s deleted" for kind, count in deleted.items()]
        left = f"left: {', '.join(made)}" if made else "nothing is left"
        lesson.show.note(f"{', '.join(told) or 'nothing deleted'}; {left}.")
        if made:
            lesson.show.note("To delete them later:")
            lesson.show.command(course_command(*LESSON, "clean"))


def _tell_kept(show: Terminal, made: Mapping[str, str]) -> None:
    store = next((id for id, kind in made.items() if kind == "vector store"), None)
    kinds = Counter(made.values())
    show.note(f"Kept: {', '.join(f'{count} {kind}s' for kind, count in kinds.items())}.")
    if store:
        show.note("To come back, and to delete them later:")
        show.command(course_command(*LESSON, "ask", "--store", store))
    show.command(course_command(*LESSON, "clean"))


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back until this is done: what a request makes must not be forgotten."""
    stopped: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: stopped.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if stopped:
        raise KeyboardInterrupt


@contextmanager
def _unstoppable() -> Iterator[None]:
    """A second Ctrl-C waits until this is done."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def parts_of(doc: str) -> Contents:
    """The lines of a docstring that begin with a number, or with a dash for an aside."""
    found = re.findall(r"^ *([\d-])  (\w+) +(.+)$", doc, re.MULTILINE)
    parts = {name: text for _, name, text in found}
    return Contents(parts, {name for mark, name, _ in found if mark == "-"})


def arguments(
    doc: str,
    contents: Contents,
    options: Sequence[Option] = (),
    argv: Sequence[str] | None = None,
    asking: Sequence[str] | None = None,
) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        course_command(*LESSON),
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s [PART] [QUESTION] [options]",
    )
    parser.add_argument("part", nargs="?", metavar="PART", help="a part, by name or number")
    parser.add_argument("question", nargs="?", metavar="QUESTION", help="your own question")
    for name, kind, text in (*options, *OPTIONS):
        parser.add_argument(name, help=text, **_KINDS[kind])
    args = parser.parse_args(argv)
    _check_question(parser, args)
    names = list(contents.parts)
    if args.part and args.part.isdecimal() and 1 <= int(args.part) <= len(names):
        args.part = names[int(args.part) - 1]
    if args.part is not None and args.part not in names:
        order = "; the part comes first, then the question" if " " in args.part else ""
        parser.error(f"there is no part {args.part!r}; there are: {', '.join(names)}{order}")
    if args.question and asking and args.part not in asking:
        parser.error(f"the part {args.part} takes no question; {' and '.join(asking)} does")
    if args.record and args.replay:
        parser.error("--record and --replay exclude each other")
    return args


def _check_question(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """A part may be written in capitals; a question must be text, and some."""
    args.part = args.part and args.part.lower()
    if args.question is not None and not args.question.strip():
        parser.error("the question is empty")
    if any("\ud800" <= letter <= "\udfff" for letter in args.question or ""):
        parser.error("the question is not text in this terminal's encoding")


def factor(text: str) -> float:
    """A factor for a pace or a speed: 0 to 1000."""
    number = float(text)
    if not 0 <= number <= 1000:
        raise ValueError
    return number


def _keeps(args: argparse.Namespace, contents: Contents) -> bool:
    """Whether what the emulator stores is to be there in another run, too."""
    asked = getattr(args, "keep", False) or getattr(args, "store", None)
    return args.part in contents.asides or bool(asked)


def folder(text: str) -> Path:
    """A folder's path; an empty one, as of an unset variable, would be this folder."""
    if not text.strip():
        raise ValueError
    return Path(text)


def _settings(*, is_needed: bool) -> Settings:
    """The settings; where nobody but the emulator is asked, bad ones are as good as none."""
    try:
        return load_settings()
    except SettingsError:
        if is_needed:
            raise
        return default_settings()


OPTIONS: list[Option] = [
    ("--offline", "switch", "let the emulator answer, whatever .env says"),
    ("--pace", "factor", "emulator: 1 text comes as from a live model (default), 0 at once"),
    ("--record", "file", "write down what crosses, as a cassette"),
    ("--replay", "file", "let a cassette answer: no network, no key"),
    ("--speed", "factor", "cassette: 1 as recorded (default), 2 twice as fast, 0 at once"),
    ("--wire", "switch", "show what crosses, beside the text"),
    ("--send-key", "switch", "send the real key to a server on this machine, too"),
    ("--debug", "switch", "show the traceback of a failure"),
]
_KINDS: dict[str, dict[str, Any]] = {
    "switch": {"action": "store_true"},
    "factor": {"type": factor, "default": 1.0, "metavar": "FACTOR"},
    "file": {"type": Path, "metavar": "FILE"},
    "folder": {"type": folder, "metavar": "FOLDER"},
    "id": {"metavar": "ID"},
    "calls": {"type": folder, "metavar": "FOLDER", "default": Path("calls")},
}


def _cassette(args: argparse.Namespace) -> CassetteFile | None:
    """The cassette that is asked for; its header tells the lesson and the arguments."""
    if args.replay:
        return CassetteFile(args.replay, is_recording=False, speed=args.speed)
    if not args.record:
        return None
    words = [word for word in (args.part, args.question) if word]
    about = {"lesson": " ".join([Path(sys.argv[0]).name, *words]), "licence": "MIT"}
    return CassetteFile(args.record, is_recording=True, about=about)


def _introduce(
    show: Terminal, model: str, connection: Connection, is_tour: bool, tokens: tuple[int, int]
) -> None:
    show.note(f"{connection.who}. Model: {model}.")
    known = MODELS.get(model)
    if known and known.ends:
        name = "OPENAI_REALTIME_MODEL" if known.role == "realtime" else "OPENAI_MODEL"
        better = f": set {name}={known.successor}" if known.successor else ""
        show.note(f"OpenAI shuts {model} down on {known.ends}{better}.")
    if connection.is_live and is_tour:
        show.note(f"The whole tour costs {cost_of(model, *tokens)}.")


def _complain(error: Exception, where: Where) -> None:
    told = explain(error, where) or CourseError(
        f"something that should not happen: {type(error).__name__}: {error}",
        "this is a mistake in the course, not yours",
        "run it again with --debug, which shows where",
    )
    print(f"error: {_short(str(told))}", file=sys.stderr)
    for label, text in (("why", told.why), ("try", told.attempt)):
        if text:
            print(f"  {label}: {_short(text)}", file=sys.stderr)


def _short(text: str) -> str:
    return textwrap.shorten(text, 300, placeholder="...")


def _forget_output() -> None:
    """Nobody takes standard output any more (`| head`): there is nothing more to flush."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
