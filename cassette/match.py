"""Finds the recorded exchange for a request: same method, path and body, whatever the layout.

A WebSocket is found by its path alone.

Ids that the server made need no translation: a replayed answer holds the recorded ids, so the next
request holds them too. Requests are compared by their `RequestKey`, which holds JSON as a value and
a form part by part.
"""

import difflib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from os.path import commonprefix

from cassette.format import CassetteLine, RecordedExchange

SHOWN, PIECE_SHOWN, LED_IN = 100, 40, 8
NOTHING = object()


@dataclass(frozen=True)
class RequestKey:
    """A request in a form that can be compared."""

    method: str
    path: str
    body: str

    @classmethod
    def from_line(cls, line: CassetteLine) -> "RequestKey":
        """From the line that the recorder writes, or would write, for the request."""
        body = {key: line[key] for key in ("upgrade", "json", "form", "body") if key in line}
        text = json.dumps(body, sort_keys=True, ensure_ascii=False)
        return cls(line["method"], line["path"], text)


class ExchangeMatcher:
    """Hands out each recorded exchange once; equal ones in the order of the recording."""

    def __init__(self, exchanges: Iterable[RecordedExchange]) -> None:
        self._left = sorted(exchanges, key=lambda each: each.number)
        self._played: list[RecordedExchange] = []

    def claim(self, key: RequestKey) -> RecordedExchange | None:
        for exchange in self._left:
            if RequestKey.from_line(exchange.request) == key:
                self._left.remove(exchange)
                self._played.append(exchange)
                return exchange
        return None

    def unplayed(self, optional: Sequence[str] = ()) -> list[str]:
        """`METHOD path` of what was never asked for, apart from the optional ones."""
        names = [f"{each.request['method']} {each.request['path']}" for each in self._left]
        return [name for name in names if name not in optional]

    def explain_miss(self, key: RequestKey) -> str:
        """Why a request has no answer: played already, or how it differs from the nearest one."""
        name = f"{key.method} {key.path}"
        times = sum(RequestKey.from_line(each.request) == key for each in self._played)
        if times:
            return f"{name} was recorded {times} times and has been played as often"
        known = [RequestKey.from_line(each.request) for each in [*self._left, *self._played]]
        if not known:
            return f"{name} was not recorded; the cassette holds no request"
        nearest = max(known, key=lambda each: _alike(each, key))
        try:
            return f"{name} {_difference(nearest, key)}"
        except RecursionError:  # JSON that is nested too deep to walk through
            return f"{name} was recorded with another body; {difference(nearest.body, key.body)}"


def _alike(one: RequestKey, other: RequestKey) -> float:
    """0 to 1; the same path counts for more than any body."""
    same = (one.method == other.method) + (one.path == other.path)
    return same + difflib.SequenceMatcher(None, one.body[:2000], other.body[:2000]).ratio()


def _difference(recorded: RequestKey, key: RequestKey) -> str:
    """How a request differs from the nearest one: the first field, recorded beside sent."""
    one, other = json.loads(recorded.body), json.loads(key.body)
    if one.keys() == other.keys() and len(one) == 1:  # both are JSON, say: no need to name it
        (one,), (other,) = one.values(), other.values()
    first = difference(one, other)
    if (recorded.method, recorded.path) == (key.method, key.path):
        return f"was recorded with another body; {first}"
    where = f"the nearest is {recorded.method} {recorded.path}"
    return f"was not recorded; {where}" + (f", and {first}" if first else "")


def difference(recorded: object, sent: object, where: tuple[str, ...] = ()) -> str:
    """The first place at which two JSON values differ, in words; "" where they are equal.

    Objects and lists are entered side by side; what one side lacks is `NOTHING`. Types must match,
    as Python takes `True == 1`; texts are compared by `repr` too, for NaN, which equals nothing.
    """
    places: Iterable[tuple[str, object, object]]
    if isinstance(recorded, dict) and isinstance(sent, dict):
        names = dict.fromkeys([*recorded, *sent])
        places = ((name, recorded.get(name, NOTHING), sent.get(name, NOTHING)) for name in names)
    elif isinstance(recorded, list) and isinstance(sent, list):
        pairs = zip_longest(recorded, sent, fillvalue=NOTHING)
        places = ((str(place), *pair) for place, pair in enumerate(pairs))
    elif type(recorded) is type(sent) and (recorded == sent or repr(recorded) == repr(sent)):
        return ""
    else:
        place = f"{'.'.join(where)}: " if where else ""
        start = _start(recorded, sent)
        return f"{place}recorded {_value(recorded, start)}, sent {_value(sent, start)}"
    found = (difference(one, other, (*where, name)) for name, one, other in places)
    return next(filter(None, found), "")


def brief(data: str | bytes) -> str:
    """A message, cut to what fits into a sentence."""
    if isinstance(data, bytes):
        return f"{len(data):,} bytes"
    return data if len(data) <= SHOWN else f"{data[: SHOWN - 3]}..."


def _start(one: object, other: object) -> int:
    """From where two texts are shown: a little before they differ."""
    if not (isinstance(one, str) and isinstance(other, str)):
        return 0
    same = len(commonprefix([one, other]))
    return same - LED_IN if same > 2 * LED_IN else 0


def _value(value: object, start: int = 0) -> str:
    if value is NOTHING:
        return "nothing"
    if isinstance(value, bytes):
        return brief(value)
    if isinstance(value, str):
        cut = value[start : start + PIECE_SHOWN]
        lead, rest = "..." if start else "", "..." if len(value) > start + PIECE_SHOWN else ""
        value = f"{lead}{cut}{rest}"
    return brief(json.dumps(value, ensure_ascii=False))
