"""A text is read aloud by a Realtime model, outside of any conversation, and checked word by word.

You see where the spoken words differ from the text, as a model may reword what it reads.

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
    content = [{"type": "input_text", "text": Path(path).read_text(encoding="utf-8")}]
    items = [{"type": "message", "role": "user", "content": content}]
    # With `none`, the model reads `input` alone, and neither text nor answer is kept.
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
    wanted, heard = (re.findall(r"[\w'’]+", each.lower()) for each in (content[0]["text"], said))
    changes = SequenceMatcher(None, wanted, heard, autojunk=False).get_opcodes()
    different = [(wanted[a:b], heard[c:d]) for kind, a, b, c, d in changes if kind != "equal"]
    for pair in different:
        print("text: {}   said: {}".format(*map(" ".join, pair)))
    print(f"{sound}: {len(pcm) / 48_000:.1f} s, {len(wanted)} words, {len(different)} differences")
    return None if status == "completed" else f"error: the reading is {status or 'cut off'}"


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:3]))
    except (OpenAIError, OSError, ValueError, WebSocketException) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
