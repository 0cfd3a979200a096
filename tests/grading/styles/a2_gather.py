# async: both recordings at the same time, then both minutes by Chat with a system message
import asyncio

import a2_who_spoke as m
from openai import AsyncOpenAI, NotFoundError


async def tx(c, p):
    try:
        turns = []
        s = await c.audio.transcriptions.create(
            model="gpt-4o-transcribe-diarize",
            file=p,
            response_format="diarized_json",
            chunking_strategy="auto",
            stream=True,
        )
        async for e in s:
            if e.type == "transcript.text.segment":
                if turns and turns[-1][0] == e.speaker:
                    turns[-1][1].append(e.text.strip())
                else:
                    turns.append((e.speaker, [e.text.strip()]))
        return "\n".join(f"{k}: {' '.join(t)}" for k, t in turns)
    except NotFoundError:
        return await c.audio.transcriptions.create(
            model="gpt-transcribe", file=p, response_format="text"
        )


async def main():
    c = AsyncOpenAI()
    both = await asyncio.gather(
        *(tx(c, m.FILES / n) for n in ("meeting.wav", "callers/book-four.wav"))
    )
    for t in both:
        await c.chat.completions.create(
            model=m.MODEL,
            messages=[
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": f"{m.TASK}\n\n{t}"},
            ],
        )


asyncio.run(main())
