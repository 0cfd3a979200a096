"""The terminal of the show: its keys, and a screen of its own that leaves no trace.

There is no library for it. The show needs lines of one style after another and single keys, which
the keyboard of push to talk reads already. Measured on one machine: importing prompt_toolkit takes
0.6 s and Textual 1.0 s, and they weigh 4 and 7 MB (wcwidth adds 6 MB); rich, which every lesson
needs, takes 0.3 s.
"""

import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

from common.settings import CourseError
from console.talk_key import LOOK_S, keyboard
from console.terminal import BARS, PLAIN_BARS, can_print
from presenter.pane import Line
from presenter.terminal_view import BASE, PLAIN_SIGNS, Signs, as_codes

# Another screen without a cursor; then the first screen again, as it was.
ENTER, LEAVE = "\x1b[?1049h\x1b[?25l\x1b[2J", "\x1b[0m\x1b[?25h\x1b[?1049l"

# What a terminal sends for keys that are no letters: ECMA-48 and xterm; and Windows' console.
NAMED = {
    b"\x1b[A": "up",
    b"\x1b[B": "down",
    b"\x1b[C": "right",
    b"\x1b[D": "left",
    b"\x1bOA": "up",
    b"\x1bOB": "down",
    b"\x1bOC": "right",
    b"\x1bOD": "left",
    b"\x1b[5~": "pageup",
    b"\x1b[6~": "pagedown",
    b"\xe0H": "up",
    b"\xe0P": "down",
    b"\xe0M": "right",
    b"\xe0K": "left",
    b"\xe0I": "pageup",
    b"\xe0Q": "pagedown",
    b"\r": "enter",
    b"\n": "enter",
    b"\x7f": "backspace",
    b"\x08": "backspace",
    b"\x1b": "escape",
}
# The recordings have pictures of finer letters than some terminals can show.
PLAIN_PICTURES = str.maketrans(f"{BARS}▲", f"{PLAIN_BARS}^")

_KEY = re.compile(
    rb"\x1b[\[O][\d;]*[A-Za-z~]|\xe0[A-Z]|\x00.|\x1b|[\x00-\x7f]|[\xc2-\xf4][\x80-\xbf]+"
)


def keys_in(data: bytes) -> list[str]:
    """The names of the keys that a terminal has sent; "" for one that has none here."""
    found = _KEY.findall(data)
    return [NAMED.get(key, "" if len(key) > 1 else key.decode().lower()) for key in found]


class TerminalScreen:
    """Standard output. Only lines that have changed are written again."""

    def __init__(self) -> None:
        self._shown: list[str] = []
        self._size = (0, 0)
        self.has_color = not os.environ.get("NO_COLOR")
        is_rich = can_print("".join(vars(Signs()).values()), sys.stdout.encoding)
        self.signs = Signs() if is_rich else PLAIN_SIGNS

    def size(self) -> tuple[int, int]:
        """Columns and rows, as they are now."""
        columns, rows = shutil.get_terminal_size((100, 30))
        return columns, rows

    def show(self, lines: Sequence[Line]) -> None:
        rows = as_codes(lines, has_color=self.has_color)
        if self.signs is PLAIN_SIGNS:
            rows = [row.translate(PLAIN_PICTURES) for row in rows]
        size = self.size()
        codes = []
        if size != self._size:
            codes.append(f"\x1b[{BASE if self.has_color else 0}m\x1b[2J")
            self._shown, self._size = [], size
        for number, row in enumerate(rows):
            if number >= len(self._shown) or self._shown[number] != row:
                codes.append(f"\x1b[{number + 1};1H{row}")
        self._shown = rows
        if codes:
            sys.stdout.write("".join(codes))
            sys.stdout.flush()


@contextmanager
def open_screen(
    look_s: float = LOOK_S,
) -> Iterator[tuple[TerminalScreen, Callable[[], list[str]]]]:
    """A screen, and a function that returns the keys that were pressed.

    That function waits up to `look_s` seconds for the first one.

    However the block ends (an error, Ctrl-C, SIGTERM, a window that is closed), the terminal is as
    it was before. Raises CourseError if there is no terminal.
    """
    if not (sys.stdin and sys.stdin.isatty() and sys.stdout and sys.stdout.isatty()):
        raise CourseError(
            "there is no terminal to present on",
            "the input or the output is a file or a pipe",
            "type it in a terminal, or write a page for a browser: --export FILE",
        )
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    if sys.platform == "win32":
        os.system("")  # it makes the console obey codes
    with _ended_by_signals(), keyboard(look_s=look_s) as read:
        try:
            sys.stdout.write(ENTER)
            sys.stdout.flush()
            yield TerminalScreen(), lambda: keys_in(read())
        finally:
            with suppress(OSError, ValueError):  # the window may be gone
                sys.stdout.write(LEAVE)
                sys.stdout.flush()


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the show, and nothing suspend it: that would keep its screen."""

    def end(number: int, frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    handlers: dict[str, Any] = {"SIGTERM": end, "SIGHUP": end, "SIGTSTP": signal.SIG_IGN}
    known = {getattr(signal, name): do for name, do in handlers.items() if hasattr(signal, name)}
    before = {number: signal.signal(number, do) for number, do in known.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
