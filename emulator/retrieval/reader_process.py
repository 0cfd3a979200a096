"""Files that need a parser, read in processes with limits of time and memory.

A file may come from anywhere. It may make a parser in C loop, fill the memory or crash. So parsers
run in child processes. A child that reaches a limit is killed, and only its file fails. A child
reads one file after the other. The first child starts with the first file that needs it, a second
one if the first is busy. Text and code need none.

    parent -> child    {"name": "a.pdf", "size": 4711}\n    and so many bytes
    child -> parent    {"size": 815, "code": null, ...}\n        and the text, or the reason

Both sides enforce the limits. The parent kills a child that does not answer in time. That works
even while a parser holds Python's lock. A child ends itself at the limit of memory. On Linux, the
system refuses it more memory; everywhere, a thread watches how much it has. A child also ends when
its standard input closes, which happens however the parent ends. While a child reads a file, the
thread checks that the parent is still there. On Linux and macOS, an alarm of the system stops the
child even if a parser holds the lock.
"""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from emulator.retrieval.file_text import Unreadable, check_size, needs_parser, read_text

ROOT = Path(__file__).resolve().parents[2]
# At the end of the path, so that no file of the learner replaces one of Python's.
START = """import sys
sys.path.append(sys.argv[1])
from emulator.retrieval.reader_process import serve
serve(float(sys.argv[2]), int(sys.argv[3]))"""
WORTH_WAITING_S = 0.3
ALMOST = 0.9
"""The share of the memory limit at which a child ends itself, before the system refuses more."""
_MEMORY, _TIME = 90, 91
"""The exit codes of a child that reaches a limit."""


@dataclass(frozen=True)
class ReadingLimits:
    """Seconds and bytes for one file, and how many are read at a time."""

    seconds: float = 10.0
    bytes: int = 300 * 2**20
    processes: int = 2


class ReadersClosed(Exception):
    """The emulator is closing, so the file was not read; nothing is known about it."""


class FileReaders:
    """Reads files of all formats; may be called from any thread."""

    def __init__(self, limits: ReadingLimits | None = None) -> None:
        self.limits = limits or ReadingLimits()
        self._changed = threading.Condition()
        self._idle: list[_Child] = []
        self._busy: set[_Child] = set()
        self._is_closed = False
        self.peak_bytes = 0
        """The most memory that a process has used, of those that have answered."""

    def read_text(self, filename: str, data: bytes) -> str:
        """The text of a file; raises Unreadable and ReadersClosed."""
        check_size(len(data))
        if not needs_parser(filename, len(data)):
            return read_text(filename, data)
        child = self._taken()
        try:
            return child.read(filename, data)
        except Unreadable:
            if self._is_closed:
                raise ReadersClosed from None
            raise
        finally:
            self._give_back(child)

    def close(self) -> None:
        """End all processes at once, even those that are reading."""
        with self._changed:
            self._is_closed = True
            children = [*self._idle, *self._busy]
            self._changed.notify_all()
        for child in children:
            child.kill()
        for child in self._idle:
            child.end()

    def _taken(self) -> "_Child":
        """A process for one file: an idle one, or a new one if the others stay busy."""
        with self._changed:
            # Most files take less time than it takes to start another process.
            self._changed.wait_for(lambda: self._has_idle() or not self._busy, WORTH_WAITING_S)
            room = self.limits.processes
            self._changed.wait_for(lambda: self._has_idle() or len(self._busy) < room)
            if self._is_closed:
                raise ReadersClosed
            child = self._idle.pop() if self._idle else _Child(self.limits)
            self._busy.add(child)
            return child

    def _has_idle(self) -> bool:
        return bool(self._idle) or self._is_closed

    def _give_back(self, child: "_Child") -> None:
        with self._changed:
            self._busy.discard(child)
            self.peak_bytes = max(self.peak_bytes, child.peak_bytes)
            is_kept = child.lasts and not self._is_closed
            if is_kept:
                self._idle.append(child)
            self._changed.notify()
        if not is_kept:
            child.end()


# --------------------------------------------------------------------- the parent


