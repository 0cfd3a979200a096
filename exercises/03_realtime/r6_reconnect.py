"""R6. Reconnect and go on.

Ask QUESTIONS one after the other, as text. The server closes the connection now and then, with the
code 1001: behind an answer, or in the middle of one. Connect again, and go on. The new session
knows nothing, so send on each new connection, in this order:
- `session.update` with SESSION
- one `conversation.item.create` for each question that has its answer, and one for that answer
- the next question, as an item too, and then `response.create`

On a connection that still lives, the next question and `response.create` are enough. An answer is
whole at its `response.done`. Forget what came of one that was cut, and ask that question again.
Don't ask for an answer twice that was whole.

After 1001 reading ends without an exception: `for event in connection` is just over. Sending may
raise `ConnectionClosed`. `message` makes an item.

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
    """Have each question answered, over as many connections as it takes."""
    raise NotImplementedError("write the body of converse")


def main() -> None:
    converse(OpenAI(), QUESTIONS)


if __name__ == "__main__":
    main()
