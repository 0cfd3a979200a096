"""The files of a vector store, one by one, by the unmodified SDK."""

from tests.support.files_in_stores import (
    KEY,
    LANTERN,
    counts,
    found,
    put,
    upload,
)

import httpx2
import openai
import pytest


def test_attached_file_is_told_as_at_openai(client, store):
    file = upload(client, "lantern.md", LANTERN)
    begun = client.vector_stores.files.create(store.id, file_id=file.id)

    assert begun.to_dict() == {
        "id": file.id,
        "object": "vector_store.file",
        "usage_bytes": 0,
        "created_at": begun.created_at,
        "vector_store_id": store.id,
        "status": "in_progress",
        "last_error": None,
        "chunking_strategy": {
            "type": "static",
            "static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400},
        },
        "attributes": {},
    }
    done = client.vector_stores.files.poll(file.id, vector_store_id=store.id)
    assert done.to_dict() == begun.to_dict() | {
        "status": "completed",
        "usage_bytes": done.usage_bytes,
    }
    after = client.vector_stores.retrieve(store.id)
    assert after.file_counts.to_dict() == counts(completed=1)
    assert after.usage_bytes == done.usage_bytes > len(LANTERN)


def test_attributes_are_replaced_at_once(client, store):
    file = put(client, store, attributes={"year": 2025, "open": True})

    client.vector_stores.files.update(file.id, vector_store_id=store.id, attributes={"year": 2026})

    wanted = {"type": "eq", "key": "year", "value": 2026}
    assert found(client, store, filters=wanted) == ["lantern.md"]
    read = client.vector_stores.files.retrieve(file.id, vector_store_id=store.id)
    assert read.attributes == {"year": 2026}
    cleared = client.vector_stores.files.update(file.id, vector_store_id=store.id, attributes=None)
    assert cleared.attributes == {}


def test_text_of_a_file_is_read_back(client, store):
    file = put(client, store)

    (content,) = client.vector_stores.files.content(file.id, vector_store_id=store.id)

    assert (content.type, content.text) == ("text", LANTERN.decode())


def test_unreadable_file_fails_and_says_why(client, store):
    failed = put(client, store, b"\0\1\2", "noise.bin")

    assert (failed.status, failed.usage_bytes) == ("failed", 0)
    assert failed.last_error.code == "unsupported_file"
    assert list(client.vector_stores.files.content(failed.id, vector_store_id=store.id)) == []
    assert client.vector_stores.retrieve(store.id).file_counts.to_dict() == counts(failed=1)


def test_files_of_a_store_are_listed_by_status(client, store):
    good, bad = put(client, store), put(client, store, b"\0", "noise.bin")

    def ids(**query):
        return [file.id for file in client.vector_stores.files.list(store.id, **query)]

    assert ids() == [bad.id, good.id]
    assert ids(filter="completed", order="asc") == [good.id]
    assert ids(filter="failed", limit=1) == [bad.id]
    assert ids(filter="in_progress") == []


def test_detached_file_is_not_found_but_stays(client, store):
    file = put(client, store)

    gone = client.vector_stores.files.delete(file.id, vector_store_id=store.id)

    assert gone.to_dict() == {
        "id": file.id,
        "object": "vector_store.file.deleted",
        "deleted": True,
    }
    assert found(client, store) == []
    assert client.files.retrieve(file.id).id == file.id
    with pytest.raises(openai.NotFoundError, match=f"No file found with id '{file.id}' in vector"):
        client.vector_stores.files.retrieve(file.id, vector_store_id=store.id)
    assert client.vector_stores.retrieve(store.id).to_dict() == store.to_dict() | {
        "last_active_at": client.vector_stores.retrieve(store.id).last_active_at
    }


def test_deleted_file_leaves_every_store(client, store):
    other = client.vector_stores.create(name="other")
    file = put(client, store)
    client.vector_stores.files.create_and_poll(file.id, vector_store_id=other.id)
    assert found(client, other) == ["lantern.md"]

    client.files.delete(file.id)

    assert found(client, store) == found(client, other) == []
    assert client.vector_stores.retrieve(other.id).file_counts.total == 0


def test_missing_file_is_attached_nowhere(client, store):
    id = upload(client, "a.md", LANTERN).id
    for attach in (
        lambda: client.vector_stores.files.create(store.id, file_id="file-none"),
        lambda: client.vector_stores.file_batches.create(store.id, file_ids=[id, "file-none"]),
        lambda: client.vector_stores.create(name="never", file_ids=[id, "file-none"]),
    ):
        with pytest.raises(openai.NotFoundError, match="No such File object: file-none"):
            attach()

    assert client.vector_stores.retrieve(store.id).file_counts.total == 0
    assert "never" not in {each.name for each in client.vector_stores.list()}


def test_update_of_nothing_is_refused(emulator, client, store):
    file = put(client, store)
    url = f"{emulator.base_url}/vector_stores/{store.id}/files/{file.id}"

    answer = httpx2.post(url, json={}, headers=KEY, trust_env=False)

    assert answer.json()["error"]["param"] == "attributes"


def test_infinite_attribute_is_refused(emulator, client, store):
    """JSON has no infinity, but a number can be too large to be anything else."""
    url = f"{emulator.base_url}/vector_stores/{store.id}/files"
    body = f'{{"file_id": "{upload(client).id}", "attributes": {{"k": 1e999}}}}'
    sent = KEY | {"content-type": "application/json"}

    answer = httpx2.post(url, content=body, headers=sent, trust_env=False)

    assert answer.json()["error"]["param"] == "attributes.k"
