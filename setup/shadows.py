"""Finds a learner's file that Python would load in place of a module of the same name.

Python looks for modules in the folder of the script first. So a file `random.py` beside the
lessons is what `import random` finds, in the lessons and in every package that they use. A folder
`random` hides the module too if it has a file `__init__.py`; without one, Python looks further.
"""

import os
import sys

from setup import COURSE, WINDOWS

# The course's own file, and modules of Python that the course never imports: harmless names.
OWN_FOLDERS = {
    *("audio", "benchmarks", "cassette", "common", "console", "emulator"),
    *("grading", "presenter", "setup", "tools"),
}
HARMLESS = {"course", "antigravity", "idlelib", "test", "this", "tkinter", "turtle", "turtledemo"}


def shadows(folder: str = str(COURSE)) -> list[str]:
    """The names of modules that files and packages in the folder hide."""
    found = os.listdir(folder)
    files = {name[:-3] for name in found if name.endswith(".py")}
    names = (files | {name for name in found if is_package(name, folder)}) - HARMLESS
    return sorted(name for name in names if name.isidentifier() and is_module(name, folder))


def is_package(name: str, folder: str) -> bool:
    """Whether the folder holds a package of that name, which is not the course's own."""
    return name not in OWN_FOLDERS and os.path.isfile(os.path.join(folder, name, "__init__.py"))


def is_module(name: str, folder: str) -> bool:
    """Whether there is such a module elsewhere than in the folder; it is not imported."""
    if name in sys.stdlib_module_names:
        return True
    from importlib.machinery import PathFinder

    elsewhere = [path for path in sys.path if os.path.realpath(path) != os.path.realpath(folder)]
    return PathFinder.find_spec(name, elsewhere) is not None


def shadow_problem(folder: str = str(COURSE)) -> tuple[str, str, str] | None:
    """What is wrong, why, and what to type; None if no module is hidden."""
    found = shadows(folder)
    if not found:
        return None
    # Where there are both, Python takes the package.
    files = [each if is_package(each, folder) else f"{each}.py" for each in found]
    names = " and ".join(files)
    return (
        f"{names} in the course's folder has the name of a module that the course needs",
        "Python looks in this folder first, and would load yours instead",
        f"{'ren' if WINDOWS else 'mv'} {files[0]} my_{files[0]}, then run it again",
    )


def refuse_shadows(folder: str = str(COURSE)) -> None:
    """Exit with three lines if a module is hidden."""
    if problem := shadow_problem(folder):
        labels = ("error", "  why", "  try")
        lines = (f"{label}: {text}\n" for label, text in zip(labels, problem, strict=True))
        sys.stderr.write("".join(lines))
        sys.exit(1)
