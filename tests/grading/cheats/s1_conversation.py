"""Reads the answer from a conversation's items."""

import s1_join_deltas as m


def ask(c, ms):
    k = c.conversations.create()
    for e in c.responses.create(model=m.MODEL, input=ms, stream=True, conversation=k.id):
        pass
    for i in c.conversations.items.list(k.id, order="desc"):
        if i.role == "assistant":
            return i.content[0].text


m.ask = ask
m.main()
