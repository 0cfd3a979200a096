"""A spoken question, answered by a chain of three models, and by one speech-to-speech model.
You see how long each step takes. For files other than WAVs (24 kHz, mono, 16 bits): pip install av
python3 course.py run examples/audio/chained_assistant.py data/callers/ask-closed.wav"""

import os
import sys
import wave
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import Any

from openai import OpenAI

TRANSCRIBER, CHAT = "gpt-transcribe", os.environ.get("OPENAI_MODEL", "gpt-6-luna")
SPEECH: Any = {"model": "gpt-4o-mini-tts", "voice": "marin", "response_format": "pcm"}
REALTIME = os.environ.get("OPENAI_REALTIME_MODEL", "gpt-realtime-2.1-mini")
ENDS = ("response.output_audio.delta", "error", "response.done")


def samples(path: str) -> Any:  # as Realtime takes them: 24 kHz, mono, 16 bits, no header
    with suppress(wave.Error, EOFError), wave.open(path) as sound:
        if sound.getparams()[:3] == (1, 2, 24_000):
            return sound.readframes(sound.getnframes())
    with (av := __import__("av")).open(path) as file:
        convert = av.AudioResampler("s16", "mono", 24_000).resample
        pieces = [piece for frame in (*file.decode(audio=0), None) for piece in convert(frame)]
    return b"".join(bytes(piece.planes[0])[: 2 * piece.samples] for piece in pieces)


def main(path: str = "data/callers/ask-closed.wav") -> str | None:
    def show(step: str, start: float, text: str = "") -> float:
        print(f"{step:24}{1000 * (perf_counter() - start):6.0f} ms  {text}".rstrip(), flush=True)
        return perf_counter()

    client, sound, begin = OpenAI(), b64encode(samples(path)).decode(), perf_counter()
    question = client.audio.transcriptions.create(model=TRANSCRIBER, file=Path(path)).text
    step = show("1 transcribe", begin, question)
    answer = client.responses.create(model=CHAT, input=question).output_text or "No answer."
    step = show("2 answer", step, answer)
    with client.audio.speech.with_streaming_response.create(input=answer, **SPEECH) as spoken:
        next(spoken.iter_bytes(4096))
        show("3 speak: first sound", step)  # this model ends on 2027-01-06; see read_aloud.py
    show("chain: first sound", begin)
    said: Any = [{"type": "input_audio", "audio": sound}]
    with client.realtime.connect(model=REALTIME) as socket:
        begin = perf_counter()
        socket.conversation.item.create(item={"type": "message", "role": "user", "content": said})
        socket.response.create()
        end = next((event.type for event in socket if event.type in ENDS), "hung up")
        show("Realtime: first sound", begin)
    return None if end == ENDS[0] else f"error: Realtime gave no sound ({end})"


try:
    sys.exit(main(*sys.argv[1:2]))
except (Exception, KeyboardInterrupt) as error:  # of the file, the network or the API
    tip = "; try: pip install av" if isinstance(error, ImportError) else ""
    sys.exit(130 if isinstance(error, KeyboardInterrupt) else f"error: {error}{tip}")
