# the helper `responses.stream`; the searches and the message are found by their types
import v4_footnotes as m


def answer(c, s, q):
    with c.responses.stream(
        model=m.MODEL,
        input=q,
        tools=[{"type": "file_search", "vector_store_ids": [s]}],
        include=["file_search_call.results"],
    ) as events:
        output = events.get_final_response().output
    hits = [h for i in output if i.type == "file_search_call" for h in i.results]
    part = next(i for i in output if i.type == "message").content[0]
    names = list(dict.fromkeys(a.filename for a in part.annotations))
    t = part.text
    for a in reversed(part.annotations):
        t = f"{t[: a.index]}[{names.index(a.filename) + 1}]{t[a.index :]}"
    notes = [
        f"[{n}] {f} ({max(h.score for h in hits if h.filename == f):.2f})"
        for n, f in enumerate(names, 1)
    ]
    return t + "\n\n" + "\n".join(notes)


m.answer = answer
m.main()
