"""A small search index, and connections that are closed at the end of each test."""

import sqlite3

from emulator.retrieval.index import Index, embed_chunks

TEXTS = {
    "dogs": "# Dogs\n\nDogs may come into the garden, but not into the dome.",
    "bus": "# Getting home\n\nThe last bus of line 47 leaves the gate at 23:10.",
    "error": "E15 means that the brake has not let go. E16 means that a fuse has blown.",
}
_open: list[sqlite3.Connection] = []


def connect(path):
    """A connection; it is closed at the end of the test if not before.

    It does not wait for the disk: what these tests commit has to outlive no power cut.
    """
    _open.append(sqlite3.connect(path, isolation_level=None))
    _open[-1].execute("PRAGMA synchronous = OFF")
    return _open[-1]


def close_all():
    while _open:
        _open.pop().close()


def filled(texts=TEXTS, store="vs"):
    index = Index(connect(":memory:"))
    for file, text in texts.items():
        index.add(store, file, embed_chunks(text, title=f"{file}.md"))
    return index


def files(hits):
    return [hit.file_id for hit in hits]
