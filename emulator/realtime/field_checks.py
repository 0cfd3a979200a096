"""Checks of what a Realtime client sends, in OpenAI's own sentences.

`emulator/params.py` has those of requests; these differ, as recorded traffic of 2026 does. A
required field is missed before an unknown one is named; of three values and more the last stands
behind `, and`; a lone value "must be". And a change is checked beside what it changes: only the
fields that are given change, null clears where a field can be empty and counts as not sent where
it cannot.
"""

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from emulator import params
from emulator.errors import ApiError
from emulator.params import Check, bad, wrong_type

DEEPEST = 64
# What a 32-bit integer holds, as in OpenAI's own types.
MOST = 2**31 - 1
MOST_AUDIO_BYTES = 15 * 2**20
FORMATS = {
    "audio/pcm": "mono PCM16 at 24kHz",
    "audio/pcmu": "mono G.711 mu-law at 8kHz",
    "audio/pcma": "mono G.711 A-law at 8kHz",
}
_SAMPLE_BYTES = {"audio/pcm": 2}
_SHOWN = 64

Change = Callable[[str, Any, Any], Any]
"""`change(name, value, current)` gives the value as it is sent back, or raises ApiError."""


def changed(
    name: str,
    given: Any,
    current: Mapping[str, Any],
    table: Mapping[str, Change],
    required: Sequence[str] = (),
) -> dict[str, Any]:
    """`current` with the fields that are given, each checked by its entry of `table`.

    A field is named `name.field`. Raises ApiError (400) for a required field that is
    neither given nor known, for one that is in no table, and for one that is wrong.
    """
    # The order is OpenAI's: first what is missing, then what is unknown, then what is wrong.
    fields = params.obj(name or "event", given)
    for key in required:
        if fields.get(key) is None and current.get(key) is None:
            raise missing(_inside(name, key))
    for key in fields:
        if key not in table:
            inner = _inside(name, shown(key))
            raise bad(f"Unknown parameter: '{inner}'.", inner, "unknown_parameter")
    result = dict(current)
    for key, value in fields.items():
        checked = table[key](_inside(name, key), value, current.get(key))
        if checked is not None or key in current:
            result[key] = checked
    return result


def plain(check: Check) -> Change:
    """For a field that cannot be empty: null keeps what is there."""
    return lambda name, value, current: current if value is None else check(name, value)


def clearing(check: Check) -> Change:
    """For a field that null clears."""
    return lambda name, value, current: None if value is None else check(name, value)


def within(table: Mapping[str, Change]) -> Change:
    """For an object that is changed field by field; null keeps what is there."""
    return lambda name, value, current: (
        current if value is None else changed(name, value, current or {}, table)
    )


def not_served(name: str, value: Any, current: Any) -> None:
    """For what OpenAI serves and the emulator does not: refused by name; null asks for nothing."""
    if value is not None:
        raise unserved(name)


def unserved(name: str) -> ApiError:
    message = f"""Unsupported parameter: '{name}' is a part of OpenAI's API that this emulator \
does not serve. emulator/README.md lists what it does."""
    return bad(message, name, "not_served_by_emulator")


def missing(name: str) -> ApiError:
    return bad(f"Missing required parameter: '{name}'.", name, "missing_required_parameter")


def kind_of(name: str, given: Any, *allowed: str) -> str:
    """The `type` of an object, which must be there and be one of these."""
    kind = params.obj(name, given).get("type")
    if kind is None:
        raise missing(f"{name}.type")
    return str(one_of(*allowed)(f"{name}.type", kind))


def one_of(*allowed: str) -> Check:
    def check(name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise wrong_type(name, f"one of {listed(allowed, 'or')}", value)
        if value not in allowed:
            raise bad(f"Invalid value: '{shown(value)}'. {_hint(allowed)}", name, "invalid_value")
        return value

    return check


def listed(values: Sequence[str], word: str = "and") -> str:
    """The values as OpenAI lists them: `'a'`, `'a' and 'b'`, `'a', 'b', and 'c'`."""
    quoted = [f"'{value}'" for value in values]
    if len(quoted) < 3:
        return f" {word} ".join(quoted)
    return f"{', '.join(quoted[:-1])}, {word} {quoted[-1]}"


def short(most: int) -> Check:
    """A string of at most `most` characters."""

    def check(name: str, value: Any) -> str:
        found = params.text(name, value)
        if len(found) > most:
            raise too_long(name, most, len(found))
        return found

    return check


def too_long(name: str, most: int, length: int) -> ApiError:
    message = f"""Invalid '{name}': string too long. Expected a string with maximum length {most}, \
but got a string with length {length} instead."""
    return bad(message, name, "string_above_max_length")


def integer(low: int, high: int = MOST) -> Check:
    check = params.integer(low, high)
    return lambda name, value: check(name, _bounded(value))


def number(low: float, high: float) -> Check:
    check = params.number(low, high)
    return lambda name, value: check(name, _bounded(value))


def array(name: str, value: Any, of: str = "objects") -> list[Any]:
    if not isinstance(value, list):
        raise wrong_type(name, f"an array of {of}", value)
    return value


def each(check: Check, of: str = "strings") -> Check:
    """An array whose elements are checked one by one."""
    return lambda name, value: [
        check(f"{name}[{place}]", element) for place, element in enumerate(array(name, value, of))
    ]


def audio(name: str, value: Any, format: str) -> bytes:
    """Base64 as the sound that it stands for: whole samples of a format, 15 MiB at most.

    Raises ApiError (400), with nothing decoded, for anything else: half a sample would turn all
    that comes after it into noise.
    """
    # The length is checked before anything is decoded: four characters stand for three bytes.
    text = params.text(name, value)
    most = MOST_AUDIO_BYTES // 3 * 4
    if len(text) > most:
        raise too_long(name, most, len(text))
    if not text:
        raise _bad_audio(name, format, "empty bytes")
    try:
        sound = base64.b64decode(text, validate=True)
    except ValueError:
        raise _bad_audio(name, format, "an invalid value") from None
    if len(sound) % _SAMPLE_BYTES.get(format, 1):
        raise _bad_audio(name, format, "an odd number of bytes")
    return sound


def is_sound(value: object) -> bool:
    """Whether JSON can be sent back: not too deep, no infinite number, no half of a character."""
    # Level by level: recursion into a message that is nested deeply would exhaust the stack.
    level: list[object] = [value]
    for _ in range(DEEPEST):
        below: list[object] = []
        for each in level:
            if isinstance(each, dict):
                below += [*each, *each.values()]
            elif isinstance(each, list):
                below += each
            elif not _can_be_sent(each):
                return False
        if not below:
            return True
        level = below
    return False


def shown(value: str) -> str:
    """A value as an error repeats it: not all of it, where it is long."""
    return value if len(value) <= _SHOWN else f"{value[:_SHOWN]}..."


def _can_be_sent(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if not isinstance(value, str) or value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _bounded(value: Any) -> Any:
    """An integer within what can be printed as a decimal; others as they are."""
    if isinstance(value, int) and not isinstance(value, bool):
        return max(-(2**62), min(value, 2**62))
    return value


def _hint(allowed: Sequence[str]) -> str:
    if len(allowed) == 1:
        return f"Value must be '{allowed[0]}'."
    return f"Supported values are: {listed(allowed)}."


def _bad_audio(name: str, format: str, found: str) -> ApiError:
    message = f"""Invalid '{name}'. Expected base64-encoded audio bytes ({FORMATS[format]}) but \
got {found}."""
    return bad(message, name, "invalid_value")


def _inside(name: str, key: str) -> str:
    return f"{name}.{key}" if name else key
