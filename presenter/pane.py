"""What a program's output looks like on a terminal: text and codes go in, lines come out.

It knows the codes that the lessons write (console/terminal.py, and rich in it): colors, carriage
return, backspace, and those that move the cursor up and erase lines, which redraw live text. Other
codes are left out. It has no lower end: lines that leave a real terminal stay here.

Sources: ECMA-48 for the codes that begin with ESC [ (CSI) and ESC ] (OSC).
"""

import re
from itertools import groupby

from console.terminal import WIRE_CODE

from rich.cells import cell_len

Run = tuple[str, str]
"""A stretch of text with one style: the parameters of its color code, such as "1;36", and it."""
Line = tuple[Run, ...]

MOST_LINES = 2_000
"""A program may write without an end."""

_CSI = r"\x1b\[(?P<numbers>[\d;?]*)(?P<code>[@-~])"
_OSC = r"\x1b\](?P<words>[^\x07\x1b]*)(?:\x07|\x1b\\)"
_TOKEN = re.compile(rf"{_CSI}|{_OSC}|\x1b[^\[\]]|(?P<control>[\x00-\x1f])|(?P<text>[^\x00-\x1f]+)")
# A code whose end is still to come.
_OPEN = re.compile(r"\x1b(\[[\d;?]*|\][^\x07\x1b]*\x1b?)?\Z")
_WIRE = WIRE_CODE.removeprefix("\x1b]")

Cell = tuple[str, str]
_BLANK: Cell = ("", " ")


class Pane:
    """A screen of `width` columns. `lines()` is what stands on it, `wire` the traffic so far."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._rows: list[list[Cell]] = [[]]
        self._row = self._column = 0
        self._style = ""
        self._rest = ""
        self.wire: list[str] = []

    def feed(self, text: str) -> None:
        """Take what the program wrote; a code may begin in one piece and end in the next."""
        text, self._rest = self._rest + text, ""
        if cut := _OPEN.search(text):
            text, self._rest = text[: cut.start()], cut[0]
        for token in _TOKEN.finditer(text):
            if token["text"]:
                self._write(token["text"])
            elif token["control"]:
                self._control(token["control"])
            elif token["code"]:
                self._obey(token["code"], token["numbers"])
            elif (token["words"] or "").startswith(_WIRE):
                self.wire.append(token["words"].removeprefix(_WIRE))

    def lines(self) -> list[Line]:
        """All lines, without the empty ones and the spaces at their ends."""
        rows = [_runs(row) for row in self._rows]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def _write(self, text: str) -> None:
        if text.isascii():
            self._write_narrow(text)
            return
        for letter in text:
            cells = cell_len(letter)
            if cells == 0:
                self._join(letter)
                continue
            if self._column + cells > self._width:
                self._column = 0
                self._go_down()
            row = self._rows[self._row]
            row.extend([_BLANK] * (self._column + cells - len(row)))
            # A wide letter takes two cells; the second one is empty.
            row[self._column : self._column + cells] = [
                (self._style, letter),
                *[(self._style, "")] * (cells - 1),
            ]
            self._column += cells

    def _write_narrow(self, text: str) -> None:
        """The same for letters of one column each, which most are, only faster."""
        while text:
            if self._column >= self._width:
                self._column = 0
                self._go_down()
            row, start = self._rows[self._row], self._column
            piece, text = text[: self._width - start], text[self._width - start :]
            self._column = start + len(piece)
            row.extend([_BLANK] * (self._column - len(row)))
            row[start : self._column] = [(self._style, letter) for letter in piece]

    def _join(self, mark: str) -> None:
        """An accent stands on the letter before it."""
        row = self._rows[self._row]
        if 0 < self._column <= len(row):
            style, letter = row[self._column - 1]
            row[self._column - 1] = (style, letter + mark)

    def _control(self, letter: str) -> None:
        if letter == "\n":
            self._column = 0
            self._go_down()
        elif letter == "\r":
            self._column = 0
        elif letter == "\b":
            self._column = max(0, min(self._column, self._width - 1) - 1)
        elif letter == "\t":
            self._column = min(self._width - 1, self._column // 8 * 8 + 8)

    def _go_down(self) -> None:
        self._row += 1
        if self._row == len(self._rows):
            self._rows.append([])
        if len(self._rows) > MOST_LINES:
            del self._rows[0]
            self._row -= 1

    def _obey(self, code: str, numbers: str) -> None:
        first = numbers.partition(";")[0]
        count = int(first) if first.isdigit() else 0
        if code == "m":
            self._set_style(numbers)
        elif code == "A":
            self._row = max(0, self._row - max(1, count))
        elif code == "K" and count == 2:
            self._rows[self._row] = []
        elif code == "H":
            self._row = self._column = 0
        elif code == "J" and count == 2:
            self._rows = [[] for _ in range(self._row + 1)]

    def _set_style(self, numbers: str) -> None:
        """Colors add up until a zero ends them all."""
        for number in (numbers or "0").split(";"):
            if number in ("", "0"):
                self._style = ""
            else:
                self._style = f"{self._style};{number}" if self._style else number


def _runs(row: list[Cell]) -> Line:
    end = len(row)
    while end and row[end - 1][1] in (" ", "") and not _shows_blanks(row[end - 1][0]):
        end -= 1
    runs = groupby(row[:end], key=lambda cell: cell[0])
    return tuple((style, "".join(letter for _, letter in cells)) for style, cells in runs)


def _shows_blanks(style: str) -> bool:
    """Whether spaces can be seen, as they have a background, are reversed or underlined."""
    return any(n in ("4", "7") or n[:1] == "4" or n[:2] == "10" for n in style.split(";"))


def text_of(lines: list[Line]) -> str:
    """The lines without their styles."""
    return "\n".join("".join(text for _, text in line).rstrip() for line in lines)
