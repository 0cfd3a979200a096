"""Every command that a page tells a reader to type: it exists, and its words and options fit."""

import re
import shlex
from pathlib import Path

from console import run
from console.lesson import arguments, contents_of
from grading.__main__ import parse
from presenter import __main__ as presenter
from setup import commands
from tests.support import lessons

import pytest

COURSE = lessons.COURSE
PAGES = [
    *(COURSE / name for name in ("README.md", "CONTRIBUTING.md", "emulator/README.md")),
    *sorted((COURSE / "docs").glob("*.md")),
    *sorted((COURSE / "examples").rglob("*.py")),
    *sorted(COURSE.glob("0*.py")),
    COURSE / "exercises" / "README.md",
    *sorted((COURSE / "exercises").rglob("[a-z]*.py")),
    COURSE / "console" / "parts.toml",
]
COMMAND = re.compile(r"(?:python3|py) course\.py([^\n`]*)")
# Where a command ends inside a sentence, unless it's between quotation marks, or a string of code.
SENTENCE = r"  |#|> |;|\||\.$|, |\)|\"\"\"|: |\"\) from "
UNQUOTED = r'(?:[^"]*"[^"]*")*[^"]*$'
# A page writes these for a reader to replace.
STAND_INS = {"FILE", "my_program.py", "your_program.py", "mine.py", "app.py", "COMMAND"}


def typed(page: Path) -> list[list[str]]:
    """The words of each command; what follows it in a sentence is left out."""
    found = []
    for line in COMMAND.findall(page.read_text(encoding="utf-8")):
        line = re.split(rf"({SENTENCE})(?={UNQUOTED})", f"{line} ")[0]
        words = shlex.split(line.replace("...", ""))
        found.append(words)
    return found


COMMANDS = sorted({tuple(words) for page in PAGES for words in typed(page)})


def options_of(script: Path) -> list:
    return getattr(lessons.load(script), "OPTIONS", [])


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_command_can_be_typed(words):
    word, args = (words or ("",))[0], list(words[1:])
    if word in commands.LESSONS:
        script = COURSE / commands.LESSONS[word][0]
        if not {"--help", "--devices"} & set(args):
            arguments(contents_of(script), options_of(script), argv=args)
    elif word in commands.OF_EXERCISES:
        parse([word, *args])
    elif word == "present":
        presenter.parse(args)
    elif word == "run":
        own, rest = run.split(args)
        if rest and rest != ["--"]:
            run.parse(own, [f"{rest[0].lower()}.py" if rest[0] == "FILE" else rest[0], *rest[1:]])
            file = COURSE / rest[0]
            assert rest[0] == "--" or rest[0] in STAND_INS or file.is_file(), rest[0]
    else:
        assert word in {"", *commands.HELP, *commands.MODULES}, word


def test_pages_tell_readers_what_to_type():
    assert len(COMMANDS) > 15
