"""JSON Schema, as far as OpenAI takes it and a little further: what is valid, what can be valid.

A schema is taken apart into alternatives that know neither references nor unions, so that whoever
fills one has only to look at types and bounds. Validity is always judged by the schema as it came.
"""

import datetime
import ipaddress
import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from urllib.parse import unquote

from emulator.structured.patterns import TooManySteps, compiled

Schema = Mapping[str, Any]
ANYTHING: Schema = {}
NOTHING: Schema = {"enum": []}
TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")
CANNOT = frozenset(
    """not if then else contains dependentRequired dependentSchemas dependencies minProperties
    maxProperties patternProperties propertyNames unevaluatedItems unevaluatedProperties
    $dynamicRef $recursiveRef""".split()
)
MOST_ALTERNATIVES = 64
MOST_EXPANSIONS = 2_000
"""Of references and unions in one schema: a few dozen that name each other twice give millions."""
MOST_OPTIONS = 10_000
"""Of all `enum` lists of a schema together; OpenAI's own limit in strict mode is 1,000."""
MOST_SCHEMAS = 20_000
"""Inside a schema. In strict mode OpenAI takes 5,000 properties."""
LARGEST = 1e300
"""A bound beyond it, which a float could hardly hold, is refused."""
_SHAPES: dict[str, Callable[[Any], bool]] = {
    word: test
    for words, test in (
        ("properties $defs definitions", lambda v: isinstance(v, Mapping)),
        ("anyOf oneOf allOf enum prefixItems examples", lambda v: isinstance(v, list)),
        ("nullable uniqueItems", lambda v: isinstance(v, bool)),
        ("required", lambda v: _are_texts(v)),
        ("type", lambda v: isinstance(v, str) or _are_texts(v)),
        ("$ref pattern format", lambda v: isinstance(v, str)),
        ("maxLength maxItems", lambda v: _is_bound(v) and v >= 0),
        ("minLength minItems", lambda v: _is_bound(v) and v <= 100_000),
        ("minimum maximum exclusiveMinimum exclusiveMaximum", lambda v: _is_bound(v)),
        ("multipleOf", lambda v: _is_bound(v) and v > 0),
    )
    for word in words.split()
}
_IMPLIED = {
    **dict.fromkeys("properties required additionalProperties".split(), "object"),
    **dict.fromkeys("items prefixItems minItems maxItems uniqueItems".split(), "array"),
    **dict.fromkeys("minLength maxLength pattern format".split(), "string"),
    **dict.fromkeys(
        "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf".split(), "number"
    ),
}
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_DAY = r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
_HOUR = r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)"
_FORMATS = {
    "date": _DAY,
    "time": _HOUR,
    "date-time": f"{_DAY}T{_HOUR}",
    "duration": r"P(?=.)(?:\d+W|(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=.)(?:\d+H)?(?:\d+M)?(?:\d+S)?)?)",
    "email": rf"[\w.!#$%&'*+/=?^`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})*",
    "hostname": rf"{_LABEL}(?:\.{_LABEL})*",
    "uuid": r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "uri": r"[a-zA-Z][a-zA-Z0-9+.-]*:[^\s<>\"{}|\\^`]+",
}


@dataclass(frozen=True)
class Flat:
    """One way to satisfy a schema: a schema of one type, and the references that led to it."""

    schema: Schema
    refs: frozenset[str] = frozenset()

    @property
    def kind(self) -> str:
        """Its type; empty where only `enum` or `const` says what it may be."""
        return str(self.schema.get("type", ""))


def check_supported(schema: object) -> None:
    """Raise ValueError, with a fragment that says why, for a schema that cannot be filled."""
    waiting: list[tuple[str, object]] = [("schema", schema)]
    schemas = options = 0
    while waiting:
        place, inner = waiting.pop()
        schemas += 1
        if isinstance(inner, bool):
            continue
        if not isinstance(inner, Mapping):
            raise ValueError(f"expected a schema at {place!r}, not {inner!r}")
        _check_keywords(inner)
        options += len(inner.get("enum", ()))
        if schemas > MOST_SCHEMAS or options > MOST_OPTIONS:
            raise ValueError("schema is too large")
        waiting += [(path[-1], child) for path, child in children(inner)][::-1]


