"""Filters of a search: which files may be searched, by their attributes.

    {"type": "eq", "key": "year", "value": 2024}       also ne gt gte lt lte, in and nin
    {"type": "and", "filters": [..., ...]}             also or; they nest

Values are compared strictly: `"2024"` is not 2024, and true is not 1. A key that a file does not
have matches nothing, under `ne` and `nin` too: a file of which nothing is known is left out. `gt`
and the like compare two numbers or two strings (a date as text in ISO order), nothing else. `eq`
of two types is false and `ne` true.
"""

from collections.abc import Callable, Mapping
from typing import Any

from emulator.errors import ApiError

DEEPEST, MOST = 10, 200

Value = str | float | bool
Filter = Callable[[Mapping[str, Any]], bool]


def parse(name: str, value: Any) -> Filter:
    """The filter as a function of a file's attributes; raises ApiError (400) that names the fault.

    `name` is what the filter is called in the request.
    """
    return _Parser().filter(name, value, 1)


class _Parser:
    """Reads one filter, and counts what stands in it."""

    def __init__(self) -> None:
        self._filters = 0

    def filter(self, name: str, value: Any, depth: int) -> Filter:
        self._filters += 1
        if depth > DEEPEST or self._filters > MOST:
            why = f"at most {DEEPEST} deep, and at most {MOST} in all"
            raise _bad(f"Invalid '{name}': filters may be {why}.", name, "invalid_value")
        if not isinstance(value, dict):
            raise _bad(f"Invalid type for '{name}': expected an object.", name, "invalid_type")
        kind = _field(name, value, "type")
        read = _KINDS.get(kind) if isinstance(kind, str) else None
        if read is None:
            message = f"Invalid value: {kind!r}. Supported values are: {', '.join(_KINDS)}."
            raise _bad(message, f"{name}.type", "invalid_value")
        allowed = ("type", "filters") if kind in ("and", "or") else ("type", "key", "value")
        for key in value:
            if key not in allowed:
                inner = f"{name}.{key}"
                raise _bad(f"Unknown parameter: '{inner}'.", inner, "unknown_parameter")
        return read(self, name, value, depth)

    def compound(self, name: str, value: dict[str, Any], depth: int) -> Filter:
        inner = f"{name}.filters"
        listed = _field(name, value, "filters")
        if not isinstance(listed, list):
            raise _bad(f"Invalid type for '{inner}': expected an array.", inner, "invalid_type")
        if not listed:
            message = f"Invalid '{inner}': empty array. Expected at least one filter."
            raise _bad(message, inner, "empty_array")
        filters = [
            self.filter(f"{inner}[{place}]", each, depth + 1) for place, each in enumerate(listed)
        ]
        combine = all if value["type"] == "and" else any
        return lambda attributes: combine(each(attributes) for each in filters)

    def comparison(self, name: str, value: dict[str, Any], depth: int) -> Filter:
        key, wanted = _key(name, value), _field(name, value, "value")
        compare, check = _COMPARISONS[value["type"]]
        check(f"{name}.value", wanted)
        return lambda attributes: key in attributes and compare(attributes[key], wanted)


def same(one: Value, other: Value) -> bool:
    """Equal, and of one type; whole and broken numbers are of one type, as in JSON."""
    return _type(one) is _type(other) and one == other


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda one, other: _type(one) is _type(other) and compare(one, other)


def _type(value: object) -> type:
    return type(value) if isinstance(value, str | bool) else float


def _field(name: str, value: dict[str, Any], key: str) -> Any:
    if value.get(key) is None:
        inner = f"{name}.{key}"
        message = f"Missing required parameter: '{inner}'."
        raise _bad(message, inner, "missing_required_parameter")
    return value[key]


def _key(name: str, value: dict[str, Any]) -> str:
    key = _field(name, value, "key")
    if not isinstance(key, str):
        inner = f"{name}.key"
        raise _bad(f"Invalid type for '{inner}': expected a string.", inner, "invalid_type")
    return key


def _plain(name: str, value: Any) -> None:
    if not isinstance(value, str | int | float):
        message = f"Invalid type for '{name}': expected a string, a number or a boolean."
        raise _bad(message, name, "invalid_type")


def _comparable(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        message = f"Invalid type for '{name}': expected a number or a string."
        raise _bad(message, name, "invalid_type")


def _several(name: str, value: Any) -> None:
    if not isinstance(value, list):
        message = f"Invalid type for '{name}': expected an array of strings and numbers."
        raise _bad(message, name, "invalid_type")
    for place, each in enumerate(value):
        _comparable(f"{name}[{place}]", each)


def _bad(message: str, param: str, code: str) -> ApiError:
    return ApiError(400, message, param=param, code=code)


_COMPARISONS: dict[str, tuple[Callable[[Any, Any], bool], Callable[[str, Any], None]]] = {
    "eq": (same, _plain),
    "ne": (lambda one, other: not same(one, other), _plain),
    "gt": (_ordered(lambda one, other: one > other), _comparable),
    "gte": (_ordered(lambda one, other: one >= other), _comparable),
    "lt": (_ordered(lambda one, other: one < other), _comparable),
    "lte": (_ordered(lambda one, other: one <= other), _comparable),
    "in": (lambda one, others: any(same(one, each) for each in others), _several),
    "nin": (lambda one, others: not any(same(one, each) for each in others), _several),
}
_KINDS: dict[str, Callable[[_Parser, str, dict[str, Any], int], Filter]] = {
    **dict.fromkeys(_COMPARISONS, _Parser.comparison),
    "and": _Parser.compound,
    "or": _Parser.compound,
}
