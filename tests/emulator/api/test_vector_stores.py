"""Vector stores and their searches, by the unmodified SDK."""

import re

from emulator.api.vector_stores import search_stores
from emulator.errors import ApiError
from emulator.storage.vector_store_table import DAY_S
from emulator.text.small_talk import rewrite
from tests.support.emulator_clients import connect
from tests.support.files_in_stores import (
    LANTERN,
    NO_FILES,
    PARKING,
    SettableClock,
    found,
    put,
    upload,
)

import openai
import pytest


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


def test_store_lives_as_long_as_it_is_used(start):
    clock = SettableClock()
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
