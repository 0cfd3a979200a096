"""Packs the programs of the exercises, or unpacks them to be worked on.

    python -m tools.pack_exercises unpack FOLDER      FOLDER/S1/stub.py, solution_1.py, wrong.py
    python -m tools.pack_exercises pack FOLDER [ID]   the other way; stubs go to the lessons, too
    python -m tools.pack_exercises check              do the lessons' files equal the originals?

They are ROT13 (grading/exercise.py). The files that learners change are copies of the originals.
"""

import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from common import COURSE
from grading.exercise import ENDING, ORIGINAL, Exercise, exercises, exercises_folder, pack, packed
from grading.failure import Failure
from grading.judge import run
from grading.scene import Scene
from grading.scenes import scene_of

GOLDEN = COURSE / "tests" / "grading" / "golden"
GOLDEN_SEED = 4711
SEEDS = 20
SIDE_BY_SIDE = 3


def unpack_all(folder: Path) -> None:
    for id in exercises():
        for name, text in packed(id).items():
            path = folder / id / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")


def pack_all(folder: Path, ids: list[str]) -> None:
    for id, exercise in exercises().items():
        if (ids and id not in ids) or not (folder / id).is_dir():
            continue
        target = exercises_folder() / "packed" / id
        target.mkdir(parents=True, exist_ok=True)
        for old in target.glob(f"*{ENDING}"):
            old.unlink()
        for path in sorted((folder / id).glob("*.py")):
            text = path.read_text("utf-8")
            (target / f"{path.stem}{ENDING}").write_text(pack(text), "utf-8")
            if path.stem == ORIGINAL:
                exercise.path.parent.mkdir(exist_ok=True)
                exercise.path.write_text(text, "utf-8")


def check() -> int:
    """1 if a lesson's file differs from its original."""
    every = [each for id, each in exercises().items() if packed(id)]
    changed = [each for each in every if each.path.read_text("utf-8") != each.original]
    for each in changed:
        print(f"{each.path.relative_to(exercises_folder())} differs from its original")
    return 1 if changed else 0


def golden(kind: type[Scene], failure: Failure) -> str:
    """A message as it is kept: without what differs from run to run."""
    told = "\n".join(failure.lines()) + "\n"
    if not kind.is_timed:
        return told
    return re.sub(r"\d+", "N", re.sub(r"\b(item|resp|call)_[^\W_]{16,}", r"\1_...", told))


def write_golden(ids: list[str]) -> None:
    """The message of each wrong program, as tests/grading/golden has it."""
    for exercise, name, program in _programs(ids, "wrong"):
        failure = run(scene_of(exercise.id), program, GOLDEN_SEED).failure
        path = GOLDEN / f"{exercise.id}-{name}.txt"
        path.parent.mkdir(exist_ok=True)
        told = golden(scene_of(exercise.id), failure) if failure else "passed!\n"
        path.write_text(told, "utf-8")


def try_all(ids: list[str]) -> int:
    """Print how many of the seeds each program passes; 1 if that is not all, or none.

    A run waits for most of its time, so three of them go on at the same time.
    """
    is_bad = False
    pool = ThreadPoolExecutor(SIDE_BY_SIDE)
    for kind in ("solutions", "wrong"):
        for exercise, name, program in _programs(ids, kind):
            attempt = partial(run, scene_of(exercise.id), program)
            verdicts = list(pool.map(attempt, range(1, 1 + SEEDS)))
            passed = sum(each.is_pass for each in verdicts)
            is_bad |= passed != (SEEDS if kind == "solutions" else 0)
            seconds = sum(each.ending.seconds for each in verdicts) / SEEDS
            print(f"{exercise.id} {name:12} {passed:2} of {SEEDS}   {seconds:.1f} s", flush=True)
    return int(is_bad)


def placed(exercise: Exercise, text: str, folder: Path) -> Path:
    """A program in the place of the learner's file, in a folder with what stands beside that."""
    shutil.copytree(exercise.path.parent, folder, dirs_exist_ok=True)
    program = folder / exercise.path.name
    program.write_text(text, "utf-8")
    return program


def _programs(ids: list[str], kind: str) -> Iterator[tuple[Exercise, str, Path]]:
    """The programs of a kind, each in a file beside copies of what the exercise needs."""
    for id, exercise in exercises().items():
        for name, text in getattr(exercise, kind).items() if not ids or id in ids else ():
            with tempfile.TemporaryDirectory() as folder:
                yield exercise, name, placed(exercise, text, Path(folder))


def main(words: list[str]) -> int:
    match words:
        case ["unpack", folder]:
            unpack_all(Path(folder))
        case ["pack", folder, *ids]:
            pack_all(Path(folder), ids)
        case ["check"]:
            return check()
        case ["golden", *ids]:
            write_golden(ids)
        case ["try", *ids]:
            return try_all(ids)
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