def _check_keywords(schema: Schema) -> None:
    for keyword, value in schema.items():
        if keyword in CANNOT:
            raise ValueError(f"keyword {keyword!r} is not supported")
        if keyword in _SHAPES and not _SHAPES[keyword](value):
            raise ValueError(f"{keyword!r} has no valid value: {value!r}")
    for kind in _listed(schema.get("type", [])):
        if kind not in TYPES:
            raise ValueError(f"unknown type {kind!r}")
    if "pattern" in schema:
        compiled(schema["pattern"])


def children(schema: Schema) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The schemas inside a schema, each with its path from there."""
    for keyword in ("properties", "$defs", "definitions"):
        if isinstance(schema.get(keyword), Mapping):
            yield from (((keyword, name), child) for name, child in schema[keyword].items())
    for keyword in ("prefixItems", "anyOf", "oneOf", "allOf"):
        if isinstance(schema.get(keyword), list):
            yield from (((keyword, str(i)), child) for i, child in enumerate(schema[keyword]))
    for keyword in ("items", "additionalProperties"):
        if keyword in schema:
            yield (keyword,), schema[keyword]


def as_schema(schema: Schema | bool) -> Schema:
    """A schema that is true or false in its long form."""
    if isinstance(schema, bool):
        return ANYTHING if schema else NOTHING
    return schema


def resolve(ref: str, root: Schema) -> Schema:
    """What a reference into the schema points at."""
    found: Any = root
    with suppress(LookupError, TypeError, ValueError):
        for part in unquote(ref.removeprefix("#")).split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            found, inside = None, found
            found = inside[int(key) if isinstance(inside, list) else key]
    if not ref.startswith("#") or not isinstance(found, Mapping | bool):
        raise ValueError(f"reference {ref!r} leads nowhere")
    return as_schema(found)


def alternatives(schema: Schema, root: Schema) -> list[Flat]:
    """The ways to satisfy a schema, in the order in which it names them; null comes last."""
    steps = iter(range(MOST_EXPANSIONS))
    flats = itertools.islice(_expanded(schema, root, frozenset(), steps), MOST_ALTERNATIVES)
    return sorted(
        (Flat(typed, flat.refs) for flat in flats for typed in _typed(flat.schema)),
        key=lambda flat: flat.kind == "null",
    )


def _expanded(
    schema: Schema, root: Schema, above: frozenset[str], steps: Iterator[int]
) -> Iterator[Flat]:
    """The schema without references, `allOf` and unions; a circle of references has no way out.

    Each of them is a group of branches, one of which has to hold together with the schema itself:
    a reference and a part of `allOf` are groups of one. The result is every combination of one
    branch from each group, merged, and each branch is expanded in the same way before. Raises
    ValueError when `steps` runs out.
    """
    if next(steps, None) is None:
        raise ValueError("schema is too complex")
    inside = ("$ref", "allOf", "anyOf", "oneOf", "$defs", "definitions")
    groups: list[tuple[frozenset[str], list[Schema | bool]]] = []
    if "$ref" in schema:
        if schema["$ref"] in above:
            return
        groups.append((frozenset([schema["$ref"]]), [resolve(schema["$ref"], root)]))
    groups += [(frozenset(), [part]) for part in schema.get("allOf", [])]
    groups += [(frozenset(), schema[union]) for union in ("anyOf", "oneOf") if union in schema]

    def joined(flat: Flat, rest: int) -> Iterator[Flat]:
        if rest == len(groups):
            yield flat
            return
        refs, branches = groups[rest]
        for branch in branches:
            for part in _expanded(as_schema(branch), root, above | refs, steps):
                both = Flat(merged(flat.schema, part.schema), flat.refs | part.refs | refs)
                yield from joined(both, rest + 1)

    yield from joined(Flat({k: v for k, v in schema.items() if k not in inside}), 0)


def _typed(schema: Schema) -> Iterator[Schema]:
    """One schema for each type that it allows."""
    if "enum" in schema or "const" in schema:
        yield {k: v for k, v in schema.items() if k != "type"}
        return
    implied = next((_IMPLIED[keyword] for keyword in schema if keyword in _IMPLIED), "any")
    kinds = _listed(schema.get("type", implied))
    rest = {keyword: value for keyword, value in schema.items() if keyword != "nullable"}
    for kind in [*kinds, "null"] if schema.get("nullable") else kinds:
        yield {**rest, "type": kind}


def merged(one: Schema, other: Schema) -> Schema:
    """The schema of what satisfies both; hints are those of the first that has them."""
    both = {**other, **one}
    for keyword in one.keys() & other.keys():
        if keyword in _MERGE:
            both[keyword] = _MERGE[keyword](one[keyword], other[keyword])
    return both


def _both_properties(one: Schema, other: Schema) -> Schema:
    shared = {name: {"allOf": [one[name], other[name]]} for name in one if name in other}
    return {**one, **other, **shared}


def _all_of(one: Any, other: Any) -> Any:
    return {"allOf": [one, other]} if one is not False and other is not False else False


_MERGE: dict[str, Callable[[Any, Any], Any]] = {
    # What is a number and an integer is an integer; other types exclude each other.
    "type": lambda one, other: [k for k in _listed(one) if k in _listed(other)] or "integer",
    "enum": lambda one, other: [v for v in one if any(same(v, w) for w in other)],
    "properties": _both_properties,
    "required": lambda one, other: [*one, *(name for name in other if name not in one)],
    "nullable": lambda one, other: one and other,
    "uniqueItems": lambda one, other: one or other,
    **dict.fromkeys(["items", "additionalProperties"], _all_of),
    **dict.fromkeys(["minimum", "exclusiveMinimum", "minLength", "minItems"], max),
    **dict.fromkeys(["maximum", "exclusiveMaximum", "maxLength", "maxItems"], min),
}


Judged = dict[tuple[int, int], tuple[Any, Schema, bool]]
"""Whether an array or object is valid by a schema, by the identity of both, which it keeps alive.

