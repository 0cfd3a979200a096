"""Runs another program to its end. If Ctrl-C stops us first, it ends all that we started."""

import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen, TimeoutExpired

from setup import COURSE, WINDOWS

# With these, pip would put the packages elsewhere, or hide what it does.
PIP_UNSET = {"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON", "PIP_DRY_RUN", "PIP_QUIET"}
# How long a program may clean up after Ctrl-C, before it is killed.
PATIENCE_S = 3.0


def ignore(line: str) -> None:
    """Show nothing of a line."""


def run(
    argv: Sequence[str | Path], watch: Callable[[str], None] = ignore, folder: Path = COURSE
) -> tuple[int, str]:
    """Run a command; give each line of its output to `watch`. Returns its exit code and output."""
    interrupts: list[int] = []
    lines: list[str] = []
    # A Ctrl-C during the start of the child would leave it running, and nothing would end it. So
    # it is only noted here, and raised as soon as the child can be ended: inside the inner `try`.
    before = signal.signal(signal.SIGINT, lambda number, _: interrupts.append(number))
    try:
        child = start(argv, folder)
    except BaseException:
        signal.signal(signal.SIGINT, before)
        raise
    with child:
        try:
            signal.signal(signal.SIGINT, before)
            if interrupts:
                raise KeyboardInterrupt
            for line in child.stdout or ():
                lines.append(line.decode("utf-8", "replace").rstrip())
                watch(lines[-1])
        except BaseException:
            end(child)
            raise
    return child.returncode, "\n".join(lines)


def start(argv: Sequence[str | Path], folder: Path) -> "Popen[bytes]":
    """Start a command in a process group of its own, so that it can be ended with its children."""
    env = {key: value for key, value in os.environ.items() if key not in PIP_UNSET}
    env["PIP_USER"] = "0"
    return Popen(
        argv,
        cwd=folder,
        env=env,
        # On POSIX the child keeps set-up's lock open: see lock.py.
        close_fds=WINDOWS,
        process_group=None if WINDOWS else 0,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
    )


def end(child: "Popen[bytes]") -> None:
    """End a command and everything that it started, whatever the learner presses meanwhile."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        if os.name == "nt":
            child.kill()  # what it started got the same Ctrl-C from the console
        else:
            # First politely: pip removes its temporary files then.
            with suppress(OSError):
                os.killpg(child.pid, signal.SIGINT)
            with suppress(TimeoutExpired):
                child.wait(PATIENCE_S)
            with suppress(OSError):
                os.killpg(child.pid, signal.SIGKILL)
        if child.stdout:
            child.stdout.read()  # ends when the last of them is gone, as each holds the other end
        child.wait()
    finally:
        signal.signal(signal.SIGINT, before)
