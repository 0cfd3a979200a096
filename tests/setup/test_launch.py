"""Handing over to .venv's Python: its exit code, its surroundings, and Ctrl-C on the way."""

import os
import signal
import sys
from pathlib import Path

from setup import launch
from tests.support.course_copy import CourseCopy
from tests.support.interrupts import can_interrupt

import pytest

PYTHON = Path(sys.executable)


def script(folder: Path, text: str) -> list[str]:
    (folder / "script.py").write_text(text)
    return [str(folder / "script.py"), "a b"]


def test_script_sees_its_own_name(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    argv = script(tmp_path, "import sys; print(__name__, sys.argv)")

    assert launch.wait_for(PYTHON, argv) == 0
    assert capfd.readouterr().out == f"__main__ {argv}\n"


def test_modules_of_setup_shadow_none(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    argv = script(tmp_path, "import pip, sys; print(pip.__file__, sys.path[0])")

    assert launch.wait_for(PYTHON, argv) == 0
    assert str(launch.LAUNCHED.parent) + os.sep not in capfd.readouterr().out


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("import sys; sys.exit(7)", 7),
        ("raise KeyboardInterrupt", 130),
        ("import os; os.abort()", 134),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", 143),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such exit codes")
def test_exit_code_is_that_of_script(text: str, code: int, tmp_path: Path) -> None:
    assert launch.wait_for(PYTHON, script(tmp_path, text)) == code


@can_interrupt
def test_script_that_ctrl_c_kills_is_stopped(tmp_path: Path) -> None:
    text = "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); signal.raise_signal(2)"

    assert launch.wait_for(PYTHON, script(tmp_path, text)) == launch.STOPPED


@can_interrupt
def test_ctrl_c_before_child_starts_reaches_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    command_line = launch.command_line

    def pressed_meanwhile(python: Path, argv: list[str]) -> list[str]:
        signal.raise_signal(signal.SIGINT)
        return command_line(python, argv)

    monkeypatch.setattr(launch, "command_line", pressed_meanwhile)

    assert launch.wait_for(PYTHON, script(tmp_path, "print('never')")) == launch.STOPPED
    assert capfd.readouterr() == ("", "stopped\n")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@can_interrupt
def test_python_that_cannot_start_holds_nothing(tmp_path: Path) -> None:
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    with pytest.raises(OSError, match="nowhere"):
        launch.wait_for(tmp_path / "nowhere", [])

    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == blocked
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


PYTEST = """
import signal, sys
try:
    if "press" in sys.argv:
        signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted")
sys.exit(2)
"""


@can_interrupt
@pytest.mark.parametrize(("words", "code"), [([], 2), (["press"], 130)])
def test_pytest_that_ctrl_c_ends_has_its_exit_code(
    words: list[str], code: int, course: CourseCopy
) -> None:
    """pytest itself ends with 2, which also stands for a wrong command line."""
    (course.folder / "requirements-dev.txt").write_text("# nothing\n")
    course.environment.write_stamp(["requirements.txt", "requirements-dev.txt"])
    (course.folder / "pytest.py").write_text(PYTEST)

    assert course.run("test", "-n0", *words)[0] == code
