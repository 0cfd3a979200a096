"""Give any program a server: `python3 course.py run FILE` or `python3 course.py run -- COMMAND`.

You don't have to change the program. It finds OPENAI_BASE_URL and OPENAI_API_KEY in its
environment, which the official clients of every language read. They name the same server as in the
lessons (common/client.py). The course's messages and `--wire` go to standard error. Standard
output, Ctrl-C and the exit code are the program's own.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

# Started by its path, in the folder where the learner is; Python then looks for modules beside it.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from common import course_command
from common.client import Connection, open_connection
from common.servers import CassetteFile
from common.settings import CourseError, load_settings
from common.wire_tap import Tap
from console.explain import ErrorContext
from console.lesson import OPTION_KINDS, CourseParser, Option, report_failures
from console.terminal import Terminal
from emulator.errors import ApiError
from emulator.faults import NAMES, Fault
from setup import WINDOWS
from setup.problem import did_you_mean

OPTIONS: list[Option] = [
    ("--offline", "switch", "use the emulator, whatever .env says"),
    ("--pace", "factor", "emulator: 1 as a live model (default), 10 ten times slower, 0 at once"),
    ("--record", "file", "record the traffic as a cassette"),
    ("--replay", "file", "let a cassette answer: no network, no key"),
    ("--speed", "factor", "cassette: 1 as recorded (default), 2 twice as fast, 0 at once"),
    ("--wire", "switch", "show the traffic"),
    ("--fault", "name", "emulator: make requests fail, such as 429 or fin@3"),
    ("--every", "count", "with --fault: only every N-th request fails"),
    ("--send-key", "switch", "send the real key even to a server on this machine"),
    ("--debug", "switch", "show the traceback of a failure"),
]


def main(argv: Sequence[str]) -> int:
    """Start the server, run the program, and return its exit code."""
    words, rest = split(argv)
    args = parse(words, rest)
    command = rest[1:] if rest[0] == "--" else [sys.executable, *rest]
    context = ErrorContext()
    with ExitStack() as stack:
        stack.enter_context(report_failures(context, debug=args.debug))
        check(args, rest[0])
        connection = stack.enter_context(
            open_connection(
                load_settings(),
                offline=args.offline,
                send_key=args.send_key,
                pace=args.pace,
                cassette=cassette(args, command),
                has_faults=bool(args.fault),
            )
        )
        check_fault(args.fault, connection)
        variables = connection.variables(os.environ, is_own=False)
        terminal = Terminal(sys.stderr)
        if args.wire or args.fault:
            variables["OPENAI_BASE_URL"] = watched(connection.base_url, args, terminal, stack)
        terminal.note(f"{connection.answered_by}.")
        for word in late_options(rest):
            terminal.note(f"{word} goes to {rest[0]}: options of `run` stand before the file.")
        return run_program(command, variables)
    return 1  # not reached: a failure that was reported exits


def split(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Our own options, and the rest: they end at the first word that is no option."""
    valued = {name for name, kind, _ in OPTIONS if kind != "switch"}
    place = 0
    while place < len(argv) and argv[place].startswith("-") and argv[place] != "--":
        place += 2 if argv[place] in valued else 1
    return list(argv[:place]), list(argv[place:])


def parse(words: Sequence[str], rest: Sequence[str]) -> argparse.Namespace:
    usage = f"{course_command('run')} [options] FILE [ARGS]  or  [options] -- COMMAND [ARGS]"
    parser = CourseParser(
        course_command("run"), usage=usage, description=__doc__.partition("\n\n")[2]
    )
    for name, kind, text in OPTIONS:
        parser.add_argument(name, help=text, **OPTION_KINDS[kind])
    args = parser.parse_args(words)
    if rest in ([], ["--"]):
        parser.error("name a Python file, or -- and a command")
    if args.every is not None and not args.fault:
        parser.error("--every needs --fault")
    if args.record and args.replay:
        parser.error("use either --record or --replay, not both")
    if rest[0] != "--" and not rest[0].endswith(".py"):
        parser.error(f"{rest[0]} is no Python file; for other programs: run -- {rest[0]}")
    return args


