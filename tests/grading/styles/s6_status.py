# behind each break it first looks at the models, and whether the response has failed
import asyncio

import s6_resume as m
from openai import APIError, AsyncOpenAI


async def main():
    c = AsyncOpenAI()
    t, n, i = "", None, None
    s = await c.responses.create(model=m.MODEL, input=m.FIRST, background=True, stream=True)
    while True:
        try:
            async for e in s:
                n = e.sequence_number
                if e.type == "response.created":
                    i = e.response.id
                if e.type == "response.output_text.delta":
                    t += e.delta
                if e.type == "response.completed":
                    await c.responses.create(
                        model=m.MODEL,
                        input=[
                            {"role": "user", "content": m.FIRST},
                            {"role": "assistant", "content": t},
                            {"role": "user", "content": m.SECOND},
                        ],
                    )
                    return
        except APIError:
            pass
        await c.models.list()
        if (await c.responses.retrieve(i)).status in ("failed", "cancelled"):
            raise SystemExit("failed")
        s = await c.responses.retrieve(i, stream=True, starting_after=n)


asyncio.run(main())
