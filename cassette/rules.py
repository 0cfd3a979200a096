"""What a caller knows of the messages on a WebSocket; the player itself knows nothing of them."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Rules:
    """How messages may differ that are JSON objects; without rules they may not.

    `kind` is the field that tells what a message is. `background` are kinds of the server's that
    may be left unplayed. `volatile` are fields, at any depth, with ids that a client makes up: they
    may differ, and the server's messages then tell this client its own. `loose` are fields with
    what a client measured: any value will do. `streams` are kinds of the client's that hold a piece
    of a stream, as base64, in the field that is named.
    """

    kind: str = "type"
    background: tuple[str, ...] = ()
    volatile: tuple[str, ...] = ()
    loose: tuple[str, ...] = ()
    streams: Mapping[str, str] = field(default_factory=dict)

    def piece(self, data: str | bytes) -> tuple[str, bytes] | None:
        """(kind, bytes) of a message that is a piece of a stream."""
        value = parsed(data) if self.streams else None
        if not isinstance(value, dict):
            return None
        try:
            kind = value[self.kind]
            return kind, base64.b64decode(value[self.streams[kind]], validate=True)
        except (KeyError, TypeError, ValueError):
            return None

    def is_background(self, data: str | bytes) -> bool:
        value = parsed(data)
        return isinstance(value, dict) and value.get(self.kind) in self.background

    def steady(self, value: Any) -> Any:
        """A value without what may differ from run to run."""
        if isinstance(value, list):
            return [self.steady(each) for each in value]
        if not isinstance(value, dict):
            return value
        kept = {name: each for name, each in value.items() if name not in self.volatile}
        return {
            name: None if name in self.loose else self.steady(each) for name, each in kept.items()
        }

    def ids(self, value: Any, where: str = "") -> Iterator[tuple[str, str]]:
        """(place, id) of each id that the client made up."""
        pairs = value.items() if isinstance(value, dict) else ()
        for name, each in enumerate(value) if isinstance(value, list) else pairs:
            if name in self.volatile and isinstance(each, str):
                yield f"{where}.{name}", each
            yield from self.ids(each, f"{where}.{name}")


def parsed(data: str | bytes) -> Any:
    """The JSON value of a text message; None where it is none."""
    if isinstance(data, bytes):
        return None
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
