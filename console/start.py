"""The first half second of a run: hidden or missing modules, and Ctrl-C during imports.

A lesson imports `console` before `openai`, so a package that is missing is reported here, in three
lines instead of a traceback. Importing packages takes half a second, in which Ctrl-C would give
a traceback, too; here it ends the run at once, until the lesson's own handling begins.

A file in the course's folder may be named like a module; it is reported before it is loaded.

All this is for runs of the course's own scripts. In any other program, such as a notebook or
a learner's own script that imports a lesson, `prepare` changes nothing.
"""

import os
import signal
import sys
import threading
from pathlib import Path

from common import COURSE, LESSON, course_command
from setup.shadows import refuse_shadows

# In requirements.txt for the tests and for sound; a lesson runs without them.
NOT_NEEDED = {"pytest", "pytest-asyncio", "pyaudio"}

OWN_SCRIPTS = tuple(COURSE.glob("0[0-9]_*.py"))


def is_own_run() -> bool:
    """Whether Python was started with a script of the course's, and not from a notebook."""
    if sys.argv[0] == "-m":  # Python is still looking for the module that it will run
        return "console.doctor" in sys.orig_argv
    script = getattr(sys.modules["__main__"], "__file__", None)
    return (
        script is not None
        and Path(script).resolve() in OWN_SCRIPTS
        and "IPython" not in sys.modules
    )


def check_packages() -> None:
    """Exit with three lines if packages are missing."""
    # Imported late, as it imports modules of Python that a learner's file may hide.
    from setup.requirements import missing_packages

    missing = [name for name in missing_packages() if name not in NOT_NEEDED]
    if missing:
        again = (LESSON, *sys.argv[1:]) if LESSON else ()
        print(f"error: not installed for this Python: {', '.join(missing)}", file=sys.stderr)
        print(f"  why: {sys.executable} is not the course's own environment", file=sys.stderr)
        print(f"  try: {course_command(*again)}", file=sys.stderr)
        sys.exit(1)


def stop_early(*_: object) -> None:
    """End the process at once: an exception could be lost in whatever is being imported."""
    print("stopped", file=sys.stderr, flush=True)
    os._exit(130)


def catch_early_stop() -> None:
    """Handle Ctrl-C by `stop_early`, unless somebody has already decided otherwise."""
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, stop_early)


def end_early_stop() -> None:
    """From here on Ctrl-C raises KeyboardInterrupt again, as in any Python program."""
    if signal.getsignal(signal.SIGINT) is stop_early:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def prepare() -> None:
    """Do all of it, if this is a run of the course's own."""
    if is_own_run():
        refuse_shadows()
        check_packages()
        catch_early_stop()
