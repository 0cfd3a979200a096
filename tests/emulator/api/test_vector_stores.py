"""Vector stores: their files, batches and searches, by the unmodified SDK."""

import re
import threading

from emulator.api.vector_stores import search_stores
from emulator.errors import ApiError
from emulator.storage.file_storage import FileStorage
from emulator.storage.vector_store_table import DAY_S
from emulator.text.queries import rewrite
from tests.conftest import connect
from tests.emulator.api.test_files import KEY, Clock, until, upload

import httpx2
import openai
import pytest

LANTERN = b"# Lantern\n\nThe Lantern is lit at dusk on every Friday of the year."
PARKING = b"# Parking\n\nThe car park below the dome holds forty cars and two coaches."
NO_FILES = {"in_progress": 0, "completed": 0, "failed": 0, "cancelled": 0, "total": 0}


def counts(**changes):
    found = NO_FILES | changes
    return found | {"total": sum(found.values())}


@pytest.fixture
def store(client):
    return client.vector_stores.create(name="handbook")


def put(client, store, data=LANTERN, name="lantern.md", **more):
    """A file in a store, indexed."""
    file = upload(client, name, data)
    return client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id, **more)


def found(client, store, query="When is the Lantern lit?", **more):
    return [hit.filename for hit in client.vector_stores.search(store.id, query=query, **more)]


def test_empty_store_is_told_as_at_openai(client):
    made = client.vector_stores.create(name="handbook")

    assert re.fullmatch("vs_[0-9a-f]{32}", made.id)
    assert made.to_dict() == {
        "id": made.id,
        "object": "vector_store",
        "created_at": made.created_at,
        "name": "handbook",
        "description": None,
        "usage_bytes": 0,
        "file_counts": NO_FILES,
        "status": "completed",
        "expires_after": None,
        "expires_at": None,
        "last_active_at": made.created_at,
        "metadata": {},
    }
    assert client.vector_stores.retrieve(made.id) == made


def test_store_is_updated_field_by_field(client):
    expiry = {"anchor": "last_active_at", "days": 2}
    made = client.vector_stores.create(
        name="a", description="d", metadata={"k": "v"}, expires_after=expiry
    )
    assert made.expires_at == made.last_active_at + 2 * DAY_S

    renamed = client.vector_stores.update(made.id, name="b")
    assert (renamed.name, renamed.metadata, renamed.expires_after.days) == ("b", {"k": "v"}, 2)
    kept = client.vector_stores.update(made.id, expires_after=None, metadata={})
    assert (kept.name, kept.metadata, kept.expires_at) == ("b", {}, None)


def test_stores_are_listed_in_pages(start):
    with connect(start(data=None, pace=0)) as client:
        made = [client.vector_stores.create(name=str(place)) for place in range(3)]

        assert [each.name for each in client.vector_stores.list()] == ["2", "1", "0"]
        page = client.vector_stores.list(limit=2, order="asc")
        assert (page.data, page.has_more) == (made[:2], True)
        assert list(client.vector_stores.list(before=made[1].id, order="asc")) == made[:1]


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


def test_every_polled_answer_says_when_to_ask_again(client, store):
    raw = client.vector_stores.with_raw_response
    file = upload(client, "lantern.md", LANTERN)
    batches = client.vector_stores.file_batches.with_raw_response
    files = client.vector_stores.files.with_raw_response
    batch = batches.create(store.id, file_ids=[file.id])
    answers = [
        raw.retrieve(store.id),
        batch,
        batches.retrieve(batch.parse().id, vector_store_id=store.id),
        files.create(store.id, file_id=file.id),
        files.retrieve(file.id, vector_store_id=store.id),
    ]

    assert {int(answer.headers["openai-poll-after-ms"]) for answer in answers} == {5}


def test_store_made_with_files_has_them_indexed(client):
    ids = [upload(client, f"{n}.md", LANTERN).id for n in "ab"]
    strategy = {
        "type": "static",
        "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 50},
    }

    made = client.vector_stores.create(file_ids=ids, chunking_strategy=strategy)
    files = [client.vector_stores.files.poll(id, vector_store_id=made.id) for id in ids]

    assert (made.status, made.file_counts.in_progress) == ("in_progress", 2)
    assert [each.chunking_strategy.to_dict() for each in files] == [strategy, strategy]
    assert client.vector_stores.retrieve(made.id).status == "completed"