A value that is put together from valid parts would otherwise be judged anew at each level, as often
as it is deep. A value that was judged must not be changed.
"""


def is_valid(
    value: Any,
    schema: Schema | bool,
    root: Schema,
    judged: Judged | None = None,
    known: dict[str, bool] | None = None,
) -> bool:
    """Whether a value is valid; `known` says by which references this very value is.

    One that is still being followed counts as invalid, so a circle of them ends. And schemas that
    name each other twice, level by level, are followed once each.
    """
    schema = as_schema(schema)
    if judged is None or known is not None or not isinstance(value, list | dict):
        return _is_valid(value, schema, root, judged, known)
    key = id(value), id(schema)
    if key not in judged:
        judged[key] = value, schema, _is_valid(value, schema, root, judged, known)
    return judged[key][2]


def _is_valid(
    value: Any,
    schema: Schema,
    root: Schema,
    judged: Judged | None,
    known: dict[str, bool] | None,
) -> bool:
    if value is None and schema.get("nullable"):
        return True
    known = {} if known is None else known
    ref = schema.get("$ref")
    if ref is not None and ref not in known:
        known[ref] = False
        known[ref] = is_valid(value, resolve(ref, root), root, judged, known)
    if ref is not None and not known[ref]:
        return False
    unions = {
        keyword: [is_valid(value, branch, root, judged, known) for branch in schema[keyword]]
        for keyword in ("allOf", "anyOf", "oneOf")
        if keyword in schema
    }
    # An absent keyword counts as one that holds.
    return (
        all(unions.get("allOf", [True]))
        and any(unions.get("anyOf", [True]))
        and sum(unions.get("oneOf", [True])) == 1
        and all(test(value, schema[word]) for word, test in _TESTS.items() if word in schema)
        and _insides_valid(value, schema, root, judged)
    )


def _insides_valid(value: Any, schema: Schema, root: Schema, judged: Judged | None) -> bool:
    """Whether the items of an array, or the properties of an object, are valid."""
    if isinstance(value, list):
        first = schema.get("prefixItems", [])
        rest = itertools.repeat(schema.get("items", True), max(0, len(value) - len(first)))
        pairs = zip(value, itertools.chain(first, rest), strict=False)
        return all(is_valid(item, inner, root, judged) for item, inner in pairs)
    if isinstance(value, dict):
        known, other = schema.get("properties", {}), schema.get("additionalProperties", True)
        return all(name in value for name in schema.get("required", [])) and all(
            is_valid(item, known.get(name, other), root, judged) for name, item in value.items()
        )
    return True


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal: 1 is 1.0, but true is not 1."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def is_type(value: Any, kind: str) -> bool:
    """Whether a JSON value is of a type."""
    if kind == "integer":
        return _is_number(value) and (isinstance(value, int) or value.is_integer())
    if kind == "number":
        return _is_number(value)
    python = {"string": str, "boolean": bool, "array": list, "object": dict, "null": type(None)}
    return kind == "any" or isinstance(value, python[kind])


def is_format(text: str, form: str) -> bool:
    """Whether a text has a format; one that is not known holds for every text."""
    if form in ("ipv4", "ipv6"):
        try:
            return "%" not in text and ipaddress.ip_address(text).version == int(form[-1])
        except ValueError:
            return False
    if form in ("date", "date-time"):
        try:
            datetime.date.fromisoformat(text[:10])
        except ValueError:
            return False
    if form == "hostname" and len(text) > 253:
        return False
    return form not in _FORMATS or re.fullmatch(_FORMATS[form], text, re.ASCII) is not None


def identity(value: Any) -> object:
    """A value that can stand in a set: two JSON values have equal ones if they are the `same`."""
    if isinstance(value, list):
        return ("array", *map(identity, value))
    if isinstance(value, dict):
        return frozenset((name, identity(inner)) for name, inner in value.items())
    if _is_number(value):
        # As text, since anybody can find a thousand numbers whose hashes collide.
        return ("number", hex(value) if isinstance(value, int) else _hex(value))
    return value


def _hex(number: float) -> str:
    return hex(int(number)) if number.is_integer() else number.hex()


def _matches(text: str, pattern: str) -> bool:
    """Whether a pattern matches; a text for which that can't be found out in time is not valid."""
    try:
        return compiled(pattern).search(text)
    except TooManySteps:
        return False


