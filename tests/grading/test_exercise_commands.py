"""What the commands of the exercises do to files, and what they show."""

import codecs
from pathlib import Path

from common.settings import CourseError
from grading import exercise_commands as commands
from grading.__main__ import main
from grading.exercise import exercises
from grading.learner_progress import load

import pytest


@pytest.fixture
def join(own_exercises):
    return exercises()["S1"]


def solve(exercise):
    exercise.path.write_text(exercise.solutions["solution_1"], "utf-8")


def test_pass_is_shown_and_remembered(join, terminal):
    solve(join)
    assert commands.check(terminal, "s1", None) == 0

    assert load().has_passed(join)
    shown = " ".join(terminal.shown().replace("|", "").split())
    assert "S1 passed, 3 runs of 3." in shown
    assert join.after[:60] in shown
    assert "exercises/02" in shown or "s2_count_tokens.py" in shown


def test_failure_shows_the_first_wrong_fact_and_how_to_go_on(join, terminal):
    join.path.write_text(join.wrong["wrong"], "utf-8")
    assert commands.check(terminal, None, None) == 1

    shown = terminal.shown()
    assert not load().has_passed(join)
    assert "S1 has not passed yet." in shown
    lines = shown.splitlines()
    caret = next(line for line in lines if line.strip() == "^")
    assert "None" in lines[lines.index(caret) - 1][: caret.index("^") + 4]
    seed = next(line for line in lines if "--seed" in line).split()[-1]

    assert commands.check(terminal, "S1", int(seed)) == 1
    assert terminal.shown().count(f"check S1 --seed {seed}") == 2


def test_fact_without_an_excerpt_has_one_empty_line_behind_it(join, terminal):
    join.path.write_text("", "utf-8")
    assert commands.check(terminal, "S1", None) == 1

    assert "without a single request" in terminal.shown()
    assert "\n\n\n" not in terminal.shown()


def test_run_with_one_seed_is_no_pass(join, terminal):
    """Somebody could have written a program for that seed."""
    solve(join)
    assert commands.check(terminal, "S1", 5) == 0

    assert not load().has_passed(join)


@pytest.mark.parametrize(("is_flushed", "is_told"), [(True, 0), (False, 1)])
def test_output_that_comes_too_late_is_told_behind_a_pass(join, terminal, is_flushed, is_told):
    text = join.solutions["solution_1"]
    assert ", flush=True" in text
    join.path.write_text(text if is_flushed else text.replace(", flush=True", ""), "utf-8")
    assert commands.check(terminal, "S1", None) == 0

    assert " ".join(terminal.shown().split()).count("Python keeps back what you print") == is_told


@pytest.mark.parametrize("file", ["progress.json", "last_run.txt"])
def test_outcome_is_shown_where_it_cannot_be_kept(join, own_exercises, terminal, file):
    solve(join)
    (own_exercises / f".{file}.new").mkdir()

    with pytest.raises(CourseError, match=f"exercises/{file} can't be written"):
        commands.check(terminal, "S1", 5)
    assert "The run with the seed 5 passed." in terminal.shown()


def test_last_run_can_be_looked_at(join, terminal):
    with pytest.raises(CourseError, match="nothing was checked yet"):
        commands.trace(terminal)
    solve(join)
    commands.check(terminal, "S1", 5)
    commands.trace(terminal)

    assert "-->  #1 POST /v1/chat/completions" in terminal.shown()
    assert "the program ended with 0" in terminal.shown()


def test_hint_is_shown_where_it_cannot_be_remembered(join, terminal, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("grading.learner_progress.os.replace", refuse)
    with pytest.raises(CourseError, match="not remembered") as caught:
        commands.hint(terminal, "S1")

    assert "hint 1 of 3" in terminal.shown()
    assert "copy the course" in caught.value.attempt


def test_hints_come_one_by_one(join, terminal):
    for number in (1, 2, 3):
        commands.hint(terminal, "S1")
        assert f"hint {number} of 3" in terminal.shown()
    commands.hint(terminal, "S1")

    assert terminal.shown().count("hint 3 of 3") == 2
    assert load().of("S1").hints == 3


def test_solutions_are_shown_after_a_pass_or_by_giving_up(join, terminal):
    with pytest.raises(CourseError, match="S1 has not passed yet"):
        commands.show(terminal, "S1", gives_up=False)
    commands.show(terminal, "S1", gives_up=True)

    solved = sorted(join.path.parent.glob("s1_*.ours*.py"))
    assert [path.read_text("utf-8") for path in solved] == list(join.solutions.values())
    assert load().of("S1").gave_up


def test_reset_puts_the_original_back_and_keeps_what_was_written(join, terminal):
    for number in ("", "1"):
        join.path.write_text(f"mine{number}")
        commands.reset(terminal, "S1")

        assert join.path.read_text("utf-8") == join.original
        kept = join.path.with_name(f"s1_join_deltas.old{number}.py")
        assert kept.read_text() == f"mine{number}"
    commands.reset(terminal, "S1")
    assert len(list(join.path.parent.glob("s1_*"))) == 3


def test_file_that_is_gone_is_put_back_by_a_command_that_is_named(join, terminal):
    join.path.unlink()
    with pytest.raises(CourseError, match="can't be read") as caught:
        commands.check(terminal, "S1", None)
    assert caught.value.attempt.endswith("reset S1")
    commands.reset(terminal, "S1")

    assert join.path.read_text("utf-8") == join.original


def test_check_all_runs_what_is_begun(join, terminal):
    with pytest.raises(CourseError, match="you haven't begun an exercise"):
        commands.check_all(terminal)
    solve(join)

    assert commands.check_all(terminal) == 0
    assert [line.split()[-1] for line in terminal.shown().splitlines()] == ["passed"]


def test_list_and_skills(join, terminal):
    commands.skills(terminal)
    assert "No exercise is passed yet." in terminal.shown()
    progress = load()
    assert progress.next() == join
    commands.list_all(terminal)

    assert "0 of 19 core exercises passed" in terminal.shown()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["check", "S99"], "there is no exercise S99"),
        (["check", "s11"], "there is no exercise s11"),
        (["show", "S1"], "S1 has not passed yet"),
        (["trace"], "nothing was checked yet"),
    ],
)
def test_errors_have_three_lines(own_exercises, capsys, words, told):
    with pytest.raises(SystemExit) as ended:
        main(words)

    assert ended.value.code == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"error: {told}")
    assert lines[-1].startswith("  try: ")
    assert len(lines) <= 3


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("s11", "S1"),
        ("S10", "S1"),
        ("v 3", "V3"),
        ("R-2", "R2"),
        ("s1_join_delta", "s1_join_deltas"),
    ],
)
def test_misspelt_exercise_is_guessed(word, meant):
    with pytest.raises(CourseError) as caught:
        commands.exercise_of(word)

    assert caught.value.attempt == f"Did you mean {meant}?"


@pytest.mark.parametrize("word", ["S9", "1", "tea"])
def test_word_that_resembles_no_exercise_gets_the_list(word):
    with pytest.raises(CourseError) as caught:
        commands.exercise_of(word)

    assert caught.value.attempt.endswith(" list")


def test_solutions_can_not_be_read_by_accident(own_exercises):
    for path in Path(own_exercises, "packed").rglob("*.rot13"):
        text = path.read_text("utf-8")
        assert "import" not in text
        assert "import" in codecs.encode(text, "rot13")
