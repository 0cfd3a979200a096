# each sentence is asked for as it comes, also while another one is played
import asyncio
import re

import a3_speak_at_once as m
from openai import AsyncOpenAI

m.SPEAKER.unlink(missing_ok=True)
c = AsyncOpenAI()


async def fetch(s, q):
    async with c.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="marin", input=s, response_format="pcm"
    ) as r:
        async for p in r.iter_bytes():
            q.put_nowait(p)
    q.put_nowait(None)


async def player(qs):
    while (q := await qs.get()) is not None:
        while (p := await q.get()) is not None:
            m.play(p)


async def main():
    qs, tasks, t = asyncio.Queue(), [], ""
    play = asyncio.create_task(player(qs))

    def say(s):
        q = asyncio.Queue()
        qs.put_nowait(q)
        tasks.append(asyncio.create_task(fetch(s, q)))

    async for ch in await c.chat.completions.create(
        model=m.MODEL, messages=[{"role": "user", "content": m.QUESTION}], stream=True
    ):
        for k in ch.choices:
            t += k.delta.content or ""
        *done, t = re.split(r"(?<=[.?!])\s", t)
        for s in done:
            say(s)
    say(t.strip())
    qs.put_nowait(None)
    await play


asyncio.run(main())
