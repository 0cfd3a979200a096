"""course.py itself: what any Python can read, and a start that nothing around it can break."""

import ast
import subprocess
import sys
from itertools import product
from pathlib import Path

from tests.support.course_copy import SOURCE, CourseCopy, lines_of
from tests.support.interrupts import can_interrupt

import pytest

READ_BY_OLD_PYTHON = ("course.py", "setup/__init__.py", "setup/too_old.py")
# Python imports this file before it runs anything. It presses Ctrl-C when a module is imported.
CTRL_C = """
import os, signal, sys

class PressAtImport:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ.get("CTRL_C_AT"):
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, PressAtImport())
"""
# The same, but in a place where Python would only show the KeyboardInterrupt and go on.
LOST_CTRL_C = CTRL_C.replace(
    "signal.raise_signal(signal.SIGINT)",
    "type('', (), {'__del__': lambda self: signal.raise_signal(signal.SIGINT)})()",
)


def with_sitecustomize(folder: Path, text: str) -> str:
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(text)
    return str(folder)


@pytest.mark.parametrize("name", READ_BY_OLD_PYTHON)
def test_old_python_can_read_file(name: str) -> None:
    source = (SOURCE / name).read_text(encoding="ascii")

    ast.parse(source, feature_version=(3, 6))


def test_shim_is_short() -> None:
    assert len((SOURCE / "course.py").read_text(encoding="ascii").splitlines()) < 80


def test_old_python_gets_three_lines(bare: CourseCopy, tmp_path: Path) -> None:
    bare.edit("setup/__init__.py", "OLDEST_PYTHON = (3,", "OLDEST_PYTHON = (99,")

    code, out, err = bare.run("1", PATH=str(tmp_path))

    assert (code, out) == (1, "")
    fact, why, attempt = lines_of(err)
    assert fact.startswith("error: this course needs Python 99.11 or newer, this is 3.")
    assert why == f"  why: it was started with {sys.executable}"
    assert "install Python 3.12 from" in attempt


@pytest.mark.skipif(sys.platform == "win32", reason="there `py` finds the Pythons")
def test_newer_python_is_named_if_it_starts(bare: CourseCopy, tmp_path: Path) -> None:
    bare.edit("setup/__init__.py", "OLDEST_PYTHON = (3, 11)", "OLDEST_PYTHON = (3, 98)")
    bare.edit("setup/__init__.py", "NEWEST_PYTHON = (3, 15)", "NEWEST_PYTHON = (3, 99)")
    for name, code in (("python3.99", 1), ("python3.98", 0)):
        (tmp_path / name).write_text(f"#!/bin/sh\nexit {code}\n")
        (tmp_path / name).chmod(0o755)

    _, _, err = bare.run("2", "ask", PATH=str(tmp_path))

    assert lines_of(err)[-1] == "  try: python3.98 course.py 2 ask"


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        (("-P", "-OO"), {}),
        ((), {"PYTHONSAFEPATH": "1", "PYTHONOPTIMIZE": "2"}),
    ],
)
def test_settings_of_python_do_no_harm(
    course: CourseCopy, options: tuple[str, ...], settings: dict[str, str]
) -> None:
    lesson = '"""Help."""\nimport console.doctor\nassert __doc__\n'
    (course.folder / "01_streaming.py").write_text(lesson)
    doctor = f"doctor ['-v'] in {course.folder}\n"

    assert course.run("1", options=options, **settings) == (0, "doctor [] in /\n", "")
    assert course.run("doctor", "-v", options=options, **settings) == (0, doctor, "")


def test_files_named_like_modules_do_no_harm(course: CourseCopy) -> None:
    for name in ("random", "json", "hashlib", "queue", "setup", "pathlib", "signal"):
        (course.folder / f"{name}.py").write_text("raise SystemExit('shadowed')")

    code, out, err = course.run("--help")

    assert (code, err) == (0, "")
    assert "lesson 1" in out
    course.require("# something else\n")
    assert "shadowed" not in course.run("nonsense")[2] + course.run("extras")[2]
    assert course.is_current()


def test_other_setup_on_the_path_does_no_harm(bare: CourseCopy, tmp_path: Path) -> None:
    folder = with_sitecustomize(tmp_path / "other", "import setup")
    (tmp_path / "other/setup.py").touch()

    code, out, _ = bare.run("--help", PYTHONPATH=folder)

    assert (code, "lesson 1" in out) == (0, True)


def test_closed_pipe_ends_quietly(bare: CourseCopy) -> None:
    process = bare.start("--help")
    assert process.stdout
    process.stdout.close()
    process.stdout = None

    assert process.communicate(timeout=60)[1] == ""


def test_closed_streams_do_no_harm(course: CourseCopy) -> None:
    if sys.platform == "win32":
        pytest.skip("no such way to close them")
    command = f'exec "{sys.executable}" "{course.folder}/course.py" --help >&- 2>&-'

    assert subprocess.call(["sh", "-c", command]) == 0


# ---- Ctrl-C


@can_interrupt
@pytest.mark.parametrize(
    ("text", "module"),
    [
        *product([CTRL_C], ["importlib.util", "setup.commands", "hashlib", "runpy", "pytest"]),
        *product([LOST_CTRL_C], ["setup.commands", "pytest"]),
    ],
)
def test_early_ctrl_c_is_one_word(
    course: CourseCopy, text: str, module: str, tmp_path: Path
) -> None:
    (course.folder / "01_streaming.py").write_text("import pytest")
    folder = with_sitecustomize(tmp_path / "ctrl_c", text)

    assert course.run("1", PYTHONPATH=folder, CTRL_C_AT=module) == (130, "", "stopped\n")


@can_interrupt
@pytest.mark.parametrize("words", [(), ("test",), ("doctor",)], ids=["tour", "test", "doctor"])
def test_early_ctrl_c_in_what_is_started(
    course: CourseCopy, words: tuple[str, ...], tmp_path: Path
) -> None:
    (course.folder / "requirements-dev.txt").write_text("# nothing\n")
    course.environment.write_stamp(["requirements.txt", "requirements-dev.txt"])
    for name in ("01_streaming.py", "pytest.py", "console/doctor.py"):
        (course.folder / name).write_text("import colorsys")
    folder = with_sitecustomize(tmp_path / "ctrl_c", CTRL_C)

    outcome = course.run(*words, PYTHONPATH=folder, CTRL_C_AT="colorsys")

    assert outcome == (130, "" if words else "\nLesson 1: streaming responses\n", "stopped\n")
