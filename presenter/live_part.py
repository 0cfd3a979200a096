"""A lesson in a process of its own, whose output is shown while it comes, and recorded.

It writes into a pipe, with the codes of a terminal (`IN_PANE` in console/terminal.py): a pipe works
the same on Linux, macOS and Windows, which has no pseudo-terminals.
"""

import codecs
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from common import COURSE
from common.settings import OPENAI, CourseError, load_settings
from console.terminal import CLEAR, IN_PANE
from emulator.addresses import is_this_machine
from presenter.course_show import COLUMNS, Chunk, ShowPart

ROWS = 200
"""Live text that is higher than the terminal is cut, so the lesson sees a very high one."""

STOP_S = 15.0
"""How long a lesson may take to delete what it made, before it is killed."""


class LessonRun:
    """A lesson that was started; `chunks()` returns what it has written since the last call.

    `typed` are the lines that it reads from its standard input. `clock` returns seconds. The output
    begins where the lesson has printed its heading.
    """

    def __init__(
        self,
        script: str,
        words: Sequence[str],
        environment: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
        typed: str = "",
    ) -> None:
        self._clock = clock
        self._written: queue.SimpleQueue[tuple[float, str]] = queue.SimpleQueue()
        self._start: float | None = None
        self._is_stopped = False
        self._head = ""
        self._stack = ExitStack()
        # What a lesson saves, such as the sound of a call, goes into a folder that is deleted.
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.folder = Path(self._stack.enter_context(folder))
        self._process = _started(script, words, environment, self.folder, typed)
        self._complaint = b""
        self._threads = [
            threading.Thread(target=read, daemon=True)
            for read in (self._read_output, self._read_complaint)
        ]
        for thread in self._threads:
            thread.start()

    def chunks(self) -> list[Chunk]:
        """What has come since the last call, each with its time."""
        found = []
        while not self._written.empty():
            at, text = self._written.get()
            if self._start is None:
                self._head += text
                if CLEAR not in self._head:
                    continue
                self._start, text = at, self._head.partition(CLEAR)[2]
            found.append(Chunk(at - self._start, text))
        return found

    @property
    def code(self) -> int | None:
        """The exit code, when all that it wrote has been read; None until then."""
        if self._process.poll() is None or any(each.is_alive() for each in self._threads):
            return None
        return self._process.returncode

    @property
    def has_failed(self) -> bool:
        """Whether it has reported an error; under load, it may take seconds more until it ends."""
        return any(line.startswith(b"error: ") for line in self._complaint.split(b"\n")[:-1])

    @property
    def complaint(self) -> str:
        """What it wrote to standard error, the first line of it."""
        lines = self._complaint.decode("utf-8", "replace").strip().splitlines()
        return lines[0].removeprefix("error: ") if lines else ""

    def wait(self, timeout: float | None = None) -> None:
        """Until it has ended, and all that it wrote has been read."""
        self._process.wait(timeout)
        for thread in self._threads:
            thread.join(timeout)

    def stop(self) -> None:
        """Ask it to end, as Ctrl-C does, once: then it deletes what it made at the server."""
        if self._process.poll() is None and not self._is_stopped:
            self._is_stopped = True
            with suppress(OSError, ValueError):
                number = getattr(signal, "CTRL_BREAK_EVENT", signal.SIGINT)  # the first on Windows
                self._process.send_signal(number)

    def close(self) -> None:
        """Stop it, and wait until it has ended."""
        self.stop()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for thread in self._threads:
            thread.join(1)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe and not any(each.is_alive() for each in self._threads):
                pipe.close()
        self._stack.close()

    def _read_output(self) -> None:
        assert self._process.stdout
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while data := os.read(self._process.stdout.fileno(), 1 << 16):
            self._written.put((self._clock(), decoder.decode(data).replace("\r\n", "\n")))

    def _read_complaint(self) -> None:
        assert self._process.stderr
        while data := os.read(self._process.stderr.fileno(), 1 << 16):
            self._complaint += data


def _started(
    script: str,
    words: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    typed: str,
) -> subprocess.Popen[bytes]:
    keyboard = folder / "typed.txt"
    keyboard.write_text(typed, encoding="utf-8")
    with keyboard.open("rb") as lines:
        return subprocess.Popen(
            [sys.executable, str(COURSE / script), *words, "--wire"],
            env=_environment(environment),
            cwd=folder,
            stdin=lines,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Ctrl-C in the presenter is not for the lesson, which `stop` ends.
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )


def _environment(outside: Mapping[str, str]) -> dict[str, str]:
    """The outside for a lesson whose output stands in a pane of the presenter."""
    kept = {name: value for name, value in outside.items() if name not in ("NO_COLOR",)}
    return kept | {
        IN_PANE: "1",
        "COLUMNS": str(COLUMNS),
        "LINES": str(ROWS),
        "PYTHONIOENCODING": "utf-8",
    }


CONNECT_S = 1.5
"""How long a server may take to accept a connection before the part is shown from its recording."""


class LiveParts:
    """Starts parts live, and waits for all of them at the end of a `with`."""

    def __init__(self) -> None:
        self.runs: list[LessonRun] = []

    def start(self, part: ShowPart) -> LessonRun:
        """Run a part at the server that `.env` names. Raises CourseError if that cannot work."""
        settings = load_settings()
        if not (settings.key or settings.base_url):
            why = "no key is set; put OPENAI_API_KEY into .env"
            raise CourseError(why)
        check_reachable(settings.base_url or OPENAI)
        run = LessonRun(part.script, [part.part.name], typed=part.part.typed)
        self.runs.append(run)
        return run

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for run in self.runs:
            run.stop()
        if any(run.code is None for run in self.runs):
            print("Waiting until the lesson has deleted what it made.", file=sys.stderr)
        for run in self.runs:
            run.close()


def check_reachable(base_url: str) -> None:
    """Connect to a server, or to the proxy in front of it. Raises CourseError after CONNECT_S.

    The thread is there because looking up a name cannot be given a time.
    """
    address = urlsplit(_proxy_of(base_url) or base_url)
    port = address.port or (80 if address.scheme == "http" else 443)
    failures: list[str] = []

    def connect() -> None:
        try:
            socket.create_connection((address.hostname or "", port), CONNECT_S).close()
            failures.append("")
        except OSError as error:
            failures.append(error.strerror or str(error))

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(CONNECT_S)
    if failures[:1] != [""]:
        why = failures[0] if failures else f"no answer in {CONNECT_S:g} seconds"
        raise CourseError(f"{address.hostname} cannot be reached: {why}")


def _proxy_of(base_url: str) -> str | None:
    """The proxy that the environment names for this server."""
    parts = urlsplit(base_url)
    if is_this_machine(parts.hostname or "") or proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get(parts.scheme)
