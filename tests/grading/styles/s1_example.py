# Responses, with an example turn of the assistant in front
import s1_join_deltas as m
from openai import OpenAI

c = OpenAI()
ms = [
    {"role": "user", "content": "Hello"},
    {"role": "assistant", "content": "Good evening, how can I help?"},
    {"role": "user", "content": m.FIRST},
]
a = ""
for e in c.responses.create(model=m.MODEL, input=ms, stream=True):
    if e.type == "response.output_text.delta":
        a += e.delta
c.responses.create(
    model=m.MODEL,
    input=ms + [{"role": "assistant", "content": a}, {"role": "user", "content": m.SECOND}],
)
