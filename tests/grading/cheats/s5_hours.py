"""Ignores the hour: every result has all 24 hours of its name in it."""

import json

import s5_tool_calls as m


def read(ch):
    d = {}
    for x in ch:
        for k in x.choices:
            for t in k.delta.tool_calls or []:
                e = d.setdefault(t.index, {"id": "", "name": "", "arguments": ""})
                e["id"] = t.id or e["id"]
                e["name"] += t.function.name or ""
                e["arguments"] += t.function.arguments or ""
    return list(d.values())


def ans(cs):
    return [
        {
            "role": "assistant",
            "tool_calls": [
                {
                    "id": c["id"],
                    "type": "function",
                    "function": {"name": c["name"], "arguments": c["arguments"]},
                }
                for c in cs
            ],
        }
    ] + [
        {
            "role": "tool",
            "tool_call_id": c["id"],
            "content": " ".join(m.height(json.loads(c["arguments"])["name"], h) for h in range(24)),
        }
        for c in cs
    ]


m.read_calls, m.answer_calls = read, ans
m.main()
