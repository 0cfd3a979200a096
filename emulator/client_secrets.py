"""Client secrets: keys of a few minutes, each with the session that it is made for.

A secret starts any number of sessions until it expires; a session that has started goes on. The
secrets are kept in memory alone, and the key that a request for one carried is not kept at all.
"""

import math
import secrets
import time
from collections.abc import Callable
from typing import Any

from emulator.errors import bad_key

LIFETIME_S = 600
MOST = 1_000


class ClientSecrets:
    """The secrets that were issued, at most `MOST`: the oldest makes room.

    `now` is the time of day, in seconds since 1970; `clock` measures how long a secret is valid,
    in seconds, and isn't set back or forward with the time of day.
    """

    def __init__(
        self, now: Callable[[], float] = time.time, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._now, self._clock = now, clock
        self._kept: dict[str, tuple[float, dict[str, Any]]] = {}

    def issue(self, session: dict[str, Any], seconds: int = LIFETIME_S) -> tuple[str, int]:
        """A new secret, `ek_` and 32 hexadecimal digits, and when it expires."""
        value = f"ek_{secrets.token_hex(16)}"
        expires_at = int(self._now()) + seconds
        self._kept[value] = (self._clock() + seconds, session)
        if len(self._kept) > MOST:
            del self._kept[next(iter(self._kept))]
        return value, expires_at

    def session_of(self, value: str) -> dict[str, Any]:
        """The session that a secret is for; raises ApiError (401) for one that is not valid."""
        ends, session = self._kept.get(value, (-math.inf, {}))
        if self._clock() >= ends:
            self._kept.pop(value, None)
            raise bad_key()
        return session
