"""Reads 50 pieces more than needed before it closes."""

import s4_cancel as m


def fs(ch):
    t, n = "", 0
    for x in ch:
        for k in x.choices:
            t += k.delta.content or ""
        n += "." in t
        if n > 50:
            break
    ch.close()
    return t[: t.index(".") + 1]


async def fa(ch):
    t, n = "", 0
    async for x in ch:
        for k in x.choices:
            t += k.delta.content or ""
        n += "." in t
        if n > 50:
            break
    await ch.close()
    return t[: t.index(".") + 1]


m.first_sentence, m.first_sentence_async = fs, fa
m.main()
m.asyncio.run(m.main_async())
