"""The frame of a lesson: its arguments, its parts, the server, failures, and what it deletes.

A lesson's `main` is one `with open_lesson(...)`. Whatever happens inside ends in one of five ways:

    exit code 0     all of it ran
    1               a failure, told in three lines: what happened, why, what to type now
    2               the arguments make no sense
    130             Ctrl-C
    141             the reader of a pipe has gone, as in `| head`

The parts of a lesson are written in its docstring, a numbered line for each, and the function of
the same name has the reason for the part in its own docstring. Both are read from the lesson's file
and not from `__doc__`, which `python -OO` leaves empty.
"""

import argparse
import ast
import os
import re
import signal
import sys
import textwrap
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

from common import COURSE, LESSON, course_command
from common.client import Connection, open_connection
from common.servers import CassetteFile
from common.settings import (
    CourseError,
    Settings,
    SettingsError,
    default_settings,
    load_settings,
)
from common.wire_tap import Tap
from console.explain import ErrorContext, explain
from console.start import end_early_stop
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
class Contents:
    """The parts of a lesson: name -> what it shows; a tour leaves out `extra_parts`.

    `reasons` are those of the parts: what their functions' docstrings say after the first line.
    """

    text: str
    parts: dict[str, str]
    extra_parts: set[str]
    reasons: dict[str, str]

    def title(self, name: str) -> str:
        number = list(self.parts).index(name) + 1
        return name if name in self.extra_parts else f"{number}  {name}"


@dataclass(frozen=True)
class Lesson:
    """What a lesson's main needs: the settings, the client, the terminal, and the arguments."""

    settings: Settings
    connection: Connection
    terminal: Terminal
    contents: Contents
    chosen: str | None
    question: str | None
    options: argparse.Namespace

    @property
    def client(self) -> OpenAI:
        return self.connection.client

    def part(self, function: Callable[..., object]) -> bool:
        """Whether this part is to run; if so, print its title and its reason."""
        name, contents = function.__name__, self.contents
        if self.chosen not in (None, name):
            return False
        if self.chosen is None and name in contents.extra_parts:
            return False
        title = f"{contents.title(name)}: {contents.parts[name]}"
        self.terminal.heading(title, contents.reasons.get(name, ""))
        return True


@contextmanager
def open_lesson(
    file: str,
    tour_tokens: tuple[int, int],
    options: Sequence[Option] = (),
    model_of: Callable[[Settings], str] = attrgetter("model"),
    asking: Sequence[str] | None = None,
) -> Iterator[Lesson]:
    """Read the arguments, open the client, say which server answers; exit as described above.

    `file` is the script; `tour_tokens` are those that a tour takes, in and out; `options` are the
    lesson's own; `model_of` picks the model that answers; `asking` are the parts that take a
    question from the command line, if not all do.
    """
    end_early_stop()
    contents = contents_of(Path(file))
    args = arguments(contents, options, asking=asking)
    terminal, context = Terminal(), ErrorContext()
    with report_failures(context, debug=args.debug):
        settings = _settings(is_needed=not (args.offline or args.replay))
        with open_connection(
            settings,
            offline=args.offline,
            send_key=args.send_key,
            pace=args.pace,
            cassette=_cassette(args),
            data=KEPT if _is_kept(args, contents) else None,
        ) as connection:
            if args.wire:
                connection = connection.tapped(Tap(terminal.wire))
            context.model, context.host = model_of(settings), connection.host
            context.key_tail, context.is_ours = connection.key_tail, connection.is_ours
            _introduce(terminal, context.model, connection, args.part is None, tour_tokens)
            yield Lesson(settings, connection, terminal, contents, args.part, args.question, args)


@contextmanager
def report_failures(context: ErrorContext, *, debug: bool = False) -> Iterator[None]:
    """Turn an exception inside into three lines and an exit code."""
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
        _complain(error, context)
        if isinstance(error, OSError):
            _forget_output()  # with a full disk, flushing the output would fail once more at exit
        sys.exit(FAILED)


@contextmanager
def delete_at_end(lesson: Lesson, cleanup: Cleanup) -> Iterator[dict[str, str]]:
    """A record (id -> kind) of what a lesson creates; it's deleted at the end, even after an error.

    With --keep it stays, and the commands to use it again and to delete it later are printed.
    """
    made: dict[str, str] = {}
    try:
        yield made
    finally:
        if made and lesson.options.keep:
            _tell_kept(lesson.terminal, made)
        elif made:
            with _interrupts_go_to(signal.SIG_IGN):
                _delete(lesson, cleanup, made)


def _delete(lesson: Lesson, cleanup: Cleanup, made: dict[str, str]) -> None:
    total, deleted = Counter(made.values()), Counter[str]()
    lesson.terminal.note(f"Deleting what was made, {len(made)} things; Ctrl-C waits for it.")
    try:
        deleted = Counter(kind for kind, _ in cleanup(lesson.client, made))
    finally:
        counts = [f"{count} of {total[kind]} {kind}s deleted" for kind, count in deleted.items()]
        left = f"left: {', '.join(made)}" if made else "nothing is left"
        lesson.terminal.note(f"{', '.join(counts) or 'nothing deleted'}; {left}.")
        if made:
            lesson.terminal.note("To delete them later:")
            lesson.terminal.command(course_command(*LESSON, "clean"))


