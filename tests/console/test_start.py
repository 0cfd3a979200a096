"""The first half second of a run; importing the course changes nothing for other programs."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

from console import start
from setup import requirements
from tests.support import lessons
from tests.support.fork_server import Popen
from tests.support.interrupts import can_interrupt

import pytest

LESSONS = [lessons.SCRIPT, lessons.LESSON_2, lessons.LESSON_3]
NAMES = [path.name for path in LESSONS]

# A learner's own program: what it imports is filled in.
OWN = """if True:
    import importlib, os, signal, sys, threading
    sys.path.insert(0, {course!r})
    before = signal.getsignal(signal.SIGINT)
    errors = []
    def load():
        try:
            importlib.import_module({module!r})
        except BaseException as error:
            errors.append(error)
    thread = threading.Thread(target=load)
    {run}
    assert not errors, errors
    assert signal.getsignal(signal.SIGINT) is before
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        print("caught")
    finally:
        print("finally")
"""


def python(*words, cwd=None, **variables):
    """Run Python; a script starts from a process that has imported the packages, where it can."""
    pipe = subprocess.PIPE
    command, environment = [sys.executable, *words], lessons.environment(**variables)
    with Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True, cwd=cwd) as process:
        out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(command, process.returncode, out, err)


@can_interrupt
@pytest.mark.parametrize("run", ["load()", "thread.start(); thread.join()"], ids=["main", "thread"])
@pytest.mark.parametrize("module", ["common.client", "01_streaming", "03_realtime_api"])
def test_importing_leaves_ctrl_c_to_the_program(tmp_path, module, run):
    program = tmp_path / "01_my_own.py"
    program.write_text(OWN.format(course=str(lessons.COURSE), module=module, run=run))

    result = python(str(program))

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "caught\nfinally\n"


@can_interrupt
@pytest.mark.parametrize("script", LESSONS, ids=NAMES)
def test_early_ctrl_c_ends_without_a_traceback(tmp_path, script):
    """The signal comes while `openai` is imported."""
    (tmp_path / "openai.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\n")

    result = python(str(script), PYTHONPATH=str(tmp_path))

    assert (result.returncode, result.stdout, result.stderr) == (130, "", "stopped\n")


@pytest.mark.parametrize("words", [["1"], ["2"], ["3"], ["-m", "console.doctor"]])
def test_missing_packages_are_named_in_three_lines(words):
    script = [path for path in LESSONS if path.name[1] == words[0]]
    result = python("-S", *(map(str, script) if script else words), cwd=lessons.COURSE)

    lines = result.stderr.splitlines()
    assert (result.returncode, result.stdout) == (1, "")
    assert [line[:7] for line in lines] == ["error: ", "  why: ", "  try: "]
    assert "openai, httpx2" in lines[0]
    assert lines[2].endswith(f"course.py {words[0]}" if script else "course.py")


@pytest.mark.parametrize("package", ["openai", "lxml"])
def test_one_missing_package_is_named(tmp_path, monkeypatch, capsys, package):
    names = {name for name, _ in requirements.read(requirements.REQUIREMENTS)}
    monkeypatch.setattr(requirements, "is_installed", (names - {package, "pytest"}).__contains__)

    with pytest.raises(SystemExit) as ended:
        start.check_packages()

    assert ended.value.code == 1
    assert f"not installed for this Python: {package}\n" in capsys.readouterr().err


@pytest.mark.parametrize(("script", "part"), [(0, "stream"), (1, "embed"), (2, "text")])
def test_lesson_runs_without_docstrings_and_its_folder(emulator, script, part):
    """`python -OO -P`. The first lesson also starts an emulator; a child is started without -P."""
    variables = {"PYTHONOPTIMIZE": "2", "PYTHONSAFEPATH": "1"}
    if script:
        variables["OPENAI_BASE_URL"] = emulator.base_url
    words = [str(LESSONS[script]), part, *(() if script else ("--offline", "--pace", "0"))]

    result = python(*words, **variables)

    assert (result.returncode, result.stderr) == (0, "")
    heading, reason = result.stdout.split("\n\n")[1].splitlines()[:2]
    assert re.match(r"1\. [A-Z]", heading)
    assert reason.startswith("|  ")


def main_is(monkeypatch, file, *modules):
    main = type(sys)("__main__")
    main.__file__ = file
    monkeypatch.setitem(sys.modules, "__main__", main)
    for name in modules:
        monkeypatch.setitem(sys.modules, name, type(sys)(name))


def test_own_run_is_told_by_the_script(monkeypatch, tmp_path):
    monkeypatch.chdir(lessons.COURSE)
    main_is(monkeypatch, "01_streaming.py")
    assert start.is_own_run()
    main_is(monkeypatch, str(lessons.LESSON_3))
    assert start.is_own_run()

    for other in (str(tmp_path / "01_streaming.py"), str(lessons.COURSE / "my.py"), None):
        main_is(monkeypatch, other)
        assert not start.is_own_run()


def test_notebook_is_no_own_run(monkeypatch):
    """Its `%run` puts the script in place of `__main__`."""
    main_is(monkeypatch, str(lessons.SCRIPT), "IPython")

    assert not start.is_own_run()


@pytest.mark.parametrize(("module", "is_own"), [("console.doctor", True), ("mine", False)])
def test_module_is_told_by_the_command_line(monkeypatch, module, is_own):
    monkeypatch.setattr(sys, "argv", ["-m"])
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, "-m", module])

    assert start.is_own_run() is is_own


@can_interrupt
def test_early_stop_gives_way_and_ends(monkeypatch):
    before = signal.getsignal(signal.SIGINT)
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        start.catch_early_stop()
        start.end_early_stop()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN

        signal.signal(signal.SIGINT, signal.default_int_handler)
        start.catch_early_stop()
        assert signal.getsignal(signal.SIGINT) is start.stop_early
        start.end_early_stop()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_early_stop_is_for_the_main_thread_alone():
    errors = []

    def work():
        try:
            start.catch_early_stop()
        except ValueError as error:
            errors.append(error)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    finally:
        signal.signal(signal.SIGINT, before)

    assert errors == []


def test_early_stop_says_so_and_exits(monkeypatch, capsys):
    codes = []
    monkeypatch.setattr(os, "_exit", codes.append)

    start.stop_early(signal.SIGINT, None)

    assert (codes, capsys.readouterr().err) == ([130], "stopped\n")


def test_every_lesson_is_known():
    assert sorted(start.OWN_SCRIPTS) == sorted(map(Path, LESSONS))
