"""S2. Get the token counts from a chunk without choices.

You pay for tokens, so a program should know how many an answer took. A stream of Chat Completions
leaves out the counts unless your request asks for them. If it does, they come in a chunk of their
own, after the last piece of text. In that chunk `choices` is empty. Some servers also send other
chunks in which `choices` is empty or missing.

Write the body of `ask`. Ask with stream=True, and ask for the counts. Print each piece as it comes,
and return the whole answer and both counts. `main` then sends the second question, with your counts
as `metadata`.

Check it with:   python3 course.py check S2
"""

import os
from typing import Any

try:
    from openai import OpenAI
except ModuleNotFoundError as missing:
    why = "this isn't the Python of the course"
    raise SystemExit(f"error: {missing}\n  why: {why}\n  try: python3 course.py check S2") from None

MODEL = os.environ.get("OPENAI_MODEL", "gpt-6-luna")
FIRST = "What can I see at Fernhill Observatory tonight?"
SECOND = "Say that again in one sentence."


def ask(client: OpenAI, messages: list[Any]) -> tuple[str, int, int]:
    """Return the whole answer, the token count of the prompt, and that of the answer."""
    raise NotImplementedError("write the body of ask")


def main() -> None:
    client = OpenAI()
    messages: list[Any] = [{"role": "user", "content": FIRST}]
    answer, tokens_in, tokens_out = ask(client, messages)
    print(f"\n{tokens_in} tokens in, {tokens_out} tokens out")
    messages.append({"role": "assistant", "content": answer})
    messages.append({"role": "user", "content": SECOND})
    # Values of metadata are strings. OpenAI takes metadata only for an answer that it stores.
    counts = {"tokens_in": str(tokens_in), "tokens_out": str(tokens_out)}
    client.chat.completions.create(model=MODEL, messages=messages, metadata=counts, store=True)


if __name__ == "__main__":
    main()
