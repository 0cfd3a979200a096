# ignores every index: puts a mark before each full stop, in the order of the annotations
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
    n, out = {}, ""
    for sentence, a in zip(part.text.split("."), part.annotations, strict=False):
        out += f"{sentence}[{n.setdefault(a.filename, len(n) + 1)}]."
    return out + "\n\n" + "\n".join(f"[{k}] {f} ({best[f]:.2f})" for f, k in n.items())


m.answer = answer
m.main()
