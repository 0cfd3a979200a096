"""The check list of the day before a class: `course.py doctor --class`.

It looks at what a class sees and hears: the window, its characters and colors, the loudspeaker, the
recordings that are shown when there is no network, and the ports that the course's servers need.
"""

import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from cassette import CassetteError
from cassette.format import Cassette
from common import COURSE, course_command
from common.settings import Settings
from console.doctor import RECORDING_MODELS, Finding, emulator, sound_devices
from console.freshness import NEWEST
from console.lesson_contents import SCRIPTS, contents_of
from console.terminal import BARS, SPEECH

from rich.console import Console

FIXTURES = COURSE / "tests" / "fixtures"
COLUMNS, ROWS = 100, 30
MOST_DAYS = 180
SAMPLE = f"{BARS} {SPEECH} ─│╭╮ é ü"
SERVERS = 3
"""How many servers a part may start at once: the emulator, a recorder or player, a proxy."""


def check_class(settings: Settings, today: date) -> Iterator[Finding]:
    """All of the list, in the order in which it's easiest to fix."""
    console = Console()
    yield window(console.is_terminal, shutil.get_terminal_size())
    yield characters(sys.stdout.encoding or "ascii")
    yield colors(console.color_system, console.is_terminal, os.environ)
    yield sound_devices()
    yield cassettes(settings, today)
    yield ports()
    yield emulator(settings)


def window(is_terminal: bool, size: os.terminal_size) -> Finding:
    """Whether the window has room for large letters: the back row reads 100 by 30."""
    if not is_terminal:
        return Finding("window", "not measured, as the output doesn't go to a terminal")
    found = f"{size.columns} columns, {size.lines} lines"
    if size.columns >= COLUMNS and size.lines >= ROWS:
        return Finding("window", found)
    wanted = f"{COLUMNS} columns and {ROWS} lines"
    return Finding("window", found, f"enlarge it, or choose a smaller font, until it has {wanted}")


def characters(encoding: str) -> Finding:
    """Whether the terminal's encoding has what the pictures are drawn with; a font may lack it."""
    try:
        SAMPLE.encode(encoding)
    except UnicodeEncodeError:
        fix = "set PYTHONUTF8=1, and use Windows Terminal or another one with UTF-8"
        return Finding("fonts", f"{encoding} has no bars and boxes, so pictures are rough", fix)
    return Finding("fonts", f"{SAMPLE} (if you see question marks or gaps, choose another font)")


def colors(system: str | None, is_terminal: bool, environment: Mapping[str, str]) -> Finding:
    """Which colors the terminal has; `system` is rich's word for them."""
    if system:
        return Finding("colors", f"yes ({system})")
    if not is_terminal:
        return Finding("colors", "not tried, as the output doesn't go to a terminal")
    if environment.get("NO_COLOR"):
        return Finding("colors", "none, because of NO_COLOR", "unset NO_COLOR")
    term = environment.get("TERM", "no TERM")
    return Finding("colors", f"none ({term})", "use another terminal, or set TERM=xterm-256color")


def cassettes(
    settings: Settings, today: date, folder: Path = FIXTURES, course: Path = COURSE
) -> Finding:
    """Whether each part has a recording that is complete, recent, and made with your models."""
    found = dict(_recordings(folder, course))
    problems = [f"{name}: {problem}" for name, problem in found.items() if isinstance(problem, str)]
    whole = {name: each for name, each in found.items() if isinstance(each, Cassette)}
    oldest = min((str(each.header["recorded"]) for each in whole.values()), default=str(today))
    foreign = set().union(*map(models_of, whole.values())) - _known_models(settings)
    if problems:
        fix = f"{NEWEST}; or: {course_command('fixtures')}"
        return Finding("cassettes", "; ".join(problems), fix)
    if foreign:
        fix = "for the class, remove the OPENAI_..._MODEL lines from .env"
        return Finding("cassettes", f"they were made with {', '.join(sorted(foreign))}", fix)
    if (today - date.fromisoformat(oldest)).days > MOST_DAYS:
        return Finding("cassettes", f"the oldest is from {oldest}", NEWEST)
    return Finding("cassettes", f"{len(whole)} complete, the oldest from {oldest}")


def _recordings(folder: Path, course: Path) -> Iterator[tuple[str, "Cassette | str"]]:
    """The cassette of each part of a tour, or what is wrong with it."""
    for lesson, script in SCRIPTS.items():
        for part in contents_of(course / script).recorded:
            path = folder / lesson / f"{part.name}.jsonl"
            try:
                yield part.name, Cassette(path) if path.exists() else "there is none"
            except CassetteError as error:
                yield part.name, str(error)


def models_of(cassette: Cassette) -> set[str]:
    """The models that the requests of a recording name."""
    asked: list[Any] = [each.request.get("json") for each in cassette.exchanges.values()]
    return {each["model"] for each in asked if isinstance(each, dict) and "model" in each}


def _known_models(settings: Settings) -> set[str]:
    return {*settings.models.values(), *RECORDING_MODELS}


def ports(listen: Callable[..., socket.socket] = socket.create_server) -> Finding:
    """Whether programs on this machine may talk to each other, as the course's servers need."""
    try:
        for _ in range(SERVERS):
            with (
                listen(("127.0.0.1", 0)) as listener,
                socket.create_connection(listener.getsockname(), timeout=3),
            ):
                listener.accept()[0].close()
    except OSError as error:
        found = f"no server can be reached on 127.0.0.1: {error.strerror or error}"
        return Finding("ports", found, "allow Python in the firewall, for this computer alone")
    return Finding("ports", "servers on 127.0.0.1 can be reached")
