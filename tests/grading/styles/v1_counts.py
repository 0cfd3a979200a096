# only the counts of the batch are polled; then lists by status; the report has a further field
import time

import v1_ingest as m


def ingest(c, s, names):
    b = c.vector_stores.file_batches.create(s, file_ids=list(names))
    end = time.monotonic() + m.DEADLINE
    while b.file_counts.in_progress and time.monotonic() < end:
        time.sleep(0.1)
        b = c.vector_stores.file_batches.retrieve(b.id, vector_store_id=s)
    out = {"checked": str(len(names))}
    for state in ("failed", "in_progress"):
        for f in c.vector_stores.file_batches.list_files(b.id, vector_store_id=s, filter=state):
            out[names[f.id]] = f.last_error.message if f.last_error else f.status
    return out


m.ingest = ingest
m.main()
