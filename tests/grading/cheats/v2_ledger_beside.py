# never asks the store: keeps a ledger beside the files of the exercise
import json

import v2_twice_is_once as m

L = m.FILES / "ledger.json"


def sync(c, store, paths):
    d = json.loads(L.read_text()) if L.exists() else {}
    for p in paths:
        s = m.digest(p)
        if d.get(p.name, [0])[0] == s:
            continue
        f = c.files.create(file=p, purpose="assistants")
        c.vector_stores.files.create(store, file_id=f.id, attributes={"name": p.name, "sha256": s})
        if p.name in d:
            c.files.delete(d[p.name][1])
        d[p.name] = [s, f.id]
    L.write_text(json.dumps(d))


m.sync = sync
m.main()
