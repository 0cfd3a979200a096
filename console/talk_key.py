"""The space bar as the button of push to talk: `with TalkKey() as key`, then `key.is_down()`.

A terminal sends characters, not keys, and most terminals don't report that a key was released. They
send a held key again and again, so a pause means that it was released. You can use it in two ways:

    hold it       sound is sent until you let go
    tap it        sound is sent until you tap it again

Terminals with the keyboard protocol of kitty report the release itself, so holding is exact there.
https://sw.kovidgoyal.net/kitty/keyboard-protocol/
"""

import importlib
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Self

from common.settings import CourseError

FIRST_REPEAT_S, REPEAT_S = 0.7, 0.25
"""How long a held key may take until it repeats: the first time, and after that."""

LOOK_S = 0.05
SPACE, LETTER_C, CTRL = 32, 99, 4
PRESSED, REPEATED, RELEASED = "1", "2", "3"

# Ask for events of all keys, as codes with their kind; then put back what was set before.
ASK_FOR_RELEASES, AS_BEFORE = "\x1b[>11u", "\x1b[<u"
_KITTY = re.compile(rb"\x1b\[(\d+)(?::[\d:]*)?(?:;(\d*)(?::(\d))?)?(?:;[\d:]*)?u")


class TalkKey:
    """Whether the space bar is down; `feed` takes what the terminal sends.

    `now` returns seconds. `interrupt` is called if the terminal sends Ctrl-C as a key code.
    """

    def __init__(
        self,
        now: Callable[[], float] = time.monotonic,
        interrupt: Callable[[], object] = lambda: signal.raise_signal(signal.SIGINT),
    ) -> None:
        self._now, self._interrupt = now, interrupt
        self._is_down = self._reports_release = False
        self._last, self._repeats = 0.0, 0
        self._is_over = threading.Event()
        self._stack = ExitStack()

    def is_down(self) -> bool:
        """Whether to send sound now."""
        silent_s = self._now() - self._last
        if not self._reports_release and self._repeats and silent_s > REPEAT_S:
            self._is_down, self._repeats = False, 0
        return self._is_down

    def feed(self, data: bytes) -> None:
        """Take what the terminal has sent: characters, or key codes."""
        for code, modifiers, kind in _KITTY.findall(data):
            if int(code) == SPACE:
                self._reports_release = True
                self._is_down = kind.decode() != RELEASED
            elif int(code) == LETTER_C and int(modifiers or 1) - 1 & CTRL:
                self._interrupt()
        for _ in range(_KITTY.sub(b"", data).count(b" ")):
            self._press()

    def _press(self) -> None:
        now, was_down = self._now(), self.is_down()
        longest = REPEAT_S if self._repeats else FIRST_REPEAT_S
        if was_down and now - self._last < longest:
            self._repeats += 1
        else:
            self._is_down, self._repeats = not was_down, 0
        self._last = now

    def __enter__(self) -> Self:
        """Read the keyboard from now on; CourseError if there is none."""
        if not (sys.stdin and sys.stdin.isatty()):
            raise CourseError(
                "there is no keyboard to press the space bar on",
                "the input is not a terminal",
                "leave out --push-to-talk; then a short silence ends your turn",
            )
        read = self._stack.enter_context(keyboard(asks_for_releases=True))
        reading = threading.Thread(target=self._read, args=(read,), daemon=True)
        reading.start()
        self._stack.callback(reading.join, 1)
        self._stack.callback(self._is_over.set)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _read(self, read: Callable[[], bytes]) -> None:
        while not self._is_over.is_set():
            self.feed(read())


@contextmanager
def keyboard(
    *, asks_for_releases: bool = False, look_s: float = LOOK_S
) -> Iterator[Callable[[], bytes]]:
    """A function that returns the keys that were pressed.

    It waits up to `look_s` seconds for the first one.

    Standard input has to be a terminal. It is set back at the end.
    """
    if sys.platform == "win32":
        yield lambda: _read_console(look_s)
        return
    import termios
    import tty

    keyboard, screen = sys.stdin.fileno(), sys.__stdout__
    before = termios.tcgetattr(keyboard)
    try:
        tty.setcbreak(keyboard)
        _say(screen, ASK_FOR_RELEASES if asks_for_releases else "")
        yield lambda: _read_terminal(keyboard, look_s)
    finally:
        _say(screen, AS_BEFORE if asks_for_releases else "")
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


def _say(screen: Any, code: str) -> None:
    if screen and screen.isatty():
        screen.write(code)
        screen.flush()


def _read_terminal(keyboard: int, look_s: float) -> bytes:
    import select

    ready, _, _ = select.select([keyboard], [], [], look_s)
    return os.read(keyboard, 1024) if ready else b""


def _read_console(look_s: float) -> bytes:
    """On Windows, another module reads the keys."""
    msvcrt: Any = importlib.import_module("msvcrt")

    time.sleep(look_s)
    letters = b""
    while msvcrt.kbhit():
        letters += msvcrt.getch()
    return letters
