"""Installing the extras of lesson 3 one by one: each may fail, and the lesson starts anyway."""

import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from setup import COURSE
from setup.environment import Environment
from setup.extras import read_extras, read_outcomes, write_outcomes
from setup.install_extras import add_extras, why_not
from setup.problem import command
from tests.support.course_copy import LESSON, CourseCopy, with_venv
from tests.support.interrupts import can_interrupt
from tests.support.packages import write_source, write_wheel

import pytest

NO_WHEEL = "ERROR: No matching distribution found for google-crc32c"
UNREACHABLE = "Retrying (Retry(total=0, connect=None\nERROR: No matching distribution found for x"
TWO = """
# Speaks; 10 MB.
# Without it all is
# silent.
voice==1

# Without it all is deaf.
ear>=1,<2
"""


class ScriptedPip:
    """Stands in for pip: prints the text given for a package; installs it where there is none."""

    def __init__(self, **says: str) -> None:
        self.says, self.asked = says, list[str]()
        self.asked_offline: list[str] = []

    def __call__(self, environment: Environment, options: list[str], *_: object) -> tuple[int, str]:
        asked = self.asked_offline if "--no-index" in options else self.asked
        asked.append(options[-1])
        said = next((text for name, text in self.says.items() if name in options[-1]), "")
        return int("ERROR" in said), said


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """An environment in a folder of its own, with two extras."""
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/pyvenv.cfg").write_text("version = 3.12.1\n")
    (tmp_path / "requirements-extras.txt").write_text(TWO)
    return Environment(tmp_path)


def with_lesson_3(course: CourseCopy, monkeypatch: pytest.MonkeyPatch) -> CourseCopy:
    """A course with a lesson 3, whose pip knows the folder `wheels` and no index."""
    (course.folder / "03_realtime_api.py").write_text(LESSON)
    (course.folder / "wheels").mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", (course.folder / "wheels").as_uri())
    return course


@pytest.fixture
def course(bare: CourseCopy, our_pip: Path, monkeypatch: pytest.MonkeyPatch) -> CourseCopy:
    return with_lesson_3(with_venv(bare, our_pip), monkeypatch)


# ---- with pip


def test_failure_named_and_passed_over(course: CourseCopy) -> None:
    write_wheel(course.folder / "wheels", "before")
    write_wheel(course.folder / "wheels", "after")
    course.want_extras("before==1\n# 7 MB\n# Without it all is lost.\nnone==1\nafter==1\n")

    code, out, err = course.run("3", "--fast")

    assert (code, out) == (0, "lesson ['--fast'] in \n")
    assert err.splitlines() == [
        "Installing what makes lesson 3 better: 3 extras, at most 7 MB.",
        "  1 of 3: before: done",
        "  2 of 3: none (7 MB): failed, no wheel for this system; without it all is lost",
        "  3 of 3: after: done",
        f"Lesson 3 works without what failed. To try again: {command('extras')}",
        "",
    ]
    assert len(list(course.venv.glob("**/site-packages/[ab]*e*r*.py"))) == 2
    assert course.run("3")[2] == ""  # nothing is tried twice


def test_only_pyaudio_may_be_compiled(course: CourseCopy) -> None:
    write_source(course.folder / "wheels", "pyaudio")
    write_source(course.folder / "wheels", "other")
    course.want_extras("pyaudio==1\nother==1\n")

    code, _, err = course.run("extras")

    compiling = "no wheel" if sys.platform == "win32" else "it does not compile here (try: "
    assert code == 0
    assert f"pyaudio: failed, {compiling}" in err
    assert "other: failed, no wheel for this system" in err


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is compiled there")
def test_start_of_a_lesson_compiles_nothing(course: CourseCopy) -> None:
    """It says how to have PyAudio compiled, and that command does try."""
    write_source(course.folder / "wheels", "pyaudio")
    course.want_extras("# try:\n#   sudo python3 install gcc\npyaudio==1\n")

    code, out, err = course.run("3")

    assert (code, out) == (0, "lesson [] in \n")
    assert "pyaudio: failed, no wheel for this system (try: " in err
    assert f", then {command('extras')}); without it " in err
    assert "Failed building wheel" not in course.environment.log.read_text()
    assert "it does not compile here" in course.run("extras")[2]


