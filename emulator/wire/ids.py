"""Ids in the shapes of OpenAI's servers, as counted in recorded traffic."""

import secrets
import string

ALPHANUMERIC = string.ascii_letters + string.digits
# Maps any byte to one of the 62; the first eight come up a little more often than the others.
_SPREAD = (ALPHANUMERIC * 5)[:256].encode()


def alphanumeric(length: int) -> str:
    """Random letters and digits, at a thirtieth of the cost of a `secrets.choice` for each."""
    return secrets.token_bytes(length).translate(_SPREAD).decode()


def completion_id() -> str:
    return f"chatcmpl-{alphanumeric(29)}"


def audio_id() -> str:
    return f"audio_{secrets.token_hex(16)}"


def call_id() -> str:
    return f"call_{alphanumeric(24)}"


def request_id() -> str:
    return f"req_{secrets.token_hex(16)}"


class ResponseIds:
    """The ids of one response: 50 hexadecimal digits each, of which they share the first 18."""

    def __init__(self) -> None:
        self._prefix = secrets.token_hex(9)

    def new(self, kind: str) -> str:
        """`kind` is `resp`, `msg`, ..."""
        return f"{kind}_{self._prefix}{secrets.token_hex(16)}"


def item_id(kind: str) -> str:
    """For what belongs to no response (`msg`, `fc`, `conv`, ...): 48 hexadecimal digits."""
    return f"{kind}_{secrets.token_hex(24)}"


def realtime(kind: str) -> str:
    """`event`, `item`, `resp`, `conv` or `sess`, and 21 alphanumerics."""
    return f"{kind}_{alphanumeric(21)}"


def realtime_call() -> str:
    return f"call_{alphanumeric(16)}"
