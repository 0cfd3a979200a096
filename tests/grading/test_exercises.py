"""Each exercise with its programs: the original, our solutions, and those with a usual mistake.

A program is judged by what it sends, so all of this runs for real: a process each, with the SDK.
The messages are golden files, in golden/. `python -m tools.pack_exercises golden` writes them anew;
`python -m tools.pack_exercises try` runs everything with 20 seeds.
"""

import re
import tomllib
from pathlib import Path

from grading.exercise import exercises, exercises_folder
from grading.judge import check, run
from grading.scenes import scene_of
from tools.pack_exercises import golden, placed

import pytest

GOLDEN = Path(__file__).with_name("golden")
CHEATS = Path(__file__).with_name("cheats")
STYLES = Path(__file__).with_name("styles")
SEED = 4711
IDS = [id for id, exercise in exercises().items() if exercise.solutions]


def programs(kind):
    return [
        pytest.param(id, name, id=f"{id}-{name}")
        for id in IDS
        for name in getattr(exercises()[id], kind)
    ]


@pytest.mark.parametrize(("id", "name"), programs("solutions"))
def test_solution_passes(id, name, tmp_path):
    exercise = exercises()[id]
    verdict = run(scene_of(id), placed(exercise, exercise.solutions[name], tmp_path), SEED)

    assert verdict.failure is None, verdict.failure and "\n".join(verdict.failure.lines())


@pytest.mark.parametrize(("id", "name"), programs("wrong"))
def test_wrong_program_fails_with_its_message(id, name, tmp_path):
    exercise = exercises()[id]
    verdict = run(scene_of(id), placed(exercise, exercise.wrong[name], tmp_path), SEED)

    assert verdict.failure is not None
    told = golden(scene_of(id), verdict.failure)
    assert told == (GOLDEN / f"{id}-{name}.txt").read_text("utf-8")


@pytest.mark.parametrize("cheat", sorted(CHEATS.glob("*.py")), ids=lambda path: path.stem)
def test_program_that_does_not_do_the_task_fails(cheat, tmp_path):
    """Programs that were written to pass all the same; each imports the original."""
    failure = failure_beside_the_original(cheat, tmp_path, [SEED, SEED + 1])

    assert failure is not None
    assert "Error" not in failure.fact


@pytest.mark.parametrize("style", sorted(STYLES.glob("*.py")), ids=lambda path: path.stem)
def test_right_program_passes_whatever_its_style(style, tmp_path):
    failure = failure_beside_the_original(style, tmp_path, [SEED])

    assert failure is None, failure and "\n".join(failure.lines())


def failure_beside_the_original(program, folder, seeds):
    """What is wrong with a program of ours that imports the original, or does without it."""
    id = program.name.partition("_")[0].upper()
    placed(exercises()[id], exercises()[id].original, folder)
    copy = folder / program.name
    copy.write_text(program.read_text("utf-8"), "utf-8")
    return check(scene_of(id), copy, seeds).failure


@pytest.mark.parametrize("id", IDS)
def test_original_fails_because_nothing_is_written(id, tmp_path):
    exercise = exercises()[id]
    verdict = run(scene_of(id), placed(exercise, exercise.original, tmp_path), SEED)

    assert verdict.failure is not None
    assert verdict.failure.fact.startswith("Nothing is written yet: line ")


@pytest.mark.parametrize("id", IDS)
def test_exercise_is_complete(id):
    exercise = exercises()[id]

    assert len(exercise.solutions) >= 2
    assert exercise.wrong
    assert len(exercise.hints) == 3
    assert exercise.trap
    assert exercise.after
    assert exercise.original.startswith(f'"""{id}. {exercise.title}.\n\n')
    assert f"python3 course.py check {id}\n" in exercise.original


@pytest.mark.parametrize("id", IDS)
def test_stub_leaves_between_10_and_30_lines_to_write(id):
    """Counted as what a solution has and the original has not."""
    exercise = exercises()[id]
    given = set(exercise.original.splitlines())
    written = [
        len([line for line in text.splitlines() if line.strip() and line not in given])
        for text in exercise.solutions.values()
    ]

    assert min(written) >= 3
    assert max(written) <= 45


def test_solutions_differ_in_shape():
    for id in IDS:
        shapes = {re.sub(r"\s+", "", text) for text in exercises()[id].solutions.values()}
        assert len(shapes) == len(exercises()[id].solutions)


def test_index_names_files_that_are_there():
    with (exercises_folder() / "index.toml").open("rb") as file:
        assert list(tomllib.load(file)) == list(exercises())
    assert all(exercises()[id].path.is_file() for id in IDS)
