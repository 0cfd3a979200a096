"""The smallest values of a schema: what stands where neither the words nor the facts say anything.

Each generator yields valid values one by one, the plainest first, so that a caller who needs
another one (for unique items, or because an outer schema refuses the first) takes the next.

For a `pattern` a text is built piece by piece, from left to right: each class of characters gives
a character that it allows, each group its first choice, each repeat as few as may be. Further
texts take other characters, other choices and more repeats. A look-ahead or a back-reference may
make such a text wrong, so every text is checked, and a pattern that none of them matches is one
that cannot be filled. They are short, as a hostile pattern needs more time for a longer text.
"""

import datetime
import ipaddress
import itertools
import math
import re
import string
import uuid
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any

from emulator.structured.patterns import compiled
from emulator.structured.validate import (
    Judged,
    Schema,
    alternatives,
    as_schema,
    identity,
    is_valid,
    same,
)

_CHEAP = ["null", "boolean", "", "integer", "number", "string", "any", "array", "object"]
_TRIES = 200
_DEEPEST = 3
_BUDGET = 20_000
"""Values that are tried for one schema, the parts of arrays and objects included."""
_LONGEST_REPEAT = 1000
_ALPHABET = string.ascii_lowercase + string.ascii_uppercase + string.digits + "-_.@/ !#+,:;"
_PIECE = re.compile(
    r"""(?: (?P<open>\((?:\?(?:P?<\w+>|P=\w+|\(\w+\)|<?=|[>:#]|[a-zA-Z-]+:?))?)
    | (?P<or>\|) | (?P<close>\)) | (?P<place>\^|\$|\\[AbBZ\d])
    | (?P<one>\\x..|\\u....|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.) )
    (?P<repeat>[*+?]|\{(?P<least>\d*)(?P<more>,?)(?P<most>\d*)\})?[?+]?""",
    re.VERBOSE | re.DOTALL,
)
_DENIED = re.compile(r"\(\?<?!(?:[^()]|\([^()]*\))*\)")
_REPEATS = {None: (1, 1), "?": (0, 1), "*": (0, math.inf), "+": (1, math.inf)}


