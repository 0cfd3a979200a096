"""Live captions for a WAV file, or for your voice with --microphone (pip install sounddevice).
You see the words while they are spoken, and the corrected sentence after each pause.

python3 course.py run examples/audio/captions.py data/callers/book-two.wav
"""

import asyncio
import sys
import wave
from array import array
from base64 import b64encode
from typing import Any

from openai import AsyncOpenAI

AUDIO: Any = {"input": {"transcription": {"model": "gpt-live-transcribe"}, "turn_detection": None}}
LOUD, PAUSE = 500, 7  # 100 ms with a higher peak are speech; seven quiet ones are a pause


async def listen(source: str) -> Any:
    if source == "--microphone":
        with __import__("sounddevice").RawInputStream(24_000, channels=1, dtype="int16") as device:
            while True:
                yield bytes((await asyncio.to_thread(device.read, 2_400))[0])
    with wave.open(source) as sound:
        if sound.getparams()[:3] != (1, 2, 24_000):
            raise ValueError(f"{source} is not 24 kHz, mono, 16 bits")
        while piece := sound.readframes(2_400):
            yield piece
            await asyncio.sleep(0.1)  # as fast as people speak


async def send(buffer: Any, source: str, quiet: int = PAUSE) -> None:
    async for piece in listen(source):
        await buffer.append(audio=b64encode(piece).decode())
        quiet = 0 if max(map(abs, array("h", piece))) >= LOUD else quiet + 1
        if quiet == PAUSE:  # Turn detection is off here, so your code commits.
            await buffer.commit()
    if quiet < PAUSE:
        await buffer.commit()
    await buffer.clear()  # The server answers this after all the commits.


async def show(socket: Any, waiting: int = 1) -> None:
    while waiting:
        event = await socket.recv()
        kind = event.type.rpartition(".")[2]
        if kind == "delta":
            print(event.delta or "", end="", flush=True)
        elif kind == "completed":
            print(f"\n> {event.transcript}", flush=True)
        elif kind in ("error", "failed"):
            raise ValueError(event.error.message)
        waiting += (kind == "committed") - (kind in ("completed", "cleared"))


async def main(source: str = "data/callers/book-two.wav") -> None:
    async with AsyncOpenAI().realtime.connect(extra_query={"intent": "transcription"}) as socket:
        await socket.session.update(session={"type": "transcription", "audio": AUDIO})
        await asyncio.gather(send(socket.input_audio_buffer, source), show(socket))


try:
    asyncio.run(main(*sys.argv[1:2]))
except KeyboardInterrupt:
    sys.exit(130)
except Exception as error:  # of the file, the microphone, the connection or the API
    sys.exit(f"error: {error}")
