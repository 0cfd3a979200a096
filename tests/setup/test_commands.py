"""What is typed after course.py, and what that starts."""

import os
import sys
from pathlib import Path

from setup import commands
from setup.problem import Problem
from tests.support.course_copy import LESSON, CourseCopy, lines_of

import pytest


def test_lesson_gets_arguments_untouched(course: CourseCopy) -> None:
    code, out, err = course.run("1", "--speed", "2", "a b", "-h")

    assert (code, err) == (0, "")
    assert out == "lesson ['--speed', '2', 'a b', '-h'] in \n"


def test_lesson_exit_code_passed_on(course: CourseCopy) -> None:
    assert course.run("1", "fail")[0] == 7


def test_preview_shows_a_part_of_each_lesson_and_one_suggestion(course: CourseCopy) -> None:
    code, out, _ = course.run()

    assert code == 0
    assert "lesson ['compare', '--offline'] in " in out
    *_, suggestion, _, page = out.splitlines()
    assert suggestion.endswith("course.py 1 --step")
    assert page == "The page docs/1-streaming.md explains each part."


def test_preview_that_fails_ends_there(course: CourseCopy) -> None:
    (course.folder / "01_streaming.py").write_text("import sys; sys.exit(7)")

    assert course.run() == (7, "\nLesson 1: streaming responses\n", "")


def test_program_runs_where_it_was_typed(course: CourseCopy) -> None:
    (course.folder / "console").mkdir(exist_ok=True)
    (course.folder / "console" / "run.py").write_text(
        "import os, sys; print(sys.argv[1:], os.getcwd())"
    )

    code, out, _ = course.run("run", "--wire", "mine.py")

    assert (code, out) == (0, f"['--wire', 'mine.py'] {os.sep}\n")


def test_doctor_runs_in_course_folder(course: CourseCopy) -> None:
    assert course.run("doctor", "-v") == (0, f"doctor ['-v'] in {course.folder}\n", "")


def test_tests_need_second_requirements(course: CourseCopy) -> None:
    (course.folder / "requirements-dev.txt").write_text("# nothing\n")

    code, _, err = course.run("test", "--version")

    assert code == 1
    assert err.startswith("Setting up")
    assert err.endswith("No module named pytest\n")


def test_help_lists_present_lessons(bare: CourseCopy) -> None:
    code, out, err = bare.run("--help")

    assert (code, err) == (0, "")
    assert "lesson 1" in out
    assert "lesson 2" not in out
    assert not bare.venv.exists()


@pytest.mark.parametrize("word", ["nonsense", "--offline", "2", "3"])
def test_wrong_word_is_usage_error(bare: CourseCopy, word: str) -> None:
    code, out, err = bare.run(word)

    assert (code, out) == (2, "")
    assert lines_of(err)[-1] == "  try: python3 course.py --help"


@pytest.mark.parametrize(
    ("word", "near"),
    [("docter", "doctor"), ("tests", "test"), ("RUN", "run"), ("fixture", "fixtures")],
)
def test_similar_command_is_suggested(bare: CourseCopy, word: str, near: str) -> None:
    code, _, err = bare.run(word)

    assert code == 2
    assert f"Did you mean {near}?" in err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such bit")
def test_python_that_cannot_start_is_error(course: CourseCopy) -> None:
    python = course.environment.python
    python.unlink()
    python.write_text("#!/nowhere/python3\n")
    python.chmod(0o755)
    course.environment.write_stamp(["requirements.txt"])

    code, _, err = course.run("1")

    assert code == 1
    assert lines_of(err)[0] == "error: the start failed"


@pytest.mark.parametrize(
    ("words", "tries"),
    [
        (["3"], [False]),
        (["3", "interrupt", "--wire"], [False]),
        (["extras"], [True]),
        (["3", "--help"], []),
        (["1"], []),
        (["test"], []),
        (["doctor"], []),
    ],
)
def test_only_lesson_3_needs_extras(
    words: list[str], tries: list[bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # and back at the end, as the doctor is started there
    for name in ("01_streaming.py", "03_realtime_api.py"):
        (tmp_path / name).write_text(LESSON)
    tried: list[bool] = []
    monkeypatch.setattr(commands, "COURSE", tmp_path)
    monkeypatch.setattr(commands, "set_up", lambda environment, files: None)
    monkeypatch.setattr(commands, "become", lambda python, argv: 0)
    monkeypatch.setattr(commands, "extras", lambda environment, is_retry: tried.append(is_retry))

    assert commands.start(words) == 0
    assert tried == tries


def test_extras_takes_no_words() -> None:
    with pytest.raises(Problem, match="unknown word 'moonshine' after extras") as problem:
        commands.start(["extras", "moonshine"])

    assert problem.value.code == 2
