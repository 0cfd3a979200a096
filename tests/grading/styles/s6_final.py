# the text is that of response.completed, and an example turn stands in front of the second request
import s6_resume as m
from openai import APIError, OpenAI

c = OpenAI(timeout=20, max_retries=3)
st = {}


def take(s):
    try:
        for e in s:
            st["n"] = e.sequence_number
            if hasattr(e, "response"):
                st["r"] = e.response
            if e.type == "response.output_text.delta":
                print(e.delta, end="", flush=True)
    except APIError as x:
        print(type(x))


take(
    c.responses.create(
        model=m.MODEL,
        input=[{"role": "user", "content": m.FIRST}],
        background=True,
        stream=True,
        store=True,
    )
)
while st["r"].status != "completed":
    take(
        c.responses.retrieve(
            st["r"].id, stream=True, starting_after=st["n"], include_obfuscation=False
        )
    )
c.responses.create(
    model=m.MODEL,
    input=[
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": m.FIRST},
        *st["r"].output,
        {"role": "user", "content": m.SECOND},
    ],
)
