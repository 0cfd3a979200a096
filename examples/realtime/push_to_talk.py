"""Push to talk: press Enter, speak, and press Enter again. You see the answer and hear it.

python3 course.py run examples/realtime/push_to_talk.py"""

import os
import sys
from base64 import b64decode, b64encode
from typing import Any

from openai import OpenAI, OpenAIError
from websockets.exceptions import WebSocketException

try:
    from sounddevice import PortAudioError, RawInputStream, RawOutputStream
except (ImportError, OSError) as error:  # no package, or on Linux no library
    sys.exit(f"error: {error}; try: pip install sounddevice (Linux: apt install libportaudio2)")

MODEL = os.environ.get("OPENAI_REALTIME_MODEL", "gpt-realtime-2.1-mini")
PCM: Any = {"samplerate": 24_000, "channels": 1, "dtype": "int16"}
SESSION: Any = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
recorded, waiting = bytearray(), bytearray()


def play(sound: Any, *_: Any) -> None:  # sounddevice calls this in a thread of its own
    piece, waiting[: len(sound)] = bytes(waiting[: len(sound)]), b""
    sound[:] = piece.ljust(len(sound), b"\0")


def main() -> None:
    with OpenAI().realtime.connect(model=MODEL) as connection:
        connection.session.update(session=SESSION)
        with (
            RawOutputStream(**PCM, callback=play),
            RawInputStream(**PCM, callback=lambda sound, *_: recorded.extend(bytes(sound))),
        ):
            while input("Enter to speak: ") is not None:
                recorded[:] = waiting[:] = b""  # speaking stops an answer that is still playing
                while len(recorded) < 4_800:  # The API refuses less than 100 ms.
                    input("Speak, then press Enter to send: ")
                connection.input_audio_buffer.append(audio=b64encode(bytes(recorded)).decode())
                connection.input_audio_buffer.commit()
                connection.response.create()
                for event in connection:
                    if event.type == "response.output_audio.delta":
                        waiting.extend(b64decode(event.delta))
                    elif event.type == "response.output_audio_transcript.done":
                        print(event.transcript)
                    elif event.type == "error":
                        raise OpenAIError(event.error.message)
                    elif event.type == "response.done":
                        break


try:
    main()
except (OpenAIError, OSError, WebSocketException, PortAudioError) as error:
    help = "; connect a microphone and a loudspeaker (python3 -m sounddevice lists them)"
    sys.exit(f"error: {error}{help * isinstance(error, PortAudioError)}")
except (EOFError, KeyboardInterrupt):
    sys.exit(130)
