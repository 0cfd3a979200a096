"""The exercises in a folder of the test's own, as a learner has them."""

import io
import shutil

import grading.exercise
from console.terminal import Terminal
from tests.support import fork_server

import pytest


@pytest.fixture(autouse=True)
def programs_start_at_once(monkeypatch):
    """There are two hundred of them, and most of a run would be the import of `openai`."""
    monkeypatch.setattr("grading.child.subprocess.Popen", fork_server.Popen)


@pytest.fixture
def own_exercises(tmp_path, monkeypatch):
    """A copy of exercises/ that the test may change; nothing is passed in it."""
    copy = tmp_path / "exercises"
    unwanted = shutil.ignore_patterns("progress.json*", "last_run.txt", "*.ours*", "*.old*", "__*")
    shutil.copytree(grading.exercise.exercises_folder(), copy, ignore=unwanted)
    monkeypatch.setattr(grading.exercise, "exercises_folder", lambda: copy)
    for name in ("exercise_commands", "learner_progress", "quiz", "screen"):
        module = __import__(f"grading.{name}", fromlist=[name])
        monkeypatch.setattr(module, "exercises_folder", lambda: copy)
    caches = (grading.exercise.exercises, grading.exercise.packed)
    for each in caches:
        each.cache_clear()
    for exercise in grading.exercise.exercises().values():
        if exercise.path.parent.is_dir() and "stub" in grading.exercise.packed(exercise.id):
            exercise.path.write_text(exercise.original, "utf-8")
    yield copy
    for each in caches:
        each.cache_clear()


@pytest.fixture
def terminal():
    """A terminal whose text can be read by `shown`."""
    file = io.StringIO()
    terminal = Terminal(file)
    terminal.shown = file.getvalue
    return terminal
