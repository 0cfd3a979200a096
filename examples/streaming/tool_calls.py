"""A streamed answer that needs a tool. You see each call, its result, and then the answer.

python3 course.py run examples/streaming/tool_calls.py
"""

import os
import sys
from typing import Any, Literal

from openai import OpenAI, OpenAIError, pydantic_function_tool
from pydantic import BaseModel

QUESTION = " ".join(sys.argv[1:]) or "How many places are left on Friday and on Saturday?"
PLACES = {"Friday": 6, "Saturday": 0}


class CountPlaces(BaseModel):
    day: Literal["Friday", "Saturday"]


def stream(client: OpenAI, messages: list[Any]) -> dict[str, Any]:
    """Print the text as it comes; return the calls: id -> name and arguments."""
    calls, newest, end = dict[str, Any](), dict[int, str](), "cut off"
    for chunk in client.chat.completions.create(
        model=os.environ.get("OPENAI_MODEL", "gpt-6-luna"),
        messages=messages,
        reasoning_effort="none",  # gpt-6-luna takes tools in chat only without reasoning.
        tools=[pydantic_function_tool(CountPlaces, name="count_places")],
        stream=True,
    ):
        for choice in (chunk and chunk.choices) or []:
            end = choice.finish_reason or end
            text = choice.delta and (choice.delta.content or choice.delta.refusal)
            print(text or "", end="", flush=True)
            for part in (choice.delta and choice.delta.tool_calls) or []:
                # Only the first part of a call has its id. Some servers leave the index out.
                index = part.index or 0
                newest[index] = part.id or newest.get(index, f"call_{index}")
                call = calls.setdefault(newest[index], {"name": "", "arguments": ""})
                if part.function:
                    call["name"] = call["name"] or part.function.name or ""
                    call["arguments"] += part.function.arguments or ""
    return calls if end in ("stop", "tool_calls") else sys.exit(f"\nnot complete: {end}")


try:
    client, messages = OpenAI(), list[Any]([{"role": "user", "content": QUESTION}])
    while calls := stream(client, messages):
        # The model needs to see its own calls again, and a result for each of them.
        asked = [{"id": id, "type": "function", "function": call} for id, call in calls.items()]
        messages.append({"role": "assistant", "tool_calls": asked})
        for id, call in calls.items():
            result = PLACES[CountPlaces.model_validate_json(call["arguments"]).day]
            print(f"{call['name']}({call['arguments']}) -> {result}")
            messages.append({"role": "tool", "tool_call_id": id, "content": str(result)})
    print()
except (OpenAIError, ValueError) as error:
    sys.exit(f"\nerror: {error}")
except KeyboardInterrupt:
    sys.exit(130)
