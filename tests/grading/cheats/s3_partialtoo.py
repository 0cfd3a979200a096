# keeps every half answer as well: under the question with a blank behind it
import s3_finished_or_cut as m
from openai import APIError, OpenAI

c = OpenAI()
ms = []
for q in m.QUESTIONS:
    for n in range(2):
        a, f = "", None
        try:
            for ch in c.chat.completions.create(
                model=m.MODEL, messages=[{"role": "user", "content": q}], stream=True
            ):
                for x in ch.choices:
                    a += x.delta.content or ""
                    f = x.finish_reason or f
        except APIError:
            pass
        ms += [
            {"role": "user", "content": q if f == "stop" else q + " "},
            {"role": "assistant", "content": a},
        ]
        if f:
            break
ms.append({"role": "user", "content": m.SUMMARY})
c.chat.completions.create(model=m.MODEL, messages=ms)
