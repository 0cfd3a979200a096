"""The servers that a lesson starts beside itself: the emulator, a recorder, a player.

Each is a child process, for two reasons. A server in a thread of the lesson would share Python's
lock with the client, and the times that a lesson measures would be those of both. And what the
learner sees is then what any program would see: another process, reached by a port.

A child prints its base URL on the first line, or else the reason why it can't start. It ends when
its standard input ends. The operating system closes that pipe however the parent dies, so no child
is ever left behind; and a parent that closes it itself can still read the child's last words.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from common import COURSE, course_command
from common.settings import CourseError


class EmulatorError(CourseError):
    """The emulator could not be started."""


class CassetteFileError(CourseError):
    """A cassette can't be recorded or played as asked."""


@dataclass
class Child:
    """A running server: its base URL, and its complaint, if it had one at its start or its end."""

    base_url: str
    complaint: str = ""


@contextmanager
def start_child(*command: str, **variables: str) -> Iterator[Child]:
    """Start a server as `python -m ...`; its base URL is empty if it did not start."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=COURSE,
        env=_child_environment() | variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        # Ctrl-C goes to a whole process group. In one of its own the child doesn't get it, and
        # can still answer while the lesson deletes what it made.
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )
    with process:
        assert process.stdin and process.stdout
        first = process.stdout.readline().strip()
        child = Child(first) if first.startswith("http://") else Child("", first)
        try:
            yield child
        finally:
            process.stdin.close()
            child.complaint = child.complaint or process.stdout.read().strip()


def _child_environment() -> dict[str, str]:
    """Ours without the learner's keys, and without the setting that hides the course's folder."""
    is_kept = {name: not name.startswith("OPENAI_") for name in os.environ}
    is_kept["PYTHONSAFEPATH"] = False
    return {name: value for name, value in os.environ.items() if is_kept[name]}


@contextmanager
def start_emulator(
    pace: float,
    writer: Mapping[str, str] | None = None,
    data: Path | None = None,
    *,
    has_faults: bool = False,
) -> Iterator[str]:
    """The emulator's base URL. Raises EmulatorError if it doesn't start.

    `writer` are the variables of the server that writes for it, if there is one; `data` is the
    folder where it keeps what it stores; with `has_faults` it fails where a header asks for that.
    """
    options = [*(["--data", str(data)] if data else []), *(["--faults"] if has_faults else [])]
    command = ["emulator", "--child", "--pace", str(pace), *options]
    with start_child(*command, **writer or {}) as child:
        if not child.base_url:
            why = child.complaint or None
            attempt = course_command("doctor")
            if data and child.complaint.startswith(str(data)):
                attempt = f"delete {data}: the emulator makes it anew"
            raise EmulatorError("the emulator did not start", why, attempt)
        yield child.base_url


@dataclass(frozen=True)
class CassetteFile:
    """What --record and --replay ask for: a cassette's file, and how fast it is played."""

    file: Path
    is_recording: bool
    speed: float = 1.0
    about: dict[str, str] = field(default_factory=dict)

    def title(self) -> str:
        """The file's name, which server's answers are in it, and the date."""
        with self.file.open(encoding="utf-8") as file:
            header = json.loads(file.readline())
        return f"{self.file.name}, recorded from {header['answered_by']} on {header['recorded']}"

    @contextmanager
    def run(self, upstream: str = "") -> Iterator[str]:
        """The base URL of a recorder in front of `upstream`, or of a player.

        Raises CassetteFileError for a cassette that is damaged, that lacks a request it was asked
        for, or that has requests it was never asked for.
        """
        path = str(self.file.resolve())
        about = json.dumps({"sdk": f"openai {version('openai')}", **self.about})
        command = (
            ["record", path, "--about", about]
            if self.is_recording
            else ["play", path, "--speed", str(self.speed)]
        )
        with start_child("cassette", *command, CASSETTE_UPSTREAM=upstream) as child:
            if not child.base_url:
                complaint = child.complaint or "the cassette could not be opened"
                raise CassetteFileError(complaint, attempt=_ANOTHER)
            yield child.base_url
        if child.complaint:
            raise CassetteFileError(child.complaint, attempt=_AGAIN)


_ANOTHER = "name another file, or record it again: --record FILE"
_AGAIN = "record it again: --record FILE"
