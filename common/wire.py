"""`--wire`: what crosses, shown beside the text as it crosses; a lesson's code knows nothing of it.

The tap sits between the SDK and its connection, as hooks of the HTTP client: it sees each request
as it leaves and each block of an answer before the SDK does. Keys are in headers, which it leaves
out.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx2

HEAD_SHOWN = 24


class Tap:
    """Hooks for `httpx2.Client(event_hooks=...)` that show what crosses, a line at a time."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show

    def hooks(self) -> dict[str, list[Callable[..., Any]]]:
        return {"request": [self._request], "response": [self._response]}

    def async_hooks(self) -> dict[str, list[Callable[..., Any]]]:
        return {"request": [self._request_async], "response": [self._response_async]}

    def block(self, data: bytes) -> None:
        for line in data.decode("utf-8", "replace").split("\n"):
            if line.strip():
                self._show(f"< {shorten(line)}")

    def _request(self, request: httpx2.Request) -> None:
        body = request.content.decode("utf-8", "replace") if _is_json(request.headers) else ""
        self._show(f"> {request.method} {request.url.raw_path.decode()} {body}")

    def _response(self, response: httpx2.Response) -> None:
        kind = response.headers.get("content-type", "")
        self._show(f"< {response.status_code} {response.reason_phrase}, {kind}")
        assert isinstance(response.stream, httpx2.SyncByteStream)
        response.stream = TappedStream(response.stream, self.block)

    async def _request_async(self, request: httpx2.Request) -> None:
        self._request(request)

    async def _response_async(self, response: httpx2.Response) -> None:
        self._show(f"< {response.status_code} {response.reason_phrase}")
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = AsyncTappedStream(response.stream, self.block)


class TappedStream(httpx2.SyncByteStream):
    """A body whose blocks are shown before they are handed on."""

    def __init__(self, stream: httpx2.SyncByteStream, show: Callable[[bytes], None]) -> None:
        self._stream, self._show = stream, show

    def __iter__(self) -> Iterator[bytes]:
        for block in self._stream:
            self._show(block)
            yield block

    def close(self) -> None:
        self._stream.close()


class AsyncTappedStream(httpx2.AsyncByteStream):
    """The same for an async client."""

    def __init__(self, stream: httpx2.AsyncByteStream, show: Callable[[bytes], None]) -> None:
        self._stream, self._show = stream, show

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for block in self._stream:
            self._show(block)
            yield block

    async def aclose(self) -> None:
        await self._stream.aclose()


def shorten(line: str) -> str:
    """A chunk without most of its envelope, so that the delta, which is what differs, is seen."""
    at = line.find('"delta"')
    return line if at < HEAD_SHOWN else f"{line[:HEAD_SHOWN]} ... {line[at:]}"


def _is_json(headers: httpx2.Headers) -> bool:
    return headers.get("content-type", "").startswith("application/json")
