"""What a server sent, as far as a message about a failure needs it.

A stream consists of events. If JSON or a web page comes instead, the SDK finds no event in it,
skips each line, and raises nothing, so the reason would be lost. This keeps the first bytes of each
stream, as they pass.

The SDK makes objects of answers without checking them. A lesson that fails on a wrong field may
have taken it out of its object before. So this keeps the latest objects as well.

A list comes in pages, and each page says whether another one follows. If a server sent the same
page again and again, the loop would never end. So the second time raises an error.
"""

import re
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import wraps
from json import JSONDecodeError, loads
from typing import Any

from common.settings import CourseError
from emulator.wire.reasons import first_words, reason_in

import httpx2
from openai._base_client import BaseClient

KEPT = 4_000
KEPT_ANSWERS = 50
_STREAM = re.compile(rb'"stream": ?true')


class FirstBytes:
    """The first bytes of the latest streams, and in `answers` the latest objects of the SDK."""

    def __init__(self) -> None:
        self._bodies: deque[bytearray] = deque(maxlen=20)
        self._pages: set[str] = set()
        self.answers: deque[object] = deque(maxlen=KEPT_ANSWERS)

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Keep what `httpx2` reads until the block ends."""
        plain, asynchronous = httpx2.Response.iter_bytes, httpx2.Response.aiter_bytes

        def iter_bytes(response: httpx2.Response, *given: Any) -> Iterator[bytes]:
            with self._page_of(response):
                body = self._body_of(response)
                for data in plain(response, *given):
                    body += data[: KEPT - len(body)]
                    yield data

        async def aiter_bytes(response: httpx2.Response, *given: Any) -> AsyncIterator[bytes]:
            with self._page_of(response):
                body = self._body_of(response)
                async for data in asynchronous(response, *given):
                    body += data[: KEPT - len(body)]
                    yield data

        with ExitStack() as stack:
            stack.enter_context(_replaced(httpx2.Response, "iter_bytes", iter_bytes))
            stack.enter_context(_replaced(httpx2.Response, "aiter_bytes", aiter_bytes))
            for owner, name in _parsers():
                parse = self._keep_results(getattr(owner, name))
                stack.enter_context(_replaced(owner, name, parse))
            yield

    def _keep_results(self, parse: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(parse)
        def keep(*given: Any, **named: Any) -> Any:
            answer = parse(*given, **named)
            self.answers.append(answer)
            return answer

        return keep

    @contextmanager
    def _page_of(self, response: httpx2.Response) -> Iterator[None]:
        """Note a page of a list when it is complete. Raises CourseError if it was there before."""
        page = _page(response)
        if page in self._pages:
            raise CourseError(
                f"the list {response.url.path} has no end",
                "the server sent the same page twice, and each time said that another one follows",
                "check OPENAI_BASE_URL: that server does not list things as OpenAI does",
            )
        yield
        if page:
            self._pages.add(page)

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


def _page(response: httpx2.Response) -> str:
    """The address of a list's page that is not the first one; empty for any other answer."""
    with suppress(RuntimeError):  # it has no request yet
        if response.is_success and "after" in response.url.params:
            return str(response.url)
    return ""


def _parsers() -> Iterator[tuple[type, str]]:
    """The methods of the SDK that make objects of what a server sent."""
    yield BaseClient, "_process_response_data"
    if realtime := sys.modules.get("openai.resources.realtime.realtime"):
        yield realtime.RealtimeConnection, "parse_event"
        yield realtime.AsyncRealtimeConnection, "parse_event"


@contextmanager
def _replaced(owner: type, name: str, function: Callable[..., Any]) -> Iterator[None]:
    """Put a function in the place of a method until the block ends."""
    before = getattr(owner, name)
    setattr(owner, name, function)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _words(text: str) -> str:
    try:
        value = loads(text)
    except (JSONDecodeError, RecursionError):
        return f"it sent this in place of a stream: {first_words(text)}"
    error = value.get("error") if isinstance(value, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    reason = reason_in(value) or first_words(text)
    return f"it sent JSON in place of a stream: {reason}" + (f" ({code})" if code else "")
