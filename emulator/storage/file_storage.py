"""Files, uploads, vector stores and their index, so that a change to several is one transaction.

A request only writes a row that says `in_progress` and puts the file into a queue in memory. A
worker thread takes it out, reads and cuts the file, and then writes the chunks and the new status
in one transaction. Text and code have a queue, and files that need a parser have another one, since
one of these may take seconds. So:

- A search never finds half a file, nor a file that is deleted.
- A kill loses the queue but no work: the rows still say `in_progress`, and the next process that
  opens the storage queues them again.
- Two processes may then index the same file. The ticket of attachment_table.py decides: whoever
  commits first has ended that ticket, and what the other one made is dropped.
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

from emulator.retrieval.file_text import Unreadable, check_size, needs_parser
from emulator.retrieval.reader_process import FileReaders, ReadersClosed
from emulator.storage.attachment_table import (
    AttachedFile,
    AttachedFiles,
    Attachment,
    Attributes,
    Batch,
)
from emulator.storage.database import Database
from emulator.storage.file_table import Files
from emulator.storage.schema import SCHEMA
from emulator.storage.upload_table import Uploads
from emulator.storage.vector_store_table import VectorStore, VectorStores

if TYPE_CHECKING:
    from emulator.retrieval.index import EmbeddedChunk, Hit, Index, Ranking

EMPTY = "The file holds no text."
FAILED = {
    "invalid_file": "The file could not be parsed because it is not valid.",
    "unsupported_file": "The file type is not supported.",
    "server_error": "An internal error occurred.",
}


class DeletedMeanwhile(Exception):
    """A file or a store was there when it was looked up, and is not any more."""


class FileStorage:
    """Everything of files and vector stores; opened when it is first used."""

    def __init__(self, folder: Path | None = None, now: Callable[[], float] = time.time) -> None:
        self.db = Database(folder, "library.sqlite3", SCHEMA)
        self.now = now
        self.files = Files(self.db, now)
        self.uploads = Uploads(self.db, self.files, now)
        self.stores = VectorStores(self.db, now)
        self.attached = AttachedFiles(self.db, now)
        self._index: Index | None = None
        self._readers = FileReaders()
        # Python runs one thread at a time, so that a second one for texts would gain nothing. For
        # the others there are as many as processes that read them.
        self._texts = _IndexingQueue(self._work, 1)
        self._documents = _IndexingQueue(self._work, self._readers.limits.processes)
        self._is_open = self.is_closing = False

    def open(self) -> None:
        """Delete what has expired; the first time, also go on with what a killed process left."""
        with self.db.held():
            if not self._is_open:
                self._is_open = True
                self.files.drop_abandoned()
                self.queue_indexing(self.attached.unfinished())
            self._delete_expired()

    def close(self) -> None:
        """Stop; what is not indexed yet will be when the storage is opened again."""
        self.is_closing = True
        self._readers.close()
        self._texts.close()
        self._documents.close()
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
        # Queued after the commit: a worker that is quicker would not see the rows.
        with _foreign_keys(), self.db.transaction():
            id = self.stores.create(name, description, metadata, days)
            files = self.attached.attach(id, attachments)
            made = self.stores.find(id)
            assert made is not None
        self.queue_indexing(files)
        return made

    def attach(self, store_id: str, attachments: Sequence[Attachment]) -> list[AttachedFile]:
        """Have files indexed into a store; the attached files as they now are."""
        with self._attaching(store_id, attachments):
            files = self.attached.attach(store_id, attachments)
        self.queue_indexing(files)
        return files

    def attach_batch(self, store_id: str, attachments: Sequence[Attachment]) -> Batch:
        """The same as a batch, as it is before they are indexed."""
        with self._attaching(store_id, attachments):
            id, files = self.attached.attach_batch(store_id, attachments)
            made = self.attached.find_batch(store_id, id)
            assert made is not None
        self.queue_indexing(files)
        return made

    def detach(self, store_id: str, file_id: str, lag_s: float = 0.0) -> None:
        """Take a file out of a store; with a lag, searches find it for so long."""
        if lag_s:
            self.attached.detach_late(store_id, file_id, self.now() + lag_s)
            return
        index = self.index()
        with self.db.transaction():
            index.remove(store_id, file_id)
            self.attached.detach(store_id, file_id)

    def delete_file(self, id: str, lag_s: float = 0.0) -> None:
        """Delete a file, here and in every store; with a lag, searches find it for so long."""
        index = self.index()
        # Once the row is deleted, those that attach it go with it: the index needs them first.
        with self.db.transaction():
            for store_id in self.attached.stores_of(id):
                if lag_s:
                    self.attached.detach_late(store_id, id, self.now() + lag_s)
                else:
                    index.remove(store_id, id)
            if lag_s:
                gone = "UPDATE files SET state = 'gone', expires_at = ? WHERE id = ?"
                self.db.change(gone, self.now() + lag_s, id)
            else:
                self.db.change("DELETE FROM files WHERE id = ?", id)

    def delete_store(self, id: str) -> None:
        """Delete a store; its files stay."""
        index = self.index()
        with self.db.transaction():
            index.remove(id)
            self.stores.delete(id)

    def text(self, attached: AttachedFile) -> str:
        """What was read from a file that is indexed."""
        try:
            return self._read(attached) if attached.status == "completed" else ""
        except (Unreadable, ReadersClosed):  # it was deleted meanwhile, or the emulator ends
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
        # One transaction, so that what is found is still attached when its file is looked up.
        with self.db.transaction():
            wanted = keep and self.attached.matching(store_ids, keep)
            hits = index.search(store_ids, queries, limit=limit, ranking=ranking, files=wanted)
            for id in store_ids:
                self.stores.touch(id)
            return [(hit, self.attached.of_hit(hit.store_id, hit.file_id)) for hit in hits]

    @contextmanager
    def _attaching(self, store_id: str, attachments: Sequence[Attachment]) -> Iterator[None]:
        """A transaction that first removes from the index what is attached anew."""
        index = self.index()
        with _foreign_keys(), self.db.transaction():
            for each in attachments:
                if store_id in self.attached.stores_of(each.file_id):
                    index.remove(store_id, each.file_id)
            self.stores.touch(store_id)
            yield

    def _delete_expired(self) -> None:
        """Delete files that have expired, and what was detached late and has lingered enough."""
        for row in self.db.rows("SELECT id FROM files WHERE expires_at <= ?", self.now()):
            self.delete_file(row["id"])
        for store_id, file_id in self.attached.lingered_out():
            self.detach(store_id, file_id)

    # --------------------------------------------------------------------- indexing

    def queue_indexing(self, files: Sequence[AttachedFile]) -> None:
        for attached in files:
            if "stuck" not in attached.faults:
                size = self._size(attached)
                is_document = needs_parser(attached.file_name, size)
                (self._documents if is_document else self._texts).put(attached)

    def _work(self, attached: AttachedFile) -> None:
        if self.is_closing:
            return
        try:
            self._index_one(attached)
        except ReadersClosed:
            return
        except Exception:  # the next file may be a good one
            traceback.print_exc(file=sys.stderr)
            self.attached.finish(attached, 0, ("server_error", FAILED["server_error"]))

    def _index_one(self, attached: AttachedFile) -> None:
        """Read, cut and index one file; all that is slow comes before the transaction."""
        if not self.attached.is_waiting(attached):
            return
        chunks, error = self.chunks_of(attached)
        index, place = self.index(), (attached.store_id, attached.file_id)
        with self.db.transaction():
            # Asked again, since a request may have cancelled or detached it in the meantime.
            if not self.attached.is_waiting(attached):
                return
            index.add(*place, chunks)
            self.attached.finish(attached, index.usage_bytes(*place), error)

    def chunks_of(
        self, attached: AttachedFile
    ) -> "tuple[list[EmbeddedChunk], tuple[str, str] | None]":
        """The chunks of a file, or why there are none; raises ReadersClosed."""
        from emulator.retrieval.index import embed_chunks

        for fault in attached.faults:
            if fault.startswith("fail="):
                code = fault.removeprefix("fail=")
                return [], (code, FAILED[code])
        try:
            text = self._read(attached)
        except Unreadable as error:
            return [], (error.code, error.message)
        chunks = embed_chunks(text, attached.size, attached.overlap, attached.file_name)
        return chunks, None if chunks else ("invalid_file", EMPTY)

    def _read(self, attached: AttachedFile) -> str:
        """The text of a file; raises Unreadable and ReadersClosed."""
        check_size(self._size(attached))
        data = b"".join(self.files.blocks(attached.file_id))
        return self._readers.read_text(attached.file_name, data)

    def _size(self, attached: AttachedFile) -> int:
        file = self.files.find(attached.file_id)
        return file.bytes if file is not None else 0


class _IndexingQueue:
    """Files in their order, and the threads that work on them; the threads start with a file."""

    def __init__(self, work: Callable[[AttachedFile], None], most_threads: int) -> None:
        self._do = work
        self._most_threads = most_threads
        self._jobs: queue.SimpleQueue[AttachedFile | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def put(self, attached: AttachedFile) -> None:
        self._jobs.put(attached)
        with self._lock:
            if len(self._threads) < self._most_threads:
                thread = threading.Thread(target=self._run, name="indexing", daemon=True)
                self._threads.append(thread)
                thread.start()

    def close(self) -> None:
        """Wait for the threads; what they have not begun stays undone."""
        with self._lock:
            threads = list(self._threads)
        for _ in threads:
            self._jobs.put(None)
        for thread in threads:
            thread.join()

    def _run(self) -> None:
        while (attached := self._jobs.get()) is not None:
            self._do(attached)


@contextmanager
def _foreign_keys() -> Iterator[None]:
    """Raises DeletedMeanwhile where a row refers to one that is no longer there."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise DeletedMeanwhile from error
