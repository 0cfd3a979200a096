"""One spoken turn: a WAV file with a question goes in, a WAV file with the answer comes out.

You see the words of the answer. Both files have 24 kHz, 16 bits, mono, as the API needs.

    python3 course.py run examples/realtime/voice_turn.py data/callers/ask-closed.wav answer.wav
"""

import os
import sys
import wave
from base64 import b64decode, b64encode
from typing import Any

from openai import OpenAI, OpenAIError
from websockets.exceptions import WebSocketException

MODEL = os.environ.get("OPENAI_REALTIME_MODEL", "gpt-realtime-2.1-mini")


def main(question: str = "data/callers/ask-closed.wav", answer: str = "answer.wav") -> str | None:
    """Hold the turn, write the answer; return what went wrong."""
    with wave.open(question) as sound:
        if sound.getparams()[:3] != (1, 2, 24_000):
            return f"error: {question} is not 24 kHz, mono, 16 bits"
        pcm = sound.readframes(sound.getnframes())
    spoken, status = b"", None
    with OpenAI().realtime.connect(model=MODEL) as connection:
        # Without turn detection, you say where your turn ends: by `commit`.
        session: Any = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
        connection.session.update(session=session)
        for start in range(0, len(pcm), 48_000):  # A second of sound is 48,000 bytes.
            piece = b64encode(pcm[start : start + 48_000]).decode()
            connection.input_audio_buffer.append(audio=piece)
        connection.input_audio_buffer.commit()
        connection.response.create()
        for event in connection:
            if event.type == "response.output_audio.delta":
                spoken += b64decode(event.delta or "")
            elif event.type == "response.output_audio_transcript.delta":
                print(event.delta or "", end="", flush=True)
            elif event.type == "error":
                return f"error: {event.error.message}"
            elif event.type == "response.done":
                status = event.response.status
                break
    with wave.open(answer, "wb") as sound:
        sound.setparams((1, 2, 24_000, 0, "NONE", ""))
        sound.writeframes(spoken)
    print(f"\n{answer}: {len(spoken) / 48_000:.1f} seconds")
    return None if status == "completed" else f"error: the answer is {status or 'cut off'}"


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:3]))
    except (OpenAIError, OSError, EOFError, ValueError, wave.Error, WebSocketException) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
