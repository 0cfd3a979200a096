"""Whether .venv is current, and whether it is usable at all."""

import shutil
import sys
from pathlib import Path

from setup.environment import Environment, read_json
from setup.problem import Problem
from tests.support.course_copy import CourseCopy

import pytest


def test_changed_requirements_are_not_current(course: CourseCopy) -> None:
    assert course.is_current()
    course.require("# something else\n")
    assert not course.is_current()


def test_other_python_is_not_current(course: CourseCopy) -> None:
    config = course.environment.config
    config.write_text(config.read_text().replace("version = 3.", "version = 3.0."))

    assert not course.is_current()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no link there")
def test_broken_link_is_noticed(course: CourseCopy) -> None:
    """As after an upgrade of the system, which removes the Python that .venv was made from."""
    python = course.environment.python
    python.unlink()
    python.symlink_to("/nowhere/python3")

    assert not course.is_current()
    assert not course.environment.is_usable()


def test_half_pip_is_not_usable(course: CourseCopy) -> None:
    assert course.environment.is_usable()
    course.break_pip()
    assert not course.environment.is_usable()


def test_real_pip_is_usable(course_with_pip: CourseCopy) -> None:
    assert course_with_pip.environment.is_usable()


def test_moved_venv_is_not_usable(course: CourseCopy, tmp_path: Path) -> None:
    other = CourseCopy(tmp_path / "other")
    shutil.copytree(course.venv, other.venv, symlinks=True)

    assert not other.is_current()
    assert not other.environment.is_usable()


@pytest.mark.parametrize("stamp", ["", "{", "[1]", "null", '"text"'])
def test_damaged_stamp_counts_as_none(course: CourseCopy, stamp: str) -> None:
    course.environment.stamp.write_text(stamp)

    assert read_json(course.environment.stamp) == {}
    assert not course.is_current()


def test_missing_requirements_file_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"cannot read requirements\.txt"):
        Environment(tmp_path).is_current(["requirements.txt"])
