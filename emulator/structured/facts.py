"""Facts: what tools gave back, as a place to find values by their keys.

Of many records those come first that the prompt names ("Bob's booking"), and the keys of a record
before those of the records inside it. A key has a property's name exactly, or with other endings of
the words, or among more words ("temperature_c"); what fits better is found first.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from emulator.structured.dates import number_of
from emulator.structured.validate import Schema, alternatives, as_schema
from emulator.text.words import terms, words_of


def read(fact: object) -> object:
    """A fact that is JSON in a text is what the text says."""
    if not isinstance(fact, str):
        return fact
    try:
        return json.loads(fact)
    except (ValueError, RecursionError):
        return fact


def named(facts: Sequence[object], names: tuple[str, ...], prompt: str) -> Iterator[Any]:
    """The values that facts hold under a name: the same, then the same words, then more words."""
    wanted = terms(" ".join(names))
    entries = [entry for fact in facts for entry in _entries_of(fact, prompt)]
    # Each test admits more keys than the one before; an "id" may stand for a "booking_id".
    tests: list[Callable[[str], bool]] = [
        lambda key: "".join(words_of(key)) == "".join(names),
        lambda key: terms(" ".join(words_of(key))) == wanted,
        lambda key: wanted <= terms(" ".join(words_of(key))),
        lambda key: key.lower() == "id" and "id" in names,
    ]
    for test in tests if wanted else tests[:1]:
        for key, value in entries:
            if test(key):
                yield value


def _entries_of(fact: object, prompt: str) -> Iterator[tuple[str, Any]]:
    """Every key with its value, the outer ones first, and first what the prompt speaks of."""

    def mentions(record: object) -> int:
        values = record.values() if isinstance(record, dict) else []
        texts = [value.lower() for value in values if isinstance(value, str) and len(value) > 2]
        return sum(text in prompt for text in texts)

    # Level by level: a key of the record itself means more than one deep inside it.
    level = [fact]
    while level:
        inner: list[object] = []
        for value in sorted(level, key=mentions, reverse=True):
            if isinstance(value, dict):
                yield from value.items()
                inner += value.values()
            elif isinstance(value, list):
                inner += value
        level = inner


_TRUTHS = {"true": True, "yes": True, "false": False, "no": False}
_AS_TYPE: dict[str, Callable[[Any], list[Any]]] = {
    "string": lambda value: [str(value)] if type(value) in (int, float) else [],
    **dict.fromkeys(["number", "integer"], lambda value: _as_number(str(value).strip())),
    "boolean": lambda value: [_TRUTHS[word] for word in [str(value).lower()] if word in _TRUTHS],
}


def converted(value: Any, schema: Schema, root: Schema) -> Iterator[Any]:
    """A fact as it is, and as the type that is wanted.

    Tools give numbers as texts, and one entry where a list is asked for. Entries of lists are
    converted one by one, and of an object only the known properties are kept.
    """
    yield value
    kind = schema.get("type")
    if kind in _AS_TYPE:
        yield from _AS_TYPE[kind](value)
    elif kind == "object" and isinstance(value, dict):
        yield {key: inner for key, inner in value.items() if key in schema.get("properties", {})}
    elif kind == "array" and isinstance(value, list):
        for flat in alternatives(as_schema(schema.get("items", True)), root):
            yield [[*converted(item, flat.schema, root)][-1] for item in value]
    elif kind == "array":
        yield [value]


def _as_number(text: str) -> list[int | float]:
    return [number_of(text)] if re.fullmatch(r"-?[\d,]*\d(?:\.\d+)?", text) else []
