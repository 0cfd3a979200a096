"""S4. Really cancel a stream.

Your reader needs only the first sentence. Stop the stream as soon as you have it. Otherwise the
server goes on writing text that nobody reads, and you pay for it. Leaving the loop is not enough.

Write the bodies of `first_sentence` and `first_sentence_async`. Both read a stream of chunks, print
each piece, and stop at the first full stop. Then they close the stream, and return the text up to
and including that full stop. `main` then asks a second question with the same client.

Check it with:   python3 course.py check S4
"""

import asyncio
import os
from typing import Any

try:
    from openai import AsyncOpenAI, AsyncStream, OpenAI, Stream
    from openai.types.chat import ChatCompletionChunk
except ModuleNotFoundError as missing:
    why = "this isn't the Python of the course"
    raise SystemExit(f"error: {missing}\n  why: {why}\n  try: python3 course.py check S4") from None

MODEL = os.environ.get("OPENAI_MODEL", "gpt-6-luna")
FIRST = "What happens on a public evening? Answer in twenty sentences."
SECOND = "Thank you. Who is it for?"


def first_sentence(chunks: Stream[ChatCompletionChunk]) -> str:
    """Print the text up to its first full stop, close the stream, and return that text."""
    raise NotImplementedError("write the body of first_sentence")


async def first_sentence_async(chunks: AsyncStream[ChatCompletionChunk]) -> str:
    """Do the same with an asynchronous stream."""
    raise NotImplementedError("write the body of first_sentence_async")


def conversation(sentence: str) -> list[Any]:
    return [
        {"role": "user", "content": FIRST},
        {"role": "assistant", "content": sentence},
        {"role": "user", "content": SECOND},
    ]


def main() -> None:
    client = OpenAI()
    first: list[Any] = [{"role": "user", "content": FIRST}]
    chunks = client.chat.completions.create(model=MODEL, messages=first, stream=True)
    sentence = first_sentence(chunks)
    client.chat.completions.create(model=MODEL, messages=conversation(sentence))


async def main_async() -> None:
    client = AsyncOpenAI()
    first: list[Any] = [{"role": "user", "content": FIRST}]
    chunks = await client.chat.completions.create(model=MODEL, messages=first, stream=True)
    sentence = await first_sentence_async(chunks)
    await client.chat.completions.create(model=MODEL, messages=conversation(sentence))


if __name__ == "__main__":
    main()
    asyncio.run(main_async())
