# every tool message carries the results of all calls
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
    every = " ".join(m.height(**json.loads(c["arguments"])) for c in cs)
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
    ] + [{"role": "tool", "tool_call_id": c["id"], "content": every} for c in cs]


m.read_calls = read
m.answer_calls = ans
m.main()
