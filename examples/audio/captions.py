"""Live captions for a WAV file, or for your voice with --microphone (pip install sounddevice).
You see the words while they are spoken, and the corrected sentence after each pause.

python3 course.py run examples/audio/captions.py data/callers/book-two.wav"""

import asyncio
import sys
import wave
from base64 import b64encode
from typing import Any

from openai import AsyncOpenAI

AUDIO: Any = {"input": {"transcription": {"model": "gpt-live-transcribe"}, "turn_detection": None}}
LOUD, PAUSE = 500, 7  # 100 ms with a higher peak are speech; seven quiet ones are a pause
HELP = "; connect a microphone, or pip install sounddevice" * ("--microphone" in sys.argv)


async def listen(source: str) -> Any:
    if source == "--microphone":
        pieces, loop = asyncio.Queue[bytes](), asyncio.get_running_loop()
        put = lambda data, *_: loop.call_soon_threadsafe(pieces.put_nowait, bytes(data))  # noqa: E731
        form: Any = {"channels": 1, "dtype": "int16", "callback": put}  # called every 100 ms
        with __import__("sounddevice").RawInputStream(24_000, 2_400, **form):
            while True:
                yield await pieces.get()
    with wave.open(source) as sound:
        if sound.getparams()[:3] != (1, 2, 24_000):
            raise ValueError(f"{source} is not 24 kHz, mono, 16 bits")
        for _ in range(sound.getnframes() // 2_400 + 1 + PAUSE):
            yield sound.readframes(2_400) or bytes(4_800)  # silence ends the last sentence
            await asyncio.sleep(0.1)  # as fast as people speak


async def send(buffer: Any, source: str, quiet: int = PAUSE) -> None:
    async for piece in listen(source):
        await buffer.append(audio=b64encode(piece).decode())
        quiet = 0 if max(memoryview(piece).cast("h")) >= LOUD else quiet + 1
        if quiet == PAUSE:  # Turn detection is off here, so your code commits.
            await buffer.commit()
    await buffer.clear()  # The server answers this after all the commits.


async def main(source: str = "data/callers/book-two.wav", *, waiting: int = 1) -> None:
    connecting: Any = AsyncOpenAI().realtime.connect(extra_query={"intent": "transcription"})
    async with connecting as socket, asyncio.TaskGroup() as tasks:
        await socket.session.update(session={"type": "transcription", "audio": AUDIO})
        tasks.create_task(send(socket.input_audio_buffer, source))
        while waiting and (event := await socket.recv()):
            kind = event.type.rpartition(".")[2]
            print(getattr(event, "delta", None) or "", end="", flush=True)
            if kind == "completed":
                print(f"\n> {event.transcript}", flush=True)
            if kind in ("error", "failed"):
                raise ValueError(event.error.message)
            waiting += (kind == "committed") - (kind in ("completed", "cleared"))


try:
    asyncio.run(main(*sys.argv[1:2]))
except (Exception, KeyboardInterrupt) as error:  # in a group, if it's of the task
    first = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
    sys.exit(130 if isinstance(first, KeyboardInterrupt) else f"error: {first}{HELP}")
