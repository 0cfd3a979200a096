"""The least that can speak over a WebSocket: replays the messages of a file, whatever is asked.

    python -m benchmarks.minimal_socket FILE

FILE has a message a line. The first is sent at once, the others when `response.create` comes. It is
the yardstick for the emulator: the same bytes, the same client, its own process.
"""

import asyncio
import sys
from pathlib import Path

from websockets.asyncio.server import ServerConnection, serve


async def run(messages: list[str]) -> None:
    async def answer(socket: ServerConnection) -> None:
        await socket.send(messages[0])
        async for asked in socket:
            if b'"response.create"' in (asked if isinstance(asked, bytes) else asked.encode()):
                for message in messages[1:]:
                    await socket.send(message)

    async with serve(answer, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        print(f"http://127.0.0.1:{port}/v1", flush=True)
        await server.serve_forever()


def main() -> None:
    asyncio.run(run(Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()))


if __name__ == "__main__":
    main()
