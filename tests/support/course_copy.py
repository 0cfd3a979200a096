"""A small course in a folder of its own, which is started as a learner starts it."""

import os
import shutil
import subprocess
import sys
import venv
from importlib.metadata import distribution
from pathlib import Path

from setup.environment import Environment

SOURCE = Path(__file__).resolve().parent.parent.parent
LESSON = """
import os, sys
print("lesson", sys.argv[1:], "in", os.path.basename(os.getcwd()))
sys.exit(7 if "fail" in sys.argv else 0)
"""
DOCTOR = 'import os, sys; print("doctor", sys.argv[1:], "in", os.getcwd())'


class CourseCopy:
    """A course of one lesson, in a folder whose name has blanks and accents."""

    def __init__(self, parent: Path) -> None:
        self.folder = parent / "Mein Kürs é"
        self.environment = Environment(self.folder)
        self.venv = self.environment.folder
        (self.folder / "console").mkdir(parents=True)
        shutil.copy(SOURCE / "course.py", self.folder)
        shutil.copytree(SOURCE / "setup", self.folder / "setup")
        (self.folder / "01_streaming.py").write_text(LESSON)
        (self.folder / "console/doctor.py").write_text(DOCTOR)
        self.require("# nothing\n")

    def require(self, text: str) -> None:
        (self.folder / "requirements.txt").write_text(text)

    def want_extras(self, text: str) -> None:
        (self.folder / "requirements-extras.txt").write_text(text)

    def start(
        self, *words: str, options: tuple[str, ...] = (), **settings: str
    ) -> "subprocess.Popen[str]":
        pipe, env = subprocess.PIPE, {**os.environ, **settings}
        command = [sys.executable, *options, str(self.folder / "course.py"), *words]
        return subprocess.Popen(command, cwd="/", env=env, stdout=pipe, stderr=pipe, text=True)

    def run(
        self, *words: str, options: tuple[str, ...] = (), **settings: str
    ) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of one run."""
        process = self.start(*words, options=options, **settings)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def is_current(self) -> bool:
        return self.environment.is_current(["requirements.txt"])

    def site_packages(self) -> Path:
        return next(self.venv.glob("**/site-packages"))

    def break_pip(self) -> None:
        """Leave only a part of pip, as a set-up that was stopped would."""
        (self.site_packages() / "pip/__init__.py").unlink()

    def let_pip(self, program: str) -> None:
        """Put a program in the place of the pip that does nothing."""
        (self.site_packages() / "pip/__main__.py").write_text(program)

    def edit(self, name: str, old: str, new: str) -> None:
        """Change a line of the copy."""
        text = (self.folder / name).read_text(encoding="utf-8")
        assert old in text
        (self.folder / name).write_text(text.replace(old, new), encoding="utf-8")


def with_venv(course: CourseCopy, pip: Path | None = None) -> CourseCopy:
    """Give a course the .venv that set-up would make, only faster: making one takes seconds.

    `pip` is a folder with a complete pip. Without one, .venv gets a pip that installs nothing and
    ends well, for the tests that prove what happens around it.
    """
    venv.create(course.venv, symlinks=sys.platform != "win32")
    for folder in (pip or pip_that_does_nothing(course.folder.parent / "pip")).iterdir():
        if sys.platform == "win32":
            shutil.copytree(folder, course.site_packages() / folder.name)
        else:
            (course.site_packages() / folder.name).symlink_to(folder)
    course.environment.write_stamp(["requirements.txt"])
    return course


def pip_that_does_nothing(folder: Path) -> Path:
    info = folder / "pip-1.dist-info"
    for each in (info, folder / "pip"):
        each.mkdir(parents=True)
    for name in ("__init__.py", "__main__.py"):
        (folder / "pip" / name).touch()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pip\nVersion: 1\n")
    (info / "RECORD").write_text("pip/__init__.py,,\npip/__main__.py,,\n")
    return folder


def copy_our_pip(folder: Path) -> Path:
    """The pip of the Python that runs the tests, complete."""
    for name in {file.parts[0] for file in distribution("pip").files or []} - {".."}:
        shutil.copytree(str(distribution("pip").locate_file(name)), folder / name)
    return folder


def lines_of(problem: str) -> list[str]:
    """The three lines of a problem, which stand last; checks their form."""
    lines = problem.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("error: "))
    assert all(line.startswith(("  why: ", "  try: ")) for line in lines[at + 1 :])
    assert "Traceback" not in problem
    return lines[at:]
