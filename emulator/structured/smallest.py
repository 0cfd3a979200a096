"""The least values of a schema: what stands where neither the words nor the facts say anything.

Each generator yields distinct values, the plainest first, so that a caller who needs another one
(for unique items, or since an outer schema refuses the first) takes the next.
"""

import datetime
import importlib
import ipaddress
import itertools
import math
import re
import string
import uuid
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from emulator.structured.validate import (
    Flat,
    Schema,
    alternatives,
    as_schema,
    compiled,
    is_valid,
    same,
)

# The standard library's parser of regular expressions; packages that generate texts use it, too.
_parser = importlib.import_module("re._parser")
_ALPHABET = string.ascii_lowercase + string.ascii_uppercase + string.digits + "-_.@/ " + "!#+,:;"
_CHEAP = ["null", "boolean", "", "integer", "number", "string", "any", "array", "object"]
_TRIES = 200
_DEEPEST = 3
_BUDGET = 20_000


class Least:
    """The least values by one root schema; `today` stands for any date."""

    def __init__(self, root: Schema, today: datetime.date) -> None:
        self.root = root
        self._today = today
        self._left = _BUDGET
        self._by_kind: dict[str, Callable[[Schema, tuple[str, ...]], Iterator[Any]]] = {
            "null": lambda schema, path: iter([None]),
            "boolean": lambda schema, path: iter([False, True]),
            "integer": lambda schema, path: numbers({**schema, "whole": True}),
            "number": lambda schema, path: numbers(schema),
            "string": lambda schema, path: self._strings(schema),
            "any": lambda schema, path: itertools.chain([""], itertools.count()),
            "array": self._arrays,
            "object": self._objects,
            "": lambda schema, path: iter(
                [schema["const"]] if "const" in schema else schema["enum"]
            ),
        }

    def value(self, schema: Schema, path: tuple[str, ...] = ()) -> Any:
        """The least value; ValueError if there is none."""
        for value in self.values(schema, path):
            return value
        raise ValueError("schema cannot be satisfied")

    def values(self, schema: Schema, path: tuple[str, ...] = ()) -> Iterator[Any]:
        """Valid values, the least first; `path` are the references on the way here."""
        self._left -= 1
        if self._left < 0:
            raise ValueError("schema is too complex")
        flats = alternatives(schema, self.root)
        for flat in sorted(flats, key=lambda flat: _CHEAP.index(flat.kind)):
            if all(path.count(ref) < _DEEPEST for ref in flat.refs):
                for value in itertools.islice(self._of(flat, path), _TRIES):
                    if is_valid(value, schema, self.root):
                        yield value

    def _of(self, flat: Flat, path: tuple[str, ...]) -> Iterator[Any]:
        return self._by_kind[flat.kind](flat.schema, (*path, *flat.refs))

    def _objects(self, schema: Schema, path: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        """What is required; then the same with another value for one property at a time."""
        known, other = schema.get("properties", {}), schema.get("additionalProperties", True)
        try:
            base = {
                name: self.value(as_schema(known.get(name, other)), path)
                for name in schema.get("required", [])
            }
        except ValueError:
            if self._left < 0:
                raise
            return
        yield base
        for name, inner in known.items():
            for value in itertools.islice(self.values(as_schema(inner), path), _TRIES):
                if not (name in base and same(value, base[name])):
                    yield {**base, name: value}

    def _arrays(self, schema: Schema, path: tuple[str, ...]) -> Iterator[list[Any]]:
        """As few items as may be; then others in the last place, then more."""
        first, least = schema.get("prefixItems", []), math.ceil(schema.get("minItems", 0))
        most = min(schema.get("maxItems", least + 2), least + 2)
        for length in range(least, math.floor(most) + 1):
            inner = [*first, *[schema.get("items", True)] * (length - len(first))][:length]
            items: list[Any] = []
            for place in inner[:-1]:
                items += itertools.islice(self._fresh(place, items, schema, path), 1)
            if length == 0:
                yield []
            elif len(items) == length - 1:
                for last in self._fresh(inner[-1], items, schema, path):
                    yield [*items, last]

    def _fresh(
        self, inner: Schema | bool, taken: list[Any], schema: Schema, path: tuple[str, ...]
    ) -> Iterator[Any]:
        """Values for one more item, other than those taken if all have to differ."""
        for value in self.values(as_schema(inner), path):
            if not (schema.get("uniqueItems") and any(same(value, item) for item in taken)):
                yield value

    def _strings(self, schema: Schema) -> Iterator[str]:
        if schema.get("format") in _FORMATTED:
            for count in range(_TRIES // 2):
                yield _FORMATTED[schema["format"]](count, self._today)
        if "pattern" in schema:
            yield from texts_of(schema["pattern"], schema.get("minLength", 0))
        least = math.ceil(schema.get("minLength", 0))
        for length in itertools.count(least):
            if length > schema.get("maxLength", length):
                return
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


def numbers(schema: Schema) -> Iterator[int | float]:
    """Numbers within the bounds: zero if it may be, or else those next to the lower bound."""
    low = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
    high = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
    step = Fraction(str(schema["multipleOf"])) if "multipleOf" in schema else Fraction(1)
    if schema.get("whole"):
        step *= step.denominator
    elif "multipleOf" not in schema and high - low < 8:
        step = Fraction(high - low) / 16 or Fraction(1)
    start = low if low > 0 else high if high < 0 else 0
    count = math.ceil(Fraction(start) / step) if start >= 0 else math.floor(Fraction(start) / step)
    for away in range(_TRIES // 2):
        for place in {count + away: 0, count - away: 0}:
            exact = place * step
            yield int(exact) if exact.denominator == 1 else float(exact)


def texts_of(pattern: str, length: float) -> Iterator[str]:
    """Texts that a regular expression matches, short ones first; not every one is sure to match."""
    tree = _parser.parse(compiled(pattern).pattern)
    for extra in range(math.ceil(min(length, 1000)) + 8):
        for shift in range(6):
            yield _rendered(tree, extra, shift, {})


def _rendered(tree: Any, extra: int, shift: int, groups: dict[int, str]) -> str:
    """One text for a parsed expression, with `extra` more repeats and the `shift`-th choices."""
    text = ""
    for operation, argument in tree:
        name = str(operation)
        if name in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
            text += _character(name, argument, shift)
        elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            least, most, inner = argument
            repeats = min(least + extra, int(most), least + 1000)
            text += "".join(_rendered(inner, extra, shift, groups) for _ in range(repeats))
        elif name == "SUBPATTERN":
            inner = _rendered(argument[3], extra, shift, groups)
            groups[argument[0]] = inner
            text += inner
        elif name == "BRANCH":
            text += _rendered(argument[1][shift % len(argument[1])], extra, shift, groups)
        elif name == "GROUPREF":
            text += groups.get(argument, "")
        elif name == "ASSERT":
            # What has to be seen ahead is written here: enough for "at least one digit".
            text += _rendered(argument[1], extra, shift, groups)
        elif name == "ATOMIC_GROUP":
            text += _rendered(argument, extra, shift, groups)
    return text


def _character(name: str, argument: Any, shift: int) -> str:
    """The `shift`-th character that a class allows."""
    if name == "LITERAL":
        return chr(argument)
    if name == "NOT_LITERAL":
        allowed = [c for c in _ALPHABET if ord(c) != argument]
    elif name == "ANY":
        allowed = list(_ALPHABET)
    else:
        negated = str(argument[0][0]) == "NEGATE"
        members = argument[1:] if negated else argument
        allowed = [c for c in _ALPHABET if any(_is_in(c, m) for m in members) != negated]
        outside = [m[1][0] if str(m[0]) == "RANGE" else m[1] for m in members]
        allowed = allowed or [chr(code) for code in outside if isinstance(code, int)]
    return allowed[shift % len(allowed)] if allowed else ""


def _is_in(character: str, member: tuple[Any, Any]) -> bool:
    operation, argument = str(member[0]), member[1]
    if operation == "LITERAL":
        return bool(ord(character) == argument)
    if operation == "RANGE":
        return bool(argument[0] <= ord(character) <= argument[1])
    word = {"DIGIT": r"\d", "WORD": r"\w", "SPACE": r"\s"}[str(argument).split("_")[-1]]
    return (re.match(word, character) is not None) != ("_NOT_" in str(argument))
