"""The parameters of a request: checked one by one, so that none is silently ignored.

A family lists its parameters in a table. What stands in no table is `unknown_parameter`; what
OpenAI serves and the emulator does not is refused by name; what is taken but cannot change a quoted
answer (`temperature`, `seed`, ...) is `inert`, and the answer's header `x-openai-emulator-inert`
names it.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.errors import ApiError

Check = Callable[[str, Any], Any]
LONGEST_WORD = 64
"""How many characters of a value a refusal repeats; a longer one is a text, not a word."""


@dataclass(frozen=True)
class Param:
    """One parameter: `check(name, value)` returns the value or raises ApiError."""

    check: Check
    default: Any = None
    required: bool = False
    inert: bool = False


def parse(body: Mapping[str, Any], table: Mapping[str, Param]) -> tuple[dict[str, Any], list[str]]:
    """The checked values, with defaults filled in, and the names of the inert ones that were sent.

    A parameter that is null counts as not sent, as at OpenAI. Raises ApiError (400).
    """
    for name in body:
        if name not in table:
            raise bad(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    values: dict[str, Any] = {}
    for name, param in table.items():
        value = body.get(name)
        if value is None and param.required:
            raise bad(f"Missing required parameter: '{name}'.", name, "missing_required_parameter")
        values[name] = param.default if value is None else param.check(name, value)
    inert = [name for name in body if table[name].inert and body[name] is not None]
    return values, inert


def bad(message: str, param: str, code: str | None) -> ApiError:
    return ApiError(400, message, param=param, code=code)


def wrong_type(name: str, expected: str, value: object) -> ApiError:
    message = f"Invalid type for '{name}': expected {expected}, but got {_kind(value)} instead."
    return bad(message, name, "invalid_type")


def text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise wrong_type(name, "a string", value)
    return value


def flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise wrong_type(name, "a boolean", value)
    return value


def integer(low: int, high: int | None = None) -> Check:
    def check(name: str, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise wrong_type(name, "an integer", value)
        _within(name, value, low, high, "integer")
        return value

    return check


def number(low: float, high: float) -> Check:
    def check(name: str, value: Any) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise wrong_type(name, "a decimal", value)
        _within(name, value, low, high, "decimal")
        return float(value)

    return check


def one_of(*allowed: str) -> Check:
    def check(name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise wrong_type(name, f"one of {listed(allowed)}", value)
        if value not in allowed:
            message = f"Invalid value: '{value}'. Supported values are: {listed(allowed)}."
            raise bad(message, name, "invalid_value")
        return value

    return check


def obj(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise wrong_type(name, "an object", value)
    return value


def array(
    name: str, value: Any, of: str = "objects", *, least: int = 0, most: int | None = None
) -> list[Any]:
    """A list of at least and at most so many elements, which are not looked at."""
    if not isinstance(value, list):
        raise wrong_type(name, f"an array of {of}", value)
    if len(value) < least:
        message = f"""Invalid '{name}': empty array. Expected an array with minimum length \
{least}, but got an empty array instead."""
        raise bad(message, name, "empty_array")
    if most is not None and len(value) > most:
        message = f"""Invalid '{name}': array too long. Expected an array with maximum length \
{most}, but got an array with length {len(value)} instead."""
        raise bad(message, name, "array_above_max_length")
    return value


def fields(table: Mapping[str, Param]) -> Check:
    """An object whose own fields are checked by a table; errors name them `outer.inner`."""

    def check(name: str, value: Any) -> dict[str, Any]:
        inner = {f"{name}.{key}": item for key, item in obj(name, value).items()}
        values, _ = parse(inner, {f"{name}.{key}": param for key, param in table.items()})
        return {key.removeprefix(f"{name}."): item for key, item in values.items()}

    return check


def pairs(of: Check) -> Check:
    """At most 16 pairs; keys of at most 64 characters, values of a kind, texts of at most 512."""

    def check(name: str, value: Any) -> dict[str, Any]:
        found = obj(name, value)
        if len(found) > 16:
            message = f"""Invalid '{name}': too many properties. Expected at most 16, but got \
{len(found)}."""
            raise bad(message, name, "object_above_max_properties")
        for key, item in found.items():
            inner = f"{name}.{key}"
            checked = of(inner, item)
            if len(key) > 64 or (isinstance(checked, str) and len(checked) > 512):
                message = f"Invalid '{inner}': keys have at most 64 characters, values at most 512."
                raise bad(message, inner, "string_above_max_length")
        return found

    return check


metadata = pairs(text)


def known(served: tuple[str, ...], unserved: tuple[str, ...]) -> Check:
    """A word that the emulator serves; one of OpenAI's others is refused, and so is a typo."""

    def check(name: str, value: Any) -> str:
        if one_of(*served, *unserved)(name, value) in unserved:
            only()(name, value)
        return str(value)

    return check


def only(*harmless: Any) -> Check:
    """Refuse by name what the emulator does not serve; values that ask for nothing pass.

    A text says what was asked for, so it is repeated: `'web_search' in 'tools[0].type'`.
    """

    def check(name: str, value: Any) -> Any:
        # True is equal to 1, but does not mean the same.
        if any(value == each and type(value) is type(each) for each in harmless):
            return value
        is_word = isinstance(value, str) and len(value) <= LONGEST_WORD
        what = f"'{value}' in '{name}'" if is_word else f"'{name}'"
        message = f"""Unsupported {"value" if is_word else "parameter"}: {what} is a part of \
OpenAI's API that this emulator does not serve. emulator/README.md lists what it does."""
        raise bad(message, name, "unsupported_parameter")

    return check


def _within(name: str, value: float, low: float, high: float | None, kind: str) -> None:
    if value < low:
        raise _out_of_range(name, value, kind, "below min", ">=", low)
    if high is not None and value > high:
        raise _out_of_range(name, value, kind, "above max", "<=", high)


def _out_of_range(
    name: str, value: float, kind: str, side: str, sign: str, bound: float
) -> ApiError:
    message = f"""Invalid '{name}': {kind} {side}imum value. Expected a value {sign} {bound:g}, \
but got {_short(value)} instead."""
    return bad(message, name, f"{kind}_{side.replace(' ', '_')}_value")


def _short(value: float) -> str:
    """A number as six digits; JSON has integers that no float can hold."""
    return f"{min(max(value, -sys.float_info.max), sys.float_info.max):g}"


def listed(names: tuple[str, ...], *, comma: bool = False) -> str:
    """`'a', 'b' and 'c'`; some of OpenAI's sentences have a `comma` before the `and`."""
    *first, last = [f"'{name}'" for name in names]
    both = ", and " if comma and len(first) > 1 else " and "
    return both.join([", ".join(first), last]) if first else last


def _kind(value: object) -> str:
    kinds = {
        bool: "a boolean",
        int: "an integer",
        float: "a decimal",
        str: "a string",
        list: "an array",
        dict: "an object",
        type(None): "null",
    }
    return kinds[type(value)]
