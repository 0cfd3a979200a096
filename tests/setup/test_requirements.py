"""Which packages of a requirements file are missing, without the package that reads markers."""

import itertools
import sys
from pathlib import Path

from setup import COURSE, requirements
from setup.requirements import applies, is_installed, missing_packages, read

import pytest
from packaging.markers import Marker

MARKERS = {
    marker for file in COURSE.glob("requirements*.txt") for _, marker in read(file) if marker
}
SYSTEMS = list(
    itertools.product(
        ["linux", "darwin", "win32"], ["x86_64", "arm64", "AMD64", "ARM64"], ["3.11", "3.14"]
    )
)


def test_our_requirements_are_installed() -> None:
    """Where these tests run; the names that a lesson imports are among them."""
    names = [name for name, _ in read(requirements.REQUIREMENTS)]

    assert missing_packages() == []
    assert {"openai", "httpx2", "websockets", "pydantic", "anyio", "rich", "numpy"} <= set(names)


def test_missing_packages_are_named(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(
        f"""
# A comment
--no-index
Pydantic_Core>=1  # spelled otherwise
rich[no-such-extra]>=1
no-such.package[extra]>=1,<2
no-such-elsewhere==1; sys_platform != "{sys.platform}"
no-such-here==1 ; sys_platform == "{sys.platform}" and python_version >= "3.9"
"""
    )

    assert missing_packages(tmp_path / "requirements.txt") == ["no-such.package", "no-such-here"]


def test_package_is_found_by_any_spelling() -> None:
    assert is_installed("pytest-asyncio")
    assert is_installed("Pytest_Asyncio")
    assert not is_installed("no-such-package")


def test_our_files_have_markers() -> None:
    assert len(MARKERS) > 3


@pytest.mark.parametrize(("system", "machine", "version"), SYSTEMS)
def test_markers_are_read_as_pip_reads_them(
    system: str, machine: str, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = {"sys_platform": system, "platform_machine": machine, "python_version": version}
    monkeypatch.setattr(requirements, "value_of", here.__getitem__)
    others = {"python_version >= '3.9'", "python_version == '3.14'", "python_version != '3.11'"}
    others |= {"python_version <= '3.14'", "python_version > '3.9' or sys_platform == 'x'"}

    for marker in MARKERS | others:
        assert applies(marker) == Marker(marker).evaluate(here), marker


def test_values_are_those_of_this_system() -> None:
    for word in ("sys_platform", "platform_machine", "python_version", "os_name"):
        assert Marker(f"{word} == '{requirements.value_of(word)}'").evaluate()


@pytest.mark.parametrize(
    "marker", ["python_version ~= '3.9'", "extra == 'x'", "1 < 2", "(", "'a' in os_name", "f()"]
)
def test_marker_that_cannot_be_read_does_not_apply(marker: str) -> None:
    assert not applies(marker)
