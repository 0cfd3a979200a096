"""Schemas that are hostile, or merely large: an answer or a reason, and soon."""

import datetime

from emulator.structured.fill import Sources, fill
from emulator.structured.smallest import SmallestValues
from emulator.structured.validate import (
    MOST_OPTIONS,
    TYPES,
    check_supported,
    identity,
    is_valid,
    same,
)
from tests.support.computing_time import computes_at_once
from tests.support.property_examples import examples

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

STRING = {"type": "string"}
HUGE = 10**400


def required(**properties):
    return {"type": "object", "properties": properties, "required": list(properties)}


def doubling(levels, both, last):
    """A schema whose parts name the next one twice each."""
    parts = {f"d{n}": both({"$ref": f"#/$defs/d{n + 1}"}) for n in range(levels)}
    return required(a={"$ref": "#/$defs/d0"}) | {"$defs": parts | {f"d{levels}": last}}


SHAPES = [
    STRING | {"minLength": HUGE},
    STRING | {"maxLength": HUGE},
    {"type": "number", "minimum": HUGE},
    {"type": "number", "maximum": 1e308},
    {"type": "number", "multipleOf": 0},
    {"type": "number", "multipleOf": -1},
    {"type": "array", "minItems": HUGE},
    {"type": 1},
    {"type": [[1]]},
    {"type": {"a": 1}},
    {"items": [{"type": [1]}]},
    {"properties": {}, "required": 1e308},
    {"properties": {}, "required": [1, 2]},
    {"enum": ["a"] * (MOST_OPTIONS + 1)},
]


@pytest.mark.parametrize("schema", SHAPES, ids=lambda schema: str(schema)[:40])
def test_bad_shape_is_refused(schema):
    with pytest.raises(ValueError, match="valid value|expected a schema|too large"):
        check_supported(required(a=schema))


KEYWORDS = st.sampled_from(
    """type enum const required properties items prefixItems anyOf oneOf allOf $ref pattern format
    minLength maxLength minItems maxItems minimum maximum multipleOf uniqueItems nullable default
    examples additionalProperties $defs exclusiveMinimum description title""".split()
)
NUMBERS = st.sampled_from([0, -1, 2.5, 1e308, -1e308, HUGE, -HUGE, 5e-324, 10**18])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=3) | st.sampled_from(TYPES),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYWORDS | st.text(max_size=2), inner)
    ),
    max_leaves=8,
)
WORDS = st.sampled_from(["Hello", "", "Make a slug for averylongtitlewithoutanyblanks Indeed", "7"])


@given(st.dictionaries(KEYWORDS, VALUES, max_size=5), WORDS)
@settings(max_examples=examples(300), deadline=None)
def test_schema_of_any_shape_is_filled_or_refused(inner, prompt):
    schema = required(a=inner)
    try:
        value = fill(schema, Sources(prompt)).value
    except ValueError:
        return

    assert is_valid(value, schema, schema)


@pytest.mark.parametrize(
    "schema",
    [
        required(a={"type": "array", "items": {"type": "integer"}, "uniqueItems": True}
                 | {"minItems": 3_000}),
        doubling(24, lambda ref: {"allOf": [ref, ref]}, STRING),
        doubling(24, lambda ref: {"allOf": [ref, ref]}, {"enum": []}),
        required(a={"type": "array", "minItems": 100_000, "items": {"type": "boolean"}}),
        required(a=STRING | {"minLength": 100_000, "pattern": "^b*$"}),
        required(a={"enum": [f"v{n}" for n in range(100_000)]}),
        required(a={"type": "string", "pattern": "a{1000000000}"}),
    ],
    ids=["unique", "all of", "none of", "items", "long", "options", "repeat"],
)  # fmt: skip
def test_slow_schema_is_refused_soon(schema):
    reasons = "too large|too complex|satisfied|supported"

    with computes_at_once(2), pytest.raises(ValueError, match=reasons):
        fill(schema, Sources("Hello"))


def test_value_of_millions_of_parts_is_never_built():
    schema = doubling(30, lambda ref: required(left=ref, right=ref), STRING)
    with pytest.raises(ValueError, match="complex"):
        SmallestValues(schema, datetime.date(2026, 1, 1)).find(schema)


def test_shared_value_is_valid_without_being_followed_twice():
    schema = doubling(40, lambda ref: {"anyOf": [ref, ref]}, {"const": 1})

    assert is_valid({"a": 1}, schema, schema)
    assert not is_valid({"a": 2}, schema, schema)


@given(VALUES, VALUES)
def test_identity_is_equal_exactly_where_values_are_the_same(one, other):
    assert (identity(one) == identity(other)) is same(one, other)
    assert identity([one, 1, True]) == identity([one, 1.0, True]) != identity([one, 1, 1])


@pytest.mark.parametrize("pattern", [r"^([a-z0-9]+-?)+$", r"^(\w+\s?)+$"])
def test_honest_pattern_that_is_exponential_for_re_is_filled(pattern):
    schema = required(slug=STRING | {"pattern": pattern})
    words = "Make a slug for averyveryverylongtitlewithoutanyblanksinit Indeed"

    assert is_valid(fill(schema, Sources(words)).value, schema, schema)
