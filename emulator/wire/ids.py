"""Ids in the shapes of OpenAI's servers, as counted in recorded traffic."""

import secrets
import string

ALPHANUMERIC = string.ascii_letters + string.digits
# Any byte to one of the 62: some a little more often, which no id minds.
_SPREAD = (ALPHANUMERIC * 5)[:256].encode()


def completion_id() -> str:
    """`chatcmpl-` and 29 alphanumerics."""
    return "chatcmpl-" + alphanumeric(29)


def call_id() -> str:
    """`call_` and 24 alphanumerics."""
    return "call_" + alphanumeric(24)


def request_id() -> str:
    """`req_` and 32 hexadecimal digits."""
    return "req_" + secrets.token_hex(16)


def alphanumeric(length: int) -> str:
    return "".join(secrets.choice(ALPHANUMERIC) for _ in range(length))


class Family:
    """The ids of one response: 50 hexadecimal digits each, of which the first 18 are shared."""

    def __init__(self) -> None:
        self._prefix = secrets.token_hex(9)

    def id(self, kind: str) -> str:
        """A new id of this family; `kind` is `resp`, `msg`, ..."""
        return f"{kind}_{self._prefix}{secrets.token_hex(16)}"


def item_id(kind: str) -> str:
    """The id of an item that belongs to no response: `msg`, `fc`, ... and 48 hexadecimal digits."""
    return f"{kind}_{secrets.token_hex(24)}"


def conversation_id() -> str:
    """`conv_` and 48 hexadecimal digits."""
    return item_id("conv")


def realtime(kind: str) -> str:
    """`event`, `item`, `resp`, `conv` or `sess`, and 21 alphanumerics; several for every delta."""
    return f"{kind}_{_many(21)}"


def realtime_call() -> str:
    """`call_` and 16 alphanumerics."""
    return f"call_{_many(16)}"


def _many(length: int) -> str:
    """Alphanumerics at a thirtieth of the cost of `alphanumeric`."""
    return secrets.token_bytes(length).translate(_SPREAD).decode()
