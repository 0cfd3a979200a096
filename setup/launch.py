"""Hands over to .venv's Python, so that Ctrl-C and the exit code are those of what it runs.

A Ctrl-C may come while one Python ends and the next one starts. It would hit the new one in its
first steps, where Python can only print a traceback. So on POSIX the signal is blocked meanwhile:
a blocked signal waits, and the new program inherits it. launched.py then unblocks it.
"""

import os
import sys
from pathlib import Path

from setup import WINDOWS

LAUNCHED = Path(__file__).with_name("launched.py")
# Settings of Python that would break the course. Without its own folder on the path, it finds no
# modules; without docstrings, the lessons have no help.
PYTHON_UNSET = {"PYTHONSAFEPATH", "PYTHONOPTIMIZE"}
STOPPED = 130  # the exit code of a program that Ctrl-C stopped
ENDED_BY_WINDOWS = 0xC000013A  # the exit code that Windows gives such a program


def command_line(python: Path, argv: list[str]) -> list[str]:
    """The command that runs a lesson or a module in .venv's Python."""
    return [str(python), str(LAUNCHED), *argv]


def surroundings() -> dict[str, str]:
    """The environment variables for it."""
    return {name: value for name, value in os.environ.items() if name not in PYTHON_UNSET}


def become(python: Path, argv: list[str]) -> int:
    """Let .venv's Python take the place of this process."""
    if WINDOWS:  # there, os.execve would show the prompt again at once
        return wait_for(python, argv)
    sys.stdout.flush()
    hold_interrupts()
    os.execve(python, command_line(python, argv), surroundings())


def wait_for(python: Path, argv: list[str]) -> int:
    """Run .venv's Python to its end and return its exit code; it alone gets Ctrl-C meanwhile."""
    import signal
    import subprocess

    sys.stdout.flush()
    hold_interrupts()
    # A handler of ours and not SIG_IGN, which the child would inherit.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        child = subprocess.Popen(command_line(python, argv), env=surroundings())
        if sys.platform != "win32" and signal.SIGINT in signal.sigpending():
            child.send_signal(signal.SIGINT)  # it came too early to reach the child
        release_interrupts()
        code = child.wait()
    finally:
        release_interrupts()
        signal.signal(signal.SIGINT, before)
    if code in (-signal.SIGINT, ENDED_BY_WINDOWS):
        return STOPPED
    return code if code >= 0 else 128 - code


def hold_interrupts() -> None:
    """Block Ctrl-C until it is released, on systems that can do that."""
    if sys.platform != "win32":
        import signal

        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def release_interrupts() -> None:
    """Let a Ctrl-C that waits through, and those to come."""
    if sys.platform != "win32":
        import signal

        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
