"""A3. Speak before the answer is complete.

This program reads an answer aloud. Nobody should have to wait for all of it: speak each sentence as
soon as it is complete, and play its sound as soon as the first bytes come.

Write the bodies of `sentences` and `speak`.

- `sentences` yields each sentence while the rest of the answer is still being written. A sentence
  ends with a full stop, a question mark or an exclamation mark that is followed by a space. So the
  point in "2.50" doesn't end one. The last sentence ends where the answer ends. Yield sentences
  without the spaces around them.
- `speak` sends a sentence to `audio.speech` with the model gpt-4o-mini-tts and the voice marin. It
  gives the sound to `play` in pieces, as they arrive. `play` takes samples and nothing else:
  24 kHz, mono, 16 bits, without the header of a WAV file.

Check it with:   python3 course.py check A3
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

try:
    from openai import OpenAI, Stream
    from openai.types.chat import ChatCompletionChunk
except ModuleNotFoundError as missing:
    why = "this isn't the Python of the course"
    raise SystemExit(f"error: {missing}\n  why: {why}\n  try: python3 course.py check A3") from None

MODEL = os.environ.get("OPENAI_MODEL", "gpt-6-luna")
QUESTION = "What happens on a public evening?"
SPEAKER = Path(os.environ.get("EXERCISE_SPEAKER", Path(tempfile.gettempdir()) / "speech.pcm"))


def play(samples: bytes) -> None:
    """Stand in for a loudspeaker: append the samples to the file SPEAKER."""
    with SPEAKER.open("ab") as file:
        file.write(samples)


def sentences(chunks: Stream[ChatCompletionChunk]) -> Iterator[str]:
    """Yield each sentence as soon as it is complete."""
    raise NotImplementedError("write the body of sentences")


def speak(client: OpenAI, sentence: str) -> None:
    """Have a sentence read aloud, and play each piece of its sound as it comes."""
    raise NotImplementedError("write the body of speak")


def main() -> None:
    SPEAKER.unlink(missing_ok=True)
    client = OpenAI()
    chunks = client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": QUESTION}], stream=True
    )
    for sentence in sentences(chunks):
        print(sentence, flush=True)
        speak(client, sentence)


if __name__ == "__main__":
    main()
