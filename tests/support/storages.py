"""A file storage without a server, and files in it."""

from emulator.storage import file_table
from tests.support.files_in_stores import LANTERN, until


def add_file(storage, data=LANTERN, name="lantern.md", seconds=None):
    """A finished file; its id."""
    id = file_table.new_id()
    storage.files.begin(id)
    storage.files.append(id, 0, data)
    return storage.files.finish(id, name, "assistants", seconds).id


def add_store(storage, days=None):
    return storage.create_store("handbook", None, {}, days).id


def indexed(storage, store, id):
    """The attached file, once a worker has done with it."""
    until(lambda: storage.attached.find(store, id).status != "in_progress")
    return storage.attached.find(store, id)


def found(storage, *stores, query="When is the Lantern lit?", keep=None):
    """The files that a search finds, best first."""
    from emulator.retrieval.index import Ranking

    hits = storage.search(stores, [query], keep, 50, Ranking())
    return [hit.file_id for hit, _ in hits]
