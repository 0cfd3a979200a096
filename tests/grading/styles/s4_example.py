# an example turn in front of the second question
import s4_cancel as m

old = m.conversation
m.conversation = lambda s: [
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Hello."},
    *old(s),
]


def fs(ch):
    t = ""
    for x in ch:
        for k in x.choices:
            t += k.delta.content or ""
        if "." in t:
            break
    ch.response.close()
    return t.partition(".")[0] + "."


async def fa(ch):
    t = ""
    async for x in ch:
        for k in x.choices:
            t += k.delta.content or ""
        if "." in t:
            break
    await ch.response.aclose()
    return t.partition(".")[0] + "."


m.first_sentence, m.first_sentence_async = fs, fa
m.main()
m.asyncio.run(m.main_async())
