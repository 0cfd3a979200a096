# asks for the status once and doesn't look at it
import v5_clean_up as m


def work(c, paths, q):
    day = {"anchor": "last_active_at", "days": 1}
    s, made = c.vector_stores.create(name="x", expires_after=day), []
    try:
        for p in paths:
            made.append(c.files.create(file=p, purpose="assistants").id)
            c.vector_stores.files.create(vector_store_id=s.id, file_id=made[-1])
        list(c.vector_stores.files.list(s.id))
        for h in c.vector_stores.search(s.id, query=q):
            print(h.filename)
    finally:
        for i in made:
            c.files.delete(i)
        c.vector_stores.delete(s.id)


m.work = work
m.main()
