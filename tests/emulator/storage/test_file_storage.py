"""The file storage: what outlives a process, and files that change while they are indexed."""

import threading

from emulator.storage.attachment_table import Attachment
from emulator.storage.file_storage import FAILED, DeletedMeanwhile, FileStorage
from tests.support import files_in_stores
from tests.support.emulator_clients import connect
from tests.support.files_in_stores import (
    LANTERN,
    NO_FILES,
    PARKING,
    SettableClock,
    put,
    until,
    upload,
)
from tests.support.storages import add_file, add_store, found, indexed

import pytest

found_by_client = files_in_stores.found


def test_what_a_killed_process_left_half_is_forgotten(start, tmp_path):
    clock = SettableClock()
    first = start(data=tmp_path, now=clock)
    first.service.file_storage.files.begin("file-half")
    first.service.file_storage.files.append("file-half", 0, b"x")

    clock.now += 4000
    with connect(start(data=tmp_path, now=clock)) as client:
        client.files.list()

    assert not first.service.file_storage.db.rows("SELECT * FROM blocks")


def test_storage_outlives_its_process(start, tmp_path):
    with connect(start(data=tmp_path)) as client:
        store = client.vector_stores.create(name="kept")
        put(client, store, attributes={"year": 2026})
        before = client.vector_stores.retrieve(store.id)

    with connect(start(data=tmp_path)) as client:
        assert client.vector_stores.retrieve(store.id) == before
        assert found_by_client(client, store) == ["lantern.md"]


def test_two_processes_may_share_a_folder(start, tmp_path):
    with connect(start(data=tmp_path)) as one, connect(start(data=tmp_path)) as other:
        store = one.vector_stores.create(name="shared")
        file = put(other, store)
        assert found_by_client(one, store) == found_by_client(other, store) == ["lantern.md"]

        one.files.delete(file.id)
        assert found_by_client(other, store) == []


def test_what_was_in_progress_is_indexed_by_the_next(start, tmp_path):
    first = start(data=tmp_path)
    first.service.file_storage.queue_indexing = lambda files: None
    with connect(first) as client:
        store = client.vector_stores.create(name="left")
        file = upload(client, "lantern.md", LANTERN)
        client.vector_stores.files.create(store.id, file_id=file.id)

    with connect(start(data=tmp_path)) as client:
        done = client.vector_stores.files.poll(
            file.id, vector_store_id=store.id, max_wait_seconds=10
        )
        assert done.status == "completed"
        assert found_by_client(client, store) == ["lantern.md"]


