"""S1. Join the deltas, then ask a second question.

The first answer comes in pieces. Print each piece as it comes, and join the pieces. Then `main`
asks the second question. The server remembers nothing, so that request has to contain the whole
conversation: the user's first question, the assistant's answer as you joined it, and the user's
second question.

Write the body of `ask`. Check it with:   python3 course.py check S1
"""

import os
from typing import Any

try:
    from openai import OpenAI
except ModuleNotFoundError as missing:
    why = "this isn't the Python of the course"
    raise SystemExit(f"error: {missing}\n  why: {why}\n  try: python3 course.py check S1") from None

MODEL = os.environ.get("OPENAI_MODEL", "gpt-6-luna")
FIRST = "What can I see at Fernhill Observatory tonight?"
SECOND = "Say that again in one sentence."


def ask(client: OpenAI, messages: list[Any]) -> str:
    """Ask with stream=True, print each piece at once, and return the whole answer."""
    raise NotImplementedError("write the body of ask")


def main() -> None:
    client = OpenAI()
    messages: list[Any] = [{"role": "user", "content": FIRST}]
    answer = ask(client, messages)
    messages.append({"role": "assistant", "content": answer})
    messages.append({"role": "user", "content": SECOND})
    ask(client, messages)


if __name__ == "__main__":
    main()
