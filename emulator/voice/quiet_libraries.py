"""Keeps C libraries from printing on the screen: they write to the descriptor, not to `sys.stderr`.

    PortAudio, ALSA, JACK   some 80 lines where they find no device, others when one is lost
    mpg123                  warnings and errors about damaged MP3 files, where you get an exception

So descriptor 2 leads nowhere in the meantime, and `sys.stderr` gets a descriptor of its own.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO


class _StandardError:
    """The standard error of this process, which several threads may silence at the same time."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._users = 0
        self._kept: int | None = None
        self._before: TextIO | None = None
        self._own: TextIO | None = None

    def silence(self) -> None:
        with self._one_at_a_time:
            self._users += 1
            if self._users == 1:
                # If it is closed, there is nothing to silence.
                with suppress(OSError):
                    self._kept = os.dup(2)
                    self._lead_around()
                    nowhere = os.open(os.devnull, os.O_WRONLY)
                    os.dup2(nowhere, 2)
                    os.close(nowhere)

    def restore(self) -> None:
        with self._one_at_a_time:
            self._users -= 1
            if self._users == 0 and self._kept is not None:
                os.dup2(self._kept, 2)
                os.close(self._kept)
                self._kept = None
                if self._own is not None and sys.stderr is self._own:
                    sys.stderr = self._before
                self._own = self._before = None

    def _lead_around(self) -> None:
        """Let what Python prints go to a copy of the descriptor."""
        error = sys.stderr
        with suppress(AttributeError, OSError, ValueError):  # none at all, or one without a file
            error.flush()
            if error.fileno() == 2:
                copy = os.dup(2)
                self._own = open(copy, "w", 1, error.encoding, error.errors)  # noqa: SIM115
                self._before, sys.stderr = error, self._own


_ERROR = _StandardError()


@contextmanager
def without_noise() -> Iterator[None]:
    """Hides what C libraries print in the meantime, in any thread; what Python prints is shown."""
    _ERROR.silence()
    try:
        yield
    finally:
        _ERROR.restore()
