"""File batches, by the unmodified SDK."""

import re

from tests.support.files_in_stores import (
    LANTERN,
    PARKING,
    counts,
    found,
    upload,
)

import openai
import pytest


def test_batch_is_told_as_the_types_have_it(client, store):
    ids = [upload(client, f"{n}.md", LANTERN).id for n in "abc"]
    attributes = {"lot": 7}

    begun = client.vector_stores.file_batches.create(
        store.id, file_ids=[*ids, ids[0]], attributes=attributes
    )
    done = client.vector_stores.file_batches.poll(begun.id, vector_store_id=store.id)

    assert re.fullmatch("vsfb_[0-9a-f]{32}", begun.id)
    assert begun.to_dict() == {
        "id": begun.id,
        "object": "vector_store.files_batch",
        "created_at": begun.created_at,
        "vector_store_id": store.id,
        "status": "in_progress",
        "file_counts": counts(in_progress=3),
    }
    assert (done.status, done.file_counts.to_dict()) == ("completed", counts(completed=3))
    files = list(
        client.vector_stores.file_batches.list_files(
            begun.id, vector_store_id=store.id, order="asc"
        )
    )
    assert [(file.id, file.attributes) for file in files] == [(id, attributes) for id in ids]


def test_files_of_a_batch_have_attributes_each(client, store):
    files = [
        {"file_id": upload(client, f"{n}.md", LANTERN).id, "attributes": {"name": n}} for n in "ab"
    ]

    batch = client.vector_stores.file_batches.create_and_poll(store.id, files=files)

    assert batch.file_counts.completed == 2
    wanted = {"type": "eq", "key": "name", "value": "b"}
    assert found(client, store, filters=wanted) == ["b.md"]


def test_batch_is_uploaded_and_polled(client, store):
    files = [(f"{n}.md", LANTERN) for n in range(7)]

    batch = client.vector_stores.file_batches.upload_and_poll(store.id, files=files)

    assert batch.file_counts.to_dict() == counts(completed=7)


async def test_async_helpers_work_as_well(async_client):
    store = await async_client.vector_stores.create(name="async")
    files = [(f"{n}.md", LANTERN) for n in range(3)]

    batch = await async_client.vector_stores.file_batches.upload_and_poll(store.id, files=files)
    one = await async_client.vector_stores.files.upload_and_poll(
        vector_store_id=store.id, file=("one.md", PARKING)
    )

    assert (batch.file_counts.completed, one.status) == (3, "completed")
    hits = await async_client.vector_stores.search(store.id, query="Where do cars park?")
    assert hits.data[0].filename == "one.md"


def test_cancelled_batch_stops(client, store):
    ids = [upload(client, f"{n}.md", LANTERN).id for n in "ab"]
    stuck = {"x-emulator-fault": "stuck"}
    batches = client.vector_stores.file_batches
    batch = batches.create(store.id, file_ids=ids, extra_headers=stuck)

    cancelled = batches.cancel(batch.id, vector_store_id=store.id)

    assert cancelled.status == "cancelled"
    assert cancelled.file_counts.to_dict() == counts(cancelled=2)
    assert batches.poll(batch.id, vector_store_id=store.id) == cancelled
    listed = batches.list_files(batch.id, vector_store_id=store.id, filter="cancelled")
    assert {file.status for file in listed} == {"cancelled"}
    assert client.vector_stores.retrieve(store.id).status == "completed"


def test_stuck_by_name_strikes_that_file_alone(client, store):
    ids = [upload(client, f"{name}.md", LANTERN).id for name in ("slow", "other")]
    stuck = {"x-emulator-fault": "stuck=slow.md"}
    client.vector_stores.file_batches.create(store.id, file_ids=ids, extra_headers=stuck)
    files = client.vector_stores.files

    assert files.poll(ids[1], vector_store_id=store.id).status == "completed"
    assert files.retrieve(ids[0], vector_store_id=store.id).status == "in_progress"


def test_cancel_of_ended_batch_changes_nothing(client, store):
    file = upload(client, "a.md", LANTERN)
    batch = client.vector_stores.file_batches.create_and_poll(store.id, file_ids=[file.id])

    assert client.vector_stores.file_batches.cancel(batch.id, vector_store_id=store.id) == batch


def test_detached_file_leaves_its_batch(client, store):
    ids = [upload(client, f"{n}.md", LANTERN).id for n in "ab"]
    batches = client.vector_stores.file_batches
    batch = batches.create_and_poll(store.id, file_ids=ids)

    client.vector_stores.files.delete(ids[0], vector_store_id=store.id)

    left = batches.retrieve(batch.id, vector_store_id=store.id)
    assert left.file_counts.to_dict() == counts(completed=1)


def test_unknown_batch_is_404(client, store):
    with pytest.raises(openai.NotFoundError, match="vsfb_none"):
        client.vector_stores.file_batches.retrieve("vsfb_none", vector_store_id=store.id)


def test_files_and_file_ids_exclude_each_other(client, store):
    batches = client.vector_stores.file_batches

    with pytest.raises(openai.BadRequestError) as both:
        batches.create(store.id, file_ids=["file-x"], files=[{"file_id": "file-x"}])
    with pytest.raises(openai.BadRequestError) as neither:
        batches.create(store.id)

    assert both.value.code == "mutually_exclusive_parameters"
    assert (neither.value.code, neither.value.param) == ("missing_required_parameter", "file_ids")