def test_search_finds_what_is_meant(client, store):
    put(client, store, attributes={"year": 2026, "open": True, "kind": "night"})
    put(client, store, PARKING, "parking.md")

    page = client.vector_stores.search(store.id, query="When is the Lantern lit?")
    first = page.data[0]

    assert page.model_extra == {
        "search_query": ["When is the Lantern lit?"],
        "has_more": False,
        "next_page": None,
    }
    assert (first.filename, first.attributes) == (
        "lantern.md",
        {"year": 2026, "open": True, "kind": "night"},
    )
    assert "dusk" in first.content[0].text
    assert [hit.score for hit in page] == sorted((hit.score for hit in page), reverse=True)
    assert all(0 <= hit.score <= 1 and round(hit.score, 4) == hit.score for hit in page)


def test_search_by_several_queries_and_few_results(client, store):
    put(client, store)
    put(client, store, PARKING, "parking.md")

    both = found(client, store, ["When is the Lantern lit?", "Where do cars park?"])

    assert set(both) == {"lantern.md", "parking.md"}
    assert found(client, store, "Where do cars park?", max_num_results=1) == ["parking.md"]


def test_search_by_attributes(client, store):
    put(client, store, attributes={"year": 2025})
    put(client, store, name="new.md", attributes={"year": 2026})
    wanted = {"type": "gte", "key": "year", "value": 2026}

    assert found(client, store, filters=wanted) == ["new.md"]
    either = {"type": "or", "filters": [wanted, {"type": "eq", "key": "year", "value": 2025}]}
    assert sorted(found(client, store, filters=either)) == ["lantern.md", "new.md"]
    assert found(client, store, filters={"type": "ne", "key": "none", "value": 1}) == []


def test_attributes_are_replaced_at_once(client, store):
    file = put(client, store, attributes={"year": 2025, "open": True})

    client.vector_stores.files.update(file.id, vector_store_id=store.id, attributes={"year": 2026})

    wanted = {"type": "eq", "key": "year", "value": 2026}
    assert found(client, store, filters=wanted) == ["lantern.md"]
    read = client.vector_stores.files.retrieve(file.id, vector_store_id=store.id)
    assert read.attributes == {"year": 2026}
    cleared = client.vector_stores.files.update(file.id, vector_store_id=store.id, attributes=None)
    assert cleared.attributes == {}


def test_tool_searches_several_stores(emulator, client, store):
    other = client.vector_stores.create(name="other")
    file = put(client, store, attributes={"year": 2026})
    client.vector_stores.files.create_and_poll(file.id, vector_store_id=other.id)
    wanted = {"type": "eq", "key": "year", "value": 2026}
    ids, queries = [store.id, other.id], ["When is the Lantern lit?"]

    both = search_stores(emulator.service, ids, queries)
    (one,) = search_stores(
        emulator.service, ids, queries, filters=wanted, ranking={"score_threshold": 0.1}
    )

    assert [hit["vector_store_id"] for hit in both] in (ids, ids[::-1])
    assert one.pop("score") == both[0]["score"]
    assert one == {
        "file_id": file.id,
        "filename": "lantern.md",
        "attributes": {"year": 2026},
        "text": LANTERN.decode(),
        "vector_store_id": store.id,
    }


def test_tool_tells_of_a_missing_store(emulator, store):
    with pytest.raises(ApiError, match="Vector store with id 'vs_none' not found") as caught:
        search_stores(emulator.service, [store.id, "vs_none"], ["x"])

    assert caught.value.status == 404


QUESTIONS = [
    ("Can you please tell me when the Lantern is lit?", "Lantern is lit"),
    ("Hello! What is the price of a ticket, please?", "price of a ticket"),
    ("How many cars fit in the car park?", "cars fit in the car park"),
    ("opening hours", "opening hours"),
    ("Who?", "Who"),
    ("?", "?"),
    ("Whatever happens", "Whatever happens"),
]


