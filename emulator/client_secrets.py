"""Client secrets: keys of a few minutes, each with the session that it is made for.

A secret starts any number of sessions until it expires; a session that has started goes on. The
secrets are kept in memory alone, and the key that a request for one carried is not kept at all.
"""

import secrets
import time
from collections.abc import Callable
from typing import Any

from emulator.errors import bad_key

LIFETIME_S = 600
MOST = 1_000


class ClientSecrets:
    """The secrets that were issued, at most `MOST`: the oldest makes room. `now` is in seconds."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._kept: dict[str, tuple[int, dict[str, Any]]] = {}

    def issue(self, session: dict[str, Any], seconds: int = LIFETIME_S) -> tuple[str, int]:
        """A new secret, `ek_` and 32 hexadecimal digits, and when it expires."""
        value = f"ek_{secrets.token_hex(16)}"
        expires_at = int(self._now()) + seconds
        self._kept[value] = (expires_at, session)
        if len(self._kept) > MOST:
            del self._kept[next(iter(self._kept))]
        return value, expires_at

    def session_of(self, value: str) -> dict[str, Any]:
        """The session that a secret is for; raises ApiError (401) for one that is not valid."""
        expires_at, session = self._kept.get(value, (0, {}))
        if self._now() >= expires_at:
            self._kept.pop(value, None)
            raise bad_key()
        return session
