"""Objects and their items: what is kept, in which order, and what goes with what."""

from contextlib import closing

from emulator.storage.objects import ObjectStore

import pytest


@pytest.fixture
def store():
    with closing(ObjectStore()) as opened:
        yield opened


def test_items_go_with_their_object(store):
    store.save("response", {"id": "resp_1"}, [{"id": "msg_1"}, {"id": "msg_2"}])
    store.add_items("resp_1", [{"id": "msg_3"}])

    assert [item["id"] for item in store.items("resp_1")] == ["msg_1", "msg_2", "msg_3"]
    assert store.delete_item("resp_1", "msg_2")
    assert not store.delete_item("resp_1", "msg_2")
    assert [item["id"] for item in store.items("resp_1")] == ["msg_1", "msg_3"]
    assert store.delete("response", "resp_1")
    assert not store.delete("response", "resp_1")
    assert (store.items("resp_1"), store.item("msg_1")) == ([], None)


def test_object_is_found_by_kind_and_id(store):
    store.save("response", {"id": "resp_1"})

    assert store.find("completion", "resp_1") is None
    assert not store.delete("completion", "resp_1")
    assert store.find("response", "resp_1") == {"id": "resp_1"}


def test_objects_of_a_kind_are_listed_oldest_first(store):
    for id in "ba":
        store.save("completion", {"id": id})
    store.save("response", {"id": "c", "status": "completed"})

    assert [body["id"] for body in store.all("completion")] == ["b", "a"]


def test_newest_is_kept_if_the_clock_was_set_back(monkeypatch, tmp_path):
    monkeypatch.setattr("emulator.storage.objects.MOST", 2)
    monkeypatch.setattr("time.time", lambda: 1_790_000_000.0)
    with closing(ObjectStore(tmp_path)) as opened:
        for id in "ab":
            opened.save("response", {"id": id, "status": "completed"})
    monkeypatch.setattr("time.time", lambda: 1_700_000_000.0)
    with closing(ObjectStore(tmp_path)) as opened:
        opened.save("response", {"id": "c", "status": "completed"})

        assert [body["id"] for body in opened.all("response")] == ["b", "c"]


def test_item_is_the_latest_of_its_id(store):
    store.save("response", {"id": "resp_1"}, [{"id": "msg_1", "n": 1}])
    store.save("response", {"id": "resp_2"}, [{"id": "msg_1", "n": 2}])

    assert store.item("msg_1") == {"id": "msg_1", "n": 2}


def test_events_come_back_block_by_block(store):
    store.save("response", {"id": "resp_1"})
    assert store.events("resp_1") == store.events("resp_none") == []
    blocks = [b"event: a\ndata: 1\n\n", b"event: b\ndata: 2\n\n"]

    store.update({"id": "resp_1", "n": 1}, blocks)

    assert store.events("resp_1") == blocks
    assert store.find("response", "resp_1") == {"id": "resp_1", "n": 1}


def test_renamed_object_keeps_its_items(store):
    store.save("response", {"id": "old", "n": 1}, [{"id": "msg_1"}])

    store.rename("old", "new")

    assert store.find("response", "new") == {"id": "new", "n": 1}
    assert store.items("new") == [{"id": "msg_1"}]


def test_what_was_running_failed_with_its_process(tmp_path):
    statuses = ["queued", "in_progress", "completed", "cancelled"]
    with closing(ObjectStore(tmp_path)) as store:
        for status in statuses:
            store.save("response", {"id": status, "status": status})

    with closing(ObjectStore(tmp_path)) as store:
        found = [store.find("response", status) for status in statuses]

    assert [body["status"] for body in found] == ["failed", "failed", "completed", "cancelled"]
    assert found[0]["error"]["code"] == "server_error"
    assert "error" not in found[2]


def test_of_each_kind_the_last_used_are_kept(store, monkeypatch):
    monkeypatch.setattr("emulator.storage.objects.MOST", 2)
    store.save("completion", {"id": "other"})
    for id in ("a", "b"):
        store.save("response", {"id": id}, [{"id": f"msg_{id}"}])
    store.find("response", "a")
    store.save("response", {"id": "c"})

    assert [body["id"] for body in store.all("response")] == ["a", "c"]
    assert (store.item("msg_b"), len(store.all("completion"))) == (None, 1)
