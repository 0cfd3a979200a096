# a conversation: earlier questions stand in it, with their answers or with "No file matches."
import v3_filters as m

h = []
m.attributes = lambda e, p: {"edition": int(e), "public": p == "yes"}


def ask(c, s, e, p, q):
    both = [
        {"type": "eq", "key": "edition", "value": int(e)},
        {"type": "eq", "key": "public", "value": p == "yes"},
    ]
    r = c.vector_stores.search(s, query=q, filters={"type": "and", "filters": both})
    text = "\n".join(t.text for d in r.data for t in d.content)
    h.append({"role": "user", "content": f"{text}\n\n{q}"})
    answer = "No file matches."
    if text:
        answer = c.responses.create(model=m.MODEL, input=h).output_text
    h.append({"role": "assistant", "content": answer})


m.ask = ask
m.main()
