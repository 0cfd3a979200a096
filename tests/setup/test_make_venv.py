"""Making .venv: once, over whatever a stopped set-up left, and never over somebody else's files."""

import os
import signal
import socket
import sys
from pathlib import Path

from tests.support.course_copy import CourseCopy, lines_of, pip_that_does_nothing
from tests.support.interrupts import can_interrupt

import pytest

# In place of `-m venv`, whose ensurepip takes seconds: makes the same, with a pip that is copied,
# once the test lets it. The real one makes the .venv that these tests run in, each time .ci/run
# meets a fresh checkout.
QUICK_VENV = """
import pathlib, shutil, socket, sys, venv
socket.create_connection(("127.0.0.1", PORT)).recv(1)
venv.main(["--without-pip", sys.argv[1]])
packages = next(pathlib.Path(sys.argv[1]).glob("**/site-packages"))
shutil.copytree(PIP, packages, dirs_exist_ok=True)
"""


def test_two_at_once_make_it_once(bare: CourseCopy, tmp_path: Path) -> None:
    """From what a stopped set-up left."""
    bare.venv.mkdir()
    bare.environment.config.touch()
    with socket.create_server(("127.0.0.1", 0)) as server:
        program = QUICK_VENV.replace("PORT", str(server.getsockname()[1]))
        program = program.replace("PIP", repr(str(pip_that_does_nothing(tmp_path / "pip"))))
        bare.edit("setup/make_venv.py", '"-m", "venv",', f'"-c", {program!r},')
        first = bare.start("1")
        with server.accept()[0]:
            second = bare.start("1")
            assert second.stderr
            assert "waiting" in second.stderr.readline()
        errors = [process.communicate(timeout=60)[1] for process in (first, second)]

    assert [first.returncode, second.returncode] == [0, 0]
    assert ["making .venv" in error for error in errors] == [True, False]
    assert bare.is_current()
    assert bare.environment.is_usable()


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

WAITING_PIP = "import socket; socket.create_connection(('127.0.0.1', PORT)).recv(1)"


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
def test_stopped_set_up_is_repaired(course: CourseCopy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent_index:
        course.let_pip(WAITING_PIP.replace("PORT", str(silent_index.getsockname()[1])))
        course.require("# something else\n")
        stopped = course.start("1")
        with silent_index.accept()[0]:  # pip is at work now, and waits for an answer
            stopped.send_signal(signal.SIGINT)
            _, err = stopped.communicate(timeout=60)

    assert stopped.returncode == 130
    assert err.endswith("stopped\n")
    assert not course.is_current()
    course.let_pip("")
    assert course.run("1")[0] == 0
    assert course.is_current()


@pytest.mark.parametrize(
    "ending", ["raise SystemExit('ERROR: no room')", "os.kill(os.getppid(), 9)"]
)
def test_old_stamp_is_no_proof_after_half_an_install(course: CourseCopy, ending: str) -> None:
    """Some packages are new by then, so the old requirements.txt is not what is installed."""
    old = (course.folder / "requirements.txt").read_text()
    course.require("# something else\n")
    course.let_pip(f"import os; {ending}")

    assert course.run("1")[0] != 0
    course.require(old)

    assert not course.is_current()
    course.let_pip("")
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


def test_socks_proxy_is_named_with_what_to_do(course_with_pip: CourseCopy) -> None:
    course_with_pip.require("no-such-package==1\n")

    code, _, err = course_with_pip.run("1", ALL_PROXY="socks5://127.0.0.1:9")

    error, why, attempt = lines_of(err)
    assert (code, error) == (1, "error: pip cannot use a SOCKS proxy")
    assert "ALL_PROXY" in why
    assert attempt.startswith("  try: unset it, or set HTTPS_PROXY to an HTTP proxy, then ")
