# a right server without a framework: knows one path, and drops every other request
import asyncio
import os
from urllib.parse import parse_qs, urlsplit

from openai import AsyncOpenAI

client = AsyncOpenAI()


async def serve(reader, writer):
    head = await reader.readuntil(b"\r\n\r\n")
    q = parse_qs(urlsplit(head.split()[1].decode()).query)["question"][0]
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n")

    async def relay():
        async with await client.chat.completions.create(
            model="gpt-6-luna", messages=[{"role": "user", "content": q}], stream=True
        ) as ch:
            async for c in ch:
                for k in c.choices or []:
                    writer.write((k.delta.content or "").encode())
                    await writer.drain()

    task = asyncio.create_task(relay())
    gone = asyncio.create_task(reader.read())
    await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
    task.cancel()
    gone.cancel()
    writer.close()


async def main():
    async with await asyncio.start_server(serve, "127.0.0.1", int(os.environ["PORT"])) as s:
        await s.serve_forever()


asyncio.run(main())
