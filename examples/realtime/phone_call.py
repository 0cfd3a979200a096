"""A call that you can interrupt: put on headphones and talk. You see the answers and hear them.
python3 course.py run examples/realtime/phone_call.py"""

import asyncio
import os
import sys
from base64 import b64decode, b64encode
from typing import Any

from openai import AsyncOpenAI, OpenAIError
from websockets.exceptions import WebSocketException

try:
    from sounddevice import PortAudioError, RawInputStream, RawOutputStream
except (ImportError, OSError) as error:  # no package, or on Linux no library
    sys.exit(f"error: {error}; try: pip install sounddevice (Linux: apt install libportaudio2)")

MODEL = os.environ.get("OPENAI_REALTIME_MODEL", "gpt-realtime-2.1-mini")
PCM: Any = {"samplerate": 24_000, "channels": 1, "dtype": "int16"}  # 48 bytes a millisecond
waiting = bytearray()


def play(sound: Any, *_: Any) -> None:  # sounddevice calls this in a thread of its own
    piece, waiting[: len(sound)] = bytes(waiting[: len(sound)]), b""
    sound[:] = piece.ljust(len(sound), b"\0")


async def main() -> None:
    loop, item, received, cut = asyncio.get_running_loop(), "", 0, ""

    def record(sound: Any, *_: Any) -> None:
        sending = connection.input_audio_buffer.append(audio=b64encode(bytes(sound)).decode())
        asyncio.run_coroutine_threadsafe(sending, loop)

    async with AsyncOpenAI() as client, client.realtime.connect(model=MODEL) as connection:
        with RawOutputStream(**PCM, callback=play), RawInputStream(**PCM, callback=record):
            print("Speak.", flush=True)
            async for event in connection:
                if event.type == "response.output_audio.delta" and event.item_id != cut:
                    waiting.extend(sound := b64decode(event.delta))
                    item, received = event.item_id, received * (item == event.item_id) + len(sound)
                elif event.type == "input_audio_buffer.speech_started" and waiting:
                    cut, heard_ms = item, (received - len(waiting)) // 48
                    waiting.clear()  # you interrupt; the model has to know how much you heard
                    await connection.conversation.item.truncate(
                        item_id=item, content_index=0, audio_end_ms=heard_ms
                    )
                elif event.type == "response.output_audio_transcript.done":
                    print(event.transcript, flush=True)
                elif event.type == "error":
                    raise OpenAIError(event.error.message)


try:
    asyncio.run(main())
except KeyboardInterrupt:
    sys.exit(130)
except (OpenAIError, OSError, WebSocketException, PortAudioError) as error:
    help = "; connect a microphone and a loudspeaker (python3 -m sounddevice lists them)"
    sys.exit(f"error: {error}{help * isinstance(error, PortAudioError)}")
