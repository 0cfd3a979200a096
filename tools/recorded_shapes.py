"""What a cassette's answers look like, apart from what they say: their events and their keys.

Two recordings of the same part never say the same. But the types of their events and the keys that
each of them always has are the API's. So a change of those is a change of the API, and a recording
that lacks some of them is a poorer one.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cassette.format import Cassette, RecordedExchange

OPENAI_HOST = "api.openai.com"
# The emulator's own log of a request, which OpenAI doesn't have.
OWN_LOG = "/exchanges/"
LEAST_PART = 0.5
"""A new recording with less than this part of the old one's letters and sound is a poorer one."""

_ID = re.compile(r"\b(vs|vsfb|file|resp|req|msg)[-_]\w+")


@dataclass
class Shape:
    """The kinds of a recording's answers, each with its count and with the keys inside.

    A key is the way to it, such as `choices[].delta.content`. `keys` counts how often each came,
    and `parents` how often the object came that has it or could have it. `size` is the number of
    letters of all answers that were read to their end.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    keys: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    parents: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    size: int = 0
    answered_by: str = ""

    def required(self, kind: str) -> set[str]:
        """The keys that are there whenever the object is there that may have them."""
        keys, parents = self.keys[kind], self.parents[kind]
        return {key for key, count in keys.items() if count == parents[parent_of(key)]}


def parent_of(key: str) -> str:
    return key.rpartition(".")[0]


def shape(path: Path) -> Shape:
    """The shape of a cassette. Raises CassetteError for a damaged one."""
    cassette = Cassette(path)
    found = Shape(answered_by=str(cassette.header["answered_by"]))
    for exchange in cassette.exchanges.values():
        if OWN_LOG not in exchange.request["path"]:
            for kind, value, size in answers(cassette, exchange):
                found.kinds[kind] += 1
                found.size += size * (exchange.how != "left")
                _note(found, kind, value)
    return found


def answers(cassette: Cassette, exchange: RecordedExchange) -> Iterator[tuple[str, Any, int]]:
    """Each JSON value of an answer with its kind and its length: events, messages, a body."""
    lines = list(cassette.answer(exchange))
    path = _ID.sub("*", exchange.request["path"].partition("?")[0])
    place = f"{exchange.request['method']} {path}"
    if exchange.is_socket:
        for line in lines:
            if line.get("from") == "server" and "text" in line:
                value = json.loads(line["text"])
                yield f"{place}: {value.get('type')}", value, len(line["text"])
        return
    body = "".join(str(line.get("text", "")) for line in lines if "chunk" in line)
    events = re.findall(r"^data: (.+?)\r?$", body, re.MULTILINE)
    status = "" if exchange.status < 400 else f" {exchange.status}"
    for text in events or [body]:
        value = _parsed(text)
        is_object = isinstance(value, dict)
        word = (value.get("type") or value.get("object") or "object") if is_object else text[:8]
        yield f"{place}{status}: {word if events or is_object else 'text'}", value, len(text)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:  # `[DONE]`, subtitles, an event that was cut
        return None


def _note(found: Shape, kind: str, value: Any, way: str = "") -> None:
    """Count the keys of a value. Objects in a list are told apart by their `type`."""
    if isinstance(value, dict):
        found.parents[kind][way] += 1
        for key, inner in value.items():
            found.keys[kind][f"{way}.{key}"] += 1
            _note(found, kind, inner, f"{way}.{key}")
    elif isinstance(value, list):
        for each in value:
            word = each.get("type", "") if isinstance(each, dict) else ""
            _note(found, kind, each, f"{way}[{word}]")


def changes(old: Shape, new: Shape) -> list[str]:
    """What differs, a line each: `-` is gone, `+` is new."""
    found = [f"- {kind}" for kind in sorted(gone(old, new))]
    found += [f"+ {kind}" for kind in sorted(gone(new, old))]
    for kind in sorted(old.kinds.keys() & new.kinds.keys()):
        found += [f"- {kind} {key.strip('.')}" for key in sorted(lost(old, new, kind))]
        found += [f"+ {kind} {key.strip('.')}" for key in sorted(lost(new, old, kind))]
    return found


def gone(old: Shape, new: Shape) -> set[str]:
    """The kinds of answers that only the first one has."""
    return old.kinds.keys() - new.kinds.keys()


def lost(old: Shape, new: Shape, kind: str) -> set[str]:
    """The keys that the first one always has and the second one sometimes lacks.

    Where the second one lacks the object around them, it says nothing about its keys.
    """
    missing = old.required(kind) - new.required(kind)
    return {key for key in missing if new.parents[kind][parent_of(key)]}


def poorer(old: Shape, new: Shape) -> list[str]:
    """Why a new recording must not replace the old one; empty if it may."""
    reasons = []
    if old.answered_by == OPENAI_HOST != new.answered_by:
        reasons.append(f"the old one was answered by OpenAI, this one by {new.answered_by}")
    reasons += [f"it has no {kind}" for kind in sorted(gone(old, new))]
    for kind in sorted(old.kinds.keys() & new.kinds.keys()):
        reasons += [f"{kind} lacks {key.strip('.')}" for key in sorted(lost(old, new, kind))]
    if new.size < LEAST_PART * old.size:
        reasons.append(f"its answers have {new.size:,} letters, the old ones {old.size:,}")
    return reasons
