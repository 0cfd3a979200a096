"""R6. Reconnect and go on.

Ask QUESTIONS one after the other, as text. Now and then the server closes the connection with the
code 1001, after an answer or in the middle of one. Connect again, and go on. The new session knows
nothing, so on each new connection send, in this order:
- `session.update` with SESSION
- for each question that has its answer, one `conversation.item.create` with the question, and one
  with the answer
- the next question, as an item too, and then `response.create`

As long as the connection stays open, send only the next question and `response.create`. An answer
is complete when its `response.done` comes. If an answer was cut off, drop what came of it, and ask
that question again. Don't ask again for an answer that was complete.

After a close with 1001, the loop `for event in connection` just ends, without an exception. Sending
may raise `ConnectionClosed`. `message`, below, makes an item.

Write the body of `converse`. Check it with:   python3 course.py check R6
"""

import json
import os
from contextlib import suppress
from typing import Any

try:
    from openai import OpenAI
    from openai.resources.realtime.realtime import RealtimeConnection
    from websockets.exceptions import ConnectionClosed
except ModuleNotFoundError as missing:
    why = "this isn't the Python of the course"
    raise SystemExit(f"error: {missing}\n  why: {why}\n  try: python3 course.py check R6") from None

MODEL = os.environ.get("OPENAI_REALTIME_MODEL", "gpt-realtime-2.1-mini")
INSTRUCTIONS = os.environ.get("EXERCISE_INSTRUCTIONS", "Answer in one short sentence.")
SESSION: Any = {
    "type": "realtime",
    "output_modalities": ["text"],
    "instructions": INSTRUCTIONS,
}
DEFAULT = ["What is the Lantern?", "Where does it stand?", "Who gave it?"]
QUESTIONS = json.loads(os.environ.get("EXERCISE_QUESTIONS", json.dumps(DEFAULT)))


def message(role: str, text: str) -> Any:
    """An item: what the user or the assistant said."""
    kind = "input_text" if role == "user" else "output_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}


def converse(client: OpenAI, questions: list[str]) -> None:
    """Get an answer to each question, over as many connections as it takes."""
    raise NotImplementedError("write the body of converse")


def main() -> None:
    converse(OpenAI(), QUESTIONS)


if __name__ == "__main__":
    main()
