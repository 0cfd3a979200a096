"""Runs a learner's program as a process with limits: time, output, and no key but the placeholder.

The process gets an environment of its own: what a program needs to start, and the server's address.
So no key of the learner's can reach it by accident. What it prints is read as it comes, to be shown
to the learner; no verdict depends on it.
"""

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from setup import WINDOWS

MARK = "EXERCISE_RUN"
"""A variable that all processes of a run inherit, by which they are found at its end."""
MOST_OUTPUT = 1_000_000
"""Bytes; a program that prints more is stopped."""
PASSED_ON = {
    *("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "TEMP", "TMP", "VIRTUAL_ENV"),
    *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE", "APPDATA"),
    *("LOCALAPPDATA", "LD_LIBRARY_PATH"),
}


@dataclass
class Ending:
    """How a program ended: its exit code, or None if it was stopped at a limit.

    `output` is what it printed, with the seconds since its start; `errors` is its standard error.
    """

    code: int | None
    output: list[tuple[float, bytes]] = field(default_factory=list)
    errors: str = ""
    seconds: float = 0.0
    is_flood: bool = False

    @property
    def text(self) -> str:
        return b"".join(data for _, data in self.output).decode("utf-8", "replace")


class Program:
    """A running program of the learner's."""

    def __init__(self, path: Path, variables: Mapping[str, str]) -> None:
        """Start a Python file, in a working folder that is deleted at its end."""
        self.path, self._start = path, time.monotonic()
        self._variables = {MARK: secrets.token_hex(8), **variables}
        self._folder = tempfile.TemporaryDirectory(prefix="exercise-", ignore_cleanup_errors=True)
        self._output: list[tuple[float, bytes]] = []
        self._errors: list[tuple[float, bytes]] = []
        self._is_flood = self._is_over = False
        self._process = subprocess.Popen(
            [sys.executable, str(path)],
            cwd=self._folder.name,
            env=_environment(self._variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # A group of its own: it is stopped with whatever it started, and Ctrl-C is ours.
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            # Behind `&` of a shell Ctrl-C is ignored, and a child would inherit that.
            preexec_fn=_heed_ctrl_c if signal.getsignal(signal.SIGINT) == signal.SIG_IGN else None,
        )
        assert self._process.stdout and self._process.stderr
        self._readers = [
            self._reading(self._process.stdout, self._output),
            self._reading(self._process.stderr, self._errors),
        ]

    def wait(self, limit_s: float) -> Ending:
        """Wait for its end, and stop it after `limit_s` seconds."""
        code: int | None
        try:
            code = self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            code = None
        return self._end(None if self._is_flood else code)

    def again(self, **changed: str) -> "Program":
        """Start the same program once more, with other variables where they are named."""
        return Program(self.path, {**self._variables, **changed})

    def stop(self) -> Ending:
        """Stop it now, as a server that has done its work."""
        return self._end(0 if self._process.poll() is None else self._process.returncode)

    def interrupt(self) -> None:
        """Press Ctrl-C. Windows can't send that to one program alone."""
        if not WINDOWS and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def end_all(self) -> None:
        """Stop it, if it still runs, and whatever the run has started in another session."""
        if self.is_running:
            self.stop()
        for pid in _marked(self._variables[MARK]):
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    @property
    def has_printed(self) -> bool:
        """Whether anything of its output has left the program."""
        return bool(self._output)

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def runs_until(self, holds: Callable[[], bool], limit_s: float) -> bool:
        """Wait until something holds; False if the program ends first, or after `limit_s` s."""
        end = time.monotonic() + limit_s
        while self.is_running and time.monotonic() < end:
            if holds():
                return True
            time.sleep(0.02)
        return False

    def _end(self, code: int | None) -> Ending:
        self._is_over = True
        self._kill()
        self._process.wait()
        for reader in self._readers:
            reader.join(2)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None and not any(reader.is_alive() for reader in self._readers):
                stream.close()
        self._folder.cleanup()
        errors = b"".join(data for _, data in self._errors).decode("utf-8", "replace")
        seconds = time.monotonic() - self._start
        return Ending(code, self._output, errors, seconds, self._is_flood)

    def _kill(self) -> None:
        try:
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass

    def _reading(self, stream: IO[bytes], kept: list[tuple[float, bytes]]) -> threading.Thread:
        reader = threading.Thread(target=self._read, args=(stream, kept), daemon=True)
        reader.start()
        return reader

    def _read(self, stream: IO[bytes], kept: list[tuple[float, bytes]]) -> None:
        size = 0
        while data := stream.read1(65_536):  # type: ignore[attr-defined]
            size += len(data)
            if size <= MOST_OUTPUT:
                kept.append((time.monotonic() - self._start, data))
            elif not self._is_over:
                self._is_flood = True
                self._kill()


def _heed_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name.upper() in PASSED_ON}
    ours = {
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8:replace",
        "NO_PROXY": "127.0.0.1,localhost",
    }
    return kept | ours | dict(variables)


def server_variables(base_url: str) -> dict[str, str]:
    """What the official clients of every language read."""
    return {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": "offline"}


def _marked(mark: str) -> list[int]:
    """The processes with a mark in their environment, on systems that show it (Linux)."""
    found, wanted = [], f"{MARK}={mark}".encode()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if wanted in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def lines_of(text: str, most: int) -> Sequence[str]:
    """The last lines of what a program printed."""
    return text.rstrip().splitlines()[-most:]
