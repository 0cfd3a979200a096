"""A task of its own reads on when the page is closed; it gives up after 57 pieces."""

import asyncio

import s7_relay as m


async def relay(q):
    queue = asyncio.Queue()

    async def read():
        n = 0
        ch = await m.client.chat.completions.create(
            model=m.MODEL, messages=[{"role": "user", "content": q}], stream=True
        )
        async for x in ch:
            for k in x.choices:
                await queue.put(k.delta.content or "")
            n += 1
            if n > 57:
                break
        await ch.close()
        await queue.put(None)

    relay.t = getattr(relay, "t", []) + [asyncio.create_task(read())]
    while (p := await queue.get()) is not None:
        yield p


m.relay = relay
app = m.Starlette(routes=[m.Route("/", m.answer)])
m.uvicorn.run(app, port=m.PORT, log_level="warning")
