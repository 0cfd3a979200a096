"""The connection to another server: one request at a time goes out, and bytes come back.

httpx2 alone carries it, not the `openai` package. That reads a refused answer to its end, however
long it is, and adds the learner's organization and project to each request. The rules:

- Whatever goes wrong is an ApiError (502) that names the server and says what it did, without a
  password or a key. Nothing is tried twice, and `x-should-retry` stops the caller's SDK from it.
- A server may be slow, but not silent: SILENCE_S is the most between two parts of its answer. It is
  less than the 600 seconds after which the caller's SDK gives up, so that the caller gets a reason.
- Each answer has a connection of its own: none is left open when the emulator stops.
"""

import asyncio
import json
import zlib
from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import aclosing, suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit

from emulator import VERSION
from emulator.errors import ApiError
from emulator.upstream.upstream_address import UpstreamAddress, UpstreamRefused
from emulator.upstream.upstream_body import UpstreamMalformed
from emulator.wire.reasons import first_words, reason_in

import httpx2

SILENCE_S = 540.0
CONNECT_S = 10.0
MOST_OF_A_REFUSAL = 64 * 1024
"""Bytes of a refused answer that are read for its reason."""

Part = TypeVar("Part")

_NOT_THERE = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError)
_BROKEN = (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, ValueError, zlib.error)


class UpstreamConnection:
    """Sends requests to one server; `header` marks what an emulator sends.

    `task` (`chat` or `embeddings`) and `variable` name the server in errors. Raises UpstreamRefused
    where the environment does not let it be reached.
    """

    def __init__(
        self,
        address: UpstreamAddress,
        task: str,
        variable: str,
        header: str,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._task, self._variable, self._silence_s = task, variable, silence_s
        self._headers = {
            "authorization": f"Bearer {address.api_key}",
            "accept": "application/json",
            "content-type": "application/json",
            "user-agent": f"openai-emulator/{VERSION}",
            header: "1",
        }
        try:
            self._url = httpx2.URL(address.base_url)
            self._client = httpx2.AsyncClient(
                follow_redirects=True,
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0),
                timeout=httpx2.Timeout(None, connect=CONNECT_S),
                trust_env=not address.is_on_loopback,  # no proxy stands before this machine
            )
        except (ImportError, ValueError, httpx2.InvalidURL) as error:  # a proxy that is unusable
            raise UpstreamRefused(f"{variable} cannot be reached: {error}") from None

    async def post(self, path: str, body: Mapping[str, Any]) -> httpx2.Response:
        """An answer whose body is still to come; raises ApiError where there is none.

        The caller has to close it.
        """
        url = self._url.copy_with(path=self._url.path.rstrip("/") + path)
        # `json.dumps` escapes whatever is not ASCII, half of a surrogate pair included.
        content = json.dumps(body).encode()
        asked = self._client.build_request("POST", url, content=content, headers=self._headers)
        try:
            answer = await self.in_time(self._client.send(asked, stream=True))
        except UpstreamMalformed as error:
            raise self.failure(str(error)) from None
        except _NOT_THERE:
            raise self.failure("could not be reached") from None
        except httpx2.TooManyRedirects:
            raise self.failure("redirects each request to another address") from None
        except _BROKEN:
            raise self.failure("could not be reached, or broke off") from None
        if not answer.is_success:
            raise self.failure(await self._refusal(answer))
        return answer

    async def in_time(self, coming: Awaitable[Part]) -> Part:
        """What comes; raises UpstreamMalformed where the server is silent for too long."""
        try:
            async with asyncio.timeout(self._silence_s):
                return await coming
        except TimeoutError:
            raise UpstreamMalformed(f"sent nothing for {self._silence_s:g} seconds") from None

    async def blocks(self, answer: httpx2.Response) -> AsyncGenerator[bytes, None]:
        """The bytes of an answer as they come; raises UpstreamMalformed where they end early.

        A caller that leaves before the end has to close it. Else the collector of garbage does,
        perhaps in another thread, while a generator inside this one is being closed already.
        """
        try:
            async with aclosing(answer.aiter_bytes()) as coming:
                while (block := await self.in_time(anext(coming, None))) is not None:
                    yield block
        except httpx2.DecodingError:
            encoding = first_words(answer.headers.get("content-encoding", ""))
            raise UpstreamMalformed(f"sent what is not {encoding}, as its header says") from None
        except _BROKEN:
            raise UpstreamMalformed("broke off") from None

    def failure(self, reason: str) -> ApiError:
        """An error (502) that names the server, and says what it did."""
        host = urlsplit(str(self._url)).netloc.rpartition("@")[2]
        message = f"The {self._task} server of {self._variable}, {host}, {reason}."
        headers = {"x-should-retry": "false"}
        return ApiError(502, message, type="server_error", code="upstream_error", headers=headers)

    async def _refusal(self, answer: httpx2.Response) -> str:
        """What a refused answer says, as far as a reason may be long."""
        body = bytearray()
        try:
            with suppress(UpstreamMalformed):  # what came before it broke off may say enough
                async with aclosing(self.blocks(answer)) as blocks:
                    async for block in blocks:
                        body += block
                        if len(body) > MOST_OF_A_REFUSAL:
                            break
        finally:
            await answer.aclose()
        text = bytes(body[:MOST_OF_A_REFUSAL]).decode("utf-8", "replace")
        reason = reason_in(text) or first_words(text) or "no reason"
        return f"answered {answer.status_code}: {reason}"
