import s1_join_deltas as m


def ask(c, ms):
    r = None
    for ch in c.chat.completions.create(model=m.MODEL, messages=ms, stream=True, store=True):
        r = ch.id
    return c.chat.completions.retrieve(r).choices[0].message.content


m.ask = ask
m.main()
