"""R2. Use turn detection, then push to talk.

First the server decides when a turn is over. `main` calls `detect` twice, each time with a
different length of silence. Each call sends a `session.update` with a complete `turn_detection`:
type "server_vad", threshold, prefix_padding_ms, silence_duration_ms, and create_response and
interrupt_response, both true. A field that you leave out may go back to its default.

Then your code decides. `push_to_talk` first turns detection off with a `session.update`, and waits
until that is in effect. `presses` has the sound that was recorded during each press of the button.
For each one:
- If it is shorter than 100 ms, the press was an accident: send nothing.
- Otherwise append the sound, commit it, ask for one response, and wait until that is done.

`append` and `wait_for` are given. Write the bodies of `detect` and `push_to_talk`.
Check them with:   python3 course.py check R2
"""

import json
import os
import wave
from base64 import b64encode
from pathlib import Path
from typing import Any

try:
    from openai import OpenAI
    from openai.resources.realtime.realtime import RealtimeConnection
except ModuleNotFoundError as missing:
    why = "this isn't the Python of the course"
    raise SystemExit(f"error: {missing}\n  why: {why}\n  try: python3 course.py check R2") from None

MODEL = os.environ.get("OPENAI_REALTIME_MODEL", "gpt-realtime-2.1-mini")
CALLERS = Path(__file__).resolve().parents[2] / "data" / "callers"
DEFAULT: dict[str, Any] = {
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_ms": [500, 900],
    "turns": ["ask-closed.wav", "ask-dogs.wav"],
    "presses": ["ask-comet.wav", "ask-ticket.wav"],
}
CALL = json.loads(os.environ.get("EXERCISE_CALL", json.dumps(DEFAULT)))
BYTES_A_MS = 48  # 24,000 samples a second, two bytes each


def detect(connection: RealtimeConnection, silence_ms: int) -> None:
    """Let the server end a turn after `silence_ms` of silence; return once that is in effect.

    The threshold is CALL["threshold"], the padding CALL["prefix_padding_ms"].
    """
    raise NotImplementedError("write the body of detect")


def push_to_talk(connection: RealtimeConnection, presses: list[bytes]) -> None:
    """Switch detection off, then get an answer to each press that is long enough."""
    raise NotImplementedError("write the body of push_to_talk")


def append(connection: RealtimeConnection, sound: bytes) -> None:
    """Send sound in pieces of 100 ms."""
    for start in range(0, len(sound), 100 * BYTES_A_MS):
        piece = sound[start : start + 100 * BYTES_A_MS]
        connection.input_audio_buffer.append(audio=b64encode(piece).decode())


def wait_for(connection: RealtimeConnection, kind: str) -> None:
    """Read events until one of the type `kind` comes; raises RuntimeError for an error."""
    for event in connection:
        if event.type == "error":
            raise RuntimeError(event.error.message)
        if event.type == kind:
            return
    raise EOFError(f"the connection was closed before {kind}")


def recorded(name: str) -> bytes:
    with wave.open(str(CALLERS / name), "rb") as file:
        return file.readframes(file.getnframes())


def main() -> None:
    with OpenAI().realtime.connect(model=MODEL) as connection:
        for silence_ms, name in zip(CALL["silence_ms"], CALL["turns"], strict=True):
            detect(connection, silence_ms)
            append(connection, recorded(name) + bytes((silence_ms + 200) * BYTES_A_MS))
            wait_for(connection, "response.done")
        push_to_talk(connection, [recorded(name) for name in CALL["presses"]])


if __name__ == "__main__":
    main()
