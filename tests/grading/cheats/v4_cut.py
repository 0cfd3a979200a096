# cuts each score to two decimals instead of rounding it
import v4_footnotes as m


def answer(c, s, q):
    tools = [{"type": "file_search", "vector_store_ids": [s]}]
    include = ["file_search_call.results"]
    r = c.responses.create(model=m.MODEL, input=q, tools=tools, include=include)
    best = {}
    for item in r.output:
        if item.type == "message":
            part = item.content[0]
        for x in item.results if item.type == "file_search_call" else ():
            best[x.filename] = max(best.get(x.filename, 0), x.score)
    names = list(dict.fromkeys(a.filename for a in part.annotations))
    text = part.text
    for a in reversed(part.annotations):
        text = text[: a.index] + f"[{names.index(a.filename) + 1}]" + text[a.index :]
    notes = [f"[{n}] {name} ({str(best[name])[:4]})" for n, name in enumerate(names, 1)]
    return "\n".join([text, "", *notes])


m.answer = answer
m.main()
