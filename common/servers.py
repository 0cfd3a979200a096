"""The servers that a lesson starts beside itself: the emulator, a recorder, a player.

Each is a process of its own that prints its base URL first, and that ends with its standard input:
however this process ends, none is left behind.
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
from console.errors import CassetteFileError, EmulatorError


@dataclass
class Child:
    """A running server: its base URL, and what it said at its end, if it had to complain."""

    base_url: str
    said: str = ""


@contextmanager
def start_child(*command: str, **variables: str) -> Iterator[Child]:
    """Start a server as `python -m ...`; its base URL is empty where it did not come up."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=COURSE,
        env=_without_keys() | variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        # Ctrl-C in the terminal is for the lesson alone, so the child stands in a group of its own.
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
            child.said = child.said or process.stdout.read().strip()


def _without_keys() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}


@contextmanager
def start_emulator(
    pace: float, writer: Mapping[str, str] | None = None, data: Path | None = None
) -> Iterator[str]:
    """The emulator's base URL. Raises EmulatorError where it does not start.

    `writer` are the variables of the server that writes for it, if there is one; `data` is the
    folder where it keeps what it stores.
    """
    kept = ("--data", str(data)) if data else ()
    with start_child("emulator", "--child", "--pace", str(pace), *kept, **writer or {}) as child:
        if not child.base_url:
            raise EmulatorError("the emulator did not start", attempt=course_command("doctor"))
        yield child.base_url


@dataclass(frozen=True)
class CassetteFile:
    """What --record and --replay ask for: a cassette's file, and how fast it is played."""

    file: Path
    is_recording: bool
    speed: float = 1.0
    about: dict[str, str] = field(default_factory=dict)

    def title(self) -> str:
        """The file's name, and by whose answers and when it was recorded."""
        with self.file.open(encoding="utf-8") as file:
            header = json.loads(file.readline())
        return f"{self.file.name}, recorded from {header['answered_by']} on {header['recorded']}"

    @contextmanager
    def run(self, upstream: str = "") -> Iterator[str]:
        """The base URL of a recorder before `upstream`, or of a player.

        Raises TapeError for a cassette that is damaged, that was asked for something that it does
        not hold, or was not asked for all that it holds.
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
                raise CassetteFileError(
                    child.said or "the cassette could not be opened", attempt=_ANOTHER
                )
            yield child.base_url
        if child.said:
            raise CassetteFileError(child.said, attempt=_AGAIN)


_ANOTHER = "name another file, or record it anew: --record FILE"
_AGAIN = "record it anew: --record FILE"
