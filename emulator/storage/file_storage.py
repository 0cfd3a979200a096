"""Files and vector stores in one place, so that what touches both is one transaction.

A worker reads a file's text, cuts it and puts the passages into the index; rows and index change
together, so a search never finds what is deleted, nor half a file. What was `in_progress` when a
process died is indexed by the next one that opens the storage.
"""

import queue
import sqlite3
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.storage.attachment_table import (
    AttachedFile,
    AttachedFiles,
    Attachment,
    Attributes,
    Batch,
)
from emulator.storage.database import Database
from emulator.storage.file_table import Files
from emulator.storage.upload_table import Uploads
from emulator.storage.vector_store_table import VectorStore, VectorStores

if TYPE_CHECKING:
    from emulator.retrieval.index import Hit, Index, Passage, Ranking

# More would only wait for one another: the work is Python, one thread of which runs at a time.
WORKERS = 1
EMPTY = "The file holds no text."
FAILED = {
    "invalid_file": "The file could not be parsed because it is not valid.",
    "unsupported_file": "The file type is not supported.",
    "server_error": "An internal error occurred.",
}


class DeletedMeanwhile(Exception):
    """A file or a store that was there a moment ago."""


class FileStorage:
    """What the emulator keeps of files and vector stores; opened when it is first used."""

    def __init__(self, folder: Path | None = None, now: Callable[[], float] = time.time) -> None:
        self.db = Database(folder)
        self.now = now
        self.files = Files(self.db, now)
        self.uploads = Uploads(self.db, self.files, now)
        self.stores = VectorStores(self.db, now)
        self.attached = AttachedFiles(self.db, now)
        self._index: Index | None = None
        self._jobs: queue.SimpleQueue[AttachedFile | None] = queue.SimpleQueue()
        self._workers: list[threading.Thread] = []
        self._is_open = self.is_closing = False

    def open(self) -> None:
        """Take up what a process that died has left; forget what is due."""
        with self.db.held():
            if not self._is_open:
                self._is_open = True
                self.files.drop_abandoned()
                self.index_soon(self.attached.unfinished())
            self._sweep()

    def close(self) -> None:
        """Stop; what is not indexed yet will be when the storage is opened again."""
        self.is_closing = True
        for _ in self._workers:
            self._jobs.put(None)
        for worker in self._workers:
            worker.join()
        self.db.close()

    def index(self) -> "Index":
        """The search index; NumPy comes with it, so only the first who needs it waits for that."""
        from emulator.retrieval.index import Index

        with self.db.held() as db:
            if self._index is None:
                self._index = Index(db)
            return self._index

    def create_store(
        self,
        name: str,
        description: str | None,
        metadata: Mapping[str, str],
        days: int | None,
        attachments: Sequence[Attachment] = (),
    ) -> VectorStore:
        """A new store with these files, as it is before they are indexed."""
        with _present(), self.db.transaction():
            id = self.stores.create(name, description, metadata, days)
            entries = self.attached.attach(id, attachments)
            made = self.stores.find(id)
            assert made is not None
        self.index_soon(entries)
        return made

    def attach(self, store_id: str, attachments: Sequence[Attachment]) -> list[AttachedFile]:
        """Have files indexed into a store; the entries as they now are."""
        with self._attaching(store_id, attachments):
            entries = self.attached.attach(store_id, attachments)
        self.index_soon(entries)
        return entries

    def attach_batch(self, store_id: str, attachments: Sequence[Attachment]) -> Batch:
        """The same as a batch, as it is before they are indexed."""
        with self._attaching(store_id, attachments):
            id, entries = self.attached.batch(store_id, attachments)
            made = self.attached.find_batch(store_id, id)
            assert made is not None
        self.index_soon(entries)
        return made

    def detach(self, store_id: str, file_id: str, lag_s: float = 0.0) -> None:
        """Take a file out of a store; with a lag, searches find it for so long."""
        if lag_s:
            self.attached.linger(store_id, file_id, self.now() + lag_s)
            return
        index = self.index()
        with self.db.transaction():
            index.remove(store_id, file_id)
            self.attached.detach(store_id, file_id)

    def delete_file(self, id: str, lag_s: float = 0.0) -> None:
        """Forget a file, here and in every store."""
        index = self.index()
        with self.db.transaction():
            stores = self.attached.stores_of(id)
            if lag_s:
                until = self.now() + lag_s
                for store_id in stores:
                    self.attached.linger(store_id, id, until)
                self.db.change(
                    "UPDATE files SET state = 'gone', expires_at = ? WHERE id = ?", until, id
                )
                return
            for store_id in stores:
                index.remove(store_id, id)
            self.db.change("DELETE FROM files WHERE id = ?", id)

    def delete_store(self, id: str) -> None:
        """Forget a store; its files stay."""
        index = self.index()
        with self.db.transaction():
            index.remove(id)
            self.stores.delete(id)

    def text(self, entry: AttachedFile) -> str:
        """What was read from the file of an entry that is indexed."""
        from emulator.retrieval.file_text import Unreadable, read_text

        if entry.status != "completed":
            return ""
        try:
            return read_text(entry.file_name, b"".join(self.files.blocks(entry.file_id)))
        except Unreadable:  # it was deleted meanwhile
            return ""

    def search(
        self,
        store_ids: Sequence[str],
        queries: Sequence[str],
        keep: Callable[[Attributes], bool] | None,
        limit: int,
        ranking: "Ranking",
    ) -> "list[tuple[Hit, AttachedFile]]":
        """The best passages, best first; of the files alone whose attributes are to `keep`."""
        index = self.index()
        with self.db.transaction():
            wanted = keep and self.attached.chosen(store_ids, keep)
            hits = index.search(
                list(store_ids), list(queries), limit=limit, ranking=ranking, files=wanted
            )
            for id in store_ids:
                self.stores.touch(id)
            return [(hit, self.attached.found(hit.store_id, hit.file_id)) for hit in hits]

    @contextmanager
    def _attaching(self, store_id: str, attachments: Sequence[Attachment]) -> Iterator[None]:
        """A transaction in which the index forgets what is there already: it comes anew."""
        index = self.index()
        with _present(), self.db.transaction():
            for each in attachments:
                if store_id in self.attached.stores_of(each.file_id):
                    index.remove(store_id, each.file_id)
            self.stores.touch(store_id)
            yield

    def _sweep(self) -> None:
        """Forget what has expired, and what has lingered long enough."""
        due = self.db.rows("SELECT id FROM files WHERE expires_at <= ?", self.now())
        for row in due:
            self.delete_file(row["id"])
        for store_id, file_id in self.attached.gone():
            self.detach(store_id, file_id)

    def index_soon(self, entries: Sequence[AttachedFile]) -> None:
        for entry in entries:
            if "stuck" not in entry.faults:
                self._jobs.put(entry)
        with self.db.held():
            while entries and len(self._workers) < WORKERS:
                name = f"indexing-{len(self._workers)}"
                self._workers.append(threading.Thread(target=self._work, name=name, daemon=True))
                self._workers[-1].start()

    def _work(self) -> None:
        while (entry := self._jobs.get()) is not None and not self.is_closing:
            try:
                self._index_one(entry)
            except Exception:  # one file must not end the others; it is told as failed
                traceback.print_exc(file=sys.stderr)
                self.attached.end(entry, 0, ("server_error", FAILED["server_error"]))

    def _index_one(self, entry: AttachedFile) -> None:
        """Read, cut and index one file; all that is slow comes before the transaction."""
        if not self.attached.is_awaited(entry):
            return
        passages, error = self.passages_of(entry)
        index = self.index()
        with self.db.transaction():
            if not self.attached.end(entry, 0, error):
                return
            index.remove(entry.store_id, entry.file_id)
            if passages:
                index.add(entry.store_id, entry.file_id, passages)
                used = index.usage_bytes(entry.store_id, entry.file_id)
                self.db.change(
                    "UPDATE entries SET usage_bytes = ? WHERE store = ? AND file = ?",
                    *(used, entry.store_id, entry.file_id),
                )

    def passages_of(self, entry: AttachedFile) -> "tuple[list[Passage], tuple[str, str] | None]":
        """The passages of a file, or why there are none."""
        from emulator.retrieval.file_text import Unreadable, read_text
        from emulator.retrieval.index import passages

        for fault in entry.faults:
            if fault.startswith("fail="):
                code = fault.removeprefix("fail=")
                return [], (code, FAILED[code])
        try:
            text = read_text(entry.file_name, b"".join(self.files.blocks(entry.file_id)))
        except Unreadable as error:
            return [], (error.code, error.message)
        cut = passages(text, entry.size, entry.overlap, entry.file_name)
        return cut, None if cut else ("invalid_file", EMPTY)


@contextmanager
def _present() -> Iterator[None]:
    """Tells of what refers to something that is no longer there as DeletedMeanwhile."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise DeletedMeanwhile from error
