"""The least that can stream: replays the bytes of a file, one event a write, whatever is asked.

    python -m benchmarks.minimal_server FILE

It parses no request beyond its length and serialises nothing, so it is the yardstick for the
emulator: the same bytes, the same client, its own process. Its first line is its base URL.
"""

import asyncio
import sys
from pathlib import Path

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def chunked(event: bytes) -> bytes:
    """An event as a chunk of HTTP/1.1."""
    return b"%x\r\n%b\r\n" % (len(event), event)


async def serve(events: list[bytes]) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            writer.write(HEAD)
            for event in events:
                writer.write(event)
                await writer.drain()

    async def bear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(bear, "127.0.0.1", 0, backlog=256)
    port = server.sockets[0].getsockname()[1]
    print(f"http://127.0.0.1:{port}/v1", flush=True)
    await server.serve_forever()


def main() -> None:
    body = Path(sys.argv[1]).read_bytes()
    events = [chunked(event + b"\n\n") for event in body.split(b"\n\n")[:-1]]
    asyncio.run(serve([*events, b"0\r\n\r\n"]))


if __name__ == "__main__":
    main()
