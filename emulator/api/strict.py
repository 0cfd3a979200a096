"""What OpenAI's strict mode refuses in a schema, in OpenAI's words.

The sentences are those of its 400s as people have reported them; the limits are those of its guide
to structured outputs. `default` is let through: the API takes it by now.
"""

from collections.abc import Iterator
from typing import Any

from emulator.structured.validate import Schema, children

MOST_LEVELS, MOST_PROPERTIES = 10, 5000
_FORMATS = "date-time time date duration email hostname ipv4 ipv6 uuid".split()
_REFUSED = """allOf oneOf not if then else dependentRequired dependentSchemas patternProperties
    uniqueItems prefixItems contains propertyNames unevaluatedItems unevaluatedProperties
    minProperties maxProperties""".split()
_GIVES_TYPE = ("type", "$ref", "anyOf", "oneOf", "allOf")


def check_strict(schema: Schema) -> str | None:
    """The first complaint of strict mode about a schema; None if it has none.

    The top level has to be an object, not a union. Then every schema inside it is looked at by
    itself, from the outside inwards, and last the size of the whole.
    """
    if schema.get("type") != "object":
        return f"""schema must be a JSON Schema of 'type: "object"', \
got 'type: "{schema.get("type")}"'."""
    if "anyOf" in schema:
        return """schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' \
at the top level."""
    nodes = list(_nodes(schema, ()))
    for path, node in nodes:
        for complaint in _complaints(node):
            return f"In context={path}, {complaint}"
    if (levels := _levels(schema)) > MOST_LEVELS:
        return f"{levels} levels of nesting exceeds limit of {MOST_LEVELS}."
    if (total := sum(len(_get(node, "properties", dict)) for _, node in nodes)) > MOST_PROPERTIES:
        return f"{total} object properties exceeds limit of {MOST_PROPERTIES}."
    return None


def _nodes(schema: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Schema]]:
    """Every schema inside a schema, itself included, with the path to it."""
    if isinstance(schema, dict):
        yield path, schema
        for step, child in children(schema):
            yield from _nodes(child, (*path, *step))


def _complaints(node: Schema) -> Iterator[str]:
    """What is wrong with one schema, apart from what is inside it; the first counts."""
    yield from (f"'{keyword}' is not permitted." for keyword in _REFUSED if keyword in node)
    if not any(keyword in node for keyword in _GIVES_TYPE):
        yield "schema must have a 'type' key."
    kinds = node["type"] if isinstance(node.get("type"), list) else [node.get("type")]
    if "array" in kinds and "items" not in node:
        yield "array schema missing items."
    # Numbers may have any: recordings show that `uint8` and `int64`, as Rust has them, are taken.
    is_text = "string" in kinds or kinds == [None]
    if is_text and node.get("format", "date") not in _FORMATS:
        yield f"'{node['format']}' is not a valid format."
    if "object" in kinds:
        yield from _complaints_of_object(node)


def _complaints_of_object(node: Schema) -> Iterator[str]:
    if node.get("additionalProperties") is not False:
        yield "'additionalProperties' is required to be supplied and to be false."
    properties, required = _get(node, "properties", dict), _get(node, "required", list)
    every = "'required' is required to be supplied and to be an array including every key in"
    yield from (f"{every} properties. Missing '{n}'." for n in properties if n not in required)
    extra = (name for name in required if name not in properties)
    yield from (f"{every} properties. Extra required key '{name}' supplied." for name in extra)


def _get(node: Schema, keyword: str, kind: type) -> Any:
    """A keyword's value; an empty one if it is of another kind, which is refused later on."""
    return node[keyword] if isinstance(node.get(keyword), kind) else kind()


def _levels(schema: Any) -> int:
    """How deep objects lie inside of objects; definitions count where they stand."""
    if not isinstance(schema, dict):
        return 0
    return ("properties" in schema) + max(
        (_levels(child) for _, child in children(schema)), default=0
    )
