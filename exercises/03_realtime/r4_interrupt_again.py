"""R4. Interrupt a second time, and drop late deltas.

The caller interrupts two answers. This time `interrupt_response` is false, so the server goes on
with its response until your code cancels it. Read the events until the connection closes:
- Play the sound of each `response.output_audio.delta`, but drop the deltas of an item that was
  interrupted. Some of them may still come after you cancel.
- When `input_audio_buffer.speech_started` comes while an answer is being played, call
  telephone.stop(), and send one `conversation.item.truncate`: the item, content_index 0, and as
  audio_end_ms how many milliseconds of this item were played. telephone.played counts the samples
  of all answers together.
- Then send `response.cancel`, but only if a response is active: its `response.created` has come,
  and its `response.done` hasn't.
- The third answer isn't interrupted, so play all of it.

Write the body of `receive`. Check it with:   python3 course.py check R4
"""

import asyncio
import os
from base64 import b64decode, b64encode
from typing import Any

try:
    from openai import AsyncOpenAI
    from openai.resources.realtime.realtime import AsyncRealtimeConnection
    from telephone import SAMPLES_A_MS, Telephone
except ModuleNotFoundError as missing:
    why = "this isn't the Python of the course"
    raise SystemExit(f"error: {missing}\n  why: {why}\n  try: python3 course.py check R4") from None

MODEL = os.environ.get("OPENAI_REALTIME_MODEL", "gpt-realtime-2.1-mini")
DETECTION: Any = {"type": "server_vad", "silence_duration_ms": 200, "interrupt_response": False}
RECORDINGS = {"ask-programme.wav": 0, "cut-in-price.wav": 2_000, "ask-dogs.wav": 1_500}


async def receive(connection: AsyncRealtimeConnection, telephone: Telephone) -> None:
    """Play the answers. When the caller interrupts one, stop, truncate, and cancel if needed."""
    raise NotImplementedError("write the body of receive")


async def send(connection: AsyncRealtimeConnection, telephone: Telephone) -> None:
    """Send what the caller says, then hang up."""
    async for frame in telephone.microphone():
        await connection.input_audio_buffer.append(audio=b64encode(frame).decode())
    await connection.close()


async def main() -> None:
    telephone = Telephone(RECORDINGS)
    async with AsyncOpenAI().realtime.connect(model=MODEL) as connection:
        await connection.session.update(
            session={"type": "realtime", "audio": {"input": {"turn_detection": DETECTION}}}
        )
        sending = asyncio.create_task(send(connection, telephone))
        try:
            await receive(connection, telephone)
            await sending
        finally:
            sending.cancel()


if __name__ == "__main__":
    asyncio.run(main())
