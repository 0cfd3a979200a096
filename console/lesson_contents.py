"""The parts of a lesson: their names and titles, and what the screen says about them.

A part begins with a comment in the lesson's file: `# ------ 2  compare: Compare waiting with ...`.
It gives the part's number (a plus sign for one that runs only if asked for), its name, which is
that of its function, and its title. What else the screen says about it is in parts.toml.

This module needs nothing but Python, so that the presenter starts at once: importing `openai`, as
console/lesson.py does, takes four times as long as all the rest.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from setup.commands import LESSONS

_PART = re.compile(r"^# -{10,} +(?P<mark>\d+|\+) +(?P<name>\w+): (?P<title>.+)$", re.MULTILINE)
TEXTS = Path(__file__).with_name("parts.toml")
SCRIPTS = {f"lesson{number}": script for number, (script, _) in LESSONS.items()}
"""The folder of each lesson's recordings, below that of all, and the lesson's file."""
OWN_VOICE = "talk"


@dataclass(frozen=True)
class Part:
    """A part of a lesson; `texts` is its table in parts.toml."""

    number: int
    name: str
    title: str
    is_extra: bool
    texts: Mapping[str, Any]

    @property
    def heading(self) -> str:
        return self.title if self.is_extra else f"{self.number}. {self.title}"

    def text(self, name: str) -> str:
        """One of its texts as one paragraph; "" if it has none of that name."""
        return " ".join(str(self.texts.get(name, "")).split())

    @property
    def takes_question(self) -> bool:
        """Whether the word after its name is a question of the learner's, or a file."""
        return "question" in self.texts or "file" in self.texts

    @property
    def typed(self) -> str:
        """What a learner types while it runs, line by line; a recording types it as well."""
        return "".join(f"{line}\n" for line in self.texts.get("typed", ()))

    @property
    def is_recorded(self) -> bool:
        """Whether it has a recording: a call with your own voice can't be replayed."""
        return self.name != OWN_VOICE

    @property
    def asks_once(self) -> bool:
        """Whether its one question can be shown before it runs. A conversation shows its own."""
        return bool(self.texts.get("question")) and not {"before", "after"} & set(self.texts)


@dataclass(frozen=True)
class Contents:
    """The parts of a lesson, by name, and what its docstring says; a tour leaves out the extras."""

    text: str
    parts: dict[str, Part]

    @property
    def recorded(self) -> list[Part]:
        """The parts that have a cassette."""
        return [part for part in self.parts.values() if part.is_recorded]

    def listing(self) -> str:
        rows = [("-" if part.is_extra else str(part.number), part) for part in self.parts.values()]
        return "\n".join(f"  {mark:>2}  {part.name:10} {part.title}" for mark, part in rows)


def contents_of(script: Path) -> Contents:
    """The parts of a lesson, from the comments in its file and from parts.toml."""
    source = script.read_text(encoding="utf-8")
    text = source.partition('"""')[2].partition('"""')[0]
    texts = tomllib.loads(TEXTS.read_text(encoding="utf-8")).get(script.name[1], {})
    found = _PART.finditer(source)
    parts = [
        Part(
            number,
            match["name"],
            match["title"],
            match["mark"] == "+",
            texts.get(match["name"], {}),
        )
        for number, match in enumerate(found, 1)
    ]
    return Contents(text, {part.name: part for part in parts})