def _tell_kept(terminal: Terminal, made: Mapping[str, str]) -> None:
    store = next((id for id, kind in made.items() if kind == "vector store"), None)
    kinds = Counter(made.values())
    terminal.note(f"Kept: {', '.join(f'{count} {kind}s' for kind, count in kinds.items())}.")
    if store:
        terminal.note("To use them again, and to delete them later:")
        terminal.command(course_command(*LESSON, "ask", "--store", store))
    terminal.command(course_command(*LESSON, "clean"))


@contextmanager
def delay_interrupts() -> Iterator[None]:
    """Let Ctrl-C wait until the end of the block: what a request creates must be noted."""
    stopped: list[int] = []
    with _interrupts_go_to(lambda number, _: stopped.append(number)):
        yield
    if stopped:
        raise KeyboardInterrupt


@contextmanager
def _interrupts_go_to(handler: Any) -> Iterator[None]:
    """Handle Ctrl-C in this way for a while; only the main thread is ever interrupted by it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def contents_of(script: Path) -> Contents:
    """Read a lesson's docstrings; a line that begins with a number is a part, a dash an extra."""
    module = ast.parse(script.read_text(encoding="utf-8"))
    text = ast.get_docstring(module) or ""
    found = re.findall(r"^ *([\d-])  (\w+) +(.+)$", text, re.MULTILINE)
    functions = (
        node for node in module.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    docs = {function.name: ast.get_docstring(function) or "" for function in functions}
    return Contents(
        text,
        {name: shown for _, name, shown in found},
        {name for mark, name, _ in found if mark == "-"},
        {name: doc.partition("\n")[2] for name, doc in docs.items()},
    )


def arguments(
    contents: Contents,
    options: Sequence[Option] = (),
    argv: Sequence[str] | None = None,
    asking: Sequence[str] | None = None,
) -> argparse.Namespace:
    """Parse the command line. A part may be given by its name or its number."""
    parser = argparse.ArgumentParser(
        course_command(*LESSON),
        description=contents.text,
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
    """Accept a part in capitals; refuse a question that is empty or isn't text."""
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


def _is_kept(args: argparse.Namespace, contents: Contents) -> bool:
    """Whether what the emulator stores must still be there in another run."""
    asked = getattr(args, "keep", False) or getattr(args, "store", None)
    return args.part in contents.extra_parts or bool(asked)


def folder(text: str) -> Path:
    """A folder's path. An empty one, as from an unset variable, would mean the current folder."""
    if not text.strip():
        raise ValueError
    return Path(text)


def _settings(*, is_needed: bool) -> Settings:
    """The settings; without need for them, bad ones count as none."""
    try:
        return load_settings()
    except SettingsError:
        if is_needed:
            raise
        return default_settings()


OPTIONS: list[Option] = [
    ("--offline", "switch", "let the emulator answer, whatever .env says"),
    ("--pace", "factor", "emulator: 1 as fast as a live model (default), 0 at once"),
    ("--record", "file", "record the traffic as a cassette"),
    ("--replay", "file", "let a cassette answer: no network, no key"),
    ("--speed", "factor", "cassette: 1 as recorded (default), 2 twice as fast, 0 at once"),
    ("--wire", "switch", "show the traffic, beside the text"),
    ("--send-key", "switch", "send the real key even to a server on this machine"),
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
    """The cassette that is asked for; its header names the lesson and the arguments."""
    if args.replay:
        return CassetteFile(args.replay, is_recording=False, speed=args.speed)
    if not args.record:
        return None
    words = [word for word in (args.part, args.question) if word]
    about = {"lesson": " ".join([Path(sys.argv[0]).name, *words]), "licence": "MIT"}
    return CassetteFile(args.record, is_recording=True, about=about)


def cost_of(model: str, tokens_in: int, tokens_out: int) -> str:
    """What that many tokens cost at OpenAI, in words."""
    known = MODELS.get(model)
    if known is None or known.price is None:
        return f"about {tokens_out:,} tokens of {model}, whose price is not known here"
    price_in, price_out = known.price
    dollars = (tokens_in * price_in + tokens_out * price_out) / 1e6
    tokens = f"{tokens_in:,} tokens in, {tokens_out:,} out"
    return f"about ${dollars:.4f} ({tokens}, prices of November 2026)"


def _introduce(
    terminal: Terminal, model: str, connection: Connection, is_tour: bool, tokens: tuple[int, int]
) -> None:
    terminal.note(f"{connection.answered_by}. Model: {model}.")
    known = MODELS.get(model)
    if known and known.ends:
        name = "OPENAI_REALTIME_MODEL" if known.role == "realtime" else "OPENAI_MODEL"
        better = f": set {name}={known.successor}" if known.successor else ""
        terminal.note(f"OpenAI shuts {model} down on {known.ends}{better}.")
    if connection.is_live and is_tour:
        terminal.note(f"The whole tour costs {cost_of(model, *tokens)}.")


def _complain(error: Exception, context: ErrorContext) -> None:
    explained = explain(error, context) or CourseError(
        f"something that should not happen: {type(error).__name__}: {error}",
        "this is a mistake in the course, not yours",
        "run it again with --debug, which shows where",
    )
    print(f"error: {_short(str(explained))}", file=sys.stderr)
    for label, text in (("why", explained.why), ("try", explained.attempt)):
        if text:
            print(f"  {label}: {_short(text)}", file=sys.stderr)


def _short(text: str) -> str:
    return textwrap.shorten(text, 300, placeholder="...")


def _forget_output() -> None:
    """The reader of standard output has gone: throw away what is still to be flushed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