@pytest.mark.parametrize(("question", "query"), QUESTIONS)
def test_query_is_rewritten_when_told(client, store, question, query):
    assert rewrite(question) == query
    searched = client.vector_stores.search(store.id, query=question, rewrite_query=True)
    assert searched.model_extra["search_query"] == [query]


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


def test_worker_that_stumbles_goes_on(client, store, monkeypatch, capsys):
    def stumble(*_):
        raise RuntimeError("out of luck")

    with monkeypatch.context() as patch:
        patch.setattr("emulator.retrieval.index.embed_chunks", stumble)
        failed = put(client, store)

    assert (failed.status, failed.last_error.code) == ("failed", "server_error")
    assert "out of luck" in capsys.readouterr().err
    assert put(client, store).status == "completed"


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


def test_deleted_store_is_gone(client, store):
    put(client, store)

    gone = client.vector_stores.delete(store.id)

    assert gone.to_dict() == {"id": store.id, "object": "vector_store.deleted", "deleted": True}
    message = f"Vector store with id '{store.id}' not found."
    for call in (
        client.vector_stores.retrieve,
        client.vector_stores.delete,
        client.vector_stores.files.list,
        lambda id: client.vector_stores.search(id, query="x"),
        lambda id: client.vector_stores.files.create(id, file_id="file-x"),
        lambda id: client.vector_stores.file_batches.create(id, file_ids=["file-x"]),
    ):
        with pytest.raises(openai.NotFoundError, match=re.escape(message)):
            call(store.id)


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


def static(size, overlap):
    sizes = {"max_chunk_size_tokens": size, "chunk_overlap_tokens": overlap}
    return {"type": "static", "static": sizes}


CHUNKING = [
    (static(99, 0), "chunking_strategy.static.max_chunk_size_tokens"),
    (static(4097, 0), "chunking_strategy.static.max_chunk_size_tokens"),
    (static(100, 51), "chunking_strategy.static.chunk_overlap_tokens"),
    (static(100, -1), "chunking_strategy.static.chunk_overlap_tokens"),
    (static(100.5, 0), "chunking_strategy.static.max_chunk_size_tokens"),
    ({"type": "static"}, "chunking_strategy.static"),
    ({"type": "auto", "static": {}}, "chunking_strategy.static"),
    ({"type": "other"}, "chunking_strategy.type"),
    ({}, "chunking_strategy.type"),
]
ATTRIBUTES = [
    ({str(n): n for n in range(17)}, "attributes"),
    ({"k" * 65: 1}, "attributes." + "k" * 65),
    ({"k": "v" * 513}, "attributes.k"),
    ({"k": None}, "attributes.k"),
    ({"k": [1]}, "attributes.k"),
]
WRONG = [({"chunking_strategy": value}, param) for value, param in CHUNKING] + [
    ({"attributes": value}, param) for value, param in ATTRIBUTES
]


@pytest.mark.parametrize(("change", "param"), WRONG, ids=range(len(WRONG)))
def test_wrong_attachment_is_refused(client, store, change, param):
    file = upload(client)

    with pytest.raises(openai.BadRequestError) as caught:
        client.vector_stores.files.create(store.id, file_id=file.id, **change)

    assert caught.value.param == param
    with pytest.raises(openai.BadRequestError) as caught:
        files = [{"file_id": file.id, **change}]
        client.vector_stores.file_batches.create(store.id, files=files)
    assert caught.value.param == f"files[0].{param}"


@pytest.mark.parametrize("sizes", [(100, 0), (100, 50), (4096, 2048)])
def test_chunking_at_its_limits_is_taken(client, store, sizes):
    done = put(client, store, chunking_strategy=static(*sizes))

    assert (done.status, done.chunking_strategy.to_dict()) == ("completed", static(*sizes))


def test_attributes_at_their_limits_are_taken(client, store):
    attributes = {f"{n:064}": "v" * 512 for n in range(16)}

    assert put(client, store, attributes=attributes).attributes == attributes


SEARCHES = [
    ({"query": ""}, "query"),
    ({"query": []}, "query"),
    ({"query": ["x", " "]}, "query[1]"),
    ({"query": 7}, "query"),
    ({"max_num_results": 0}, "max_num_results"),
    ({"max_num_results": 51}, "max_num_results"),
    ({"filters": {"type": "like", "key": "k", "value": "v"}}, "filters.type"),
    ({"ranking_options": {"ranker": "best"}}, "ranking_options.ranker"),
    ({"ranking_options": {"score_threshold": 1.1}}, "ranking_options.score_threshold"),
    ({"rewrite_query": "yes"}, "rewrite_query"),
    ({"extra_body": {"limit": 3}}, "limit"),
]


