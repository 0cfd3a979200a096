# where nothing is found, has the model write the message that says so
import v3_filters as m

m.attributes = lambda e, p: {"edition": int(e), "public": p == "yes"}


def ask(c, s, e, p, q):
    wanted = m.attributes(e, p)
    both = [{"type": "eq", "key": key, "value": wanted[key]} for key in wanted]
    hits = c.vector_stores.search(s, query=q, filters={"type": "and", "filters": both}).data
    text = "\n".join(part.text for hit in hits for part in hit.content)
    asked = f"{text}\n\n{q}" if text else "Say politely that no file matches."
    print(c.responses.create(model=m.MODEL, input=asked).output_text)


m.ask = ask
m.main()
