"""Same, but it gives up after 1.5 s, even if somebody still reads."""

import asyncio

import s7_relay as m


async def relay(q):
    queue = asyncio.Queue()

    async def read():
        try:
            async with asyncio.timeout(1.5):
                ch = await m.client.chat.completions.create(
                    model=m.MODEL, messages=[{"role": "user", "content": q}], stream=True
                )
                async with ch:
                    async for x in ch:
                        for k in x.choices:
                            await queue.put(k.delta.content or "")
        finally:
            await queue.put(None)

    relay.t = getattr(relay, "t", []) + [asyncio.create_task(read())]
    while (p := await queue.get()) is not None:
        yield p


m.relay = relay
app = m.Starlette(routes=[m.Route("/", m.answer)])
m.uvicorn.run(app, port=m.PORT, log_level="warning")
