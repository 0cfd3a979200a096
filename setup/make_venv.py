"""Makes .venv, or what is missing from it. You may stop any step: the next run repairs it."""

import os
import sys
import time
from contextlib import suppress

from setup import GET_PYTHON
from setup.environment import Environment
from setup.lock import lock
from setup.problem import Problem, again, say
from setup.processes import run
from setup.symptoms import failure


def make_current(environment: Environment, files: list[str]) -> None:
    """Have a .venv that holds what these requirements files ask for."""
    try:
        with lock(environment.folder):
            # Another course.py may have finished while this one waited.
            if not environment.is_current(files):
                complete(environment, files)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise failure("set-up", str(error)) from error


def complete(environment: Environment, files: list[str]) -> None:
    """Make .venv if it is not usable, install, and stamp it last."""
    from setup.pip import install_files
    from setup.progress import Progress

    refuse_other_things(environment)
    say("Setting up .venv: this takes about a minute the first time.")
    start, progress = time.monotonic(), Progress()
    try:
        if not environment.is_usable():
            check_modules()
            progress.show("making .venv")
            make_venv(environment)
        with suppress(FileNotFoundError):
            environment.stamp.unlink()
        install_files(environment, files, progress.watch)
        environment.write_stamp(files)
    finally:
        progress.clear()
    say(f"Set up in {time.monotonic() - start:.0f} s.\n")


def refuse_other_things(environment: Environment) -> None:
    """Stop if the learner made this .venv, because then we must not remove it."""
    venv = environment.folder
    is_other_folder = venv.is_dir() and any(venv.iterdir()) and not environment.config.is_file()
    if venv.is_file() or is_other_folder:
        fact, why = ".venv is here, but is no virtual environment", "it has no pyvenv.cfg"
        raise Problem(fact, why, f"rename or move {venv}, then {again()}")


def check_modules() -> None:
    """Refuse a Python that came without the modules that make a .venv."""
    from importlib.util import find_spec

    for name in ("venv", "ensurepip"):
        if find_spec(name) is None:
            why, attempt = "", GET_PYTHON
            if sys.platform == "linux":
                why = "Debian and Ubuntu have it in a separate package"
                attempt = f"sudo apt install python3.{sys.version_info[1]}-venv"
            raise Problem(f"this Python has no module {name}", why, attempt)


def make_venv(environment: Environment) -> None:
    """Make .venv, with pip in it, in place of what is there."""
    discard(environment)
    environment.folder.mkdir(parents=True)
    environment.config.touch()  # from now on it is a .venv of ours, though an unfinished one
    # If .venv's own Python started us, we need the one that it was made from, as .venv is gone.
    base = getattr(sys, "_base_executable", None) or sys.executable
    argv = [base, "-I", "-m", "venv", environment.folder]
    code, output = run(argv, folder=environment.course)
    if code:
        raise failure("making .venv", output)


def discard(environment: Environment) -> None:
    """Remove .venv. It is renamed first, so that there is never half a .venv."""
    import shutil

    venv = environment.folder
    discarded = venv.with_name(venv.name + ".discarded")
    try:
        shutil.rmtree(discarded, ignore_errors=True)
        if os.path.lexists(venv):
            venv.rename(discarded)
            shutil.rmtree(discarded, ignore_errors=True)
    except OSError as error:
        attempt = f"close the programs that use .venv, then {again()}"
        raise Problem("cannot remove .venv", str(error), attempt) from error