def test_extra_that_another_replaces_is_no_failure(course: CourseCopy) -> None:
    write_wheel(course.folder / "wheels", "ear")
    spare = "# It does the same as ear, so one is enough.\n# Without it all is quiet.\nspare==1\n"
    course.want_extras(f"ear==1\n{spare}")

    assert course.run("3")[2].splitlines() == [
        "Installing what makes lesson 3 better: 2 extras, at most 0 MB.",
        "  1 of 2: ear: done",
        "  2 of 2: spare: not needed, as ear does the same; no wheel for this system",
        "",
    ]


def test_extra_is_missed_if_what_replaces_it_is_missing(course: CourseCopy) -> None:
    spare = "# It does the same as ear, so one is enough.\n# Without it all is quiet.\nspare==1\n"
    course.want_extras(f"ear==1\n{spare}")

    assert "spare: failed, no wheel for this system; without it all is quiet" in course.run("3")[2]


def test_extras_tries_failures_again(bare: CourseCopy, monkeypatch: pytest.MonkeyPatch) -> None:
    course = with_lesson_3(with_venv(bare), monkeypatch)
    course.want_extras("late==1\n")
    course.let_pip("raise SystemExit('ERROR: No matching distribution found for late==1')")
    assert "failed" in course.run("3")[2]
    course.let_pip("print('Successfully installed late-1')")

    assert course.run("3")[2] == ""
    assert "  1 of 1: late: done" in course.run("extras")[2]
    assert read_outcomes(course.environment) == {"late==1": ""}


@can_interrupt
def test_interrupted_extra_is_not_remembered(course: CourseCopy) -> None:
    write_outcomes(course.environment, {"first==1": ""})
    course.want_extras("first==1\nsecond==1\n")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        stopped = course.start("3", PIP_NO_INDEX="0", PIP_INDEX_URL=index)
        with silent.accept()[0]:  # pip is at work now, and waits for an answer
            stopped.send_signal(signal.SIGINT)
            out, err = stopped.communicate(timeout=60)

    assert (stopped.returncode, out) == (130, "")
    assert err.endswith("stopped\n")
    assert read_outcomes(course.environment) == {"first==1": ""}


def test_lesson_starts_without_network(course: CourseCopy) -> None:
    course.want_extras("# Without it all is lost.\none==1\n# Without it so is this.\ntwo==1\n")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # nobody listens there
        index = f"http://127.0.0.1:{unused.getsockname()[1]}/simple"
        code, out, err = course.run("3", PIP_NO_INDEX="0", PIP_INDEX_URL=index)

    assert (code, out) == (0, "lesson [] in \n")
    assert err.count("failed, the package index cannot be reached; without it") == 2
    assert not (course.venv / "extras.json").exists()


# ---- what is tried


def test_each_line_is_tried_once(environment: Environment) -> None:
    pip = ScriptedPip()

    add_extras(environment, is_retry=False, install=pip)
    add_extras(environment, is_retry=False, install=pip)

    assert pip.asked == ["voice==1", "ear>=1,<2"]


@pytest.mark.parametrize("said", ["", NO_WHEEL])
def test_changed_line_is_tried_again(environment: Environment, said: str) -> None:
    pip = ScriptedPip(ear=said)
    add_extras(environment, is_retry=False, install=pip)
    (environment.course / "requirements-extras.txt").write_text(TWO.replace("ear>=1", "ear>=1.1"))

    add_extras(environment, is_retry=False, install=pip)

    assert pip.asked == ["voice==1", "ear>=1,<2", "ear>=1.1,<2"]


def test_other_python_tries_all_again(environment: Environment) -> None:
    pip = ScriptedPip()

    add_extras(environment, is_retry=False, install=pip)
    environment.config.write_text("version = 3.13.0\n")

    add_extras(environment, is_retry=False, install=pip)

    assert pip.asked == ["voice==1", "ear>=1,<2"] * 2


def test_asked_for_extras_tries_all(environment: Environment) -> None:
    pip = ScriptedPip()

    add_extras(environment, is_retry=False, install=pip)
    add_extras(environment, is_retry=True, install=pip)

    assert pip.asked == ["voice==1", "ear>=1,<2"] * 2


