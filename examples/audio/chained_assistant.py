"""A spoken question, answered twice: by a chain of three models, and by one speech-to-speech model.

You see how long each step takes. In the chain, you can read and check the text between the steps.

    python3 course.py run examples/audio/chained_assistant.py data/callers/ask-closed.wav
"""

import os
import sys
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

from openai import OpenAI, OpenAIError
from websockets.exceptions import WebSocketException

TRANSCRIBER, CHAT = "gpt-transcribe", os.environ.get("OPENAI_MODEL", "gpt-6-luna")
SPEAKER = "gpt-4o-mini-tts"  # It ends on 2027-01-06. read_aloud.py shows what to use then.
REALTIME = os.environ.get("OPENAI_REALTIME_MODEL", "gpt-realtime-2.1-mini")
ENDS = ("response.output_audio.delta", "error", "response.done")


def show(step: str, start: float, text: str = "") -> float:
    now = time.perf_counter()
    print(f"{step:24}{1000 * (now - start):6.0f} ms  {text}".rstrip(), flush=True)
    return now


def main(path: str = "data/callers/ask-closed.wav") -> str | None:
    client, sound, begin = OpenAI(), Path(path).read_bytes(), time.perf_counter()
    question = client.audio.transcriptions.create(model=TRANSCRIBER, file=("a.wav", sound)).text
    step = show("1 transcribe", begin, question)
    asked: Any = {"model": CHAT, "messages": [{"role": "user", "content": question}]}
    answer = client.chat.completions.create(**asked).choices[0].message.content or "No answer."
    step = show("2 answer", step, answer)
    asked = {"model": SPEAKER, "voice": "marin", "input": answer, "response_format": "pcm"}
    with client.audio.speech.with_streaming_response.create(**asked) as spoken:
        next(spoken.iter_bytes(4096))
        show("3 speak: first sound", step)
    show("chain: first sound", begin)
    session: Any = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
    with client.realtime.connect(model=REALTIME) as connection:
        connection.session.update(session=session)
        connection.input_audio_buffer.append(audio=b64encode(sound[44:]).decode())  # no header
        begin = time.perf_counter()
        connection.input_audio_buffer.commit()
        connection.response.create()
        end = next((event.type for event in connection if event.type in ENDS), "hung up")
        show("Realtime: first sound", begin)
    return None if end == ENDS[0] else f"error: Realtime gave no sound ({end})"


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:2]))
    except (OpenAIError, OSError, ValueError, WebSocketException) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
