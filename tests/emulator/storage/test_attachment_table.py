"""Attached files as rows: whose ticket counts, and what a batch has of them."""

from emulator.storage.attachment_table import Attachment
from tests.support.files_in_stores import counts
from tests.support.storages import add_file, add_store

import pytest


@pytest.fixture
def table(storage):
    """The table, whose files no worker indexes."""
    storage.queue_indexing = lambda files: None
    return storage.attached


@pytest.fixture
def place(storage, table):
    return add_store(storage), add_file(storage)


def test_only_the_last_ticket_ends_the_indexing(table, place):
    store, id = place
    (old,) = table.attach(store, [Attachment(id, {"edition": 1}, 100, 50, ("stuck", "fail=x"))])
    (new,) = table.attach(store, [Attachment(id, {"edition": 2})])

    assert (old.ticket != new.ticket, old.faults) == (True, ("stuck", "fail=x"))
    assert (table.is_waiting(old), table.is_waiting(new)) == (False, True)
    assert not table.finish(old, 7)
    assert table.find(store, id) == new
    assert table.finish(new, 7)
    done = table.find(store, id)
    assert (done.status, done.usage_bytes, done.error) == ("completed", 7, None)
    assert (done.attributes, done.size, done.overlap, done.faults) == ({"edition": 2}, 800, 400, ())


def test_what_has_ended_does_not_end_again(table, place):
    store, id = place
    (attached,) = table.attach(store, [Attachment(id)])

    assert table.finish(attached, 0, ("invalid_file", "why"))
    assert not table.is_waiting(attached)
    assert not table.finish(attached, 9)
    failed = table.find(store, id)
    assert (failed.status, failed.error, failed.usage_bytes) == (
        "failed",
        ("invalid_file", "why"),
        0,
    )
    assert table.unfinished() == []


def test_cancelled_file_does_not_end(table, place):
    store, id = place
    batch, (attached,) = table.attach_batch(store, [Attachment(id)])
    assert table.unfinished() == [attached]

    table.cancel_batch(batch)

    assert not table.finish(attached, 9)
    assert (table.find(store, id).status, table.unfinished()) == ("cancelled", [])


def test_batch_counts_its_own_files(storage, table, place):
    store, id = place
    table.attach(store, [Attachment(add_file(storage))])
    other = add_file(storage)
    batch, attached = table.attach_batch(store, [Attachment(id), Attachment(other)])

    assert table.find_batch(store, batch).counts == counts(in_progress=2)
    table.finish(attached[0], 1)
    assert table.find_batch(store, batch).status == "in_progress"
    table.finish(attached[1], 1, ("server_error", "why"))
    ended = table.find_batch(store, batch)
    assert (ended.status, ended.counts) == ("completed", counts(completed=1, failed=1))
    assert [file.file_id for file in table.of_batch(batch)] == [id, other]
    assert table.find_batch("vs_other", batch) is None

    table.cancel_batch(batch)
    assert table.find_batch(store, batch) == ended
    table.detach_late(store, id, 0)
    assert table.find_batch(store, batch).counts == counts(failed=1)
    assert [file.file_id for file in table.of_batch(batch)] == [other]


def test_file_named_twice_is_attached_as_last_named(table, place):
    store, id = place
    attachments = [Attachment(id, {"n": 1}), Attachment(id, {"n": 2})]

    _, files = table.attach_batch(store, attachments)

    assert [file.attributes for file in files] == [{"n": 2}]


def test_detached_file_lingers_until_its_time(table, place, clock):
    store, id = place
    (attached,) = table.attach(store, [Attachment(id)])
    table.finish(attached, 1)

    table.detach_late(store, id, clock.now + 5)

    assert (table.find(store, id), table.all(store)) == (None, [])
    assert table.matching([store], lambda attributes: True) == {(store, id)}
    assert table.of_hit(store, id).status == "completed"
    clock.now += 4
    assert table.lingered_out() == []
    clock.now += 1
    assert table.lingered_out() == [(store, id)]
    (again,) = table.attach(store, [Attachment(id)])
    assert (table.lingered_out(), table.find(store, id)) == ([], again)


def test_lingering_file_is_not_indexed_any_more(table, place, clock):
    store, id = place
    table.attach(store, [Attachment(id)])
    table.detach_late(store, id, clock.now + 5)

    assert table.unfinished() == []


def test_only_indexed_files_match(storage, table, place):
    store, id = place
    other = add_file(storage)
    done, _ = table.attach(store, [Attachment(id, {"n": 1}), Attachment(other, {"n": 1})])
    table.finish(done, 1)

    assert table.matching([store], lambda attributes: attributes["n"] == 1) == {(store, id)}
    assert table.matching([store], lambda attributes: attributes["n"] == 2) == set()
    assert table.matching(["vs_other"], lambda attributes: True) == set()
    assert table.stores_of(id) == [store]


def test_file_that_is_attached_anew_starts_again(table, place, clock):
    store, id = place
    (old,) = table.attach(store, [Attachment(id)])
    table.finish(old, 7, ("server_error", "why"))
    clock.now += 5

    (new,) = table.attach(store, [Attachment(id)])

    assert (new.status, new.usage_bytes, new.error) == ("in_progress", 0, None)
    assert new.created_at == old.created_at
