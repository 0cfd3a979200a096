"""R1. Configure the session first.

A new session starts with default settings. Replace them with yours before any sound is sent.

Send one `session.update`, with the current field names, not those of the beta. It sets:
- the type of the session to `realtime`, and its instructions to INSTRUCTIONS
- `output_modalities` to a list with "audio" alone, so that the model speaks
- the format of the caller's sound to FORMAT, and the model that transcribes it to TRANSCRIBER
- the voice of the answer to VOICE

Then read events until `session.updated` says that the settings are in effect. If an `error` comes
instead, raise an exception. When you return, `main` sends the caller's sound.

Write the body of `configure`. Check it with:   python3 course.py check R1
"""

import os
import wave
from base64 import b64encode
from pathlib import Path

try:
    from openai import OpenAI
    from openai.resources.realtime.realtime import RealtimeConnection
except ModuleNotFoundError as missing:
    why = "this isn't the Python of the course"
    raise SystemExit(f"error: {missing}\n  why: {why}\n  try: python3 course.py check R1") from None

MODEL = os.environ.get("OPENAI_REALTIME_MODEL", "gpt-realtime-2.1-mini")
CALLERS = Path(__file__).resolve().parents[2] / "data" / "callers"
SOUND = os.environ.get("EXERCISE_SOUND", str(CALLERS / "ask-closed.wav"))
INSTRUCTIONS = os.environ.get("EXERCISE_INSTRUCTIONS", "Answer in one short sentence.")
VOICE = os.environ.get("EXERCISE_VOICE", "cedar")
TRANSCRIBER = "gpt-transcribe"
FORMAT = {"type": "audio/pcm", "rate": 24_000}


def configure(connection: RealtimeConnection) -> None:
    """Send the settings, and return when they are in effect."""
    raise NotImplementedError("write the body of configure")


def speak(connection: RealtimeConnection) -> None:
    """Send the caller's question and a second of silence, which ends the turn."""
    with wave.open(SOUND, "rb") as file:
        sound = file.readframes(file.getnframes()) + bytes(48_000)
    for start in range(0, len(sound), 4_800):  # 100 ms
        piece = b64encode(sound[start : start + 4_800]).decode()
        connection.input_audio_buffer.append(audio=piece)


def listen(connection: RealtimeConnection) -> None:
    """Print the words of the answer."""
    for event in connection:
        if event.type == "response.output_audio_transcript.delta":
            print(event.delta, end="", flush=True)
        elif event.type == "error":
            raise RuntimeError(event.error.message)
        elif event.type == "response.done":
            print()
            return


def main() -> None:
    with OpenAI().realtime.connect(model=MODEL) as connection:
        configure(connection)
        speak(connection)
        listen(connection)


if __name__ == "__main__":
    main()
