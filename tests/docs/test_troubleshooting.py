"""The page on errors quotes what the programs really print, and commands that exist."""

import ast
import re
from pathlib import Path

from setup import commands

import pytest

COURSE = Path(__file__).resolve().parents[2]
PAGE = (COURSE / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
ROOMS = ("audio", "common", "console", "cassette", "emulator", "setup")
QUOTED = re.findall(r"^### `(.+)`$", PAGE, re.MULTILINE)


def literals(path):
    """The texts in a module, each part of an f-string by itself; docstrings are left out."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    spoken = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in spoken
    ]


@pytest.fixture(scope="module")
def printed():
    paths = [path for room in ROOMS for path in (COURSE / room).rglob("*.py")]
    return [text for path in paths for text in literals(path)]


@pytest.mark.parametrize("error", QUOTED)
def test_quoted_error_is_printed_by_the_course(error, printed):
    parts = [part.strip() for part in error.split("...") if part.strip()]

    # What is left between the dots stands in the source as one piece.
    assert parts
    for part in parts:
        assert any(part in text for text in printed), part


def test_errors_stand_once_and_say_what_to_do():
    sections = re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]

    assert len(QUOTED) == len(set(QUOTED)) == len(sections)
    assert all(len(section.split()) > 12 for section in sections)


def test_commands_exist():
    words = set(re.findall(r"python3(?:\.\d+)? course\.py(?: (\w+))?", PAGE))

    assert words <= {"", *commands.LESSONS, *commands.MODULES}
