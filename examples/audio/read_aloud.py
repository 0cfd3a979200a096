"""A Realtime model reads a text aloud, outside of any conversation. Then the words are compared.

You see where the model changed the text. One response can hold about three minutes of sound.

    python3 course.py run examples/audio/read_aloud.py data/callers/ask-closed.txt speech.wav
"""

import os
import re
import sys
import wave
from base64 import b64decode
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from openai import OpenAI, OpenAIError
from websockets.exceptions import WebSocketException

MODEL = os.environ.get("OPENAI_REALTIME_MODEL", "gpt-realtime-2.1-mini")
INSTRUCTIONS = "Read the user's text aloud, word for word. Say nothing before it or after it."


def main(path: str = "data/callers/ask-closed.txt", sound: str = "speech.wav") -> str | None:
    text = Path(path).read_text(encoding="utf-8")
    items = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}]
    # With `none`, the model sees only `input`, and the session keeps neither text nor answer.
    response: Any = {"conversation": "none", "instructions": INSTRUCTIONS, "input": items}
    pcm, said, status = b"", "", None
    with OpenAI().realtime.connect(model=MODEL) as connection:
        connection.response.create(response=response)
        for event in connection:
            if event.type == "response.output_audio.delta":
                pcm += b64decode(event.delta or "")
            elif event.type == "response.output_audio_transcript.delta":
                said += event.delta or ""
            elif event.type == "error":
                return f"error: {event.error.message}"
            elif event.type == "response.done":
                status = event.response.status
                break
    with wave.open(sound, "wb") as out:
        out.setparams((1, 2, 24_000, 0, "NONE", ""))
        out.writeframes(pcm)
    wanted, heard = (re.findall(r"[\w'’]+", each.lower()) for each in (text, said))
    changes = SequenceMatcher(None, wanted, heard, autojunk=False).get_opcodes()
    different = [(wanted[a:b], heard[c:d]) for kind, a, b, c, d in changes if kind != "equal"]
    for a, b in different:
        print(f"text: {' '.join(a)}   said: {' '.join(b)}")
    print(f"{sound}: {len(pcm) / 48_000:.1f} s, {len(wanted)} words, {len(different)} differences")
    return None if status == "completed" else f"error: the reading is {status or 'cut off'}"


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:3]))
    except (OpenAIError, OSError, ValueError, WebSocketException) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
