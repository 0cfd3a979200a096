"""S6. Resume a background response.

The server goes on writing a background response even while nobody is connected. In this exercise
the connection breaks several times, sometimes with an exception and sometimes without one. Don't
start again: go on after the last event that you have received.

Write the body of `whole_answer`:

- Create a response with background=True and stream=True. Print the text as it comes.
- If the stream ends before `response.completed`, get the rest with `client.responses.retrieve`.
  Give it the id of the response, stream=True and `starting_after`. Repeat this as often as needed.
- Return the whole text.

`main` then asks a second question, and sends the whole conversation.

Check it with:   python3 course.py check S6
"""

import os
from typing import Any

try:
    from openai import OpenAI
except ModuleNotFoundError as missing:
    why = "this isn't the Python of the course"
    raise SystemExit(f"error: {missing}\n  why: {why}\n  try: python3 course.py check S6") from None

MODEL = os.environ.get("OPENAI_MODEL", "gpt-6-luna")
FIRST = "What happens on a public evening? Answer in six sentences."
SECOND = "Say that again in one sentence."


def whole_answer(client: OpenAI, question: str) -> str:
    """Return the whole answer, however often the connection breaks."""
    raise NotImplementedError("write the body of whole_answer")


def main() -> None:
    client = OpenAI()
    messages: list[Any] = [{"role": "user", "content": FIRST}]
    messages.append({"role": "assistant", "content": whole_answer(client, FIRST)})
    messages.append({"role": "user", "content": SECOND})
    answer = client.responses.create(model=MODEL, input=messages)
    print(f"\n{answer.output_text}")


if __name__ == "__main__":
    main()
