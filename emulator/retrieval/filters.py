"""Filters of a search: which files may be searched, by their attributes.

    {"type": "eq", "key": "year", "value": 2024}       also ne gt gte lt lte, in and nin
    {"type": "and", "filters": [..., ...]}             also or; they nest

A filter is checked whole and then becomes one function of a file's attributes, so that a mistake
is an error before the first file is looked at. The meanings, where OpenAI's pages leave a choice:

- Values are compared strictly: `"2024"` is not 2024, and true is not 1. Whole and decimal numbers
  are one type, as in JSON.
- A file without the key never matches, by `ne` and `nin` either: a file of which nothing is known
  is left out.
- `gt`, `gte`, `lt` and `lte` are false between two types. Text is compared letter by letter, so
  that dates written as 2024-01-31 are in order.
- `eq` of two types is false, so `ne` is true.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any

from emulator import params
from emulator.params import Check, Param, bad, fields, obj, one_of, text, wrong_type

DEEPEST, MOST = 10, 200

Value = str | float | bool
Filter = Callable[[Mapping[str, Any]], bool]


def parse(name: str, value: Any) -> Filter:
    """The filter as a function of a file's attributes; raises ApiError (400) that names the fault.

    `name` is what the filter is called in the request.
    """
    return _parse(name, value, 1, count(1))


def _parse(name: str, value: Any, depth: int, numbers: Iterator[int]) -> Filter:
    """One filter and all below it; `numbers` counts them."""
    if depth > DEEPEST or next(numbers) > MOST:
        why = f"at most {DEEPEST} deep, and at most {MOST} in all"
        raise bad(f"Invalid '{name}': filters may be {why}.", name, "invalid_value")

    def nested(name: str, value: Any) -> list[Filter]:
        if not isinstance(value, list):
            raise wrong_type(name, "an array", value)
        if not value:
            message = f"Invalid '{name}': empty array. Expected at least one filter."
            raise bad(message, name, "empty_array")
        return [
            _parse(f"{name}[{place}]", each, depth + 1, numbers) for place, each in enumerate(value)
        ]

    # The type decides which other fields there may be, so it is read before them.
    kind: Any = obj(name, value).get("type")
    params.parse({f"{name}.type": kind}, {f"{name}.type": _TYPE})
    if kind in ("and", "or"):
        read = fields({"type": _TYPE, "filters": Param(nested, required=True)})(name, value)
        combine, filters = all if kind == "and" else any, read["filters"]
        return lambda attributes: combine(each(attributes) for each in filters)
    test, check = _TESTS[kind]
    own = {"key": Param(text, required=True), "value": Param(check, required=True)}
    read = fields({"type": _TYPE, **own})(name, value)
    key, wanted = read["key"], read["value"]
    return lambda attributes: key in attributes and test(attributes[key], wanted)


def same(one: Value, other: Value) -> bool:
    """Equal, and of one type."""
    return _type(one) is _type(other) and one == other


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda one, other: _type(one) is _type(other) and compare(one, other)


def _type(value: object) -> type:
    return type(value) if isinstance(value, str | bool) else float


def _scalar(name: str, value: Any) -> Value:
    if not isinstance(value, str | int | float):
        raise wrong_type(name, "a string, a number or a boolean", value)
    return value


def _comparable(name: str, value: Any) -> Value:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise wrong_type(name, "a number or a string", value)
    return value


def _several(name: str, value: Any) -> list[Value]:
    if not isinstance(value, list):
        raise wrong_type(name, "an array of strings and numbers", value)
    return [_comparable(f"{name}[{place}]", each) for place, each in enumerate(value)]


_TESTS: dict[str, tuple[Callable[[Any, Any], bool], Check]] = {
    "eq": (same, _scalar),
    "ne": (lambda one, other: not same(one, other), _scalar),
    "gt": (_ordered(lambda one, other: one > other), _comparable),
    "gte": (_ordered(lambda one, other: one >= other), _comparable),
    "lt": (_ordered(lambda one, other: one < other), _comparable),
    "lte": (_ordered(lambda one, other: one <= other), _comparable),
    "in": (lambda one, others: any(same(one, each) for each in others), _several),
    "nin": (lambda one, others: not any(same(one, each) for each in others), _several),
}
_TYPE = Param(one_of(*_TESTS, "and", "or"), required=True)
