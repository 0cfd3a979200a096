"""What the check of the SDK finds: the uses of each name, and the complaints with file and line."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from pathlib import Path

# How the names of fields end that the course writes as `session.expires_at`.
_FIELDS = ("_at", "_id", "_ms", "_details")
_FILES = tuple(".html .json .jsonl .txt .md .wav .mp3 .csv .py".split())
_TYPE = re.compile(r"^ +type: (?:\w+\[)*Literal\[([^\]]*)\]", re.MULTILINE)


@dataclass(frozen=True, order=True)
class Use:
    """Something of the SDK that a line of the course uses."""

    kind: str
    name: str


@dataclass(frozen=True, order=True)
class Complaint:
    """What is wrong with a use, and where it stands: a file below the course's, a line from 1."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}"


@dataclass
class SdkReport:
    """What was found: the uses, each with its places, and the complaints."""

    uses: dict[Use, set[tuple[str, int]]] = field(default_factory=lambda: defaultdict(set))
    complaints: set[Complaint] = field(default_factory=set)


@cache
def words(sdk: Path) -> dict[str, list[str]]:
    """The values of every field `type` in the SDK's types, and the modules that have them."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((sdk / "types").rglob("*.py")):
        for listed in _TYPE.findall(path.read_text("utf-8")):
            module = ".".join(path.relative_to(sdk.parent).with_suffix("").parts)
            for word in re.findall(r'"([^"]+)"', listed):
                found[word].append(module)
    return found


FAMILIES = {"response", "session", "conversation", "input_audio_buffer", "output_audio_buffer"}
FAMILIES |= {"rate_limits", "transcript", "mcp_list_tools"}
"""How the types of events begin that the course uses; other words with dots are no events."""


def is_event(word: str) -> bool:
    """Whether a text is the type of an event, and not a file's name or the way to a field."""
    has_dots = re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", word)
    is_ours = word.partition(".")[0] in FAMILIES and has_dots is not None
    return is_ours and not word.endswith((*_FIELDS, *_FILES))


def near(word: str, known: Iterable[str]) -> str:
    """What may have taken a word's place, for the end of a complaint."""
    found = get_close_matches(word, list(known), 1, 0.75)
    return f"; it has {found[0]!r}" if found else ""


def event(report: SdkReport, file: str, line: int, word: str, sdk: Path) -> None:
    """Note the type of an event, and complain if the SDK has none of that name."""
    report.uses[Use("event", word)].add((file, line))
    if word not in words(sdk):
        hint = near(word, words(sdk))
        report.complaints.add(Complaint(file, line, f"no event has the type {word!r}{hint}"))
