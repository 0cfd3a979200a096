"""Lists in pages: limits, cursors, and whether there is more."""

from collections import OrderedDict
from types import SimpleNamespace

from emulator.api.paging import MOST_CURSORS, listed, page
from emulator.errors import ApiError
from tests.support.emulator_clients import MODEL, ask, connect
from tests.support.files_in_stores import LANTERN, upload

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

ITEMS = [{"id": str(number), "is_odd": number % 2 == 1} for number in range(101)]


def paged(query="", items=ITEMS, order="asc", cursors=None, **more):
    """The ids of a page, and whether there is more."""
    service = SimpleNamespace(cursors=OrderedDict() if cursors is None else cursors)
    scope = {"type": "http", "path": "/v1/x", "query_string": query.encode(), "headers": []}
    scope["emulator"] = service
    body = page(Request(scope), items, order=order, **more)
    ids = [item["id"] for item in body["data"]]
    assert (body["first_id"], body["last_id"]) == ((ids[0], ids[-1]) if ids else (None, None))
    return ids, body["has_more"]


def ids(*numbers):
    return [str(number) for number in numbers]


@pytest.mark.parametrize(("length", "has_more"), [(19, False), (20, False), (21, True)])
def test_exactly_full_page_has_no_more(length, has_more):
    assert paged(items=ITEMS[:length]) == (ids(*range(min(length, 20))), has_more)


@pytest.mark.parametrize(("limit", "has_more"), [(1, True), (2, True), (3, False), (4, False)])
def test_limit_is_the_length_of_a_page(limit, has_more):
    assert paged(f"limit={limit}", ITEMS[:3]) == (ids(0, 1, 2)[:limit], has_more)


def test_page_has_at_most_a_hundred():
    assert paged("limit=100") == (ids(*range(100)), True)
    assert paged("limit=100", ITEMS[:100]) == (ids(*range(100)), False)
    assert paged("limit=0") == ([], True)
    assert paged("", []) == paged("limit=0", []) == ([], False)


def test_most_is_the_limit_and_the_default():
    assert paged(most=101) == (ids(*range(101)), False)
    assert paged("limit=101", most=101)[1] is False
    with pytest.raises(ApiError):
        paged("limit=102", most=101)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("order=desc", ids(4, 3, 2, 1, 0)),
        ("after=2", ids(3, 4)),
        ("after=2&order=desc", ids(1, 0)),
        ("after=4", []),
        ("before=2", ids(0, 1)),
        ("before=2&order=desc", ids(4, 3)),
        ("before=0", []),
        ("after=0&before=3", ids(1, 2)),
        ("after=none", []),
        ("before=none", []),
    ],
)
def test_cursor_names_the_item_beside_the_page(query, expected):
    assert paged(query, ITEMS[:5]) == (expected, False)


def test_default_order_is_that_of_the_list():
    assert paged("limit=1", ITEMS[:3], order="desc") == (["2"], True)
    assert paged("limit=1&order=asc", ITEMS[:3], order="desc") == (["0"], True)


def test_left_out_items_do_not_count_but_may_be_cursors():
    def is_odd(item):
        return item["is_odd"]

    assert paged("limit=2", ITEMS[:5], keep=is_odd) == (ids(1, 3), False)
    assert paged("limit=1", ITEMS[:5], keep=is_odd) == (ids(1), True)
    assert paged("after=2", ITEMS[:5], keep=is_odd) == (ids(3), False)


# ------------------------------------------------------------ deleting what is listed


@given(
    count=st.integers(0, 12),
    limit=st.integers(1, 5),
    order=st.sampled_from(["asc", "desc"]),
    steps=st.lists(st.tuples(st.sets(st.integers(0, 30)), st.integers(0, 3)), max_size=13),
)
def test_every_item_that_stays_is_listed_once(count, limit, order, steps):
    """Between two pages any items may go and new ones come; no page repeats or skips an item."""
    items = [{"id": str(number)} for number in range(count)]
    first, born, seen, cursors, query = {*ids(*range(count))}, count, [], OrderedDict(), ""
    stayed, steps = set(first), iter(steps)
    while True:
        found, has_more = paged(f"limit={limit}&order={order}{query}", items, cursors=cursors)
        seen += found
        if not has_more:
            break
        gone, new = next(steps, (set(), 0))
        items = [item for item in items if int(item["id"]) not in gone]
        stayed -= set(ids(*gone))
        items += [{"id": str(number)} for number in range(born, born + new)]
        born += new
        query = f"&after={found[-1]}"

    assert len(seen) == len(set(seen))
    assert stayed <= set(seen)
    assert seen == sorted(seen, key=int, reverse=order == "desc")


def test_few_cursors_are_kept_and_the_latest_is_among_them():
    cursors = OrderedDict()
    for number in range(100):
        paged(f"limit=1&after={number}", cursors=cursors)

    assert list(cursors)[-1] == ("/v1/x", "99")
    assert len(cursors) == MOST_CURSORS


def test_gone_cursor_of_another_list_is_unknown():
    cursors = OrderedDict({("/v1/y", "2"): ids(*range(5))})

    assert paged("after=2", [{"id": "4"}], cursors=cursors) == ([], False)


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("how", ["detach", "delete"])
def test_loop_that_deletes_the_files_of_a_store_deletes_all(client, store, how, order):
    made = [upload(client, f"{number}.md", LANTERN).id for number in range(45)]
    client.vector_stores.file_batches.create_and_poll(store.id, file_ids=made)

    for file in client.vector_stores.files.list(store.id, order=order):
        if how == "detach":
            client.vector_stores.files.delete(file.id, vector_store_id=store.id)
        else:
            client.files.delete(file.id)

    assert list(client.vector_stores.files.list(store.id)) == []
    assert client.vector_stores.retrieve(store.id).file_counts.total == 0


def test_loop_that_deletes_stores_and_completions_deletes_all(start):
    with connect(start(pace=0)) as client:
        for number in range(25):
            client.vector_stores.create(name=str(number))
            client.chat.completions.create(**ask("Where is the dome?"), store=True)

        for store in client.vector_stores.list():
            client.vector_stores.delete(store.id)
        for completion in client.chat.completions.list(model=MODEL):
            client.chat.completions.delete(completion.id)

        assert list(client.vector_stores.list()) == list(client.chat.completions.list()) == []


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("page=2", "page"),
        ("label=x", "label"),
        ("limit=-1", "limit"),
        ("limit=", "limit"),
        ("limit=1.5", "limit"),
        ("order=random", "order"),
    ],
)
def test_bad_query_is_refused_by_name(query, param):
    with pytest.raises(ApiError) as caught:
        paged(query, also=("metadata",))

    assert (caught.value.status, caught.value.param) == (400, param)


def test_other_parameters_of_a_list_are_taken():
    assert paged("metadata[a]=1&metadata=2", ITEMS[:1], also=("metadata",)) == (["0"], False)


def test_list_without_pages_has_no_more():
    assert listed([{"id": "a"}, {"id": "b"}]) == {
        "object": "list",
        "data": [{"id": "a"}, {"id": "b"}],
        "first_id": "a",
        "last_id": "b",
        "has_more": False,
    }


WRONG_PAGES = [({"limit": 101}, "limit"), ({"order": "up"}, "order"), ({"limit": "x"}, "limit")]


@pytest.mark.parametrize(("query", "param"), WRONG_PAGES)
def test_wrong_page_is_refused(client, query, param):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.list(**query)

    assert caught.value.param == param
