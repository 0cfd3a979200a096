"""Vector stores as rows: when they expire, and what they count."""

from emulator.storage.attachment_table import Attachment
from emulator.storage.vector_store_table import DAY_S
from tests.support.files_in_stores import NO_FILES, counts
from tests.support.storages import add_file, add_store, indexed


def test_store_expires_days_after_its_last_use(storage, clock):
    id = add_store(storage, days=2)
    clock.now += 2 * DAY_S - 1
    assert not storage.stores.find(id).is_expired

    storage.stores.touch(id)
    clock.now += 2 * DAY_S - 1
    used = storage.stores.find(id)
    assert (used.is_expired, used.expires_at) == (False, clock.now + 1)
    clock.now += 1
    assert storage.stores.find(id).status == "expired"


def test_store_without_days_never_expires(storage, clock):
    id = add_store(storage)
    clock.now += 1000 * DAY_S

    found = storage.stores.find(id)
    assert (found.expires_at, found.status) == (None, "completed")


def test_change_is_a_use(storage, clock):
    id = add_store(storage)
    clock.now += 5
    storage.stores.update(id, name="b", metadata={"k": "v"}, days=1)

    changed = storage.stores.find(id)
    assert (changed.name, changed.metadata, changed.days) == ("b", {"k": "v"}, 1)
    assert (changed.created_at, changed.active_at) == (clock.now - 5, clock.now)
    clock.now += 5
    storage.stores.update(id)
    assert storage.stores.find(id).active_at == clock.now


def test_each_store_counts_its_own_files(storage):
    one, other, empty = (add_store(storage) for _ in range(3))
    ids = [add_file(storage) for _ in range(2)]
    storage.attach(one, [Attachment(id) for id in ids])
    storage.attach(other, [Attachment(ids[0]), Attachment(ids[1], faults=("stuck",))])
    sizes = [indexed(storage, one, id).usage_bytes for id in ids]
    indexed(storage, other, ids[0])
    expected = [counts(completed=2), counts(completed=1, in_progress=1), NO_FILES]

    assert [each.counts for each in storage.stores.all()] == expected
    assert [storage.stores.find(id).counts for id in (one, other, empty)] == expected
    assert [each.usage_bytes for each in storage.stores.all()] == [sum(sizes), sizes[0], 0]
    assert [each.status for each in storage.stores.all()] == [
        *("completed", "in_progress", "completed")
    ]
    storage.detach(one, ids[0], lag_s=5)
    assert storage.stores.find(one).counts == counts(completed=1)