def check(args: argparse.Namespace, file: str) -> None:
    """Raise CourseError for a file that is missing, or a failure that the emulator lacks."""
    if file != "--" and not Path(file).is_file():
        raise CourseError(f"there is no file {file}", attempt="check the path")
    try:
        for spec in filter(None, (args.fault or "").split(",")):
            Fault.parse(spec)
    except ApiError as error:
        name = re.split(r"[@:*=x]", spec)[0]
        near = "" if name in NAMES else did_you_mean(name, NAMES)
        pick = "pick one; emulator/README.md says what each of them does"
        raise CourseError(str(error), attempt=f"{near} If not, {pick}" if near else pick) from None


def watched(base_url: str, args: argparse.Namespace, terminal: Terminal, stack: ExitStack) -> str:
    """The base URL of a proxy that shows the traffic, or lets requests fail, until the end."""
    from common.proxy import start_proxy

    tap = Tap(terminal.wire) if args.wire else None
    every = args.every or 1
    return stack.enter_context(start_proxy(base_url, tap, args.fault or "", every)).base_url


def late_options(rest: Sequence[str]) -> list[str]:
    """Options of ours that follow the file, so that the program gets them."""
    own = {name for name, _, _ in OPTIONS}
    late = [word for word in rest[1:] if word.partition("=")[0] in own]
    return late if rest[0] != "--" else []


def check_fault(fault: str | None, connection: Connection) -> None:
    if fault and not connection.is_emulator:
        why = "no other server fails on demand"
        raise CourseError("--fault needs the emulator", why, "add --offline")


def cassette(args: argparse.Namespace, command: Sequence[str]) -> CassetteFile | None:
    if args.replay:
        return CassetteFile(args.replay, is_recording=False, speed=args.speed)
    if args.record:
        about = {"program": Path(command[1 if command[0] == sys.executable else 0]).name}
        return CassetteFile(args.record, is_recording=True, about=about)
    return None


def run_program(command: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run it to its end; every Ctrl-C reaches it once, whoever gets that first."""
    interrupts: list[int] = []
    # A handler of our own is not inherited, while `ignore` would be.
    before = signal.signal(signal.SIGINT, lambda number, _: interrupts.append(number))
    group = None if WINDOWS else 0
    try:
        process = subprocess.Popen(command, env=dict(variables), process_group=group)
    except OSError as error:
        raise CourseError(
            f"{command[0]} can't be started: {error.strerror}", attempt="check the command"
        ) from None
    else:
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        code = process.wait() if WINDOWS else Foreground(process).wait(interrupts)
        return code if code >= 0 else 128 - code
    finally:
        signal.signal(signal.SIGINT, before)


class Foreground:
    """A program in a process group of its own, which has the terminal until it ends (POSIX).

    A terminal sends Ctrl-C to all processes of its foreground group. If the program were in our
    group, it would get that Ctrl-C and ours as well, and nobody can tell one sender from another.
    So it is what a shell makes of a job: the terminal's signals go to its group alone, and a signal
    that was sent to us is handed on. As in a shell, the terminal comes back when it stops or ends.
    """

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._terminal = our_terminal()
        signal.signal(signal.SIGINT, lambda *_: self._send(signal.SIGINT))

    def wait(self, interrupts: Sequence[int] = ()) -> int:
        """The exit code, negative for a signal; Ctrl-Z stops both, and `fg` continues both.

        `interrupts` are signals that came while the program was being started.
        """
        for number in interrupts:
            self._send(number)
        if self._terminal is not None:
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # what we print may come from behind
        while True:
            self._give_terminal_to(self._process.pid)
            self._send(signal.SIGCONT)  # it may have wanted the terminal before it was given
            status = os.waitpid(self._process.pid, os.WUNTRACED)[1]
            self._give_terminal_to(os.getpgrp())
            if not os.WIFSTOPPED(status):
                self._process.returncode = os.waitstatus_to_exitcode(status)
                return self._process.returncode
            os.kill(os.getpid(), signal.SIGSTOP)

    def _send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _give_terminal_to(self, group: int) -> None:
        if self._terminal is not None:
            with suppress(OSError):  # it has been closed
                os.tcsetpgrp(self._terminal, group)


def our_terminal() -> int | None:
    """Standard input, if it is a terminal and we are in its foreground."""
    try:
        return 0 if os.tcgetpgrp(0) == os.getpgrp() else None
    except OSError:
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
