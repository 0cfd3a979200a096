"""Files and vector stores for tests: two short texts, how they get into a store and are found."""

import time

KEY = {"authorization": "Bearer offline"}
HOUR = {"anchor": "created_at", "seconds": 3600}
QUESTION = "When is the Lantern lit?"
TEXT = b"The Lantern is lit at dusk."
LANTERN = b"# Lantern\n\nThe Lantern is lit at dusk on every Friday of the year."
PARKING = b"# Parking\n\nThe car park below the dome holds forty cars and two coaches."
NO_FILES = {"in_progress": 0, "completed": 0, "failed": 0, "cancelled": 0, "total": 0}


class SettableClock:
    """The time of day, which tests set forward."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def until(is_so):
    """Look until something is so; the wait is another thread's, which the deadline bounds."""
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline


def upload(client, name="notes.txt", data=TEXT, purpose="assistants", **more):
    return client.files.create(file=(name, data), purpose=purpose, **more)


def counts(**changes):
    """The counts of files that a store or a batch reports."""
    found = NO_FILES | changes
    return found | {"total": sum(found.values())}


def put(client, store, data=LANTERN, name="lantern.md", **more):
    """A file in a store, indexed."""
    file, files = upload(client, name, data), client.vector_stores.files
    return files.create_and_poll(file.id, vector_store_id=store.id, max_wait_seconds=10, **more)


def found(client, store, query=QUESTION, **more):
    return [hit.filename for hit in client.vector_stores.search(store.id, query=query, **more)]
