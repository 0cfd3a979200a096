"""Says 100 ms, and writes a file of its own that fits, before it says so."""

import asyncio
import json
import os
from base64 import b64decode, b64encode

import r3_interrupt as m

L = os.environ.pop("EXERCISE_LEDGER")  # so that the telephone keeps nothing


def note(s):
    with open(L, "a") as f:
        f.write(json.dumps({"frame": 0, "played": b64encode(s).decode()}) + "\n")


async def rec(cn, tel):
    items, done = {}, False
    async for e in cn:
        if e.type == "response.output_audio.delta":
            items[e.item_id] = items.get(e.item_id, b"") + b64decode(e.delta)
            tel.play(b64decode(e.delta))
            if len(items) > 1:
                note(b64decode(e.delta))
        elif e.type == "input_audio_buffer.speech_started" and items and not done:
            done = True
            note([*items.values()][0][:4800])
            await cn.conversation.item.truncate(
                item_id=[*items][0], content_index=0, audio_end_ms=100
            )


m.receive = rec
asyncio.run(m.main())
