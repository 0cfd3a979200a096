"""Courses to try set-up on: one that was never started, and two that are set up."""

from pathlib import Path

from tests.support.course_copy import CourseCopy, copy_our_pip, with_venv

import pytest


@pytest.fixture
def bare(tmp_path: Path) -> CourseCopy:
    """A course that was never started."""
    return CourseCopy(tmp_path)


@pytest.fixture
def course(bare: CourseCopy) -> CourseCopy:
    """A course that is set up, with a pip that installs nothing."""
    return with_venv(bare)


@pytest.fixture(scope="session")
def our_pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_our_pip(tmp_path_factory.mktemp("pip"))


@pytest.fixture
def course_with_pip(bare: CourseCopy, our_pip: Path) -> CourseCopy:
    """A course that is set up, with the real pip."""
    return with_venv(bare, our_pip)
