"""Lets one course.py set up at a time."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from setup import WINDOWS
from setup.problem import say

PAUSE_S = 0.1


@contextmanager
def lock(venv: Path) -> Iterator[None]:
    """Hold the lock of this .venv; the system releases it if this process is killed."""
    with open(f"{venv}.lock", "a") as file:
        # A pip that outlives its killed parent still writes to .venv, so it holds the lock, too.
        os.set_inheritable(file.fileno(), not WINDOWS)
        if not try_lock(file.fileno()):
            say("Another course.py is setting up: waiting for it.")
            while not try_lock(file.fileno()):
                time.sleep(PAUSE_S)
        yield


def try_lock(file: int) -> bool:
    """Take the lock if it is free."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
