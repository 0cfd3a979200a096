"""A1. Choose the endpoint, the model and the format.

Each of these four jobs needs a different choice. The table in docs/4-audio.md helps.

    words       the words of a recording, for a search: cheap, and with a model that has no end date
    speakers    who said what in a meeting of two minutes
    subtitles   an SRT file for a video
    captions    words on a screen while somebody is still speaking

Write the bodies of the four functions. The first three send the recording, and return the answer.
The last one returns the settings of a Realtime session; `main` opens the session and sends them.

Check it with:   python3 course.py check A1
"""

import os
from pathlib import Path
from typing import Any

try:
    from openai import OpenAI
except ModuleNotFoundError as missing:
    why = "this isn't the Python of the course"
    raise SystemExit(f"error: {missing}\n  why: {why}\n  try: python3 course.py check A1") from None

FILES = Path(os.environ.get("EXERCISE_FILES", Path(__file__).parents[2] / "data"))


def words(client: OpenAI, recording: Path) -> Any:
    """Return the words of a recording."""
    raise NotImplementedError("write the body of words")


def speakers(client: OpenAI, recording: Path) -> Any:
    """Return who said what. The recording is longer than 30 seconds."""
    raise NotImplementedError("write the body of speakers")


def subtitles(client: OpenAI, recording: Path) -> Any:
    """Return an SRT file."""
    raise NotImplementedError("write the body of subtitles")


def captions() -> dict[str, Any]:
    """Return the settings of a transcription session. Your program will commit the sound itself."""
    raise NotImplementedError("write the body of captions")


def main() -> None:
    client = OpenAI()
    print(words(client, FILES / "callers" / "book-two.wav"))
    print(speakers(client, FILES / "meeting.wav"))
    print(subtitles(client, FILES / "callers" / "ask-closed.wav"))
    settings: Any = captions()
    with client.realtime.connect(extra_query={"intent": "transcription"}) as connection:
        connection.session.update(session=settings)
        for event in connection:
            print(event.type)
            if event.type in ("session.updated", "error"):
                break


if __name__ == "__main__":
    main()
