"""Which packages of requirements.txt are missing for the Python that runs this.

A lesson asks this each time it starts, so it takes a few milliseconds: it looks for what is
installed, and imports none of it.
"""

import os
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from setup import COURSE

REQUIREMENTS = COURSE / "requirements.txt"


def missing_packages(file: Path = REQUIREMENTS) -> list[str]:
    """The packages of a requirements file that are needed here and not installed."""
    return [name for name, marker in read(file) if not is_installed(name) and applies(marker)]


def read(file: Path) -> Iterator[tuple[str, str]]:
    """Each package of a requirements file with its marker, the condition after the semicolon."""
    for line in file.read_text(encoding="utf-8").splitlines():
        text = re.sub(r"(^|\s)#.*", "", line)
        requirement, _, marker = text.partition(";")
        if name := re.match(r"\s*(\w[\w.-]*)", requirement):  # options begin with a dash
            yield name[1], marker.strip()


def is_installed(name: str) -> bool:
    """Whether a package is installed, however its name is spelled: python-docx, Python_Docx."""
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def applies(marker: str) -> bool:
    """Whether a marker holds here; a marker that cannot be read does not.

    Apart from `~=` and `===` a marker is a Python expression: comparisons of a word with a text,
    joined by `and`, `or` and parentheses. So Python's parser reads it; nothing of it is executed.
    """
    import ast

    def holds(node: ast.expr) -> bool:
        match node:
            case ast.BoolOp(ast.And(), values):
                return all(map(holds, values))
            case ast.BoolOp(ast.Or(), values):
                return any(map(holds, values))
            case ast.Compare(ast.Name(word), [operator], [ast.Constant(str(text))]):
                return compare(type(operator).__name__, word, text)
        raise ValueError(ast.unparse(node))

    try:
        return not marker or holds(ast.parse(marker, mode="eval").body)
    except (SyntaxError, ValueError, KeyError):
        return False


def compare(operator: str, word: str, text: str) -> bool:
    """Compare this system's value of a marker's word with a text: versions by their numbers."""
    here, other = (value_of(word), text)
    if not word.endswith("_version"):
        return {"Eq": here == other, "NotEq": here != other}[operator]
    ours, theirs = numbers(here), numbers(other)
    return {
        "Eq": ours == theirs,
        "NotEq": ours != theirs,
        "Lt": ours < theirs,
        "LtE": ours <= theirs,
        "Gt": ours > theirs,
        "GtE": ours >= theirs,
    }[operator]


def value_of(word: str) -> str:
    """What this system has for a word of a marker. Raises KeyError for a word we do not use."""
    if word == "platform_machine":
        import platform

        return platform.machine()
    version = "{}.{}".format(*sys.version_info)
    return {"sys_platform": sys.platform, "os_name": os.name, "python_version": version}[word]


def numbers(version: str) -> list[int]:
    """A version's numbers: 3.9 comes before 3.14."""
    return [int(part) for part in version.split(".")]
