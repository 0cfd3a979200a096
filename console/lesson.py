"""The frame of a lesson: its arguments, its parts, the server, failures, and what it deletes.

A lesson's `main` is one `with open_lesson(...)`. Whatever happens inside ends in one of five ways:

    exit code 0     all of it ran
    1               a failure, explained in three lines: what happened, why, what to type now
    2               the arguments make no sense
    130             Ctrl-C
    141             the reader of a pipe has gone, as in `| head`
"""

import argparse
import asyncio
import os
import signal
import sys
import textwrap
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote

from common import COURSE, LESSON, course_command
from common.client import LOCAL, Connection, open_connection
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
from console.first_bytes import FirstBytes
from console.freshness import ending, remedy
from console.lesson_contents import Contents, Part, contents_of
from console.start import end_early_stop
from console.terminal import Terminal
from emulator.models import MODELS, NAMED, PRICES_READ
from setup.problem import did_you_mean

import httpx2
from openai import OpenAI

if TYPE_CHECKING:
    from common.proxy import LoopbackProxy

Option = tuple[str, str, str]
"""An option of the command line: its name, its kind (a key of `OPTION_KINDS`), its help."""

# Where the emulator keeps what a lesson wants to find again.
KEPT = COURSE / ".emulator"

Cleanup = Callable[[OpenAI, list[str]], None]

FAILED, STOPPED, UNREAD = 1, 130, 141

# What reading a log raises if the server has none, or one of another shape.
_NO_LOG = (
    *(httpx2.HTTPError, httpx2.InvalidURL),
    *(ValueError, LookupError, TypeError, OverflowError, RecursionError),
)


@dataclass
class Lesson:
    """What a lesson's main needs: the settings, the server, the terminal, and the arguments."""

    settings: Settings
    connection: Connection
    terminal: Terminal
    contents: Contents
    options: argparse.Namespace
    model: str
    stack: ExitStack
    now: Part | None = None
    _proxy: "LoopbackProxy | None" = field(default=None, init=False)
    _has_ended: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._thread_failures = self.stack.enter_context(thread_failures())

    def part(self, function: Callable[..., object] | str) -> bool:
        """Whether this part is to run; if so, print its title and why it is there.

        It's named by its function, or by its name if it has several.
        """
        part = self.contents.parts[function if isinstance(function, str) else function.__name__]
        chosen = self.options.part
        if chosen != part.name and (chosen is not None or part.is_extra):
            return False
        self.end_part()
        if self.now and self.options.step:
            self.terminal.pause()
        self.now, self._has_ended = part, False
        self.terminal.heading(part.heading, part.texts.get("why", ""))
        if part.asks_once:
            self.terminal.question(self.question)
        return True

    def end_part(self) -> None:
        """Say once what to notice about the part; raise what its threads raised."""
        if self._thread_failures:
            raise self._thread_failures.pop()
        if self.now and not self._has_ended and (notice := self.now.texts.get("notice")):
            self.terminal.note(f"Notice: {notice}")
        self._has_ended = True

    @property
    def question(self) -> str:
        """The question of the command line, or else this part's own."""
        return str(self.options.question or (self.now.texts["question"] if self.now else ""))

    @property
    def questions(self) -> list[str]:
        """That question among the others of this part."""
        texts = self.now.texts if self.now else {}
        return [*texts.get("before", []), self.question, *texts.get("after", [])]

    @property
    def own_questions(self) -> list[str]:
        """The question of the command line alone, as the others of this part don't go with it."""
        return [self.question] if self.options.question else self.questions

    @property
    def texts(self) -> list[str]:
        """The texts that this part works on."""
        return list(self.now.texts["texts"]) if self.now else []

    @property
    def meanings(self) -> dict[str, str]:
        """What the events of this part mean, by their type."""
        return dict(self.now.texts["meanings"]) if self.now else {}

    @property
    def prices(self) -> tuple[float, float]:
        """Dollars for a million tokens, in and out; zeros if they aren't known here."""
        known = MODELS.get(self.model)
        return (known.price if known else None) or (0.0, 0.0)

    @property
    def proxy(self) -> "LoopbackProxy":
        """A proxy in front of the server, which can break answers and drop WebSockets."""
        if self._proxy is None:
            # Imported here, as most parts need no server of their own.
            from common.proxy import start_proxy

            base_url = os.environ["OPENAI_BASE_URL"]
            self._proxy = self.stack.enter_context(start_proxy(base_url))
        return self._proxy

    @property
    def breaks(self) -> dict[str, str]:
        """The ways in which an answer can break, and what each one does."""
        from common.proxy import BREAKS

        return {how: what for how, (what, _) in BREAKS.items()}

    def breaking(self, how: str, after: int = 20) -> str:
        """The base URL of a server whose answers break after some events."""
        return self.proxy.breaking(how, after)

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine to its end, also where a notebook's event loop is running already."""
        whole = _without_noise(work)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            asyncio.run(whole)
        else:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(asyncio.run, whole).result()

    def show_request(self, request_id: str | None) -> None:
        """Show what the emulator's own log says about a request; OpenAI shows its log to nobody."""
        if self.connection.is_live or not request_id:
            self.terminal.note(f"The request id is {request_id}; OpenAI's support can look it up.")
            return
        origin = os.environ["OPENAI_BASE_URL"].removesuffix("/v1")
        headers = {"Authorization": f"Bearer {self.connection.key}"}
        # Any server may stand here, and only the emulator has such a log.
        with suppress(*_NO_LOG):
            url = f"{origin}/exchanges/{quote(request_id, safe='')}"
            log = httpx2.get(url, headers=headers, **LOCAL).json()
            sent, ended = int(log["blocks"]), log["ended"]
            after = (
                "then the client disconnected. The server has written nothing since"
                if ended == "disconnected"
                else "and that was all of it: the server was faster than your code"
            )
            self.terminal.note(f"The server's log of this request: {sent} events sent, {after}.")


