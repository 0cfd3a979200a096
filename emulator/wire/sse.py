"""Server-sent events as OpenAI frames them, and the padding that hides how long a piece is.

A stream is a sequence of blocks: bytes that end with a blank line. Chat sends `data:` lines alone
and ends with `[DONE]`; Responses names each event and just ends. Most blocks are plain bytes. The
classes here mark those that whoever sends them must treat differently; the bytes stay the same.
"""

import json
from itertools import count

from emulator.wire.ids import alphanumeric

COLUMN = 16

_padding = alphanumeric(4096)
_places = count()
# Made once: `json.dumps` would make an encoder for every event.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class TextBlock(bytes):
    """A block with text of the answer: it is sent no sooner than a model would write it."""


class ReasoningBlock(bytes):
    """A block that is sent after reasoning of so many `tokens`."""

    tokens: int

    def __new__(cls, block: bytes, tokens: int) -> "ReasoningBlock":
        made = super().__new__(cls, block)
        made.tokens = tokens
        return made


class SeparateBlock(bytes):
    """A block that is sent at once, in a write of its own."""


class FinalBlock(bytes):
    """The block that ends a stream: whatever the stream stores is there before this is sent."""


DONE = FinalBlock(b"data: [DONE]\n\n")


def text_block(block: bytes, *, is_live: bool) -> bytes:
    """A block with text: sent at once where another server writes it, paced otherwise."""
    return SeparateBlock(block) if is_live else TextBlock(block)


def compact(value: object) -> str:
    """JSON on one line, not escaped."""
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
    blocks, and could guess words from them. The letters are read from changing places of a fixed
    random text, as making new ones for every delta would cost more than the rest of its encoding.
    """
    start = (next(_places) * 37) % (len(_padding) - COLUMN)
    return _padding[start : start + COLUMN - length % COLUMN]
