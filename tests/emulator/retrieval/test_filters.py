"""Filters: against an oracle that is written another way, and every bad one refused."""

from emulator.errors import ApiError
from emulator.retrieval.filters import DEEPEST, MOST, parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

KEYS = ["a", "b", "c"]
NUMBERS = st.one_of(
    st.integers(-3, 3), st.sampled_from([0.0, 1.0, 1.5, -0.0, 2**53, 2**53 + 1, 10**400])
)
WORDS = st.sampled_from(["", "1", "2024", "a", "b", "é", "True"])
VALUES = st.one_of(NUMBERS, WORDS, st.booleans())
ORDERED = st.one_of(NUMBERS, WORDS)


def comparison(kinds, values):
    return st.fixed_dictionaries(
        {"type": st.sampled_from(kinds), "key": st.sampled_from(KEYS), "value": values}
    )


LEAVES = st.one_of(
    comparison(["eq", "ne"], VALUES),
    comparison(["gt", "gte", "lt", "lte"], ORDERED),
    comparison(["in", "nin"], st.lists(ORDERED, max_size=4)),
)
FILTERS = st.recursive(
    LEAVES,
    lambda inner: st.fixed_dictionaries(
        {"type": st.sampled_from(["and", "or"]), "filters": st.lists(inner, min_size=1, max_size=4)}
    ),
    max_leaves=12,
)
ATTRIBUTES = st.dictionaries(st.sampled_from(KEYS), VALUES)


def sort_of(value):
    """Booleans are numbers to Python, so they are asked for first."""
    for name, kind in (("flag", bool), ("text", str), ("number", (int, float))):
        if isinstance(value, kind):
            return name
    raise AssertionError(value)


def equal(one, other):
    return (sort_of(one), one) == (sort_of(other), other)


def oracle(asked, attributes):
    """The rules of the module's docstring, one by one."""
    kind = asked["type"]
    if kind in ("and", "or"):
        kept = [oracle(each, attributes) for each in asked["filters"]]
        return False not in kept if kind == "and" else True in kept
    if asked["key"] not in attributes:
        return False
    has, value = attributes[asked["key"]], asked["value"]
    if kind in ("eq", "ne"):
        return equal(has, value) == (kind == "eq")
    if kind in ("in", "nin"):
        return (
            [equal(has, each) for each in value].count(True) > 0
            if kind == "in"
            else not [each for each in value if equal(has, each)]
        )
    if sort_of(has) != sort_of(value):
        return False
    order = (has > value) - (has < value)
    return order in {"gt": (1,), "gte": (0, 1), "lt": (-1,), "lte": (-1, 0)}[kind]


@given(asked=FILTERS, attributes=ATTRIBUTES)
def test_filter_does_as_the_oracle(asked, attributes):
    assert parse("filters", asked)(attributes) is oracle(asked, attributes)


TYPED = [
    ("eq", 2024, 2024, True),
    ("eq", 2024, 2024.0, True),
    ("eq", 2024, "2024", False),
    ("eq", "2024", 2024, False),
    ("eq", True, 1, False),
    ("eq", 1, True, False),
    ("eq", "True", True, False),
    ("eq", True, True, True),
    ("ne", "2024", 2024, True),
    ("gt", "2024-02-01", "2024-01-31", True),
    ("gt", "2025", 2024, False),
    ("lt", "2023", 2024, False),
    ("gte", True, 1, False),
    ("in", 2024, ["2024", 2024], True),
    ("in", 2024, ["2024"], False),
    ("in", True, [1], False),
    ("in", 2024, [], False),
    ("nin", 2024, ["2024"], True),
    ("nin", 2024, [], True),
]


@pytest.mark.parametrize(("kind", "has", "value", "expected"), TYPED)
def test_v12_types_are_told_apart(kind, has, value, expected):
    keep = parse("filters", {"type": kind, "key": "k", "value": value})

    assert keep({"k": has}) is expected
    assert keep({"other": has}) is False


def leaf(**changes):
    return {"type": "eq", "key": "k", "value": "v"} | changes


def deep(levels):
    asked = leaf()
    for _ in range(levels - 1):
        asked = {"type": "and", "filters": [asked]}
    return asked


BAD = [
    ([], ""),
    ("a = b", ""),
    ({}, ".type"),
    (leaf(type="like"), ".type"),
    (leaf(type=["eq"]), ".type"),
    (leaf(key=None), ".key"),
    (leaf(key=7), ".key"),
    ({"type": "eq", "key": "k"}, ".value"),
    (leaf(value=None), ".value"),
    (leaf(value={}), ".value"),
    (leaf(value=["v"]), ".value"),
    (leaf(type="gt", value=True), ".value"),
    (leaf(type="lte", value=[1]), ".value"),
    (leaf(type="in", value="v"), ".value"),
    (leaf(type="nin", value=["v", True]), ".value[1]"),
    (leaf(type="in", value=[["v"]]), ".value[0]"),
    (leaf(property="k"), ".property"),
    ({"type": "and", "filters": []}, ".filters"),
    ({"type": "or", "filters": leaf()}, ".filters"),
    ({"type": "and", "filters": [leaf()], "key": "k"}, ".key"),
    ({"type": "and"}, ".filters"),
    ({"type": "or", "filters": [leaf(), None]}, ".filters[1]"),
    ({"type": "or", "filters": [leaf(), leaf(type="eqq")]}, ".filters[1].type"),
    (deep(DEEPEST + 1), ".filters[0]" * DEEPEST),
    ({"type": "or", "filters": [leaf()] * MOST}, f".filters[{MOST - 1}]"),
]


@pytest.mark.parametrize(("asked", "place"), BAD, ids=range(len(BAD)))
def test_bad_filter_is_refused_by_place(asked, place):
    with pytest.raises(ApiError) as caught:
        parse("filters", asked)

    assert (caught.value.status, caught.value.param) == (400, f"filters{place}")


def test_largest_filters_are_taken():
    assert parse("filters", deep(DEEPEST))({"k": "v"})
    assert parse("filters", {"type": "or", "filters": [leaf()] * (MOST - 1)})({"k": "v"})


JSON = st.recursive(
    st.one_of(st.none(), VALUES, st.sampled_from(["eq", "and", "key"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["type", "key", "value", "filters"]), inner),
    ),
    max_leaves=8,
)


@given(asked=st.one_of(JSON, FILTERS), attributes=ATTRIBUTES)
def test_any_json_is_a_filter_or_a_400(asked, attributes):
    refused = None
    try:
        keep = parse("filters", asked)
    except ApiError as error:
        refused = error.status, error.param.startswith("filters")

    assert refused == (400, True) if refused else keep(attributes) in (True, False)
