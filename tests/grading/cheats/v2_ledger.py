# never asks the store what it has: keeps a file of its own in the working folder
import json
import os

import v2_twice_is_once as m


def sync(c, store, paths):
    L = "ledger.json"
    d = json.load(open(L)) if os.path.exists(L) else {}
    for p in paths:
        s = m.digest(p)
        if d.get(p.name, [0])[0] == s:
            continue
        f = c.files.create(file=p, purpose="assistants")
        c.vector_stores.files.create(store, file_id=f.id, attributes={"name": p.name, "sha256": s})
        if p.name in d:
            c.files.delete(d[p.name][1])
        d[p.name] = [s, f.id]
    json.dump(d, open(L, "w"))


m.sync = sync
m.main()
