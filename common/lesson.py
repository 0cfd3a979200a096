"""The frame of a lesson: its arguments, its parts, its exit codes, its words for a failure."""

import argparse
import os
import re
import signal
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import LESSON, course_command
from common.children import Tape
from common.client import Line, cost_of, open_line
from common.errors import Where, explain
from common.settings import (
    CourseError,
    Settings,
    SettingsError,
    default_settings,
    load_settings,
)
from common.terminal import Terminal
from common.wire import Tap
from emulator.models import MODELS

from openai import OpenAI

FAILED, STOPPED, UNREAD = 1, 130, 141


@dataclass(frozen=True)
class Lesson:
    """What a lesson's main needs: the settings, the client, the terminal, what was asked for."""

    settings: Settings
    line: Line
    show: Terminal
    contents: dict[str, str]
    chosen: str | None
    question: str | None

    @property
    def client(self) -> OpenAI:
        return self.line.client

    def part(self, function: Callable[..., object]) -> bool:
        """Whether this part is to run; if so, its heading and its docstring's reason are shown."""
        name = function.__name__
        if self.chosen not in (None, name):
            return False
        _, _, reason = (function.__doc__ or "").partition("\n")
        number = list(self.contents).index(name) + 1
        self.show.heading(f"{number}  {name}: {self.contents[name]}", reason)
        return True


@contextmanager
def open_lesson(doc: str, tour_tokens: tuple[int, int]) -> Iterator[Lesson]:
    """Read the arguments, open the client, say who answers; turn every failure into three lines.

    `doc` is the script's docstring, whose numbered lines are the parts; `tour_tokens` is what a
    tour takes, in and out. Leaves by SystemExit: 1 a failure, 2 usage, 130 Ctrl-C.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    contents = parts_of(doc)
    args = arguments(doc, contents)
    show, where = Terminal(), Where()
    with three_lines(where, debug=args.debug):
        settings = _settings(is_needed=not (args.offline or args.replay))
        with open_line(
            settings,
            offline=args.offline,
            send_key=args.send_key,
            pace=args.pace,
            tape=_tape(args),
        ) as line:
            if args.wire:
                line = line.tapped(Tap(show.wire))
            where.model, where.host = settings.model, line.host
            where.key_tail, where.is_ours = line.key_tail, line.is_ours
            _introduce(show, settings, line, args.part is None, tour_tokens)
            yield Lesson(settings, line, show, contents, args.part, args.question)


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


def parts_of(doc: str) -> dict[str, str]:
    """The numbered lines of a docstring: name of the part -> what it shows."""
    return dict(re.findall(r"^ *\d  (\w+) +(.+)$", doc, re.MULTILINE))


def arguments(
    doc: str, contents: dict[str, str], argv: Sequence[str] | None = None
) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        course_command(*LESSON),
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s [PART] [QUESTION] [options]",
    )
    parser.add_argument("part", nargs="?", metavar="PART", help="a part, by name or number")
    parser.add_argument("question", nargs="?", metavar="QUESTION", help="your own question")
    for name, kind, text in OPTIONS:
        parser.add_argument(name, help=text, **_KINDS[kind])
    args = parser.parse_args(argv)
    _check_question(parser, args)
    names = list(contents)
    if args.part and args.part.isdecimal() and 1 <= int(args.part) <= len(names):
        args.part = names[int(args.part) - 1]
    if args.part is not None and args.part not in names:
        order = "; the part comes first, then the question" if " " in args.part else ""
        parser.error(f"there is no part {args.part!r}; there are: {', '.join(names)}{order}")
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


def _settings(*, is_needed: bool) -> Settings:
    """The settings; where nobody but the emulator is asked, bad ones are as good as none."""
    try:
        return load_settings()
    except SettingsError:
        if is_needed:
            raise
        return default_settings()


OPTIONS = [
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
}


def _tape(args: argparse.Namespace) -> Tape | None:
    """The cassette that is asked for; its header tells the lesson and the arguments."""
    if args.replay:
        return Tape(args.replay, is_recording=False, speed=args.speed)
    if not args.record:
        return None
    words = [word for word in (args.part, args.question) if word]
    about = {"lesson": " ".join([Path(sys.argv[0]).name, *words]), "licence": "MIT"}
    return Tape(args.record, is_recording=True, about=about)


def _introduce(
    show: Terminal, settings: Settings, line: Line, is_tour: bool, tokens: tuple[int, int]
) -> None:
    show.note(f"{line.who}. Model: {settings.model}.")
    known = MODELS.get(settings.model)
    if known and known.ends:
        better = f": set OPENAI_MODEL={known.successor}" if known.successor else ""
        show.note(f"OpenAI shuts {settings.model} down on {known.ends}{better}.")
    if line.is_live and is_tour:
        show.note(f"The whole tour costs {cost_of(settings.model, *tokens)}.")


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
