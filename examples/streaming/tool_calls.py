"""A streamed answer that needs a tool.

You see each call that the model asks for, what your function returns, and then the answer.

    python3 course.py run examples/streaming/tool_calls.py
"""

import json
import os
import re
import sys
from typing import Any

from openai import OpenAI, OpenAIError, pydantic_function_tool
from pydantic import BaseModel

MODEL = os.environ.get("OPENAI_MODEL", "gpt-6-luna")
QUESTION = " ".join(sys.argv[1:]) or "How many places are left on Friday and on Saturday?"
PLACES = {"friday": 6, "saturday": 0}
# Control characters could take over your terminal, and half a character can't be printed.
UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


class CountPlaces(BaseModel):
    """Count the places that are left on a day of the week."""

    day: str


TOOLS = [pydantic_function_tool(CountPlaces, name="count_places")]


def count_places(arguments: str) -> dict[str, object]:
    """Your function. The model gets an error too, so that it can correct its arguments."""
    try:
        return {"places": PLACES[CountPlaces.model_validate_json(arguments).day.lower()]}
    except (KeyError, ValueError):
        return {"error": "name one day: Friday or Saturday"}


def add(piece: Any, calls: list[Any], indexes: list[int]) -> None:
    """Add a piece to its call. Only the first piece of a call always has an id and a name."""
    index = piece.index or 0
    # Some servers give each call the index 0. A new id means a new call even then.
    known = zip(calls, indexes, strict=True)
    found = [call for call, its in known if (call["id"] == piece.id if piece.id else its == index)]
    if not found:
        function = {"name": "", "arguments": ""}
        found = [{"id": piece.id or f"call_{index}", "type": "function", "function": function}]
        calls += found
        indexes.append(index)
    if piece.function:
        function = found[-1]["function"]
        # Some servers repeat the name in each piece.
        function["name"] = function["name"] or piece.function.name or ""
        function["arguments"] += piece.function.arguments or ""


def stream(client: OpenAI, messages: list[Any]) -> list[Any]:
    """Print the text as it comes; return the calls, which are complete when the stream is."""
    calls, indexes, end, refused = list[Any](), list[int](), "cut off", False
    asked: Any = {"model": MODEL, "messages": messages, "tools": TOOLS}
    with client.chat.completions.create(**asked, stream=True) as chunks:
        for chunk in chunks:
            for choice in getattr(chunk, "choices", None) or []:
                end = choice.finish_reason or end
                if choice.delta:
                    text = choice.delta.content or choice.delta.refusal or ""
                    refused = refused or bool(choice.delta.refusal)
                    print(UNSAFE.sub("\ufffd", text), end="", flush=True)
                    for piece in choice.delta.tool_calls or []:
                        add(piece, calls, indexes)
    if refused:
        print("\n(The model refused.)", end="")
    if end not in ("stop", "tool_calls"):
        raise ValueError(f"the answer is not complete: {end}")
    return calls


def main() -> None:
    client, messages = OpenAI(), list[Any]([{"role": "user", "content": QUESTION}])
    for _ in range(5):  # Once it has seen the results, a model may call again.
        calls = stream(client, messages)
        if not calls:
            return print()
        # The model needs to see its own calls again, and a result for each of them.
        messages.append({"role": "assistant", "tool_calls": calls})
        for call in calls:
            name, arguments = call["function"]["name"], call["function"]["arguments"]
            result = json.dumps(count_places(arguments))
            print(UNSAFE.sub("\ufffd", f"{name}({arguments}) -> {result}"))
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})
    raise ValueError("the model still asks for a tool after five rounds")


if __name__ == "__main__":
    try:
        main()
    except (OpenAIError, ValueError) as error:
        sys.exit(f"\nerror: {error}")
