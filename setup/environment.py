"""The virtual environment .venv: where its files are, and whether it is current.

Set-up writes a stamp at its very end: the facts that .venv was made from, such as the hash of
requirements.txt. If the facts are still the same, .venv needs nothing, and that is all that most
runs of course.py have to find out. If set-up is stopped halfway, there is no stamp.
"""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

from setup import COURSE, OLDEST_PYTHON, WINDOWS
from setup.problem import Problem

# Run by .venv's Python. pip's list of its own files is written last when pip is installed, so pip
# is complete if all files of that list are there. A Python before 3.8 has no importlib.metadata
# and fails, which is the right answer, too.
PROBE = f"""
import sys, importlib.metadata
pip = importlib.metadata.distribution("pip")
files = [line.split(",")[0] for line in (pip.read_text("RECORD") or "").splitlines()]
complete = files and all(pip.locate_file(f).exists() for f in files if f.endswith(".py"))
sys.exit(0 if complete and sys.version_info >= {OLDEST_PYTHON} else 1)
"""


class Environment:
    """The .venv of a course."""

    def __init__(self, course: Path = COURSE) -> None:
        self.course = course
        self.folder = course / ".venv"
        self.python = self.folder / ("Scripts/python.exe" if WINDOWS else "bin/python")
        self.config = self.folder / "pyvenv.cfg"
        self.stamp = self.folder / "course.json"
        self.log = self.folder / "pip.log"
        self.outcomes = self.folder / "extras.json"

    def is_current(self, files: list[str]) -> bool:
        """Whether the stamp fits, and the Python that .venv was made from is still there."""
        stamp, wanted = read_json(self.stamp), self.facts(files)
        is_there = self.python.is_file() and os.path.isdir(self.read_config().get("home", ""))
        return is_there and all(stamp.get(key) == value for key, value in wanted.items())

    def facts(self, files: list[str]) -> dict[str, str]:
        """What the stamp must say. The folder is in it, as a .venv cannot be moved."""
        found = {"folder": os.path.realpath(self.folder)}
        found["interpreter"] = os.path.realpath(self.python)
        found["python"] = self.python_version()
        return found | {name: self.digest(name) for name in files}

    def digest(self, name: str) -> str:
        """The SHA-256 of a file of the course."""
        try:
            return hashlib.sha256((self.course / name).read_bytes()).hexdigest()
        except OSError as error:
            attempt = "download the course again"
            raise Problem(f"cannot read {name}", str(error), attempt) from error

    def write_stamp(self, files: list[str]) -> None:
        """Note what is installed."""
        write_json(self.stamp, self.facts(files))

    def python_version(self) -> str:
        """The version of .venv's Python, as pyvenv.cfg has it; empty if that cannot be read."""
        return self.read_config().get("version", "")

    def read_config(self) -> dict[str, str]:
        """What pyvenv.cfg says; nothing if it cannot be read."""
        with suppress(OSError):
            lines = self.config.read_text(encoding="utf-8", errors="replace").splitlines()
            pairs = (line.split("=", 1) for line in lines if "=" in line)
            return {key.strip(): value.strip() for key, value in pairs}
        return {}

    def is_usable(self) -> bool:
        """Whether .venv is where it was made, its Python starts, and it has all of pip."""
        from setup.processes import run

        folder = os.path.realpath(self.folder)
        with suppress(OSError):
            return (
                read_json(self.stamp).get("folder", folder) == folder
                and self.python.is_file()
                and run([self.python, "-I", "-c", PROBE], folder=self.course)[0] == 0
            )
        return False


def read_json(file: Path) -> dict[str, str]:
    """What was noted in a file; nothing if it is missing or damaged."""
    with suppress(OSError, ValueError, TypeError):
        return dict(json.loads(file.read_text(encoding="utf-8")))
    return {}


def write_json(file: Path, content: dict[str, str]) -> None:
    """Write something to a file: all of it or, if we are stopped here, nothing."""
    new = file.with_name(file.name + ".new")
    new.write_text(json.dumps(content, indent=1), encoding="utf-8")
    os.replace(new, file)
