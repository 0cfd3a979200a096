"""A program on a pseudo-terminal: what it draws, as another terminal sees it, and keys for it."""

import contextlib
import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time

from tests.support.fork_server import Popen
from tests.support.lessons import environment

import pyte

LONGEST_S = 60


class TerminalProgram:
    """Python with these arguments on a terminal of this size, until the block ends."""

    def __init__(self, *command, columns=100, rows=30, **variables):
        self._command, self._variables = command, variables
        self._size = columns, rows
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.written = b""

    def __enter__(self):
        self._ours, theirs = pty.openpty()
        columns, rows = self._size
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(theirs)
        self._theirs = theirs
        outside = environment(**self._variables)
        for size in ("COLUMNS", "LINES"):  # pytest's own processes are told 80 and 24
            outside.pop(size, None)
        self.process = Popen(
            [sys.executable, *self._command],
            env=outside | {"TERM": "xterm-256color"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(LONGEST_S)
        os.close(self._ours)
        os.close(self._theirs)

    @property
    def text(self):
        return "\n".join(line.rstrip() for line in self.screen.display)

    @property
    def attributes(self):
        """How the terminal is set: whether it echoes, reads lines, and so on."""
        return termios.tcgetattr(self._theirs)

    def resize(self, columns, rows):
        """As when somebody pulls at the window."""
        self.screen.resize(rows, columns)
        self.screen.reset()
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys):
        os.write(self._ours, keys.encode())

    def read(self, seconds=0.05):
        """Take what the program has drawn since the last call."""
        if select.select([self._ours], [], [], seconds)[0]:
            data = os.read(self._ours, 1 << 16)
            self.written += data
            self._stream.feed(data)

    def wait_for(self, *words):
        """Until all of these words are on the screen."""
        self.wait_until(lambda: all(word in self.text for word in words))

    def wait_until(self, is_so):
        deadline = time.monotonic() + LONGEST_S
        while not is_so():
            assert time.monotonic() < deadline, self.text
            self.read()

    def press(self, keys, *words):
        """Type keys, and wait until these words are on the screen."""
        self.type(keys)
        self.wait_for(*words)

    def ended(self):
        """The exit code, when all that it wrote has been read."""
        deadline = time.monotonic() + LONGEST_S
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.text
            self.read()
        with contextlib.suppress(OSError):
            while select.select([self._ours], [], [], 0)[0]:
                self.read(0)
        return self.process.returncode