class SmallestValues:
    """The smallest values by one root schema; `today` stands for any date."""

    def __init__(self, root: Schema, today: datetime.date) -> None:
        self.root = root
        self._today = today
        self._left = _BUDGET
        self.judged: Judged = {}
        self._first_values: dict[tuple[int, tuple[str, ...]], tuple[Schema, list[Any], int]] = {}
        self._by_kind: dict[str, Callable[[Schema, tuple[str, ...]], Iterator[Any]]] = {
            "null": lambda schema, path: iter([None]),
            "boolean": lambda schema, path: iter([False, True]),
            "integer": lambda schema, path: numbers(schema, is_whole=True),
            "number": lambda schema, path: numbers(schema),
            "string": lambda schema, path: self._strings(schema),
            "any": lambda schema, path: itertools.chain([""], itertools.count()),
            "array": self._arrays,
            "object": self._objects,
            "": lambda schema, path: iter(schema.get("enum", [schema.get("const")])),
        }

    def find(self, schema: Schema, path: tuple[str, ...] = ()) -> Any:
        """The smallest value; ValueError if there is none."""
        for value in self._first(schema, path):
            return value
        raise ValueError("schema cannot be satisfied")

    def _first(self, schema: Schema, path: tuple[str, ...]) -> list[Any]:
        """The smallest value, or none; it is looked for once.

        A value that is known costs as much as it did before. It is as large as then, and a schema
        that names another twice, which does the same, would give one of millions of parts.
        """
        key = id(schema), path
        if key in self._first_values:
            _, values, cost = self._first_values[key]
            self._spend(cost)
            return values
        before = self._left
        values = list(itertools.islice(self.generate(schema, path), 1))
        self._first_values[key] = schema, values, before - self._left
        return values

    def generate(self, schema: Schema, path: tuple[str, ...] = ()) -> Iterator[Any]:
        """Valid values, the smallest first; `path` are the references that led here."""
        self._spend()
        flats = alternatives(schema, self.root)
        for flat in sorted(flats, key=lambda flat: _CHEAP.index(flat.kind)):
            if all(path.count(ref) < _DEEPEST for ref in flat.refs):
                values = self._by_kind[flat.kind](flat.schema, (*path, *flat.refs))
                for value in itertools.islice(values, _TRIES):
                    # A pattern takes as long as the text.
                    self._spend(1 + len(value) // 100 if isinstance(value, str) else 1)
                    if is_valid(value, schema, self.root, self.judged):
                        yield value

    def _spend(self, cost: int = 1) -> None:
        self._left -= cost
        if self._left < 0:
            raise ValueError("schema is too complex")

    def _objects(self, schema: Schema, path: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        """What is required; then the same with another value for one property at a time."""
        known, other = schema.get("properties", {}), schema.get("additionalProperties", True)
        base: dict[str, Any] = {}
        for name in schema.get("required", []):
            values = self._first(as_schema(known.get(name, other)), path)
            if not values:
                return
            base[name] = values[0]
        yield base
        # Optional ones are added, too: an entry of a set may differ in nothing else.
        for name, inner in known.items():
            for value in itertools.islice(self.generate(as_schema(inner), path), _TRIES):
                if not (name in base and same(value, base[name])):
                    yield {**base, name: value}

    def _arrays(self, schema: Schema, path: tuple[str, ...]) -> Iterator[list[Any]]:
        """As few items as may be, then one or two more; all different if they have to be."""
        first, least = schema.get("prefixItems", []), math.ceil(schema.get("minItems", 0))
        most = math.floor(min(schema.get("maxItems", least + 2), least + 2))
        items: list[Any] = []
        taken: set[object] = set()
        values: Iterator[Any] = iter(())
        for place, inner in enumerate([*first, *[schema.get("items", True)] * most][:most]):
            if len(items) >= least:
                yield [*items]
            # Different items of one schema: the search goes on where it has stopped.
            if not schema.get("uniqueItems") or place <= len(first):
                values = self.generate(as_schema(inner), path)
            for value in values:
                if not (schema.get("uniqueItems") and identity(value) in taken):
                    taken.add(identity(value))
                    items.append(value)
                    break
            else:
                return
        yield items

    def _strings(self, schema: Schema) -> Iterator[str]:
        if schema.get("format") in _FORMATTED:
            for count in range(_TRIES // 2):
                yield _FORMATTED[schema["format"]](count, self._today)
        if "pattern" in schema:
            for extra, shift in itertools.product(range(30), range(5)):
                yield text_like(schema["pattern"], extra, shift)
        for length in itertools.count(math.ceil(schema.get("minLength", 0))):
            if length > schema.get("maxLength", length):
                return
            # Only the last two letters vary: that is enough for any number of tries.
            head = "a" * (length - 2)
            for tail in itertools.product(string.ascii_lowercase, repeat=min(length, 2)):
                yield head + "".join(tail)


def _later(count: int) -> str:
    return f"{count // 60 % 24:02}:{count % 60:02}:00Z"


_FORMATTED: dict[str, Callable[[int, datetime.date], str]] = {
    "date": lambda count, today: (today + datetime.timedelta(count)).isoformat(),
    "time": lambda count, today: _later(count),
    "date-time": lambda count, today: f"{today.isoformat()}T{_later(count)}",
    "duration": lambda count, today: f"PT{count}M",
    "email": lambda count, today: f"user{count or ''}@example.com",
    "hostname": lambda count, today: f"host{count or ''}.example.com",
    "ipv4": lambda count, today: str(ipaddress.IPv4Address("192.0.2.1") + count),
    "ipv6": lambda count, today: str(ipaddress.IPv6Address("2001:db8::1") + count),
    "uuid": lambda count, today: str(uuid.UUID(int=count)),
    "uri": lambda count, today: f"https://example.com/{count or ''}",
}


def numbers(schema: Schema, is_whole: bool = False) -> Iterator[int | float]:
    """Numbers within the bounds: zero if it may be, or else those next to the bound near it."""
    low = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
    high = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
    step = Fraction(str(schema.get("multipleOf", 1)))
    if is_whole:
        step *= step.denominator
    elif "multipleOf" not in schema and high - low < 8:
        # Between close bounds lie too few whole numbers, or none.
        step = Fraction(high - low) / 16 or Fraction(1)
    start = low if low > 0 else high if high < 0 else 0
    count = math.ceil(Fraction(start) / step) if start >= 0 else math.floor(Fraction(start) / step)
    for away in range(_TRIES // 2):
        for place in {count + away: 0, count - away: 0}:
            exact = place * step
            yield int(exact) if exact.denominator == 1 else float(exact)


def text_like(pattern: str, extra: int = 0, shift: int = 0) -> str:
    """A text after a pattern's model, with `extra` more repeats and the `shift`-th choices.

    Each open group is a list of its alternatives so far; the pattern as a whole is the outermost.
    """
    groups = [[""]]
    for piece in _PIECE.finditer(_DENIED.sub("", compiled(pattern).source)):
        if piece["open"]:
            groups.append([""])
        elif piece["or"]:
            groups[-1].append("")
        elif not piece["place"]:
            choices = groups.pop() if piece["close"] else _characters(piece["one"])
            text = choices[shift % len(choices)] * _repeats(piece, extra)
            groups[-1][-1] += text[:_LONGEST_REPEAT]
    return groups[0][shift % len(groups[0])]


def _repeats(piece: re.Match[str], extra: int) -> int:
    """How often a piece is written: as often as it must be and `extra` more, if it may be."""
    if piece["repeat"] in _REPEATS:
        least, most = _REPEATS[piece["repeat"]]
    else:
        least = int(piece["least"] or 0)
        most = int(piece["most"] or _LONGEST_REPEAT) if piece["more"] else least
    return int(min(least + extra, most, _LONGEST_REPEAT))


@lru_cache(maxsize=1000)
def _characters(one: str) -> list[str]:
    """The characters that a literal or a class of a pattern allows; simple ones, if it has some."""
    if len(one) == 1 and one != ".":
        return [one]
    allows = re.compile(one).fullmatch
    every = map(chr, range(0xD800))
    return [c for c in _ALPHABET if allows(c)] or [next(filter(allows, every), "")]
