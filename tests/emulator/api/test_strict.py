"""Strict mode: schemas that OpenAI refuses are refused in its words, the others are not."""

from emulator.api.strict import check_strict
from tests.support.schemas import closed

import pytest

STRING = {"type": "string"}


def nested(levels):
    schema = closed(a=STRING)
    for _ in range(levels):
        schema = closed(a=schema)
    return schema


EVENT = closed(name=STRING, date=STRING)
NODE = closed(
    value={"type": "number"}, next={"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}
)
ADDITIONAL = "'additionalProperties' is required to be supplied and to be false."
REQUIRED = """'required' is required to be supplied and to be an array including every key in \
properties."""
NOT_A_UNION = """schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' \
at the top level."""
EXTRA = f"{REQUIRED} Extra required key 'y' supplied."
AN_OBJECT = "schema must be a JSON Schema of 'type: \"object\"', got 'type: "


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        (EVENT, None),
        (NODE | {"$defs": {"node": NODE}}, None),
        ({"anyOf": [EVENT]}, AN_OBJECT + '"None"\'.'),
        ({"type": "array", "items": STRING}, AN_OBJECT + '"array"\'.'),
        ({"type": "object", "properties": {}}, "In context=(), " + ADDITIONAL),
        (closed() | {"properties": {"x": STRING}}, f"In context=(), {REQUIRED} Missing 'x'."),
        (
            closed(x={"type": "array", "items": {"type": "object", "properties": {}}}),
            f"In context=('properties', 'x', 'items'), {ADDITIONAL}",
        ),
        (closed(x={}), "In context=('properties', 'x'), schema must have a 'type' key."),
        (
            closed(x={"type": "array"}),
            "In context=('properties', 'x'), array schema missing items.",
        ),
        (
            closed(x={"oneOf": [STRING]}),
            "In context=('properties', 'x'), 'oneOf' is not permitted.",
        ),
        (
            closed(x={"type": "string", "format": "uri"}),
            "In context=('properties', 'x'), 'uri' is not a valid format.",
        ),
        *(
            (closed(x={"type": kind, "format": form}), None)
            for kind in ("integer", "number", ["integer", "null"])
            for form in ("uint8", "int64", "double")
        ),
        (
            closed(x={"type": ["string", "null"], "format": "uint8"}),
            "In context=('properties', 'x'), 'uint8' is not a valid format.",
        ),
        (closed(x=STRING) | {"required": ["x", "y"]}, f"In context=(), {EXTRA}"),
        (
            closed() | {"anyOf": []},
            NOT_A_UNION,
        ),
        (closed() | {"properties": 5, "required": 6}, None),
        (nested(9), None),
        (nested(10), "11 levels of nesting exceeds limit of 10."),
    ],
)
def test_strict_mode_refuses_as_openai_does(schema, complaint):
    assert check_strict(schema) == complaint


def test_strict_mode_bounds_number_of_properties():
    assert check_strict(closed(**{f"p{n}": STRING for n in range(5000)})) is None
    assert "5000" in check_strict(closed(**{f"p{n}": STRING for n in range(5001)}))
