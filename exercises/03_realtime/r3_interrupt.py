"""R3. Interrupt, and report what was heard.

The caller asks a question, and interrupts the answer. `main` sends what the caller says, and calls
`receive`, which reads the server's events until the connection closes:
- Play the sound of each `response.output_audio.delta`. It arrives faster than it is played, and
  with gaps.
- `input_audio_buffer.speech_started` comes each time the caller begins to speak. The first time,
  nothing is being played, so there is nothing to do. If an answer has begun to play, call
  telephone.stop(), and send one `conversation.item.truncate`: item_id is the item that was being
  played, content_index is 0, and audio_end_ms is how many milliseconds of that item were played.
- The server cancels its response by itself, so don't send response.cancel.
- Play the next answer, too.

telephone.py, beside this file, says what a Telephone can do.

Write the body of `receive`. Check it with:   python3 course.py check R3
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
    raise SystemExit(f"error: {missing}\n  why: {why}\n  try: python3 course.py check R3") from None

MODEL = os.environ.get("OPENAI_REALTIME_MODEL", "gpt-realtime-2.1-mini")
DETECTION: Any = {"type": "server_vad", "silence_duration_ms": 200, "interrupt_response": True}
# The second recording interrupts once 2,000 ms of the answer have been played.
RECORDINGS = {"ask-programme.wav": 0, "cut-in-price.wav": 2_000}


async def receive(connection: AsyncRealtimeConnection, telephone: Telephone) -> None:
    """Play the answers. When the caller interrupts one, stop, and report what was heard of it."""
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