@pytest.mark.parametrize(("change", "param"), SEARCHES, ids=range(len(SEARCHES)))
def test_wrong_search_is_refused(client, store, change, param):
    with pytest.raises(openai.BadRequestError) as caught:
        client.vector_stores.search(store.id, **{"query": "x"} | change)

    assert caught.value.param == param


STORES = [
    ({"metadata": {"k": 1}}, "metadata.k"),
    ({"expires_after": {"anchor": "last_active_at", "days": 366}}, "expires_after.days"),
    ({"expires_after": {"anchor": "created_at", "days": 1}}, "expires_after.anchor"),
    ({"name": 7}, "name"),
    ({"file_ids": "file-x"}, "file_ids"),
    ({"file_ids": [7]}, "file_ids[0]"),
    ({"extra_body": {"attributes": {}}}, "attributes"),
]


@pytest.mark.parametrize(("change", "param"), STORES)
def test_wrong_store_is_refused(client, change, param):
    with pytest.raises(openai.BadRequestError) as caught:
        client.vector_stores.create(**change)

    assert caught.value.param == param


def test_files_and_file_ids_exclude_each_other(client, store):
    batches = client.vector_stores.file_batches

    with pytest.raises(openai.BadRequestError) as both:
        batches.create(store.id, file_ids=["file-x"], files=[{"file_id": "file-x"}])
    with pytest.raises(openai.BadRequestError) as neither:
        batches.create(store.id)

    assert both.value.code == "mutually_exclusive_parameters"
    assert (neither.value.code, neither.value.param) == ("missing_required_parameter", "file_ids")


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


def test_library_outlives_its_process(start, tmp_path):
    with connect(start(data=tmp_path)) as client:
        store = client.vector_stores.create(name="kept")
        put(client, store, attributes={"year": 2026})
        before = client.vector_stores.retrieve(store.id)

    with connect(start(data=tmp_path)) as client:
        assert client.vector_stores.retrieve(store.id) == before
        assert found(client, store) == ["lantern.md"]


def test_two_processes_may_share_a_folder(start, tmp_path):
    with connect(start(data=tmp_path)) as one, connect(start(data=tmp_path)) as other:
        store = one.vector_stores.create(name="shared")
        file = put(other, store)
        assert found(one, store) == found(other, store) == ["lantern.md"]

        one.files.delete(file.id)
        assert found(other, store) == []


def test_what_was_in_progress_is_indexed_by_the_next(start, tmp_path):
    first = start(data=tmp_path)
    first.service.file_storage.queue_indexing = lambda files: None
    with connect(first) as client:
        store = client.vector_stores.create(name="left")
        file = upload(client, "lantern.md", LANTERN)
        client.vector_stores.files.create(store.id, file_id=file.id)

    with connect(start(data=tmp_path)) as client:
        done = client.vector_stores.files.poll(file.id, vector_store_id=store.id)
        assert done.status == "completed"
        assert found(client, store) == ["lantern.md"]


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
        assert found(client, store) == ["parking.md"]


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


def test_store_lives_as_long_as_it_is_used(start):
    clock = Clock()
    with connect(start(now=clock)) as client:
        expiry = {"anchor": "last_active_at", "days": 1}
        store = client.vector_stores.create(name="short", expires_after=expiry)
        put(client, store)
        for _ in range(3):
            clock.now += DAY_S - 1
            assert found(client, store) == ["lantern.md"]
        clock.now += DAY_S

        assert client.vector_stores.retrieve(store.id).status == "expired"
        with pytest.raises(openai.BadRequestError, match="has expired") as caught:
            found(client, store)
        assert caught.value.code == "vector_store_expired"
        for use in (
            lambda: client.vector_stores.update(store.id, name="again"),
            lambda: put(client, store),
        ):
            with pytest.raises(openai.BadRequestError, match="has expired"):
                use()
        assert client.vector_stores.delete(store.id).deleted
