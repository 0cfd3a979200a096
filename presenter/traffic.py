"""The traffic of a part in a form that can be read from the back row.

A lesson writes a line for each line of the traffic (common/wire_tap.py). A JSON body over many
lines would push everything else off the screen, so here it is one entry. The padding that OpenAI
adds to events, "obfuscation", is left out.
"""

import re
from collections.abc import Sequence

from presenter.code_lines import folded
from presenter.pane import Line

ROWS_OF_REQUEST, ROWS_OF_ANSWER = 5, 3
"""An entry is cut at its end if it needs more rows than this."""

LONGEST = 1_000
"""An entry grows no more from so many letters on, as nobody could see that."""

SENT = "1;93"
_PADDING = re.compile(r'[,{] ?"obfuscation": ?"\w*"?')
_OPENING, _CLOSING = ("< {", "< ["), ("< }", "< ]")


class Traffic:
    """The entries so far; the last one may still grow, and then `complete` is one less."""

    def __init__(self) -> None:
        self.entries: list[str] = []
        self._is_open = False

    @property
    def complete(self) -> int:
        return len(self.entries) - self._is_open

    def add(self, line: str) -> None:
        """Take the next line: `> ` was sent, `< ` was received."""
        if self._is_open and line.startswith("<"):
            if len(self.entries[-1]) < LONGEST:
                self.entries[-1] += f" {line[1:].strip()}"
            self._is_open = line not in _CLOSING
        else:
            self.entries.append(_PADDING.sub("", line))
            self._is_open = line in _OPENING


def traffic_rows(entries: Sequence[str], width: int, count: int, more: str) -> list[Line]:
    """The last `count` rows of these entries, with what was sent in a color of its own."""
    rows: list[Line] = []
    for entry in reversed(entries[-count:] if count else ()):
        is_sent = entry.startswith(">")
        most = ROWS_OF_REQUEST if is_sent else ROWS_OF_ANSWER
        found = folded(((SENT if is_sent else "", entry[: width * (most + 1)]),), width)
        if len(found) > most:
            found = [*found[: most - 1], (*found[most - 1], ("", more))]
        rows = [*found, *rows]
        if len(rows) >= count:
            break
    return rows[-count:] if count else []
