"""Server-sent events as OpenAI frames them, and the padding that hides how long a piece is.

A stream is a sequence of blocks: bytes that end with a blank line. A `Piece` is a block that
carries text, so it is the one that a pace holds back. Chat sends `data:` lines alone and ends with
`[DONE]`; Responses names each event and just ends.
"""

import json
import secrets
from itertools import count

from emulator.wire.ids import ALPHANUMERIC

COLUMN = 16

_padding = "".join(secrets.choice(ALPHANUMERIC) for _ in range(4096))
_places = count()
# Made once: `json.dumps` would make an encoder for every event.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Piece(bytes):
    """A block that carries text of the answer."""


class Last(bytes):
    """The block that ends a stream: when it is out, what the stream told can be asked for."""


DONE = Last(b"data: [DONE]\n\n")


class Thought(bytes):
    """A block that comes after reasoning of so many `tokens`."""

    tokens: int = 0


def thought(block: bytes, tokens: int) -> Thought:
    made = Thought(block)
    made.tokens = tokens
    return made


def piece(block: bytes, *, is_live: bool) -> bytes:
    """A block that carries text: to be held back, or to go out at once where it comes in live."""
    return Alone(block) if is_live else Piece(block)


class Alone(bytes):
    """A part that must cross in a write of its own."""


def compact(value: object) -> str:
    """JSON on one line, UTF-8 as it is."""
    return _encode(value)


def data(json_text: str) -> bytes:
    """A block with data alone, as chat sends it."""
    return f"data: {json_text}\n\n".encode()


def event(name: str, json_text: str) -> bytes:
    """A block with a name, as Responses sends it."""
    return f"event: {name}\ndata: {json_text}\n\n".encode()


def padding(length: int) -> str:
    """Letters that fill `length` characters up to a multiple of 16: at least 1, at most 16.

    OpenAI calls the field `obfuscation`: whoever watches an encrypted stream sees the sizes of its
    blocks, and could read words off them.
    """
    start = (next(_places) * 37) % (len(_padding) - COLUMN)
    return _padding[start : start + COLUMN - length % COLUMN]
