"""`course.py learn`: keys, and files that are saved."""

import io
import os

from grading import learn
from grading.exercise import exercises
from grading.learner_progress import load
from grading.watch import Watch

import pytest


@pytest.fixture
def session(own_exercises, terminal):
    return learn.LearnSession(terminal, exercises()["S1"])


def save(exercise, text):
    """Write a file, with a time that differs from the last one."""
    before = exercise.path.stat().st_mtime_ns
    exercise.path.write_text(text, "utf-8")
    os.utime(exercise.path, ns=(before + 10**9, before + 10**9))


def test_saving_a_file_checks_it(session, terminal):
    assert session.step("") is False
    assert terminal.shown() == ""
    save(session.exercise, session.exercise.solutions["solution_2"])
    session.step("")

    assert load().has_passed(exercises()["S1"])
    assert session.exercise.id == "S2"
    assert "S1 passed" in terminal.shown()
    before = terminal.shown()
    session.step("")
    assert terminal.shown() == before


def test_keys(session, terminal):
    assert session.step("h") is False
    assert "S1, hint 1 of 3" in terminal.shown()
    session.step("L")
    assert "what you write" in terminal.shown()
    session.step("n")
    assert session.exercise.id == "S2"
    session.step("?")
    assert session.step("q") is True


def test_letters_are_typed_where_there_is_no_keyboard(own_exercises, terminal, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("h\n\nq\nh\n"))
    assert learn.learn(terminal, is_manual=False) == 0

    shown = terminal.shown()
    assert "hint 1 of 3" in shown
    assert "Nothing is written yet" in shown
    assert "hint 2 of 3" not in shown
    assert shown.count("Type a letter and Enter") == 3  # at the start, and after each of the two


def test_letter_that_stands_for_nothing_is_told(session, terminal):
    session.step("\x1b[A")  # an arrow
    assert terminal.shown() == ""
    session.step("x")

    assert "The key x does nothing here." in terminal.shown()
    assert "h hint, l list" in terminal.shown()


def test_input_may_end(own_exercises, terminal, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))

    assert learn.learn(terminal, is_manual=True) == 0


def test_file_that_is_being_replaced_is_seen_once_it_is_there(tmp_path):
    path = tmp_path / "a.py"
    path.write_text("one")
    watch = Watch([path])
    path.unlink()
    assert watch.changed() == []
    path.write_text("three")

    assert watch.changed() == [path]
    assert watch.changed() == []
