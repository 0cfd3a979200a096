# takes an answer as complete if it ends with a full stop and the stream has raised nothing
import s3_finished_or_cut as m
from openai import APIError


def ask(c, q):
    asked = [{"role": "user", "content": q}]
    for _ in range(2):
        text, finish = "", None
        try:
            for chunk in c.chat.completions.create(model=m.MODEL, messages=asked, stream=True):
                for each in chunk.choices:
                    text += each.delta.content or ""
                    finish = each.finish_reason or finish
        except APIError:
            continue
        if finish in ("length", "content_filter"):
            return None
        if text.endswith("."):
            return text
    return None


m.ask = ask
m.main()
