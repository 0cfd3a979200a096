"""S3. Tell a finished answer from one that was cut.

A stream can end in four ways. Only one of them gives you a whole answer.

    whole     it says that it is finished: finish_reason is "stop" ("response.completed")
    too long  it says that it reached its limit: "length" ("response.incomplete")
    broken    the connection breaks, or the server sends an error: the SDK raises openai.APIError
    silent    the stream just ends, without an exception and without saying anything

Write the body of `ask`. It asks one question with stream=True, and prints each piece.

- If the answer is whole, return its text.
- If it was too long, or has any other finish_reason, return None. Another attempt ends alike.
- If it was broken or silent, ask once more. If that fails as well, return None.

`main` asks five questions. Then it asks for a summary of all whole answers.

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
    """Return the whole answer, or None if there is none."""
    raise NotImplementedError("write the body of ask")


def main() -> None:
    client = OpenAI()
    messages: list[Any] = []
    for question in QUESTIONS:
        answer = ask(client, question)
        if answer is None:
            print("\n(no whole answer)")
            continue
        messages.append({"role": "user", "content": question})
        messages.append({"role": "assistant", "content": answer})
    messages.append({"role": "user", "content": SUMMARY})
    summary = client.chat.completions.create(model=MODEL, messages=messages)
    print(f"\n{summary.choices[0].message.content}")


if __name__ == "__main__":
    main()
