"""Making .venv: once, over whatever a stopped set-up left, and never over somebody else's files."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.course_copy import CourseCopy, can_interrupt, lines_of

import pytest


@dataclass
class TwoStarts:
    """A course that was started twice at once, and both processes."""

    course: CourseCopy
    processes: list["subprocess.Popen[str]"]


@pytest.fixture(scope="module", autouse=True)
def two_starts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoStarts]:
    """Two starts on what a stopped set-up left, with the real venv and the real pip.

    That takes seconds, so they run beside the other tests of this module.
    """
    course = CourseCopy(tmp_path_factory.mktemp("two"))
    course.venv.mkdir()
    course.environment.config.touch()
    processes = [course.start("1"), course.start("1")]
    yield TwoStarts(course, processes)
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGINT)
        process.communicate()


def test_second_run_leaves_pip_alone(course: CourseCopy) -> None:
    stamp = course.environment.stamp.stat().st_mtime_ns
    course.break_pip()

    assert course.run("1")[0] == 0
    assert course.environment.stamp.stat().st_mtime_ns == stamp


def test_changed_requirements_installed_again(course: CourseCopy) -> None:
    course.require("# something else\n")
    assert not course.is_current()

    _, _, err = course.run("1")

    assert "making .venv" not in err
    assert course.is_current()


def test_own_venv_is_kept(course: CourseCopy) -> None:
    course.environment.stamp.unlink()
    (course.venv / "mine").touch()

    assert course.run("1")[0] == 0
    assert (course.venv / "mine").exists()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_other_things_are_not_removed(bare: CourseCopy, kind: str) -> None:
    thing = bare.venv if kind == "file" else bare.venv / "notes"
    thing.parent.mkdir(exist_ok=True)
    thing.write_text("mine")

    code, _, err = bare.run("1")

    assert (code, thing.read_text()) == (1, "mine")
    assert lines_of(err)[0] == "error: .venv is here, but is no virtual environment"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_read_only_folder_is_named(bare: CourseCopy) -> None:
    bare.folder.chmod(0o555)
    code, _, err = bare.run("1")
    bare.folder.chmod(0o755)

    assert code == 1
    assert lines_of(err)[0] == "error: cannot write to the course's folder"


def test_missing_ensurepip_is_named(bare: CourseCopy, tmp_path: Path) -> None:
    # Python takes a None here for "there is no such module".
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['ensurepip'] = None")

    code, _, err = bare.run("1", PYTHONPATH=str(tmp_path))

    assert code == 1
    assert lines_of(err)[0] == "error: this Python has no module ensurepip"


def test_unknown_package_in_three_lines(course_with_pip: CourseCopy) -> None:
    course_with_pip.require("--no-index\nno-such-package==1\n")

    code, out, err = course_with_pip.run("1", "--fast")

    assert (code, out) == (1, "")
    fact, why, attempt = lines_of(err)
    assert fact == "error: no package found that fits: no-such-package==1"
    assert attempt.endswith("python3 course.py 1 --fast")


# ---- set-up that is stopped


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_killed_holder_leaves_no_lock(course: CourseCopy) -> None:
    course.require("# something else\n")
    stopped = course.start("1")
    assert stopped.stderr
    assert stopped.stderr.readline().startswith("Setting up")
    stopped.send_signal(signal.SIGKILL)
    stopped.communicate(timeout=60)

    assert course.run("1")[0] == 0
    assert course.is_current()


@can_interrupt
def test_stopped_set_up_is_repaired(course_with_pip: CourseCopy) -> None:
    course = course_with_pip
    with socket.create_server(("127.0.0.1", 0)) as silent_index:
        index = f"http://127.0.0.1:{silent_index.getsockname()[1]}/simple"
        course.require(f"--index-url {index}\nnothing\n")
        stopped = course.start("1")
        with silent_index.accept()[0]:  # pip is at work now, and waits for an answer
            stopped.send_signal(signal.SIGINT)
            _, err = stopped.communicate(timeout=60)

    assert stopped.returncode == 130
    assert err.endswith("stopped\n")
    assert not course.environment.stamp.exists()
    assert course.environment.is_usable()
    course.require("# something else\n")
    assert course.run("1")[0] == 0
    assert course.is_current()


# In place of `venv`: starts a program, as venv starts ensurepip, and waits for it. That one
# connects to the test and stays.
GRANDPARENT = """
import subprocess, sys
PARENT = "import socket; socket.create_connection(('127.0.0.1', PORT)).recv(1)"
subprocess.call([sys.executable, "-c", PARENT])
"""


@can_interrupt
def test_stopping_course_alone_stops_what_makes_venv(bare: CourseCopy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        program = GRANDPARENT.replace("PORT", str(server.getsockname()[1]))
        bare.edit("setup/make_venv.py", '"-m", "venv",', f'"-c", {program!r},')
        stopped = bare.start("1")
        with server.accept()[0] as ensurepip:
            ensurepip.settimeout(60)
            stopped.send_signal(signal.SIGINT)  # to course.py, not to its group
            _, err = stopped.communicate(timeout=60)

            assert (stopped.returncode, err.endswith("stopped\n")) == (130, True)
            assert ensurepip.recv(1) == b""  # it is gone: its end of the connection is closed


# ---- beside all of these


def test_two_at_once_make_it_once(two_starts: TwoStarts) -> None:
    course = two_starts.course
    errors = [process.communicate(timeout=120)[1] for process in two_starts.processes]

    assert [process.returncode for process in two_starts.processes] == [0, 0]
    assert sum("making .venv" in error for error in errors) == 1
    assert sum("waiting" in error for error in errors) == 1
    assert course.is_current()
    assert course.environment.is_usable()
