"""Cancels whenever an answer is being played, whether its response is active or over."""

import asyncio
from base64 import b64decode

import r4_interrupt_again as m


async def receive(connection, telephone):
    item_id, before, cut = "", 0, set()
    async for event in connection:
        if event.type == "response.output_audio.delta" and event.item_id not in cut:
            if event.item_id != item_id:
                item_id, before = event.item_id, telephone.played
            telephone.play(b64decode(event.delta))
        elif event.type == "input_audio_buffer.speech_started" and item_id:
            is_playing = telephone.waiting > 0
            telephone.stop()
            cut.add(item_id)
            ms = (telephone.played - before) // 24
            await connection.conversation.item.truncate(
                item_id=item_id, content_index=0, audio_end_ms=ms
            )
            if is_playing:
                await connection.response.cancel()
            item_id = ""


m.receive = receive
asyncio.run(m.main())
