# prints like a typewriter, and both halves run at the same time
import asyncio
import time

import s4_cancel as m


def fs(ch):
    t = ""
    with ch:
        for x in ch:
            time.sleep(0.2)
            t += x.choices[0].delta.content or ""
            if "." in t:
                return t[: t.index(".") + 1]


async def fa(ch):
    t = ""
    async with ch:
        async for x in ch:
            await asyncio.sleep(0.2)
            t += x.choices[0].delta.content or ""
            if "." in t:
                return t[: t.index(".") + 1]


async def both():
    await asyncio.gather(asyncio.to_thread(m.main), m.main_async())


m.first_sentence, m.first_sentence_async = fs, fa
asyncio.run(both())
