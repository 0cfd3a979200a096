"""What grows old in the course: models that end, prices, and pages that name what has ended.

Three sources say when a model ends: the course's own table (emulator/models.py), the types of the
installed SDK, and the server, which reports a `shutdown_date` in `GET /v1/models` (openai 3.54,
types/model.py). The server knows best, then comes the SDK, as both are newer than the table.

Every function takes the day as an argument. `stale` is what the tests ask for the day they run on.
"""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path

from common import COURSE
from common.settings import DEFAULT_MODELS
from emulator.models import NAMED, PRICES_READ, SDK_LISTS, Model

WARN_DAYS, FAIL_DAYS, PRICE_DAYS = 90, 30, 180
"""A model's end is a warning, a default's end fails the tests, a price has to be read again."""

PLAN_B = 'read docs/4-audio.md, "When a model ends"'
NEWEST = "get the newest course: git pull"
NAME = re.compile(
    r"""(?<![\w./-]) (?: gpt-[\w.-]*\w | whisper-\d | tts-1(-hd)? | text-embedding-[\w-]*\w
    | o[134](-mini)? ) (?![\w-])""",
    re.VERBOSE,
)
_ANNOUNCED = re.compile(r'((?:"[\w.-]+"(?:, )?)+): Announced shutdown date: (\d{4}-\d\d-\d\d)')
# Words by which a sentence says that a model has ended, or will.
_SAYS_SO = re.compile(r"\b(ended|shut\s+(\S+\s+)?down|has\s+shut|retired)\b")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z`\"|#])|\n\s*\n|\n(?=\s*[|>*-])")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Mention:
    """A place that names a model: the file below the course's folder, and the line from 1."""

    file: str
    line: int
    model: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.model} ended on {NAMED[self.model].ends}"


# ------------------------------------------------------------------------------ successors


def successor(name: str, variable: str, today: date) -> str | None:
    """The model to set in a variable in place of one that ends.

    It is OpenAI's successor if that does the same job and lasts, or else the course's default.
    None for a variable that the course has no default for.
    """
    default = DEFAULT_MODELS.get(variable)
    known = NAMED.get(name)
    role = NAMED[default].role if default else known.role if known else ""
    while known and known.successor in NAMED:
        known = NAMED[known.successor]
        if known.role == role and not known.has_ended(today):
            return known.id
    return default


def remedy(name: str, variable: str, today: date) -> str:
    """What to type in place of a model that ends or has ended."""
    better = successor(name, variable, today)
    if better == name:  # the course's own default, which only a newer course can replace
        return NEWEST
    return f"set {variable}={better} in .env" if better else PLAN_B


def ending(name: str, today: date) -> str:
    """A sentence without its full stop on when OpenAI ends a model; empty if it doesn't."""
    model = NAMED.get(name)
    if model is None or model.ends is None:
        return ""
    verb = "shut" if model.has_ended(today) else "shuts"
    return f"OpenAI {verb} {name} down on {model.ends}"


def is_near(ends: str, today: date, days: int = WARN_DAYS) -> bool:
    """Whether a day, as `YYYY-MM-DD`, is at most so many days away, or over."""
    return (date.fromisoformat(ends) - today).days <= days


# ------------------------------------------------------------------------------ the SDK


def sdk_folder() -> Path:
    """The folder of the installed package `openai`."""
    found = find_spec("openai")
    assert found and found.origin
    return Path(found.origin).parent


def sdk_names(sdk: Path) -> dict[str, set[str]]:
    """The names in each of the SDK's lists of models; a list that an SDK lacks is left out."""
    named = {}
    for file in sorted(set(SDK_LISTS.values())):
        if (sdk / file).is_file():
            tree = ast.parse((sdk / file).read_text("utf-8"))
            named[file] = {
                node.value
                for literal in ast.walk(tree)
                if isinstance(literal, ast.Subscript) and ast.unparse(literal.value) == "Literal"
                for node in ast.walk(literal)
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            }
    return named


def sdk_ends(sdk: Path) -> dict[str, str]:
    """When models end, as `YYYY-MM-DD`, by what the SDK's docstrings announce."""
    ends: dict[str, str] = {}
    for file in sorted(set(SDK_LISTS.values())):
        if (sdk / file).is_file():
            text = " ".join((sdk / file).read_text("utf-8").split())
            for names, day in _ANNOUNCED.findall(text):
                ends |= dict.fromkeys(re.findall(r'"([^"]+)"', names), day)
    return ends


def differences(ends: Mapping[str, str | None], source: str) -> list[str]:
    """Where a source gives another end than the table does for a model that both know.

    A source that gives no end is silent about it; it doesn't deny one.
    """
    return [
        f"{name}: {source} says {day}, the course says {NAMED[name].ends or 'that it stays'}"
        for name, day in sorted(ends.items())
        if name in NAMED and day and day != NAMED[name].ends
    ]


# ------------------------------------------------------------------------------ the pages


def pages(course: Path = COURSE) -> list[Path]:
    """What a learner reads, copies or runs."""
    found = [course / "README.md", course / ".env.example", *course.glob("docs/*.md")]
    found += [*course.glob("0*.py"), course / "console" / "parts.toml"]
    for room in ("examples", "exercises"):
        found += [each for each in (course / room).rglob("*") if each.suffix in _READ]
    return sorted(each for each in found if each.is_file())


_READ = (".py", ".md", ".toml", ".html", ".js")


def mentions(path: Path, course: Path = COURSE) -> Iterator[tuple[Mention, str]]:
    """Each model that a file names, with the sentence, the row or the line of code around it."""
    text = path.read_text("utf-8")
    spans = list(_spans(text, path.suffix))
    for found in NAME.finditer(text):
        start, end = next(each for each in spans if each[0] <= found.start() < each[1])
        line = text.count("\n", 0, found.start()) + 1
        yield Mention(path.relative_to(course).as_posix(), line, found[0]), text[start:end]


def _spans(text: str, suffix: str) -> Iterator[tuple[int, int]]:
    """The sentences of a text, and the lines of code in it, as offsets. They cover all of it."""
    if suffix == ".md":
        prose = 0
        for fence in _FENCE.finditer(text):
            yield from _sentences(text, prose, fence.start())
            yield from _lines(text, fence.start(), fence.end())
            prose = fence.end()
        yield from _sentences(text, prose, len(text))
    elif suffix == ".py":
        yield from _python_spans(text)
    else:
        yield from _lines(text, 0, len(text))


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for found in _SENTENCE_END.finditer(text, start, end):
        yield start, found.end()
        start = found.end()
    yield start, end


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        stop = text.find("\n", start, end) + 1 or end
        yield start, stop
        start = stop


def _python_spans(text: str) -> Iterator[tuple[int, int]]:
    """Docstrings and comments by sentences, code by lines without the comments after it."""
    lines = text.splitlines(keepends=True)
    at = list(accumulate(map(len, lines), initial=0))
    prose = [(at[first - 1], at[last]) for first, last in _docstrings(text)]
    number = 0
    while number < len(lines):
        inside = next((each for each in prose if each[0] <= at[number] < each[1]), None)
        if inside:
            yield from _sentences(text, *inside)
            number = at.index(inside[1])
        elif lines[number].lstrip().startswith("#"):
            first = number
            while number < len(lines) and lines[number].lstrip().startswith("#"):
                number += 1
            yield from _sentences(text, at[first], at[number])
        else:
            mark = lines[number].find("  # ")
            middle = at[number] + mark if mark >= 0 else at[number + 1]
            yield from [(at[number], middle), (middle, at[number + 1])]
            number += 1


def _docstrings(text: str) -> Iterator[tuple[int, int]]:
    """The first and the last line of each docstring."""
    for node in ast.walk(ast.parse(text)):
        body = getattr(node, "body", None)
        for each in body if isinstance(body, list) else []:
            if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant):
                yield each.lineno, each.end_lineno or each.lineno


def ended_mentions(today: date, course: Path = COURSE) -> list[Mention]:
    """Where the pages name a model that has ended, and the sentence doesn't say so."""
    return [
        mention
        for path in pages(course)
        for mention, sentence in mentions(path, course)
        if (known := NAMED.get(mention.model)) and known.has_ended(today)
        if not (known.ends and known.ends in sentence) and not _SAYS_SO.search(sentence)
    ]


# ------------------------------------------------------------------------------ all of it


def ended(today: date) -> list[Model]:
    """The models of the table that OpenAI has shut down."""
    return [model for model in NAMED.values() if model.has_ended(today)]


def ending_defaults(today: date, days: int = FAIL_DAYS) -> Iterator[str]:
    """What the course uses by default although it ends within so many days."""
    for variable, name in DEFAULT_MODELS.items():
        ends = NAMED[name].ends
        if ends and is_near(ends, today, days):
            yield f"{variable}={name} is a default, and ends on {ends}"


def unknown_defaults(sdk: Path) -> Iterator[str]:
    """Defaults that the SDK's types no longer name."""
    names = sdk_names(sdk)
    for variable, name in DEFAULT_MODELS.items():
        file = NAMED[name].named_in
        if name not in names.get(file, set()):
            yield f"{variable}={name} is a default, and openai/{file} doesn't name it"


def old_prices(today: date) -> Iterator[str]:
    """A line if the prices of the table were read too long ago."""
    age = (today - date.fromisoformat(PRICES_READ)).days
    if age > PRICE_DAYS:
        priced = [model.id for model in NAMED.values() if model.price or model.minute_price]
        yield f"the prices of {', '.join(priced)} were read {age} days ago"


def stale(today: date, sdk: Path | None = None, course: Path = COURSE) -> list[str]:
    """All that has grown old on a day, one line each; empty if the course is fresh."""
    sdk = sdk or sdk_folder()
    return [
        *ending_defaults(today),
        *unknown_defaults(sdk),
        *differences(sdk_ends(sdk), "openai's types"),
        *old_prices(today),
        *map(str, ended_mentions(today, course)),
    ]


def main() -> int:
    """Print what has grown old: `python -m console.freshness [YYYY-MM-DD]`."""
    day = date.fromisoformat(sys.argv[1]) if sys.argv[1:] else date.today()
    found = stale(day)
    print("\n".join(found) or f"nothing is out of date on {day}")
    print(f"shut down by then: {', '.join(model.id for model in ended(day))}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
