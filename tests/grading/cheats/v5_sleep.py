# sleeps for 2 s, then asks for the status of the batch once, whatever it is
import time

import v5_clean_up as m


def work(c, paths, q):
    day = {"anchor": "last_active_at", "days": 1}
    s, made = c.vector_stores.create(name="x", expires_after=day), []
    try:
        for p in paths:
            made.append(c.files.create(file=p, purpose="assistants").id)
        b = c.vector_stores.file_batches.create(s.id, file_ids=made)
        time.sleep(2)
        print(c.vector_stores.file_batches.retrieve(b.id, vector_store_id=s.id).status)
        for h in c.vector_stores.search(s.id, query=q):
            print(h.filename)
    finally:
        for i in made:
            c.files.delete(i)
        c.vector_stores.delete(s.id)


m.work = work
m.main()
