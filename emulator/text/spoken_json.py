"""What a tool returned, in words that can be spoken: without function names and JSON's punctuation.

`{"booked": true, "number": 4711, "date": "2026-11-28", "people": 2}` becomes "Booked: number 4711,
Saturday 28 November 2026, 2 people." The words are those of the keys. The type of a value
decides how key and value are combined:

    true, false      "booked", "not booked"; first and before a colon, if they come first
    number           "2 people" if the key is a plural, "distance 5 km" of `distance_in_km`,
                     else "number 4711"
    day, hour, text  the value alone if the key only says its kind (`date`, `status`)
    object, list     "sky: 2 clouds", with ";" between entries

After this, `voice/pronounce.py` turns signs and numbers into words, as in any text.
"""

import datetime
import re
from collections.abc import Mapping, Sequence
from itertools import takewhile

from emulator.text.words import MONTHS, WEEKDAYS, words_of

_CLOCK = r"(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?Z?"
_MOMENT = re.compile(rf"(\d{{4}}-\d\d-\d\d)(?:[T ]{_CLOCK})?|{_CLOCK}")
# Words of a key that add nothing to its value: for a day or an hour, and for a text.
_OF_MOMENTS = frozenset("date day time hour at on datetime timestamp".split())
_OF_TEXTS = frozenset(
    """answer message text reason result output summary description detail details note status info
    information comment response content""".split()
)
_SINGULAR = {"people": "person", "children": "child", "men": "man", "women": "woman"}
_NO_PLURAL = ("ss", "us", "is")


def spoken_json(value: object) -> str:
    """A JSON value as a sentence; a text stays as it is."""
    if isinstance(value, bool):
        return "Yes." if value else "No."
    if isinstance(value, str) and value.strip():
        said = value.strip()
    else:
        try:
            said = _words(value) or "nothing"
        except RecursionError:
            said = "it is nested too deeply to be read aloud"
        said = said[0].upper() + said[1:]
    return said if said.endswith((".", "!", "?")) else f"{said}."


def _words(value: object) -> str:
    if isinstance(value, dict):
        return _object(value)
    if isinstance(value, list):
        return _list(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str):
        return _moment(value) or value.strip().rstrip(".")
    return "" if value is None else str(value)


def _object(value: Mapping[str, object]) -> str:
    """The entries one by one; booleans at the start come before a colon."""
    spoken = {key: _entry(words_of(key) or (key,), inner) for key, inner in value.items()}
    said = {key: entry for key, entry in spoken.items() if entry}
    verdicts = len(list(takewhile(lambda key: isinstance(value[key], bool), said)))
    is_deep = any(isinstance(value[key], dict | list) and value[key] for key in said)
    entries = list(said.values())
    groups = [", ".join(entries[:verdicts]), ("; " if is_deep else ", ").join(entries[verdicts:])]
    return ": ".join(group for group in groups if group)


def _list(values: Sequence[object]) -> str:
    said = [words for value in values if (words := _words(value))]
    if any(isinstance(value, dict | list) for value in values):
        return "; ".join(said)
    return " and ".join([", ".join(said[:-1]), *said[-1:]] if len(said) > 1 else said)


def _entry(name: Sequence[str], value: object) -> str:
    """A value with the words of its key."""
    if isinstance(value, bool):
        return _verdict(name, value)
    if value is None or value in ("", [], {}):
        return f"no {' '.join(name)}"
    if isinstance(value, int | float):
        return _measured(name, _words(value))
    if isinstance(value, dict | list):
        return f"{' '.join(name)}: {_words(value)}"
    plain = _OF_MOMENTS if isinstance(value, str) and _moment(value) else _OF_TEXTS
    said, lead = _words(value), " ".join(word for word in name if word not in plain)
    return f"{lead}{':' if len(said.split()) > 2 else ''} {said}" if lead else said


def _verdict(name: Sequence[str], holds: bool) -> str:
    """ "Booked" or "not booked"; the verb of "has_lift" and "is_open" decides how to negate it."""
    verb, *rest = name if name[0] in ("is", "are", "was", "has") else ("", *name)
    if verb == "has":
        return f"has {'' if holds else 'no '}{' '.join(rest)}"
    return f"{'' if holds else 'not '}{' '.join(rest)}"


def _measured(name: Sequence[str], number: str) -> str:
    """ "2 people" of a name that counts, "distance 5 km" of one in units, else "number 4711"."""
    if "in" in name[1:-1]:
        place = name.index("in")
        return " ".join([*name[:place], number, *name[place + 1 :]])
    *before, last = name
    if last not in _SINGULAR and (not last.endswith("s") or last.endswith(_NO_PLURAL)):
        return " ".join([*name, number])
    if number == "1":
        last = _SINGULAR.get(last) or re.sub(r"ies$", "ys", last)[:-1]
    return " ".join([number, *before, last])


def _moment(text: str) -> str:
    """A day, an hour or both in ISO 8601, in words; empty for any other text."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        return ""
    day, *hours = found.groups()
    try:
        said = [_day(datetime.date.fromisoformat(day))] if day else []
    except ValueError:
        return ""
    return ", ".join([*said, *filter(None, hours)])


def _day(day: datetime.date) -> str:
    """Not by `strftime`, whose language is the machine's."""
    return f"{WEEKDAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]} {day.year}"
