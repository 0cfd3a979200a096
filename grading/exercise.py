"""The exercises as exercises/index.toml lists them, and the programs that are packed beside them.

The packed programs are the original of each exercise, our solutions, and programs with the usual
mistakes. They are written in ROT13, as spoilers are, so that nobody reads them by accident.
"""

import codecs
import hashlib
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from common import COURSE

ORIGINAL = "stub"
ENDING = ".py.rot13"


@dataclass(frozen=True)
class Exercise:
    """One exercise. `minutes` is how long it should take; `after` is explained behind a pass.

    `part` is the part of a lesson behind which it is done, such as "1 chat". `skill` ends
    a sentence that begins with "you can".
    """

    id: str
    path: Path
    title: str
    minutes: int
    is_core: bool
    hints: tuple[str, ...]
    trap: str
    after: str
    skill: str
    part: str

    @property
    def lesson(self) -> str:
        return self.part.partition(" ")[0]

    @property
    def original(self) -> str:
        """The file as it came with the course."""
        return packed(self.id)[ORIGINAL]

    @property
    def version(self) -> str:
        """A mark that changes with the exercise."""
        return hashlib.sha256(self.original.encode()).hexdigest()[:12]

    @property
    def solutions(self) -> dict[str, str]:
        """Ours, by name."""
        every = packed(self.id)
        return {name: every[name] for name in sorted(every) if name.startswith("solution")}

    @property
    def wrong(self) -> dict[str, str]:
        """Programs that fall into a trap, by name."""
        every = packed(self.id)
        return {name: every[name] for name in sorted(every) if name.startswith("wrong")}


def exercises_folder() -> Path:
    """The folder of the exercises, which the learner changes."""
    return COURSE / "exercises"


@cache
def exercises() -> dict[str, Exercise]:
    """All of them, by id, in the order in which they are done."""
    with (exercises_folder() / "index.toml").open("rb") as file:
        rows = tomllib.load(file)
    return {id: _exercise(id, row) for id, row in rows.items()}


def _exercise(id: str, row: dict[str, object]) -> Exercise:
    texts = {
        name: " ".join(str(row.get(name, "")).split())
        for name in ("title", "trap", "after", "skill", "part")
    }
    hints = row["hints"]
    assert isinstance(hints, list)
    return Exercise(
        id=id,
        path=exercises_folder() / str(row["file"]),
        minutes=int(str(row["minutes"])),
        is_core=bool(row["is_core"]),
        hints=tuple(str(hint).strip("\n") for hint in hints),
        **texts,
    )


@cache
def packed(id: str) -> dict[str, str]:
    """The programs that are packed for an exercise, by name."""
    found = sorted((exercises_folder() / "packed" / id).glob(f"*{ENDING}"))
    return {path.name.removesuffix(ENDING): unpack(path.read_text("utf-8")) for path in found}


def pack(text: str) -> str:
    """In ROT13; the same turns it back."""
    return codecs.encode(text, "rot13")


unpack = pack