def test_work_on_a_file_that_was_detached_is_dropped(start, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    read = FileStorage.chunks_of

    def slow(self, entry):
        begun.set()
        go_on.wait(10)
        return read(self, entry)

    monkeypatch.setattr(FileStorage, "chunks_of", slow)
    with connect(start(pace=0)) as client:
        store = client.vector_stores.create(name="detached")
        file = upload(client, "lantern.md", LANTERN)
        client.vector_stores.files.create(store.id, file_id=file.id)
        assert begun.wait(10)
        client.files.delete(file.id)
        go_on.set()

        assert put(client, store, PARKING, "parking.md").status == "completed"
        assert found_by_client(client, store) == ["parking.md"]


def test_stop_does_not_wait_for_all_files(start, tmp_path, monkeypatch):
    begun, go_on, read = threading.Event(), threading.Event(), []

    def slow(self, entry):
        begun.set()
        go_on.wait(10)
        read.append(entry)
        return [], ("invalid_file", "x")

    monkeypatch.setattr(FileStorage, "chunks_of", slow)
    emulator = start(data=tmp_path)
    with connect(emulator) as client:
        ids = [upload(client, f"{n}.md", LANTERN).id for n in range(6)]
        client.vector_stores.create(file_ids=ids)
    assert begun.wait(10)
    stopping = threading.Thread(target=emulator.service.file_storage.close)
    stopping.start()
    until(lambda: emulator.service.file_storage.is_closing)
    go_on.set()
    stopping.join(10)

    assert len(read) <= 2


def test_worker_that_stumbles_goes_on(client, store, monkeypatch, capsys):
    def stumble(*_):
        raise RuntimeError("out of luck")

    with monkeypatch.context() as patch:
        patch.setattr("emulator.retrieval.index.embed_chunks", stumble)
        failed = put(client, store)

    assert (failed.status, failed.last_error.code) == ("failed", "server_error")
    assert "out of luck" in capsys.readouterr().err
    assert put(client, store).status == "completed"


@pytest.fixture
def held_worker(monkeypatch):
    """Two events: the worker has read a file, and may go on to write what it made of it."""
    has_read, go_on = threading.Event(), threading.Event()
    read = FileStorage.chunks_of

    def held(self, attached):
        chunks = read(self, attached)
        has_read.set()
        assert go_on.wait(10)
        return chunks

    monkeypatch.setattr(FileStorage, "chunks_of", held)
    yield has_read, go_on
    go_on.set()


def finish_work(storage, store):
    """Wait until the worker, which takes one file after the other, has done the next one."""
    last = add_file(storage, PARKING, "parking.md")
    storage.attach(store, [Attachment(last)])
    assert indexed(storage, store, last).status == "completed"
    return last


def test_late_worker_leaves_a_cancelled_file_alone(storage, held_worker):
    has_read, go_on = held_worker
    store, id = add_store(storage), add_file(storage)
    batch = storage.attach_batch(store, [Attachment(id)])
    assert has_read.wait(10)

    storage.attached.cancel_batch(batch.id)
    go_on.set()
    last = finish_work(storage, store)

    cancelled = storage.attached.find(store, id)
    assert (cancelled.status, cancelled.usage_bytes) == ("cancelled", 0)
    assert storage.attached.find_batch(store, batch.id).status == "cancelled"
    assert found(storage, store) == [last]


def test_late_worker_that_fails_leaves_a_cancelled_file_alone(storage, held_worker):
    has_read, go_on = held_worker
    store, id = add_store(storage), add_file(storage)
    batch = storage.attach_batch(store, [Attachment(id, faults=("fail=invalid_file",))])
    assert has_read.wait(10)

    storage.attached.cancel_batch(batch.id)
    go_on.set()
    finish_work(storage, store)

    assert storage.attached.find(store, id).error is None


def test_work_by_an_old_ticket_is_dropped(storage, held_worker, capsys):
    """The file is attached anew, with smaller chunks, while a worker has it in hand."""
    has_read, go_on = held_worker
    store, id = add_store(storage), add_file(storage, LANTERN + b" It is lit." * 100)
    storage.attach(store, [Attachment(id)])
    assert has_read.wait(10)

    storage.attach(store, [Attachment(id, size=100, overlap=0)])
    go_on.set()
    done = indexed(storage, store, id)

    assert (done.status, done.size) == ("completed", 100)
    assert len(storage.index().texts(store, id)) > 1
    assert capsys.readouterr().err == ""


def test_cancelled_file_is_not_even_read(storage, monkeypatch):
    store, id = add_store(storage), add_file(storage)
    batch = storage.attach_batch(store, [Attachment(id, faults=("stuck",))])
    (attached,) = storage.attached.of_batch(batch.id)
    storage.attached.cancel_batch(batch.id)
    read = []
    monkeypatch.setattr(FileStorage, "chunks_of", lambda self, attached: read.append(attached))

    storage._index_one(attached)

    assert read == []


def test_what_refers_to_nothing_is_deleted_meanwhile(storage):
    store = add_store(storage)
    for attach in (
        lambda: storage.attach(store, [Attachment("file-none")]),
        lambda: storage.attach_batch(store, [Attachment("file-none")]),
        lambda: storage.attach("vs_none", [Attachment(add_file(storage))]),
        lambda: storage.create_store("new", None, {}, None, [Attachment("file-none")]),
    ):
        with pytest.raises(DeletedMeanwhile):
            attach()

    assert [each.name for each in storage.stores.all()] == ["handbook"]
    assert storage.attached.all(store) == []


def test_attaching_and_searching_are_uses_of_a_store(storage, clock):
    store, id = add_store(storage), add_file(storage)
    for use in (
        lambda: storage.attach(store, [Attachment(id)]),
        lambda: storage.attach_batch(store, [Attachment(id)]),
        lambda: found(storage, store),
    ):
        clock.now += 5
        use()
        assert storage.stores.find(store).active_at == clock.now


def test_file_that_is_attached_anew_is_not_found_meanwhile(storage):
    store, id = add_store(storage), add_file(storage)
    storage.attach(store, [Attachment(id)])
    indexed(storage, store, id)
    assert found(storage, store) == [id]

    storage.attach(store, [Attachment(id, faults=("stuck",))])

    assert found(storage, store) == []


def test_expired_file_leaves_its_stores_when_the_storage_is_used(storage, clock):
    store, id = add_store(storage), add_file(storage, seconds=3600)
    storage.attach(store, [Attachment(id)])
    indexed(storage, store, id)

    clock.now += 3599
    storage.open()
    assert found(storage, store) == [id]
    clock.now += 1
    storage.open()
    assert (found(storage, store), storage.files.find(id)) == ([], None)
    assert storage.index().texts(store, id) == []


def test_file_deleted_late_is_found_until_then(storage, clock):
    store, id = add_store(storage), add_file(storage)
    storage.attach(store, [Attachment(id)])
    indexed(storage, store, id)

    storage.delete_file(id, lag_s=5)

    assert (storage.files.find(id), storage.stores.find(store).counts) == (None, NO_FILES)
    clock.now += 4
    storage.open()
    assert found(storage, store) == [id]
    clock.now += 1
    storage.open()
    assert (found(storage, store), storage.db.rows("SELECT id FROM files")) == ([], [])


def test_deleted_store_leaves_nothing_in_the_index(storage):
    store, id = add_store(storage), add_file(storage)
    storage.attach(store, [Attachment(id)])
    indexed(storage, store, id)

    storage.delete_store(store)

    assert storage.db.rows("SELECT place FROM search_chunks") == []
    assert storage.attached.stores_of(id) == []


def test_text_is_that_of_an_indexed_file(storage):
    store, id, bad = add_store(storage), add_file(storage), add_file(storage, b"\0", "x.bin")
    storage.attach(store, [Attachment(id), Attachment(bad)])
    done, failed = indexed(storage, store, id), indexed(storage, store, bad)
    (waiting,) = storage.attach(add_store(storage), [Attachment(id, faults=("stuck",))])

    assert [storage.text(each) for each in (done, failed, waiting)] == [LANTERN.decode(), "", ""]
    storage.delete_file(id)
    assert storage.text(done) == ""


@pytest.mark.parametrize("code", FAILED)
def test_file_fails_as_asked(storage, code):
    store, id = add_store(storage), add_file(storage)
    storage.attach(store, [Attachment(id, faults=(f"fail={code}",))])

    failed = indexed(storage, store, id)

    assert (failed.status, failed.error) == ("failed", (code, FAILED[code]))
