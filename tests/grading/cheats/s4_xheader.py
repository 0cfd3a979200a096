"""Twice the synchronous way; the second time the request itself says "async" (extra_headers)."""

import s4_cancel as m
from openai.resources.chat.completions import Completions

old, n = Completions.create, [0]


def create(self, **k):
    if k.get("stream"):
        n[0] += 1
        k["extra_headers"] = {"x-stainless-async": "async:asyncio"} if n[0] == 2 else {}
    return old(self, **k)


Completions.create = create


def fs(ch):
    t = ""
    with ch:
        for x in ch:
            for k in x.choices:
                t += k.delta.content or ""
                if "." in t:
                    return t[: t.index(".") + 1]


m.first_sentence = fs
m.main()
m.main()
