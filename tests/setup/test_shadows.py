"""A learner's file that hides a module: it is named before anything trips over it."""

import shutil
import subprocess
import sys
from pathlib import Path

from setup import shadows
from tests.support import lessons
from tests.support.course_copy import CourseCopy, lines_of

import pytest


@pytest.mark.parametrize("name", ["random", "re"])
def test_file_named_like_a_module_of_python_is_named(name: str, course: CourseCopy) -> None:
    (course.folder / f"{name}.py").write_text("raise AssertionError('was imported')")

    code, out, err = course.run("1")

    error, why, attempt = lines_of(err)
    assert (code, out) == (1, "")
    assert error.startswith(f"error: {name}.py in the course's folder")
    assert f"{name}.py my_{name}.py" in attempt
    assert "first" in why


def test_file_named_like_a_package_is_named(tmp_path: Path) -> None:
    (tmp_path / "openai.py").touch()

    assert shadows.shadows(str(tmp_path)) == ["openai"]
    found = shadows.shadow_problem(str(tmp_path))
    assert found is not None and found[0].startswith("openai.py in the course's folder")


@pytest.mark.parametrize("name", ["random", "openai"])
def test_folder_counts_if_python_would_load_it(tmp_path: Path, name: str) -> None:
    """Python itself says whether it would: the answer is compared with that of a fresh one."""
    where = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {name}; print({name}.__file__)"
    )
    (tmp_path / name).mkdir()
    for is_hidden in (False, True):
        if is_hidden:
            (tmp_path / name / "__init__.py").touch()
        result = subprocess.run(
            [sys.executable, "-c", where], capture_output=True, text=True, check=True
        )

        assert result.stdout.startswith(str(tmp_path)) == is_hidden
        assert shadows.shadows(str(tmp_path)) == [name] * is_hidden
    found = shadows.shadow_problem(str(tmp_path))
    assert found is not None and found[0].startswith(f"{name} in the course's folder")
    assert f"{name} my_{name}, then run it again" in found[2]


def test_all_of_the_course_s_own_packages_are_known() -> None:
    packages = {path.parent.name for path in lessons.COURSE.glob("*/__init__.py")}

    assert packages <= shadows.OWN_FOLDERS


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    for name in ("my_chat.py", "test.py", "course.py", "01_random.py", "random.txt", "a b.py"):
        (tmp_path / name).touch()
    (tmp_path / "__pycache__").mkdir()

    assert shadows.shadows(str(tmp_path)) == []
    assert shadows.shadow_problem(str(tmp_path)) is None
    shadows.refuse_shadows(str(tmp_path))


def test_nothing_in_the_course_hides_a_module() -> None:
    assert shadows.shadows() == []


def test_lesson_that_is_started_by_itself_names_the_file(tmp_path: Path) -> None:
    """Only what it imports before `console` comes earlier; this one imports `random` later."""
    for name in ("common", "console", "setup"):
        shutil.copytree(lessons.COURSE / name, tmp_path / name)
    shutil.copy(lessons.COURSE / "requirements.txt", tmp_path)
    script = tmp_path / "01_streaming.py"
    script.write_text("import sys\nfrom console.lesson import open_lesson\nimport random, openai\n")
    for name in ("openai", "random"):
        (tmp_path / f"{name}.py").write_text("print('was imported')")

    result = subprocess.run(
        [sys.executable, str(script)],
        env=lessons.environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (result.returncode, result.stdout) == (1, "")
    assert lines_of(result.stderr)[0].startswith("error: openai.py and random.py in the course's")
