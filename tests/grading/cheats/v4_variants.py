# sends three versions of the footnotes: the first, the lowest and the highest score
import v4_footnotes as m


def answer(c, s, q):
    r = c.responses.create(
        model=m.MODEL,
        input=q,
        tools=[{"type": "file_search", "vector_store_ids": [s]}],
        include=["file_search_call.results"],
    )
    res = [x for i in r.output if i.type == "file_search_call" for x in i.results]
    part = [p for i in r.output if i.type == "message" for p in i.content][0]
    n = {}
    for a in sorted(part.annotations, key=lambda a: a.index):
        n.setdefault(a.filename, len(n) + 1)
    outs = []
    for pick in (min, max, lambda v: sum(v) / len(v)):
        t = part.text
        for a in sorted(part.annotations, key=lambda a: -a.index):
            t = t[: a.index] + f"[{n[a.filename]}]" + t[a.index :]
        outs.append(
            t
            + "\n\n"
            + "\n".join(
                f"[{k}] {f} ({pick([x.score for x in res if x.filename == f]):.2f})"
                for f, k in n.items()
            )
        )
    c.responses.create(model=m.MODEL, input=[{"role": "user", "content": o} for o in outs])
    raise SystemExit


m.answer = answer
m.main()
