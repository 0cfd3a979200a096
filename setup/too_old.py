"""The error for a Python that is too old. That Python runs this file, so its syntax is old, too."""

import sys

from setup import GET_PYTHON, NEWEST_PYTHON, OLDEST_PYTHON, WINDOWS


def complaint() -> str:
    """The three lines of the error; empty if this Python will do."""
    if sys.version_info >= OLDEST_PYTHON:
        return ""
    needed, found = "{}.{}".format(*OLDEST_PYTHON), "{}.{}.{}".format(*sys.version_info)
    lines = "error: {}\n  why: it was started with {}\n  try: {}\n"
    fact = "this course needs Python {} or newer, this is {}".format(needed, found)
    return lines.format(fact, sys.executable, newer_python())


def newer_python() -> str:
    """A command that starts the course with a newer Python, or where to get one."""
    if WINDOWS:
        return "py -3.12 course.py; if that is missing, {}".format(GET_PYTHON)
    for minor in range(NEWEST_PYTHON[1], OLDEST_PYTHON[1] - 1, -1):
        name = "python3.{}".format(minor)
        if can_set_up(name):
            return " ".join([name, "course.py"] + sys.argv[1:])
    return GET_PYTHON


def can_set_up(name: str) -> bool:
    """Whether there is such a Python, and it has what set-up needs."""
    import os
    import subprocess

    # A version manager may have put a name on the PATH that does not start, so try to start it.
    test = [name, "-I", "-c", "import venv, ensurepip"]
    try:
        with open(os.devnull, "w") as nowhere:
            return subprocess.call(test, stdout=nowhere, stderr=nowhere) == 0
    except OSError:
        return False
