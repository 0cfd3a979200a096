"""A2. Find out who spoke.

This program writes the minutes of two recorded meetings. In a check, both recordings are longer
than 30 seconds. Write the body of `transcript`:

- Ask `gpt-4o-transcribe-diarize` who said what. Its answer is a list of segments.
- Return one line for each turn, such as `A: Good evening. How many are you?`. Segments of the same
  speaker that follow each other are one turn. Remove the spaces around the text of each segment,
  and put one space between the segments of a turn.
- This model ends on 2027-02-26. If the server says that it is gone (404), ask `gpt-transcribe`, and
  return its text as it is, without speakers. The model may be gone by the second recording.

`main` sends each text to a model, which writes the minutes.

Check it with:   python3 course.py check A2
"""

import os
from pathlib import Path

try:
    from openai import OpenAI
except ModuleNotFoundError as missing:
    why = "this isn't the Python of the course"
    raise SystemExit(f"error: {missing}\n  why: {why}\n  try: python3 course.py check A2") from None

MODEL = os.environ.get("OPENAI_MODEL", "gpt-6-luna")
FILES = Path(os.environ.get("EXERCISE_FILES", Path(__file__).parents[2] / "data"))
TASK = "Write the minutes of this meeting in three sentences."


def transcript(client: OpenAI, recording: Path) -> str:
    """Return who said what, one line for each turn; or the words alone."""
    raise NotImplementedError("write the body of transcript")


def main() -> None:
    client = OpenAI()
    for name in ("meeting.wav", "callers/book-four.wav"):
        text = transcript(client, FILES / name)
        print(text)
        answer = client.responses.create(model=MODEL, input=f"{TASK}\n\n{text}", store=False)
        print(answer.output_text)


if __name__ == "__main__":
    main()