class _Child:
    """A process that reads one file at a time; `lasts` says whether it takes another one."""

    def __init__(self, limits: ReadingLimits) -> None:
        self._limits = limits
        self.lasts = True
        self.peak_bytes = 0
        self._is_late = False
        words = ["-P", "-c", START, str(ROOT), str(limits.seconds), str(limits.bytes)]
        try:
            self._process = subprocess.Popen(
                [sys.executable, *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={k: v for k, v in os.environ.items() if not k.startswith("OPENAI_")},
            )
        except OSError as error:
            message = f"The process that reads such files cannot start: {error.strerror}."
            raise Unreadable("server_error", message) from error

    def read(self, filename: str, data: bytes) -> str:
        """The text of a file; raises Unreadable."""
        # Other threads of this process may delay the answer, so a child gets a little longer.
        clock = threading.Timer(self._limits.seconds + 1, self._kill_late)
        clock.daemon = True
        clock.start()
        try:
            answer = self._exchange(filename, data)
        finally:
            clock.cancel()
        if answer is None:
            self.lasts = False
            raise Unreadable("invalid_file", self._reason())
        head, body = answer
        self.lasts, self.peak_bytes = head["lasts"], head["peak"]
        if head["code"] is not None:
            raise Unreadable(head["code"], body)
        return body

    def kill(self) -> None:
        """End the process; a thread that waits for its answer gets none."""
        self._process.kill()

    def end(self) -> None:
        """End the process and close its pipes; no thread may be waiting for its answer."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # what was to be written has no reader anymore
                if pipe is not None:
                    pipe.close()
        self._process.wait()

    def _kill_late(self) -> None:
        self._is_late = True
        self._process.kill()

    def _exchange(self, filename: str, data: bytes) -> "tuple[dict[str, Any], str] | None":
        """Send a file and take the answer; None if the child has ended."""
        sent, answers = self._process.stdin, self._process.stdout
        assert sent is not None and answers is not None
        try:
            _write(sent, {"name": filename, "size": len(data)}, data)
            found = _read(answers)
        except (OSError, ValueError):  # closed from the other side, or by `end`
            return None
        return found and (found[0], found[1].decode())

    def _reason(self) -> str:
        """Why a child has ended in the middle of a file."""
        status = self._process.wait()
        is_alarm = sys.platform != "win32" and status == -signal.SIGALRM
        memory = self._limits.bytes // 2**20
        if self._is_late or status == _TIME or is_alarm:
            return f"Reading the file takes longer than {self._limits.seconds:g} s. Split it."
        if status == _MEMORY:
            return f"Reading the file takes more than {memory} MB of memory. Split it."
        why = f"the file is damaged, or takes more than {memory} MB of memory"
        return f"The process that read it crashed: {why}. Save it again, or export it as .txt."


# ---------------------------------------------------------------------- the child


def serve(seconds: float, most_bytes: int) -> None:
    """Read files from standard input until it closes; the whole life of a child."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this one
    # What a library prints must not be mixed with the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _limit_memory(most_bytes)
    watch = _Watch(most_bytes)
    try:
        while (sent := _read(sys.stdin.buffer)) is not None:
            head, data = sent
            watch.begin(seconds)
            code, body = _result(head["name"], data)
            watch.end()
            # A process keeps some of the memory that a large file took, so a new one has more left.
            peak = peak_bytes()
            head = {"code": code, "peak": peak, "lasts": peak < most_bytes // 2}
            _write(answers, {"size": len(body)} | head, body)
    except MemoryError:
        os._exit(_MEMORY)
    except OSError:
        os._exit(0)  # nobody waits for the answer


def _result(name: str, data: bytes) -> tuple[str | None, bytes]:
    try:
        return None, read_text(name, data).encode()
    except Unreadable as error:
        return error.code, error.message.encode(errors="replace")


class _Watch:
    """Ends this process at its limits, from a separate thread."""

    INTERVAL_S = 0.02

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._parent = os.getppid()
        self._deadline = float("inf")
        self._is_reading = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def begin(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        if sys.platform != "win32":
            # In case a parser holds the lock that the thread needs, and the parent is gone.
            signal.setitimer(signal.ITIMER_REAL, seconds + 2)
        self._is_reading.set()

    def end(self) -> None:
        self._is_reading.clear()
        self._deadline = float("inf")
        if sys.platform != "win32":
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _run(self) -> None:
        while self._is_reading.wait():
            if os.getppid() != self._parent:  # on Windows it stays the same
                os._exit(0)
            if time.monotonic() > self._deadline:
                os._exit(_TIME)
            if peak_bytes() > ALMOST * self._most_bytes:
                os._exit(_MEMORY)
            time.sleep(self.INTERVAL_S)


def _limit_memory(most_bytes: int) -> None:
    """Let the system refuse more memory, if it can. On macOS and Windows only the watch does it."""
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (most_bytes, most_bytes))


def peak_bytes() -> int:
    """The most memory that this process has used."""
    if sys.platform == "win32":
        return _windows_peak_bytes()
    if sys.platform == "linux":
        # `getrusage` counts from before the process became this program: its parent's memory.
        with open("/proc/self/status", "rb") as status:
            return next(1024 * int(line.split()[1]) for line in status if line[:6] == b"VmHWM:")
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _windows_peak_bytes() -> int:
    """PeakWorkingSetSize of PROCESS_MEMORY_COUNTERS, by GetProcessMemoryInfo."""
    import ctypes

    class Counters(ctypes.Structure):
        _fields_ = [
            ("cb", ctypes.c_ulong),
            ("PageFaultCount", ctypes.c_ulong),
            ("PeakWorkingSetSize", ctypes.c_size_t),
            ("others", ctypes.c_size_t * 7),
        ]

    counters = Counters(cb=ctypes.sizeof(Counters))
    windows: Any = ctypes
    process = windows.windll.kernel32.GetCurrentProcess
    process.restype = ctypes.c_void_p
    read = windows.windll.psapi.GetProcessMemoryInfo
    read.argtypes = [ctypes.c_void_p, ctypes.POINTER(Counters), ctypes.c_ulong]
    read(process(), ctypes.byref(counters), counters.cb)
    return int(counters.PeakWorkingSetSize)


# ---------------------------------------------------------------------- the pipes


def _write(pipe: "BinaryIO | io.BufferedWriter | Any", head: dict[str, Any], body: bytes) -> None:
    pipe.write(json.dumps(head).encode() + b"\n")
    pipe.write(body)
    pipe.flush()


def _read(pipe: "BinaryIO | Any") -> "tuple[dict[str, Any], bytes] | None":
    """A head and as many bytes as it says; None if the other side has closed the pipe."""
    line = pipe.readline()
    if not line.endswith(b"\n"):
        return None
    head: dict[str, Any] = json.loads(line)
    body = pipe.read(head["size"])
    return (head, body) if len(body) == head["size"] else None
