"""A4. Show live captions.

Somebody speaks three sentences, and the words appear on a screen. The server transcribes several
sentences at once. So words of the second sentence may come before those of the first, and the
transcript of a later sentence may be complete first.

Write the body of `captions`. `sounds` are the three sentences: 24 kHz, mono, 16 bits.

- Open a transcription session, and set it to gpt-live-transcribe without turn detection.
- Send each sentence in pieces of 100 ms (4,800 bytes), and commit it. Go on with the next one at
  once: somebody who speaks doesn't wait for the transcript.
- Read the events until all three transcripts are complete.
- Return the transcripts in the order in which the sentences were spoken.

`main` asks for a summary of what was said.

Check it with:   python3 course.py check A4
"""

import os
import wave
from pathlib import Path

try:
    from openai import OpenAI
except ModuleNotFoundError as missing:
    why = "this isn't the Python of the course"
    raise SystemExit(f"error: {missing}\n  why: {why}\n  try: python3 course.py check A4") from None

MODEL = os.environ.get("OPENAI_MODEL", "gpt-6-luna")
FILES = Path(os.environ.get("EXERCISE_FILES", Path(__file__).parents[2] / "data" / "callers"))
NAMES = ("greeting.wav", "ask-dogs.wav", "farewell.wav")
TASK = "Sum up what was said."


def samples(path: Path) -> bytes:
    with wave.open(str(path)) as file:
        return bytes(file.readframes(file.getnframes()))


def captions(client: OpenAI, sounds: list[bytes]) -> list[str]:
    """Return the words of each sentence, in the order in which they were spoken."""
    raise NotImplementedError("write the body of captions")


def main() -> None:
    client = OpenAI()
    lines = captions(client, [samples(FILES / name) for name in NAMES])
    text = "\n".join(lines)
    print(text)
    answer = client.responses.create(model=MODEL, input=f"{TASK}\n\n{text}", store=False)
    print(answer.output_text)


if __name__ == "__main__":
    main()
