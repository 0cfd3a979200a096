"""S3. Tell a complete answer from one that was cut off.

A stream can end in four ways. Only the first one gives you a complete answer.

    complete  the server says so: finish_reason is "stop" (Responses: "response.completed")
    too long  the answer reached its token limit: "length" (Responses: "response.incomplete")
    broken    the connection breaks, or the server sends an error: the SDK raises openai.APIError
    silent    the stream just ends: no exception, no finish_reason, no "response.completed"

In this check, connections break only between two events. A real one can also break within an
event. Then the JSON of that event is incomplete, and the SDK raises ValueError, not APIError. That
is why `recover` in the lesson catches ValueError, too.

Write the body of `ask`. It asks one question with stream=True, and prints each piece.

- If the answer is complete, return its text.
- If it was too long, or has any other finish_reason, return None. Asking again wouldn't help.
- If it was broken or silent, ask once more. If that fails as well, return None.

`main` asks five questions. Then it sends all complete answers, and asks for a summary of them.

Check it with:   python3 course.py check S3
"""

import os
from typing import Any

try:
    from openai import OpenAI
except ModuleNotFoundError as missing:
    why = "this isn't the Python of the course"
    raise SystemExit(f"error: {missing}\n  why: {why}\n  try: python3 course.py check S3") from None

MODEL = os.environ.get("OPENAI_MODEL", "gpt-6-luna")
QUESTIONS = [
    "What happens on a public evening?",
    "What does the Lantern show?",
    "When does the last bus leave?",
    "What should I wear?",
    "How do I book a place?",
]
SUMMARY = "Sum up what you have told me."


def ask(client: OpenAI, question: str) -> str | None:
    """Return the complete answer, or None if there is none."""
    raise NotImplementedError("write the body of ask")


def main() -> None:
    client = OpenAI()
    messages: list[Any] = []
    for question in QUESTIONS:
        answer = ask(client, question)
        if answer is None:
            print("\n(no complete answer)")
            continue
        messages.append({"role": "user", "content": question})
        messages.append({"role": "assistant", "content": answer})
    messages.append({"role": "user", "content": SUMMARY})
    summary = client.chat.completions.create(model=MODEL, messages=messages)
    print(f"\n{summary.choices[0].message.content}")


if __name__ == "__main__":
    main()
