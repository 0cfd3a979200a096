"""The traffic of a part in a form that can be read from the back row.

A lesson writes a line for each line of the traffic (common/wire_tap.py). A JSON body over many
lines would push everything else off the screen, so here it is one entry. The padding that OpenAI
adds to events, "obfuscation", is left out. The newest request stays in sight while its answer
comes, as one wants to point at it when the first words of the answer are there.
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
_REQUEST = re.compile("> [A-Z]+ /")
"""What is sent over HTTP; on a WebSocket, a time comes first."""

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
    """The last `count` rows of these entries, with what was sent in a color of its own.

    If the newest request isn't among them, it takes the place of the first ones, up to half of all.
    """
    rows, first = _last_rows(entries, width, count, more)
    request = _newest_request(entries)
    if request is None or request >= first:
        return rows
    head = _rows_of(entries[request], width, min(ROWS_OF_REQUEST, count // 2), more)
    return [*head, *rows[len(head) :]]


def _newest_request(entries: Sequence[str]) -> int | None:
    places = range(len(entries) - 1, -1, -1)
    return next((place for place in places if _REQUEST.match(entries[place])), None)


def _last_rows(entries: Sequence[str], width: int, count: int, more: str) -> tuple[list[Line], int]:
    """The last `count` rows, and the place of the first entry that has all of its rows in them."""
    rows, first = list[Line](), len(entries)
    while first and len(rows) < count:
        most = ROWS_OF_REQUEST if entries[first - 1].startswith(">") else ROWS_OF_ANSWER
        rows = [*_rows_of(entries[first - 1], width, most, more), *rows]
        first -= 1
    is_cut = len(rows) > count
    return rows[max(0, len(rows) - count) :], first + is_cut


def _rows_of(entry: str, width: int, most: int, more: str) -> list[Line]:
    """An entry in up to `most` rows; the last one says that there was more."""
    style = SENT if entry.startswith(">") else ""
    found = folded(((style, entry[: width * (most + 1)]),), width)
    if len(found) <= most:
        return found
    return [*found[: most - 1], (*found[most - 1], ("", more))] if most else []