def _is_multiple(value: Any, step: Any) -> bool:
    return bool(step) and Fraction(str(value)) % Fraction(str(step)) == 0


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and (isinstance(value, int) or math.isfinite(value))


def _is_bound(value: object) -> bool:
    return isinstance(value, int | float) and _is_number(value) and abs(value) <= LARGEST


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _listed(kinds: Any) -> Sequence[Any]:
    return kinds if isinstance(kinds, list) else [kinds]


def _are_unique(values: list[Any]) -> bool:
    return len({identity(value) for value in values}) == len(values)


def _of(python: Any, test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """A test that only values of one kind can fail."""
    return lambda value, bound: (
        not isinstance(value, python) or isinstance(value, bool) or test(value, bound)
    )


_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "type": lambda value, kinds: any(is_type(value, kind) for kind in _listed(kinds)),
    "enum": lambda value, options: any(same(value, option) for option in options),
    "const": same,
    "minLength": _of(str, lambda text, least: len(text) >= least),
    "maxLength": _of(str, lambda text, most: len(text) <= most),
    "pattern": _of(str, _matches),
    "format": _of(str, is_format),
    "minimum": _of(int | float, lambda number, least: number >= least),
    "maximum": _of(int | float, lambda number, most: number <= most),
    "exclusiveMinimum": _of(int | float, lambda number, bound: number > bound),
    "exclusiveMaximum": _of(int | float, lambda number, bound: number < bound),
    "multipleOf": _of(int | float, _is_multiple),
    "minItems": _of(list, lambda items, least: len(items) >= least),
    "maxItems": _of(list, lambda items, most: len(items) <= most),
    "uniqueItems": _of(list, lambda items, unique: not unique or _are_unique(items)),
}
