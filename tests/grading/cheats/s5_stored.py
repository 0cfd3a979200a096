"""Never joins pieces: fetches the stored message with its calls."""

import json

import s5_tool_calls as m
from openai import OpenAI

c = OpenAI()
ms = [{"role": "user", "content": m.QUESTION}]
for ch in c.chat.completions.create(
    model=m.MODEL, messages=ms, tools=m.TOOLS, reasoning_effort="none", stream=True, store=True
):
    i = ch.id
msg = c.chat.completions.retrieve(i).choices[0].message
ms.append(msg.model_dump(exclude_none=True))
for k in msg.tool_calls:
    ms.append(
        {
            "role": "tool",
            "tool_call_id": k.id,
            "content": m.height(**json.loads(k.function.arguments)),
        }
    )
c.chat.completions.create(model=m.MODEL, messages=ms, tools=m.TOOLS, reasoning_effort="none")
