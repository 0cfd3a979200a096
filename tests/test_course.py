"""course.py, driven as a learner would: in a small course of its own, without a network."""

import ast
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from tests.conftest import can_interrupt

import pytest

SOURCE = Path(__file__).parent.parent / "course.py"
LESSON = """
import os, sys
print("lesson", sys.argv[1:], "in", os.path.basename(os.getcwd()))
sys.exit(7 if "fail" in sys.argv else 0)
"""
DOCTOR = 'import os, sys; print("doctor", sys.argv[1:], "in", os.getcwd())'


class Course:
    """A course of one lesson, in a folder whose name has blanks and accents."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.venv = folder, folder / ".venv"
        self.first_errors: list[str] = []
        (folder / "common").mkdir(parents=True)
        shutil.copy(SOURCE, folder)
        (folder / "01_streaming.py").write_text(LESSON)
        (folder / "console/doctor.py").write_text(DOCTOR)
        self.require("# nothing\n")

    def require(self, text: str) -> None:
        (self.folder / "requirements.txt").write_text(text)

    def start(self, *words: str, **settings: str) -> "subprocess.Popen[str]":
        pipe, env = subprocess.PIPE, {**os.environ, **settings}
        command = [sys.executable, str(self.folder / "course.py"), *words]
        return subprocess.Popen(command, cwd="/", env=env, stdout=pipe, stderr=pipe, text=True)

    def run(self, *words: str, **settings: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of one run."""
        process = self.start(*words, **settings)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def module(self) -> ModuleType:
        """course.py itself, as it sees this folder."""
        spec = importlib.util.spec_from_file_location("course_in_test", self.folder / "course.py")
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def is_current(self) -> bool:
        return bool(self.module().is_current(["requirements.txt"]))

    def break_pip(self) -> None:
        """Leave of pip a part only, as a set-up that was stopped would."""
        next(self.venv.glob("**/site-packages/pip/__init__.py")).unlink()

    def break_python(self) -> None:
        """Let .venv's Python be a link to nowhere, as after an upgrade of the system."""
        python = self.venv / "bin/python"
        python.unlink()
        python.symlink_to("/nowhere/python3")


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course, started twice at once on what a stopped set-up left; .venv is kept aside, too."""
    course = Course(tmp_path_factory.mktemp("all") / "Mein Kürs é")
    course.venv.mkdir()
    (course.venv / "pyvenv.cfg").touch()
    both = [course.start("1"), course.start("1")]
    course.first_errors = [process.communicate(timeout=60)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    shutil.copytree(course.venv, course.folder / "kept", symlinks=True)
    return course


@pytest.fixture
def course(made_once: Course) -> Course:
    """A course that is set up, whatever the test before did to it."""
    made_once.require("# nothing\n")
    if not (made_once.is_current() and made_once.module().is_usable()):
        shutil.rmtree(made_once.venv)
        shutil.copytree(made_once.folder / "kept", made_once.venv, True, copy_function=os.link)
    return made_once


@pytest.fixture
def bare(tmp_path: Path) -> Course:
    """A course that was never started."""
    return Course(tmp_path / "course")


def lines_of(problem: str) -> list[str]:
    """The three lines of a problem, which stand last; checks their form."""
    lines = problem.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("error: "))
    assert all(line.startswith(("  why: ", "  try: ")) for line in lines[at + 1 :])
    assert "Traceback" not in problem
    return lines[at:]


# ---- what is started


def test_lesson_gets_arguments_untouched(course: Course) -> None:
    code, out, err = course.run("1", "--speed", "2", "a b", "-h")

    assert (code, err) == (0, "")
    assert out == "lesson ['--speed', '2', 'a b', '-h'] in \n"


def test_lesson_exit_code_passed_on(course: Course) -> None:
    assert course.run("1", "fail")[0] == 7


def test_tour_ends_with_commands(course: Course) -> None:
    code, out, _ = course.run()

    first, *rest = out.splitlines()
    assert (code, first) == (0, "lesson ['--offline'] in ")
    assert [line.split()[2] for line in rest if "course.py" in line] == [
        "1",
        "test",
        "doctor",
        "extras",
        "fixtures",
        "conformance",
    ]


def test_doctor_runs_in_course_folder(course: Course) -> None:
    assert course.run("doctor", "-v") == (0, f"doctor ['-v'] in {course.folder}\n", "")


def test_tests_need_second_requirements(course: Course) -> None:
    (course.folder / "requirements-dev.txt").write_text("# nothing\n")

    code, _, err = course.run("test", "--version")

    assert code == 1
    assert err.startswith("Setting up")
    assert err.endswith("No module named pytest\n")


def test_help_lists_present_lessons(bare: Course) -> None:
    code, out, err = bare.run("--help")

    assert (code, err) == (0, "")
    assert "lesson 1" in out
    assert "lesson 2" not in out
    assert not bare.venv.exists()


@pytest.mark.parametrize("word", ["nonsense", "--offline", "2", "3"])
def test_wrong_word_is_usage_error(bare: Course, word: str) -> None:
    code, out, err = bare.run(word)

    assert (code, out) == (2, "")
    assert lines_of(err)[-1] == "  try: python3 course.py --help"


# ---- set-up


def test_second_run_leaves_pip_alone(course: Course) -> None:
    stamp = (course.venv / "course.json").stat().st_mtime_ns
    course.break_pip()

    assert course.run("1")[0] == 0
    assert (course.venv / "course.json").stat().st_mtime_ns == stamp


def test_changed_requirements_installed_again(course: Course) -> None:
    course.require("# something else\n")
    assert not course.is_current()

    _, _, err = course.run("1")

    assert "making .venv" not in err
    assert course.is_current()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no link there")
def test_broken_link_is_noticed(course: Course) -> None:
    course.break_python()

    assert not course.is_current()
    assert not course.module().is_usable()


def test_half_pip_is_not_usable(course: Course) -> None:
    assert course.module().is_usable()
    course.break_pip()
    assert not course.module().is_usable()


def test_moved_venv_is_not_usable(course: Course, bare: Course) -> None:
    shutil.copytree(course.venv, bare.venv, symlinks=True)

    assert not bare.is_current()
    assert not bare.module().is_usable()


def test_own_venv_is_kept(course: Course) -> None:
    (course.venv / "course.json").unlink()
    (course.venv / "mine").touch()

    assert course.run("1")[0] == 0
    assert (course.venv / "mine").exists()
    (course.venv / "mine").unlink()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_other_things_are_not_removed(bare: Course, kind: str) -> None:
    thing = bare.venv if kind == "file" else bare.venv / "notes"
    thing.parent.mkdir(exist_ok=True)
    thing.write_text("mine")

    code, _, err = bare.run("1")

    assert (code, thing.read_text()) == (1, "mine")
    assert lines_of(err)[0] == "error: .venv is here, but is no virtual environment"


def test_two_at_once_mend_once(made_once: Course) -> None:
    assert sum("making .venv" in error for error in made_once.first_errors) == 1
    assert sum("waiting" in error for error in made_once.first_errors) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_killed_holder_leaves_no_lock(course: Course) -> None:
    course.require("# something else\n")
    stopped = course.start("1")
    assert stopped.stderr
    assert stopped.stderr.readline().startswith("Setting up")
    stopped.send_signal(signal.SIGKILL)
    stopped.communicate(timeout=60)

    assert course.run("1")[0] == 0
    assert course.is_current()


@can_interrupt
def test_stopped_set_up_is_mended(course: Course) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent_index:
        index = f"http://127.0.0.1:{silent_index.getsockname()[1]}/simple"
        course.require(f"--index-url {index}\nnothing\n")
        stopped = course.start("1")
        with silent_index.accept()[0]:  # pip is at work now, and waits for an answer
            stopped.send_signal(signal.SIGINT)
            _, err = stopped.communicate(timeout=60)

    assert stopped.returncode == 130
    assert err.endswith("stopped\n")
    course.require("# something else\n")
    assert course.run("1")[0] == 0


def test_settings_of_pip_do_no_harm(bare: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_INDEX_URL"):
        monkeypatch.setenv(name, "mine")
    names = "print(sorted(n + '=' + v for n, v in os.environ.items() if v in ('mine', '0')))"

    code, said = bare.module().run([sys.executable, "-c", "import os; " + names])

    assert code == 0
    assert "PIP_USER=0" in said
    assert [word for word in said.split("'") if "=mine" in word] == ["PIP_INDEX_URL=mine"]


def test_closed_pipe_ends_quietly(bare: Course) -> None:
    process = bare.start("--help")
    assert process.stdout
    process.stdout.close()
    process.stdout = None

    assert process.communicate(timeout=60)[1] == ""


# ---- what goes wrong


def test_unknown_package_in_three_lines(course: Course) -> None:
    course.require("--no-index\nno-such-package==1\n")

    code, out, err = course.run("1", "--fast")

    assert (code, out) == (1, "")
    fact, why, attempt = lines_of(err)
    assert fact == "error: no package found that fits: no-such-package==1"
    assert attempt.endswith("python3 course.py 1 --fast")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_read_only_folder_is_told(bare: Course) -> None:
    bare.folder.chmod(0o555)
    code, _, err = bare.run("1")
    bare.folder.chmod(0o755)

    assert code == 1
    assert lines_of(err)[0] == "error: cannot write to the course's folder"


def test_missing_ensurepip_is_told(bare: Course, tmp_path: Path) -> None:
    # Python takes a None here for "there is no such module".
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['ensurepip'] = None")

    code, _, err = bare.run("1", PYTHONPATH=str(tmp_path))

    assert code == 1
    assert lines_of(err)[0] == "error: this Python has no module ensurepip"


@pytest.mark.parametrize(
    ("said", "fact"),
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("[Errno 13] Permission denied: 'x'", "cannot write to the course's folder"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED]", "the package index cannot be trusted"),
        ("Retrying (Retry(total=0, ...\nNo matching", "the package index cannot be reached"),
        ("No matching distribution found for x<2", "no package found that fits: x<2"),
        ("ERROR: Cannot install a and b", "pip failed"),
        ("Killed", "pip failed"),
        ("", "pip failed"),
    ],
)
def test_failure_named_by_symptom(bare: Course, said: str, fact: str) -> None:
    assert bare.module().failure("pip", said).fact == fact


def test_progress_follows_pip_lines(bare: Course) -> None:
    progress = bare.module().Progress()
    said = """
Collecting rich<16,>=13 (from -r requirements.txt (line 2))
  Downloading rich-15.0.0-py3-none-any.whl.metadata (18 kB)
  Downloading rich-15.0.0-py3-none-any.whl (310 kB)
Collecting rich<16,>=13
Requirement already satisfied: pip in somewhere
WARNING: Retrying (Retry(total=4, connect=None)) after connection broken
Installing collected packages: mdurl, rich
"""

    assert [text for text in map(progress.read, said.splitlines()) if text] == [
        "package 1: rich",
        "fetching 1 of 1: rich (310 kB)",
        "no answer yet, trying again",
        "installing all 2",
    ]


def test_old_python_can_read_file() -> None:
    source = SOURCE.read_text(encoding="ascii")

    ast.parse(source, feature_version=(3, 6))


def test_old_python_is_told(bare: Course) -> None:
    script = bare.folder / "course.py"
    script.write_text(script.read_text().replace("OLDEST_PYTHON = (3,", "OLDEST_PYTHON = (99,"))

    code, _, err = bare.run("1")

    assert code == 1
    assert lines_of(err)[0].startswith("error: this course needs Python 99.11 or newer, this is 3.")
