"""Who said what in a recording, and when. You see each speaker's words with their time.

The speakers are called A, B and so on. To see a name, add a file with 2 to 10 seconds of that
voice, such as `Ann=ann.wav`; up to four. The model ends on 2027-02-26, without a successor so far.

    python3 course.py run examples/audio/who_spoke.py data/callers/ask-closed.wav
"""

import mimetypes
import os
import sys
from base64 import b64encode
from typing import Any

from openai import OpenAI, OpenAIError

MODEL = os.environ.get("OPENAI_DIARIZE_MODEL", "gpt-4o-transcribe-diarize")


def data_url(path: str) -> str:
    """A file as a data URL, which fits into a field of the request."""
    with open(path, "rb") as file:
        kind = mimetypes.guess_type(path)[0] or "audio/wav"
        return f"data:{kind};base64,{b64encode(file.read()).decode()}"


def main(recording: str = "data/callers/ask-closed.wav", *voices: str) -> None:
    """Print a line for each turn, and how long each speaker speaks."""
    known: dict[str, Any] = {}
    if voices:
        if unnamed := [voice for voice in voices if "=" not in voice]:
            raise ValueError(f"write a name before each voice, such as Ann={unnamed[0]}")
        pairs = [voice.split("=", 1) for voice in voices]
        known["known_speaker_names"] = [name for name, _ in pairs]
        known["known_speaker_references"] = [data_url(path) for _, path in pairs]
    with open(recording, "rb") as file:
        # Over 30 seconds, you have to say how to cut the recording: "auto" cuts it at pauses.
        answer = OpenAI().audio.transcriptions.create(
            file=file,
            model=MODEL,
            response_format="diarized_json",
            chunking_strategy="auto",
            **known,
        )
    seconds: dict[str, float] = {}
    for part in answer.segments:
        minutes, second = divmod(int(part.start), 60)
        print(f"{minutes:02}:{second:02}  {part.speaker}: {part.text.strip()}")
        seconds[part.speaker] = seconds.get(part.speaker, 0) + part.end - part.start
    for speaker, spoken in seconds.items():
        print(f"{speaker} speaks for {spoken:.0f} seconds")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (OpenAIError, OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
