"""One HTTP request on its way through the recorder: each block is sent on first, written after."""

from collections.abc import AsyncIterator

from cassette.asgi import HOP_BY_HOP, while_connected
from cassette.exchange_log import ExchangeLog

import anyio
import httpx2
from starlette.types import Receive, Send


class HttpExchange(ExchangeLog):
    """The answer of the upstream server, passed on to the client block by block."""

    async def pass_on(self, response: httpx2.Response, receive: Receive, send: Send) -> None:
        """Pass an answer on; if the client leaves, leave as well.

        Blocks are passed on as they come, `content-length` and all. Some servers compress although
        they were asked not to: such a body is unpacked, so that the cassette can be read, and the
        headers that described the packed one are dropped.
        """
        raw = [(n.lower(), v) for n, v in response.headers.raw]
        packed = response.headers.get("content-encoding", "identity") != "identity"
        dropped = HOP_BY_HOP | {"content-encoding"} if packed else HOP_BY_HOP - {"content-length"}
        kept = [pair for pair in raw if pair[0].decode("latin-1") not in dropped]
        named = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in raw]
        self._writer.scrubber.learn(named)
        self.log_head(response.status_code, self._writer.scrubber.headers(named))
        await send({"type": "http.response.start", "status": response.status_code, "headers": kept})
        blocks = response.aiter_bytes() if packed else response.aiter_raw()
        await while_connected(receive, self._pass_blocks(response, blocks, send))
        if self.how == "complete":
            await send({"type": "http.response.body", "body": b""})

    async def _pass_blocks(
        self, response: httpx2.Response, blocks: AsyncIterator[bytes], send: Send
    ) -> None:
        """Until the body ends or the connection drops; if cancelled, the client has `left`."""
        try:
            async for block in blocks:
                self.log_chunk(block)
                await send({"type": "http.response.body", "body": block, "more_body": True})
                self.flush()
        except httpx2.TransportError:
            self.how = "cut"
        else:
            self.how = "complete"
        finally:
            with anyio.CancelScope(shield=True):
                await response.aclose()
