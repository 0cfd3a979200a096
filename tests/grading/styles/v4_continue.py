# the second request goes on with the conversation: question, answer, text with footnotes
import v4_footnotes as m


def answer(c, s, q):
    r = c.responses.create(
        model=m.MODEL,
        input=q,
        tools=[{"type": "file_search", "vector_store_ids": [s]}],
        include=["file_search_call.results"],
    )
    best = {}
    for i in r.output:
        if i.type == "file_search_call":
            for x in i.results:
                best[x.filename] = max(x.score, best.get(x.filename, 0))
        if i.type == "message":
            part = i.content[0]
    t, n = part.text, {}
    for a in part.annotations:
        n.setdefault(a.filename, len(n) + 1)
    for a in reversed(part.annotations):
        t = t[: a.index] + f"[{n[a.filename]}]" + t[a.index :]
    t += "".join(["\n", *(f"\n[{k}] {f} ({best[f]:.2f})" for f, k in n.items())])
    before = [{"role": "user", "content": q}, {"role": "assistant", "content": part.text}]
    c.responses.create(model=m.MODEL, input=[*before, {"role": "user", "content": t}])
    raise SystemExit(0)


m.answer = answer
m.main()
