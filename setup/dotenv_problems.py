"""What is often wrong with a `.env` file: its name, its encoding, or a line that sets nothing.

Each problem has three parts: what is wrong, why, and what to do. None contains the text of a key.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from setup import WINDOWS

DotenvProblem = tuple[str, str, str]

NOT_UTF_8: DotenvProblem = (
    ".env is not text in UTF-8",
    "PowerShell's > and some editors write UTF-16",
    "save it as UTF-8, or start again: copy .env.example to .env",
)

# Names that editors and browsers make of `.env`.
_MISNAMED = re.compile(
    r"(?i)(\.?env|\.env\.(txt|text|rtf|docx?|odt|md|py|sh|html?|json|env))(\.txt)?"
)
_KEY = re.compile(r"[\"']?sk-[\w-]{6,}")
_COMMAND = re.compile(r"(?i)\$env:|(set|setx|setenv|let|var)\s+\w+[\s=]")
# Names that people give to OPENAI_API_KEY, without their underscores.
_OTHER_NAMES = {"OPENAIKEY", "OPENAIAPIKEY", "OPENAIAPITOKEN", "OPENAITOKEN", "OPENAIAPI"}


def missing_file_problem(path: Path) -> DotenvProblem | None:
    """A file that was meant to be `.env` but has another name, if there is no `.env`."""
    folder, example = path.parent, path.with_name(".env.example")
    if path.exists() or not folder.is_dir():
        return None
    for name in sorted(each.name for each in folder.iterdir() if each.is_file()):
        if _MISNAMED.fullmatch(name) and name != path.name:
            why = "an editor or Windows Explorer may have changed its name; only .env is read"
            return f"there is a file {name}, but no .env", why, f"rename it: {_move(name)}"
    text = example.read_text("utf-8", "replace") if example.is_file() else ""
    if re.search(r"(?m)^\s*OPENAI_API_KEY\s*=\s*[^\s#]", text):
        why = "it is the example, which is not read, and which git would upload"
        fix = f"copy it: {'copy' if WINDOWS else 'cp'} .env.example .env, and delete the key there"
        return "the key is in .env.example, not in .env", why, fix
    return None


def _move(name: str) -> str:
    return f'ren "{name}" .env' if WINDOWS else f"mv '{name}' .env"


def text_problem(text: str, lines: Iterable[Any]) -> DotenvProblem | None:
    """The first problem of a `.env`, given its text and its lines as python-dotenv reads them."""
    if "\0" in text:  # UTF-16 without a mark at its beginning has one beside each letter
        return NOT_UTF_8
    read = list(lines)
    has_key = any(line.key == "OPENAI_API_KEY" and line.value for line in read)
    for line in read:
        given, name = line.original.string, line.key
        # The parser counts from the empty lines before it.
        number = line.original.line + given[: -len(given.lstrip()) or None].count("\n")
        if line.error or (name and (line.value is None or not re.fullmatch(r"[\w.]+", name))):
            return line_problem(number, given)
        if name and not has_key and (problem := name_problem(number, name)):
            return problem
    return None


def line_problem(number: int, text: str) -> DotenvProblem:
    """Why a line is not NAME=value, judged by its text."""
    what, line = f"line {number} of .env is not NAME=value", text.strip()
    if _KEY.match(line):
        return what, "a key alone is not read", "write OPENAI_API_KEY= in front of the key"
    if _COMMAND.match(line):
        why = "it is a command for a terminal"
        return what, why, "write only NAME=value, such as OPENAI_API_KEY=sk-..."
    if re.match(r"\w+\s*[:\uff1a\uff1d]", line):
        return what, "it has another sign in place of =", "write = between the name and the value"
    if re.fullmatch(r"\w+", line):
        return what, "it has a name, but no = and no value", "write NAME=value on one line"
    why = "a quotation mark may be unclosed, or a name missing"
    return what, why, "fix the line, or put # in front of it"


def name_problem(number: int, name: str) -> DotenvProblem | None:
    """A line that sets a different name from the one that is read."""
    if re.sub("[^A-Z]", "", name.upper()) not in _OTHER_NAMES or name == "OPENAI_API_KEY":
        return None
    what = f"line {number} of .env sets {name}, which nothing reads"
    return what, "the key is read from OPENAI_API_KEY", "write OPENAI_API_KEY= in its place"
