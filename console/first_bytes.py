"""What a server sent in place of a stream. The SDK skips each line of it, and raises nothing.

A stream consists of events. If JSON or a web page comes instead, the SDK finds no event in it, so
its reason would be lost. This keeps the first bytes of each stream, as they pass.
"""

import re
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from json import JSONDecodeError, loads
from typing import Any

from emulator.text.reasons import first_words, reason_in

import httpx2

KEPT = 4_000
_STREAM = re.compile(rb'"stream": ?true')


class FirstBytes:
    """The first bytes of the latest streams."""

    def __init__(self) -> None:
        self._bodies: deque[bytearray] = deque(maxlen=20)

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Keep what `httpx2` reads until the block ends."""
        plain, asynchronous = httpx2.Response.iter_bytes, httpx2.Response.aiter_bytes

        def iter_bytes(response: httpx2.Response, *given: Any) -> Iterator[bytes]:
            body = self._body_of(response)
            for data in plain(response, *given):
                body += data[: KEPT - len(body)]
                yield data

        async def aiter_bytes(response: httpx2.Response, *given: Any) -> AsyncIterator[bytes]:
            body = self._body_of(response)
            async for data in asynchronous(response, *given):
                body += data[: KEPT - len(body)]
                yield data

        httpx2.Response.iter_bytes = iter_bytes  # type: ignore[method-assign,assignment]
        httpx2.Response.aiter_bytes = aiter_bytes  # type: ignore[method-assign,assignment]
        try:
            yield
        finally:
            httpx2.Response.iter_bytes = plain  # type: ignore[method-assign]
            httpx2.Response.aiter_bytes = asynchronous  # type: ignore[method-assign]

    def _body_of(self, response: httpx2.Response) -> bytearray:
        body = bytearray()
        with suppress(RuntimeError):  # it has no request yet, or one that sends a file
            request = response.request
            if _STREAM.search(request.content) or request.url.params.get("stream") == "true":
                self._bodies.append(body)
        return body

    def instead_of_stream(self) -> str | None:
        """What came in place of the latest stream that had no event; None if all had some."""
        for body in reversed(self._bodies):
            if body and not re.search(rb"^(data|event|id|retry)?:", body, re.MULTILINE):
                return _words(body.decode("utf-8", "replace"))
        return None


def _words(text: str) -> str:
    try:
        value = loads(text)
    except (JSONDecodeError, RecursionError):
        return f"it sent this in place of a stream: {first_words(text)}"
    error = value.get("error") if isinstance(value, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    reason = reason_in(value) or first_words(text)
    return f"it sent JSON in place of a stream: {reason}" + (f" ({code})" if code else "")
