# deletes everything that the account has, not what it made
import v5_clean_up as m


def work(c, paths, q):
    try:
        s = c.vector_stores.create(expires_after={"anchor": "last_active_at", "days": 1})
        ids = [c.files.create(file=p, purpose="assistants").id for p in paths]
        c.vector_stores.file_batches.create_and_poll(s.id, file_ids=ids)
        c.vector_stores.search(s.id, query=q)
    finally:
        for x in c.vector_stores.list():
            c.vector_stores.delete(x.id)
        for x in c.files.list():
            c.files.delete(x.id)


m.work = work
m.main()
