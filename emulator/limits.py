"""Two kinds of limits: the rates that the headers of answers tell of, and places to wait in.

OpenAI's rate limits depend on the model and on what an account has spent; these are those of a
large account. They run down and fill up as there, but nothing is ever refused because of them.

Places bound what waits for another server (promise P14). A request that waits costs memory and two
connections for as long as that server likes, so a request that finds all places taken gets a 429.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from emulator.errors import rate_limited

REQUESTS_A_MINUTE = 30_000
TOKENS_A_MINUTE = 150_000_000
MOST_WAITING = 128
"""Answers that another server is writing, or whose embeddings it makes."""


class Bucket:
    """A limit of so many a minute."""

    def __init__(self, limit: int, clock: Callable[[], float]) -> None:
        self.limit = limit
        self._clock = clock
        self._spent = 0.0
        self._at = clock()

    def spend(self, amount: int) -> None:
        now = self._clock()
        refilled = (now - self._at) * self.limit / 60
        self._spent = min(self.limit, max(0.0, self._spent - refilled) + amount)
        self._at = now

    @property
    def remaining(self) -> int:
        return int(self.limit - self._spent)

    @property
    def reset_s(self) -> float:
        """Seconds until all of it is there again."""
        return 60 * self._spent / self.limit


class Places:
    """So many at a time."""

    def __init__(self, most: int) -> None:
        self._free = most

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold a place; raises ApiError (429) where none is free."""
        if self._free < 1:
            raise rate_limited(1000)
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1


class Limits:
    """Two buckets for each model: requests and tokens."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[str, dict[str, Bucket]] = {}

    def spend(self, model: str, tokens: int) -> dict[str, str]:
        """Count one request to a model; what is left of its limits, as headers."""
        headers = {}
        for name, bucket in self._spend(model, tokens).items():
            headers[f"x-ratelimit-limit-{name}"] = str(bucket.limit)
            headers[f"x-ratelimit-remaining-{name}"] = str(bucket.remaining)
            headers[f"x-ratelimit-reset-{name}"] = duration(bucket.reset_s)
        return headers

    def tokens(self, model: str, amount: int) -> dict[str, Any]:
        """Count a response of a Realtime session; what is left, as `rate_limits.updated` has it."""
        bucket = self._spend(model, amount)["tokens"]
        return {
            "name": "tokens",
            "limit": bucket.limit,
            "remaining": bucket.remaining,
            "reset_seconds": round(bucket.reset_s, 3),
        }

    def _spend(self, model: str, tokens: int) -> dict[str, Bucket]:
        if model not in self._buckets:
            limits = {"requests": REQUESTS_A_MINUTE, "tokens": TOKENS_A_MINUTE}
            self._buckets[model] = {name: Bucket(limits[name], self._clock) for name in limits}
        buckets = self._buckets[model]
        buckets["requests"].spend(1)
        buckets["tokens"].spend(tokens)
        return buckets


def duration(seconds: float) -> str:
    """As OpenAI writes it: `6ms`, `1.5s`, `1m2s`."""
    milliseconds = round(seconds * 1000)
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, milliseconds = divmod(milliseconds, 60_000)
    return f"{f'{minutes}m' if minutes else ''}{milliseconds / 1000:g}s"
