"""One spoken turn: a WAV file with a question goes in, a WAV file with the answer comes out.

You also see the words of the answer. Both files are 24 kHz, mono, 16 bits, as in the Realtime API.

    python3 course.py run examples/realtime/voice_turn.py data/callers/ask-closed.wav answer.wav
"""

import os
import re
import sys
import wave
from base64 import b64decode, b64encode
from typing import Any

from openai import OpenAI, OpenAIError
from websockets.exceptions import WebSocketException

MODEL = os.environ.get("OPENAI_REALTIME_MODEL", "gpt-realtime-2.1-mini")
# Control characters could take over your terminal, and half a character can't be printed.
UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
# Without turn detection, you say where your turn ends.
SESSION: Any = {
    "type": "realtime",
    "output_modalities": ["audio"],
    "audio": {"input": {"turn_detection": None}},
}


def read_question(path: str) -> bytes:
    with wave.open(path) as sound:
        if sound.getparams()[:3] != (1, 2, 24_000):
            sys.exit(f"error: {path} is not 24 kHz, mono, 16 bits")
        return bytes(sound.readframes(sound.getnframes()))


def main(question: str, answer: str) -> str | None:
    """Hold the turn and save the answer. Return what went wrong."""
    pcm, spoken, status = read_question(question), bytearray(), "cut off"
    with OpenAI().realtime.connect(model=MODEL) as connection:
        connection.session.update(session=SESSION)
        for start in range(0, len(pcm), 48_000):  # A second of sound is 48,000 bytes.
            piece = b64encode(pcm[start : start + 48_000]).decode()
            connection.input_audio_buffer.append(audio=piece)
        connection.input_audio_buffer.commit()
        connection.response.create()
        event: Any
        for event in connection:
            if event.type == "response.output_audio.delta":
                spoken += b64decode(event.delta or "")
            elif event.type == "response.output_audio_transcript.delta":
                print(UNSAFE.sub("\ufffd", event.delta or ""), end="", flush=True)
            elif event.type == "error":
                return f"{event.error.message}"
            elif event.type == "response.done":
                status = f"{getattr(event.response, 'status', None)}"
                break
    with wave.open(answer, "wb") as sound:
        sound.setparams((1, 2, 24_000, 0, "NONE", ""))
        sound.writeframes(spoken)
    print(f"\n{answer}: {len(spoken) / 48_000:.1f} seconds")
    return None if status == "completed" else f"the answer is not complete: {status}"


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} QUESTION.wav ANSWER.wav")
    try:
        sys.exit(main(*sys.argv[1:]))
    except (OpenAIError, OSError, EOFError, ValueError, wave.Error, WebSocketException) as error:
        sys.exit(f"error: {error}")
