"""The words of a recording. You see them arrive while the rest is still being recognized.

The file may have up to 25 MB, as flac, m4a, mp3, mp4, mpeg, mpga, ogg, wav or webm.

    python3 course.py run examples/audio/transcribe.py data/callers/book-two.wav
"""

import os
import sys

from openai import OpenAI, OpenAIError

MODEL = os.environ.get("OPENAI_TRANSCRIBE_MODEL", "gpt-transcribe")


def main(recording: str = "data/callers/book-two.wav") -> str | None:
    """Print the words. If something goes wrong, return the error."""
    with open(recording, "rb") as file:
        # `keywords` helps with names that the model can't know. Only gpt-transcribe uses it.
        events = OpenAI().audio.transcriptions.create(
            file=file, model=MODEL, keywords=["observatory"], stream=True
        )
        with events:
            for event in events:
                if event.type == "transcript.text.delta":
                    print(event.delta, end="", flush=True)
                elif event.type == "transcript.text.done":
                    # This model is billed by time: whole seconds, rounded up. The SDK's type has
                    # fields for tokens only, so the seconds are an extra field.
                    usage = event.usage.to_dict() if event.usage else {}
                    print("" if event.text else "[no words]")
                    print(f"{usage.get('seconds', '?')} seconds are billed")
                    return None
    return "error: the stream ended before the transcript did"


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:2]))
    except (OpenAIError, OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
