"""Ids in the shapes of OpenAI's servers, as counted in recorded traffic."""

import secrets
import string

ALPHANUMERIC = string.ascii_letters + string.digits


def completion_id() -> str:
    """`chatcmpl-` and 29 alphanumerics."""
    return "chatcmpl-" + alphanumeric(29)


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
