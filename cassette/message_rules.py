"""Which fields of WebSocket messages may differ from run to run; the player itself knows none."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class MessageRules:
    """How messages may differ that are JSON objects; without rules they may not.

    `kind` is the field that names what a message is. `background` are kinds that the server sends
    and that may be left unplayed. `volatile` are fields, at any depth, with ids that a client makes
    up: they may differ, and the server's messages then hold this client's own. `loose` are fields
    with what a client measured: any value will do. `streams` are kinds that the client sends and
    that hold a piece of a stream, as base64, in the field that is named. `unordered` says of a
    message of the client's whether it changes no answer, so that it may come sooner or later.
    """

    kind: str = "type"
    background: tuple[str, ...] = ()
    volatile: tuple[str, ...] = ()
    loose: tuple[str, ...] = ()
    streams: Mapping[str, str] = field(default_factory=dict)
    unordered: Callable[[Mapping[str, Any]], bool] = lambda message: False

    def stream_piece(self, data: str | bytes) -> tuple[str, bytes] | None:
        """(kind, bytes) of a message that is a piece of a stream; None for any other."""
        value = parse_json(data) if self.streams else None
        if not isinstance(value, dict):
            return None
        try:
            kind = value[self.kind]
            return kind, base64.b64decode(value[self.streams[kind]], validate=True)
        except (KeyError, TypeError, ValueError):
            return None

    def is_unordered(self, data: str | bytes) -> bool:
        value = parse_json(data)
        return isinstance(value, dict) and self.unordered(value)

    def is_background(self, data: str | bytes) -> bool:
        value = parse_json(data)
        return isinstance(value, dict) and value.get(self.kind) in self.background

    def comparable(self, value: Any) -> Any:
        """A value without what may differ from run to run.

        A volatile field may also be missing, so it is left out; a loose one has to be there, so
        its value alone is.
        """
        if isinstance(value, list):
            return [self.comparable(each) for each in value]
        if not isinstance(value, dict):
            return value
        kept = {name: each for name, each in value.items() if name not in self.volatile}
        return {
            name: None if name in self.loose else self.comparable(each)
            for name, each in kept.items()
        }

    def client_ids(self, value: Any, where: str = "") -> Iterator[tuple[str, str]]:
        """(place, id) of each id that the client made up."""
        pairs = value.items() if isinstance(value, dict) else ()
        for name, each in enumerate(value) if isinstance(value, list) else pairs:
            if name in self.volatile and isinstance(each, str):
                yield f"{where}.{name}", each
            yield from self.client_ids(each, f"{where}.{name}")


def parse_json(data: str | bytes) -> Any:
    """The JSON value of a text message; None where it has none."""
    if isinstance(data, bytes):
        return None
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
