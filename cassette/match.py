"""Which recorded exchange answers a request: same method, path and body, whatever the layout.

Ids that the server made need no translation: a replayed answer tells the recorded ids, so the next
request asks with them. What is compared is an `Asked`: the JSON as a value, a form part by part.
"""

import difflib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cassette.format import Line, Recorded


@dataclass(frozen=True)
class Asked:
    """What a request asks for, in a form that compares."""

    method: str
    path: str
    body: str

    @classmethod
    def of(cls, line: Line) -> "Asked":
        """From the line that the recorder writes, or would write, for the request."""
        body = {key: line[key] for key in ("json", "form", "body") if key in line}
        text = json.dumps(body, indent=1, sort_keys=True, ensure_ascii=False)
        return cls(line["method"], line["path"], text)

    def lines(self) -> list[str]:
        return [f"{self.method} {self.path}", *self.body.splitlines()]


class Matcher:
    """Hands out each recorded exchange once; equal ones in the order of the recording."""

    def __init__(self, exchanges: Iterable[Recorded]) -> None:
        self._left = sorted(exchanges, key=lambda each: each.number)
        self._played: list[Recorded] = []

    def take(self, asked: Asked) -> Recorded | None:
        for exchange in self._left:
            if Asked.of(exchange.request) == asked:
                self._left.remove(exchange)
                self._played.append(exchange)
                return exchange
        return None

    def unplayed(self, optional: Sequence[str] = ()) -> list[str]:
        """`METHOD path` of what was never asked for, apart from the optional ones."""
        names = [f"{each.request['method']} {each.request['path']}" for each in self._left]
        return [name for name in names if name not in optional]

    def why_not(self, asked: Asked) -> str:
        """Why a request has no answer: played already, or how it differs from the nearest one."""
        name = f"{asked.method} {asked.path}"
        times = sum(Asked.of(each.request) == asked for each in self._played)
        if times:
            return f"{name} was recorded {times} times and has been played as often"
        known = [Asked.of(each.request) for each in [*self._left, *self._played]]
        if not known:
            return f"{name} was not recorded; the cassette holds no request"
        nearest = max(known, key=lambda each: _alike(each, asked))
        return f"{name} was not recorded; the nearest is {_difference(nearest, asked)}"


def _alike(one: Asked, other: Asked) -> float:
    """0 to 1; the same path counts for more than any body."""
    same = (one.method == other.method) + (one.path == other.path)
    return same + difflib.SequenceMatcher(None, one.body[:2000], other.body[:2000]).ratio()


def _difference(recorded: Asked, asked: Asked) -> str:
    lines = difflib.unified_diff(
        recorded.lines(), asked.lines(), "recorded", "asked", "", "", 0, ""
    )
    changes = [line for line in lines if line[0] in "+-" and not line.startswith(("+++", "---"))]
    return f"{recorded.method} {recorded.path}, which differs so: {' | '.join(changes)[:500]}"