async def _without_noise(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` in a loop that doesn't report what Ctrl-C leaves behind.

    Ctrl-C cancels the task at once, even in the middle of a callback that has just seen that its
    future is not done. The callback then fails, and asyncio prints a traceback of it.
    """

    def report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not isinstance(context.get("exception"), asyncio.InvalidStateError):
            loop.default_exception_handler(context)

    asyncio.get_running_loop().set_exception_handler(report)
    await work


@contextmanager
def open_lesson(
    file: str,
    tour_tokens: tuple[int, int],
    options: Sequence[Option] = (),
    model_of: Callable[[Settings], str] = attrgetter("model"),
) -> Iterator[Lesson]:
    """Read the arguments, choose the server, say which it is; exit as described above.

    `file` is the script; `tour_tokens` are those that a tour takes, in and out; `options` are the
    lesson's own; `model_of` picks the model that answers.
    """
    end_early_stop()
    contents = contents_of(Path(file))
    args = arguments(contents, options)
    terminal, seen = Terminal(), FirstBytes()
    context = ErrorContext(instead_of_stream=seen.instead_of_stream, answers=seen.answers)
    with ExitStack() as stack:
        stack.enter_context(report_failures(context, debug=args.debug))
        stack.enter_context(seen.watch())
        settings = _settings(is_needed=not (args.offline or args.replay))
        connection = stack.enter_context(_connect(args, contents, settings))
        context.model, context.host = model_of(settings), connection.host
        context.model_variables = settings.model_variables
        context.key_tail, context.is_ours = connection.key_tail, connection.is_ours
        if args.wire:
            connection = stack.enter_context(watched(connection, terminal))
        stack.enter_context(connection.in_environment())
        _introduce(terminal, context.model, connection, args.part is None, tour_tokens)
        with terminal.as_output():
            lesson = Lesson(settings, connection, terminal, contents, args, context.model, stack)
            yield lesson
            lesson.end_part()


def _connect(
    args: argparse.Namespace, contents: Contents, settings: Settings
) -> AbstractContextManager[Connection]:
    """The server that the arguments and the settings choose."""
    return open_connection(
        settings,
        offline=args.offline,
        send_key=args.send_key,
        pace=args.pace,
        cassette=_cassette(args),
        data=KEPT if _is_kept(args, contents) else None,
    )


@contextmanager
def watched(connection: Connection, terminal: Terminal) -> Iterator[Connection]:
    """The same server behind a proxy that shows the traffic."""
    from common.proxy import start_proxy

    with start_proxy(connection.base_url, Tap(terminal.wire)) as proxy:
        yield replace(connection, base_url=proxy.base_url, is_local=True)


@contextmanager
def thread_failures() -> Iterator[list[BaseException]]:
    """Collect what threads raise, instead of a traceback on the screen.

    A thread that outlives the block, as after Ctrl-C, stays silent.
    """
    raised: list[BaseException] = []
    before, others = threading.excepthook, set(threading.enumerate())
    threading.excepthook = lambda failed: raised.extend(filter(None, [failed.exc_value]))
    try:
        yield raised
    finally:
        late = set(threading.enumerate()) - others
        silent = partial(_report_unless, late, before)
        threading.excepthook = silent if late else before


def _report_unless(threads: set[threading.Thread], report: Callable[[Any], Any], it: Any) -> None:
    if it.thread not in threads:
        report(it)


@contextmanager
def report_failures(context: ErrorContext, *, debug: bool = False) -> Iterator[None]:
    """Turn an exception inside into three lines and an exit code."""
    try:
        yield
    except KeyboardInterrupt:
        # A client that Ctrl-C caught half made would complain once more when it is collected.
        sys.unraisablehook = lambda unraisable: None
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


class Made(list[str]):
    """The ids of what a lesson creates, in order."""

    _is_stopped = False

    def append(self, id: str) -> None:
        super().append(id)
        self._stop_if_asked()

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Let Ctrl-C wait until the id of what a request creates is noted."""
        with _interrupts_go_to(self._remember):
            yield
        self._stop_if_asked()

    def _remember(self, number: int, frame: object) -> None:
        self._is_stopped = True

    def _stop_if_asked(self) -> None:
        if self._is_stopped:
            self._is_stopped = False
            raise KeyboardInterrupt


@contextmanager
def delete_at_end(lesson: Lesson, cleanup: Cleanup) -> Iterator[Made]:
    """A list of what a lesson creates; it's deleted at the end, even after an error or Ctrl-C.

    `cleanup` deletes each and takes it off the list. With --keep it stays, and the commands to use
    it again and to delete it later are printed.
    """
    made = Made()
    try:
        yield made
        lesson.end_part()
    finally:
        if made and lesson.options.keep:
            _tell_kept(lesson.terminal, made)
        elif made:
            with _interrupts_go_to(signal.SIG_IGN):
                _delete(lesson, cleanup, made)


def _delete(lesson: Lesson, cleanup: Cleanup, made: Made) -> None:
    before = list(made)
    lesson.terminal.note(f"Deleting {_counted(before)}. Ctrl-C waits until that is done.")
    try:
        with OpenAI(timeout=60) as client:
            cleanup(client, made)
    finally:
        deleted = [id for id in before if id not in made]
        left = f"Left: {', '.join(made)}." if made else "Nothing is left."
        lesson.terminal.note(f"Deleted: {_counted(deleted) or 'nothing'}. {left}")
        if made:
            lesson.terminal.note("To delete the rest later:")
            lesson.terminal.command(course_command(*LESSON, "clean"))


def _counted(ids: Sequence[str]) -> str:
    """How many there are of each kind, in words."""
    kinds = Counter("vector store" if id.startswith("vs_") else "file" for id in ids)
    words = [f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in kinds.items()]
    return " and ".join(words)


def _tell_kept(terminal: Terminal, made: Made) -> None:
    terminal.note(f"Kept: {_counted(made)}.")
    store = next((id for id in made if id.startswith("vs_")), None)
    if store:
        terminal.note("To ask about them again, and to delete them later:")
        terminal.command(course_command(*LESSON, "ask", "--store", store))
    terminal.command(course_command(*LESSON, "clean"))


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


class CourseParser(argparse.ArgumentParser):
    """A parser that names the most similar option if it refuses one."""

    def error(self, message: str) -> NoReturn:
        refused = message.partition("unrecognized arguments: ")[2].split()
        words = [word.partition("=")[0] for word in refused if word.startswith("--")]
        known = self._option_string_actions
        near = [did_you_mean(word, known) for word in words if word not in known]
        super().error(" ".join([message, *filter(None, near)]))


def arguments(
    contents: Contents, options: Sequence[Option] = (), argv: Sequence[str] | None = None
) -> argparse.Namespace:
    """Parse the command line. A part may be given by its name or its number."""
    parser = CourseParser(
        course_command(*LESSON),
        description=f"{contents.text}\nparts:\n{contents.listing()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s [PART] [QUESTION] [options]",
    )
    parser.add_argument("part", nargs="?", metavar="PART", help="a part, by name or number")
    parser.add_argument("question", nargs="?", metavar="QUESTION", help="your own question or file")
    for name, kind, text in (*options, *OPTIONS):
        parser.add_argument(name, help=text, **OPTION_KINDS[kind])
    args = parser.parse_intermixed_args(argv)
    _check_question(parser, args)
    names = list(contents.parts)
    if args.part and args.part.isdecimal() and 1 <= int(args.part) <= len(names):
        args.part = names[int(args.part) - 1]
    if args.part is not None and args.part not in names:
        order = "; the part comes first, then the question" if " " in args.part else ""
        near = did_you_mean(args.part, names)
        error = f"there is no part {args.part!r}; there are: {', '.join(names)}{order}"
        parser.error(f"{error}. {near}" if near else error)
    asking = [part.name for part in contents.parts.values() if part.takes_question]
    if args.question and args.part not in asking:
        parser.error(f"the part {args.part} takes no question; these do: {', '.join(asking)}")
    if args.part is not None:
        _check_options(parser, args, contents, options)
    _check_pairs(parser, args)
    return args


def _check_options(
    parser: argparse.ArgumentParser,
    args: argparse.Namespace,
    contents: Contents,
    options: Sequence[Option],
) -> None:
    """Refuse an option of other parts; its help begins with their names: "talk, --play: ...".

    It may belong to another option, too, and then needs that one.
    """
    for name, _, text in options:
        scope = text.partition(": ")[0].split(", ")
        parts = [word for word in scope if word in contents.parts]
        is_given = _value(args, name) != parser.get_default(_variable(name))
        others = [word for word in scope if word.startswith("--") and _value(args, word)]
        if parts and is_given and args.part not in parts and not others:
            parser.error(f"{name} has no effect on {args.part}; it is for {', '.join(scope)}")


def _check_pairs(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse two options that exclude each other."""
    for one, other in (("--record", "--replay"), ("--store", "--folder")):
        if _value(args, one) and _value(args, other):
            parser.error(f"use either {one} or {other}, not both")


def _variable(option: str) -> str:
    return option.lstrip("-").replace("-", "_")


def _value(args: argparse.Namespace, option: str) -> Any:
    return getattr(args, _variable(option), None)


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


def positive(text: str) -> int:
    """A count: 1 or more."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _is_kept(args: argparse.Namespace, contents: Contents) -> bool:
    """Whether what the emulator stores must still be there in another run."""
    asked = getattr(args, "keep", False) or getattr(args, "store", None)
    is_extra = args.part is not None and contents.parts[args.part].is_extra
    return is_extra or bool(asked)


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


class ShowDevices(argparse.Action):
    """List the sound devices, and end, as --help does."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from console.talk import show_devices

        with report_failures(ErrorContext()):
            show_devices(Terminal())
        parser.exit()


OPTIONS: list[Option] = [
    ("--offline", "switch", "let the emulator answer, whatever .env says"),
    ("--pace", "factor", "emulator: 1 as a live model (default), 10 ten times slower, 0 at once"),
    ("--record", "file", "record the traffic as a cassette"),
    ("--replay", "file", "let a cassette answer: no network, no key"),
    ("--speed", "factor", "cassette: 1 as recorded (default), 2 twice as fast, 0 at once"),
    ("--wire", "switch", "show the traffic as well as the text"),
    ("--step", "switch", "wait for Enter between the parts"),
    ("--send-key", "switch", "send the real key even to a server on this machine"),
    ("--debug", "switch", "show the traceback of a failure"),
]
OPTION_KINDS: dict[str, dict[str, Any]] = {
    "switch": {"action": "store_true"},
    "factor": {"type": factor, "default": 1.0, "metavar": "FACTOR"},
    "file": {"type": Path, "metavar": "FILE"},
    "folder": {"type": folder, "metavar": "FOLDER"},
    "id": {"metavar": "ID"},
    "name": {"metavar": "NAME"},
    "devices": {"action": ShowDevices, "nargs": 0},
    "words": {"metavar": "WORDS"},
    "count": {"type": positive, "metavar": "N"},
    "calls": {"type": folder, "metavar": "FOLDER", "default": Path("calls")},
}


def _cassette(args: argparse.Namespace) -> CassetteFile | None:
    """The cassette that is asked for; its header names the lesson and the arguments."""
    if args.replay:
        return CassetteFile(args.replay, is_recording=False, speed=args.speed)
    if not args.record:
        return None
    # Of a learner's file, the name is enough.
    asked = Path(args.question).name if _is_file(args.question) else args.question
    words = [word for word in (args.part, asked) if word]
    about = {"lesson": " ".join([Path(sys.argv[0]).name, *words]), "licence": "MIT"}
    return CassetteFile(args.record, is_recording=True, about=about)


def _is_file(word: str | None) -> bool:
    try:
        return bool(word) and Path(str(word)).is_file()
    except OSError:  # too long for a name
        return False


def cost_of(model: str, tokens_in: int, tokens_out: int) -> str:
    """What that many tokens cost at OpenAI, in words."""
    known = MODELS.get(model)
    if known is None or known.price is None:
        return f"about {tokens_out:,} tokens of {model}, whose price is not known here"
    price_in, price_out = known.price
    dollars = (tokens_in * price_in + tokens_out * price_out) / 1e6
    tokens = f"{tokens_in:,} tokens in, {tokens_out:,} out"
    month = date.fromisoformat(PRICES_READ).strftime("%B %Y")
    return f"about ${dollars:.4f} ({tokens}, prices of {month})"


def _introduce(
    terminal: Terminal, model: str, connection: Connection, is_tour: bool, tokens: tuple[int, int]
) -> None:
    terminal.note(f"{connection.answered_by}. Model: {model}.")
    if ends := ending(model, date.today()):
        name = "OPENAI_REALTIME_MODEL" if NAMED[model].role == "realtime" else "OPENAI_MODEL"
        terminal.note(f"{ends}: {remedy(model, name, date.today())}.")
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
