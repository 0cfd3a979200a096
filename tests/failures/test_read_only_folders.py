"""Folders that may be read but not written, as on a USB stick, or where another user made them.

Root may write anywhere. Where the tests run as root, the programs run without that right.
"""

import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager

from tests.support.course_copy import CourseCopy
from tests.support.lessons import COURSE, LESSON_2, SCRIPT, environment

import pytest

IS_ROOT = hasattr(os, "getuid") and os.getuid() == 0
NO_RIGHTS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if IS_ROOT else []
pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="Windows has other rights"),
    pytest.mark.skipif(IS_ROOT and not shutil.which("setpriv"), reason="root may write anywhere"),
]
# A lesson whose stored files are in another place.
LESSON = """
import pathlib, runpy, sys
import console.lesson
folder, script, *sys.argv[1:] = sys.argv[1:]
console.lesson.KEPT = pathlib.Path(folder)
sys.argv[0] = script
runpy.run_path(script, run_name="__main__")
"""


@contextmanager
def read_only(folder):
    modes = {path: path.stat().st_mode for path in [folder, *folder.rglob("*")]}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    try:
        yield folder
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


def run(*command):
    command = [*NO_RIGHTS, sys.executable, *map(str, command)]
    pipes = {"stdin": subprocess.DEVNULL, "capture_output": True, "encoding": "utf-8"}
    done = subprocess.run(command, cwd=COURSE, env=environment(), timeout=60, check=False, **pipes)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, re.sub(r"\s+", " ", done.stderr)


@pytest.mark.parametrize("has_files", [False, True])
def test_emulator_names_the_folder_that_it_cannot_write(tmp_path, has_files):
    data = tmp_path / "data"
    if has_files:
        data.mkdir()
        (data / "emulator.sqlite3").touch()
    with read_only(tmp_path):
        code, out, error = run("-m", "emulator", "--child", "--data", data)

    assert code == 1
    assert str(data) in out
    assert error.startswith("error: the emulator cannot start: ")


def test_lesson_names_the_folder_that_it_cannot_write(tmp_path):
    with read_only(tmp_path):
        kept = tmp_path / ".emulator"
        code, _, error = run("-c", LESSON, kept, LESSON_2, "search", "--keep", "--pace", "0")

    assert code == 1
    assert "error: the emulator did not start" in error
    assert str(kept) in error.replace(" ", "")
    assert "doctor" in error


def test_recording_names_the_folder_that_it_cannot_write(tmp_path):
    with read_only(tmp_path):
        code, _, error = run(SCRIPT, "stream", "--pace", "0", "--record", tmp_path / "a.jsonl")

    assert code == 1
    assert str(tmp_path) in error.replace(" ", "")
    assert "--record FILE" in error


def test_set_up_says_to_copy_the_course(tmp_path):
    course = CourseCopy(tmp_path)
    with read_only(tmp_path):
        code, _, error = run(course.folder / "course.py", "1")

    assert code == 1
    assert "cannot write to the course's folder" in error
    assert "copy it to a folder of your own" in error