def test_course_without_extras_tries_none(environment: Environment) -> None:
    pip = ScriptedPip()

    (environment.course / "requirements-extras.txt").unlink()

    add_extras(environment, is_retry=True, install=pip)

    assert pip.asked == []


# ---- what goes wrong


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (NO_WHEEL, "no wheel for this system"),
        ("Ignoring ear: markers 'x' don't match", "it is not made for this system"),
        ("ERROR: Errno 28, no room", "the disk is full"),
        (f"  Downloading ear.whl (56 MB)\n{UNREACHABLE}", "the download was interrupted"),
        (UNREACHABLE, "the package index cannot be reached"),
        ("ERROR: something new", "pip failed: something new"),
    ],
)
def test_failure_in_few_words(
    environment: Environment, said: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pip = ScriptedPip(ear=said)

    add_extras(environment, is_retry=False, install=pip)

    shown = capsys.readouterr().err
    assert "1 of 2: voice (10 MB): done\n" in shown
    assert f"2 of 2: ear: failed, {why}; without it all is deaf\n" in shown


@pytest.mark.parametrize("said", [UNREACHABLE, "[SSL: CERTIFICATE_VERIFY_FAILED] ERROR"])
def test_unreachable_index_is_asked_once(environment: Environment, said: str) -> None:
    pip = ScriptedPip(voice=said, ear=NO_WHEEL)

    add_extras(environment, is_retry=False, install=pip)

    assert (pip.asked, pip.asked_offline) == (["voice==1"], ["ear>=1,<2"])
    assert read_outcomes(environment) == {}  # so both are tried the next time


def test_installed_extra_is_found_without_network(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    pip = ScriptedPip(voice=UNREACHABLE)

    add_extras(environment, is_retry=True, install=pip)

    assert "ear: done\n" in capsys.readouterr().err
    assert read_outcomes(environment) == {"ear>=1,<2": ""}


def test_broken_download_is_tried_next_time(environment: Environment) -> None:
    pip = ScriptedPip(voice=f"  Downloading voice.whl\n{UNREACHABLE}")

    add_extras(environment, is_retry=False, install=pip)
    add_extras(environment, is_retry=False, install=pip)

    assert pip.asked == ["voice==1", "ear>=1,<2", "voice==1"]


def test_pip_that_is_interrupted_stops_all(environment: Environment) -> None:
    pip = ScriptedPip(ear="ERROR: Operation cancelled by user")

    with pytest.raises(KeyboardInterrupt):
        add_extras(environment, is_retry=False, install=pip)

    assert read_outcomes(environment) == {"voice==1": ""}


def test_unwritable_memory_stops_nothing(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    pip = ScriptedPip()

    environment.outcomes.with_name("extras.json.new").mkdir()

    add_extras(environment, is_retry=False, install=pip)

    assert "error: " in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is compiled there")
@pytest.mark.parametrize("installer", ["apt", "dnf", "brew"])
def test_compiler_error_ends_in_command(
    installer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / installer).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    pyaudio = next(extra for extra in read_extras(COURSE) if extra.name == "pyaudio")

    why = why_not(pyaudio, 1, "ERROR: Failed building wheel for pyaudio")

    assert why.startswith("it does not compile here (try: ")
    assert f"{installer} install portaudio" in why
    assert why.endswith(", then python3 course.py extras)")


def test_progress_of_extra_on_terminal(
    environment: Environment, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    watched: list[Callable[[str], None]] = []

    def pip(_: Environment, options: list[str], watch: Callable[[str], None]) -> tuple[int, str]:
        watch("  Downloading voice-1-py3-none-any.whl (10.1 MB)")
        watched.append(watch)
        return 0, ""

    add_extras(environment, is_retry=False, install=pip)

    shown = capsys.readouterr().err
    assert len(watched) == 2
    assert "\r  1 of 2: voice (10 MB)" in shown
    assert "\r  fetching 1 of 0: voice (10.1 MB)" in shown
    assert shown.endswith("  2 of 2: ear: done\n\n")
