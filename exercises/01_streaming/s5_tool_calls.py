"""S5. Answer two tool calls whose pieces are interleaved.

The model may ask for several function calls at once. Their arguments arrive as pieces of JSON. The
pieces of two calls can be interleaved: some of the first call, some of the second, then more of the
first. All pieces of a call have the same `index`, but only its first piece has its id and its name.

Write the body of `read_calls`. It reads a stream of chunks, and returns all calls in the order of
their index. Each call is a dict with the keys "id", "name" and "arguments" (all of the JSON text).

Then write the body of `answer_calls`. It returns the messages to append: first the assistant's
message with its `tool_calls`, then one message with the role `tool` for each call. That message has
the call's id as `tool_call_id`, and as `content` what `height` returns for the call's arguments.

Check it with:   python3 course.py check S5
"""

import os
from typing import Any

try:
    from openai import OpenAI, Stream, pydantic_function_tool
    from openai.types.chat import ChatCompletionChunk
    from pydantic import BaseModel
except ModuleNotFoundError as missing:
    why = "this isn't the Python of the course"
    raise SystemExit(f"error: {missing}\n  why: {why}\n  try: python3 course.py check S5") from None

MODEL = os.environ.get("OPENAI_MODEL", "gpt-6-luna")
QUESTION = "How high do Saturn and the Moon stand at 22:00 and at 23:00?"


class Height(BaseModel):
    """How high something stands in the sky at a full hour."""

    name: str
    hour: int


TOOLS = [pydantic_function_tool(Height, name="height")]


def height(name: str, hour: int) -> str:
    """The function that the model may call."""
    return f"At {hour}:00, {name} stands {(7 * hour + 11 * len(name)) % 90} degrees high."


def read_calls(chunks: Stream[ChatCompletionChunk]) -> list[dict[str, str]]:
    """Return all calls of a streamed answer: id, name, arguments."""
    raise NotImplementedError("write the body of read_calls")


def answer_calls(calls: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Return the assistant's message with the calls, and a tool message for each of them."""
    raise NotImplementedError("write the body of answer_calls")


def main() -> None:
    client = OpenAI()
    messages: list[Any] = [{"role": "user", "content": QUESTION}]
    # In Chat Completions, gpt-6-luna takes tools only without reasoning.
    chunks = client.chat.completions.create(
        model=MODEL, messages=messages, tools=TOOLS, reasoning_effort="none", stream=True
    )
    messages += answer_calls(read_calls(chunks))
    answer = client.chat.completions.create(
        model=MODEL, messages=messages, tools=TOOLS, reasoning_effort="none"
    )
    print(answer.choices[0].message.content)


if __name__ == "__main__":
    main()
