"""Lists in pages: limits, cursors, and whether there is more."""

from emulator.api.paging import listed, page
from emulator.errors import ApiError

import openai
import pytest
from starlette.requests import Request

ITEMS = [{"id": str(number), "is_odd": number % 2 == 1} for number in range(101)]


def paged(query="", items=ITEMS, order="asc", **more):
    """The ids of a page, and whether there is more."""
    scope = {"type": "http", "query_string": query.encode(), "headers": []}
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
