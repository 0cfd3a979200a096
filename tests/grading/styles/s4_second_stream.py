# the second answer is streamed too, and read to its end
import asyncio

import s4_cancel as m
from openai import OpenAI

c = OpenAI()
t = ""
with c.chat.completions.create(
    model=m.MODEL, messages=[{"role": "user", "content": m.FIRST}], stream=True
) as s:
    for x in s:
        t += x.choices[0].delta.content or ""
        if "." in t:
            break
for x in c.chat.completions.create(
    model=m.MODEL, messages=m.conversation(t[: t.index(".") + 1]), stream=True
):
    pass


async def f(s):
    t = ""
    async with s:
        async for x in s:
            t += x.choices[0].delta.content or ""
            if "." in t:
                return t[: t.index(".") + 1]


m.first_sentence_async = f
asyncio.run(m.main_async())
