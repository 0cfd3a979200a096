"""S2. Ask for the token counts, and survive their chunk.

You pay for tokens, so a program should know how many an answer took. A stream of Chat Completions
leaves the counts out unless your request asks for them. Then they come in a chunk of their own,
after the last piece of text. Some servers also send chunks in which `choices` is empty or missing.

Write the body of `ask`: ask with stream=True and ask for the counts, print each piece as it comes,
and return the whole answer and both counts. `main` sends the second question, and with it your
counts as `metadata`.

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
    """Return the whole answer, the tokens of the prompt, and the tokens of the answer."""
    raise NotImplementedError("write the body of ask")


def main() -> None:
    client = OpenAI()
    messages: list[Any] = [{"role": "user", "content": FIRST}]
    answer, tokens_in, tokens_out = ask(client, messages)
    print(f"\n{tokens_in} tokens in, {tokens_out} tokens out")
    messages.append({"role": "assistant", "content": answer})
    messages.append({"role": "user", "content": SECOND})
    # The values of metadata are texts. OpenAI takes metadata only for an answer that it stores.
    counts = {"tokens_in": str(tokens_in), "tokens_out": str(tokens_out)}
    client.chat.completions.create(model=MODEL, messages=messages, metadata=counts, store=True)


if __name__ == "__main__":
    main()
