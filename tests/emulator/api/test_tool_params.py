"""Tools and the choice between them: what is taken, what is refused, what may be called."""

from emulator.api.tool_params import (
    Choice,
    chat_format,
    chat_tools,
    choose,
    format_schema,
    response_format,
    response_tools,
    tool_choice,
)
from emulator.errors import ApiError
from tests.support.emulator_clients import MODEL, ask

import openai
import pytest

LOOSE = {"type": "object", "properties": {"a": {"type": "string"}}}
STRICT = LOOSE | {"required": ["a"], "additionalProperties": False}
SEARCH = {"type": "file_search", "vector_store_ids": ["vs_1"]}
FLAT = [{"type": "function", "name": name} for name in ("f", "g", "file_search")]
NESTED = [{"type": "function", "function": {"name": name}} for name in ("f", "g", "file_search")]


def chosen(choice, tools=FLAT, read=response_tools):
    """Names, whether one must be called, whether it was named, whether files are searched."""
    made = choose(tool_choice("tool_choice", choice), read("tools", tools))
    names = [tool.name for tool in made.tools]
    return names, made.must_call, made.is_named, made.file_search is not None


ALL = ["f", "g", "file_search"]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", (ALL, False, False, True)),
        ("required", (ALL, False, False, True)),
        ("none", ([], False, False, False)),
        ({"type": "file_search"}, ([], False, False, True)),
        ({"type": "function", "name": "g"}, (["g"], True, True, False)),
        ({"type": "function", "name": "file_search"}, (["file_search"], True, True, False)),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [FLAT[1], FLAT[0]]},
            (["g", "f"], True, False, False),
        ),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [FLAT[1]]},
            (["g"], False, False, False),
        ),
        (
            {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [FLAT[1], {"type": "file_search"}],
            },
            (["g"], False, False, True),
        ),
    ],
)
def test_choice_leaves_tools(choice, expected):
    assert chosen(choice, [*FLAT, SEARCH]) == expected


@pytest.mark.parametrize("read", [response_tools, chat_tools])
def test_required_needs_a_call_where_nothing_is_searched(read):
    tools = FLAT if read is response_tools else NESTED

    assert chosen("required", tools, read) == (ALL, True, False, False)
    assert chosen("auto", tools, read) == (ALL, False, False, False)


def test_chat_nests_what_responses_has_flat():
    named = {"type": "function", "function": {"name": "g"}}
    allowed = {"mode": "required", "tools": NESTED[:1]}

    assert chosen(named, NESTED, chat_tools) == (["g"], True, True, False)
    choice = {"type": "allowed_tools", "allowed_tools": allowed}
    assert chosen(choice, NESTED, chat_tools) == (["f"], True, False, False)


@pytest.mark.parametrize(
    ("choice", "tools", "why"),
    [
        ("required", [], "only allowed when 'tools'"),
        ({"type": "function", "name": "f"}, [], "only allowed when 'tools'"),
        ({"type": "function", "name": "h"}, FLAT, "Tool choice 'h' not found"),
        ({"type": "file_search"}, FLAT, "Tool choice 'file_search' not found"),
        ({"type": "function", "name": "file_search"}, [SEARCH], "'file_search' not found"),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "file_search"}]},
            FLAT,
            "'file_search' not found",
        ),
    ],
)
def test_choice_of_what_is_not_there_is_refused(choice, tools, why):
    with pytest.raises(ApiError, match=why) as caught:
        chosen(choice, tools)

    assert (caught.value.status, caught.value.param) == (400, "tool_choice")


@pytest.mark.parametrize("between", [[], FLAT])
@pytest.mark.parametrize("other", [SEARCH, SEARCH | {"vector_store_ids": ["vs_2"]}])
def test_second_file_search_is_refused_by_name(between, other):
    tools = [SEARCH, *between, other]

    with pytest.raises(ApiError, match="second 'file_search' tool") as caught:
        response_tools("tools", tools)

    assert (caught.value.status, caught.value.param) == (400, f"tools[{len(tools) - 1}]")


def test_second_file_search_is_refused_on_the_wire(client):
    with pytest.raises(openai.BadRequestError, match="vector_store_ids") as caught:
        client.responses.create(model=MODEL, input="Hello", tools=[SEARCH, SEARCH])

    assert (caught.value.param, caught.value.code) == ("tools[1]", "unsupported_parameter")


@pytest.mark.parametrize("kind", ["file_search", "web_search"])
def test_chat_refuses_tools_that_are_no_functions(client, kind):
    """They are Responses' alone: chat knows the word as little as a typo."""
    with pytest.raises(openai.BadRequestError, match="are: 'function' and 'custom'") as caught:
        client.chat.completions.create(**ask("Hello"), tools=[{"type": kind}])

    assert (caught.value.param, caught.value.code) == ("tools[0].type", "invalid_value")


def test_no_tools_leave_no_choice():
    assert choose("none", []) == Choice() and choose("auto", []) == Choice([])


@pytest.mark.parametrize(
    ("choice", "param", "code"),
    [
        ("any", "c", "invalid_value"),
        (7, "c", "invalid_type"),
        ({}, "c.type", "invalid_type"),
        ({"type": "mcp"}, "c.type", "unsupported_parameter"),
        ({"type": "function"}, "c.name", "invalid_type"),
        ({"type": "allowed_tools", "tools": []}, "c.mode", "invalid_type"),
        ({"type": "allowed_tools", "mode": "none", "tools": []}, "c.mode", "invalid_value"),
        ({"type": "allowed_tools", "mode": "auto"}, "c.tools", "invalid_type"),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function"}]},
            "c.tools[0].name",
            "invalid_type",
        ),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [7]}},
            "c.allowed_tools.tools[0]",
            "invalid_type",
        ),
    ],
)
def test_malformed_choice_is_refused_by_name(choice, param, code):
    with pytest.raises(ApiError) as caught:
        tool_choice("c", choice)

    assert (caught.value.param, caught.value.code) == (param, code)


@pytest.mark.parametrize(
    ("schema", "strict", "told"),
    [(LOOSE, None, False), (STRICT, None, True), (STRICT, False, False), (None, None, False)],
)
def test_responses_are_strict_where_the_schema_allows_it(schema, strict, told):
    (tool,) = response_tools("t", [{**FLAT[0], "parameters": schema, "strict": strict}])

    assert tool == {
        "type": "function",
        "description": None,
        "name": "f",
        "output_schema": None,
        "parameters": schema,
        "strict": told,
    }
    assert list(tool) == ["type", *sorted(tool.keys() - {"type"})]


def test_file_search_is_told_with_its_defaults():
    (tool,) = response_tools("t", [SEARCH])

    assert tool["max_num_results"] == 20 and tool["filters"] is None
    assert tool["ranking_options"] == {"ranker": "auto", "score_threshold": 0.0}
    assert list(tool) == ["type", *sorted(tool.keys() - {"type"})]


def test_weights_of_file_search_are_told_if_they_were_sent():
    weights = {"embedding_weight": 1.0, "text_weight": 0.5}
    (tool,) = response_tools("t", [SEARCH | {"ranking_options": {"hybrid_search": weights}}])

    assert tool["ranking_options"]["hybrid_search"] == weights


FUNCTION = "invalid_function_parameters"


@pytest.mark.parametrize(
    ("read", "tool", "param", "code"),
    [
        (chat_tools, {"type": "function"}, "t[0].function", "invalid_type"),
        (chat_tools, NESTED[0] | {"strict": True}, "t[0].strict", "unknown_parameter"),
        (chat_tools, {"type": "custom"}, "t[0].type", "unsupported_parameter"),
        (
            chat_tools,
            {"type": "function", "function": {"name": "f", "strict": True, "parameters": LOOSE}},
            "t[0].function.parameters",
            FUNCTION,
        ),
        (
            response_tools,
            FLAT[0] | {"strict": True, "parameters": LOOSE},
            "t[0].parameters",
            FUNCTION,
        ),
        (
            response_tools,
            FLAT[0] | {"parameters": {"$ref": "#/nowhere"}},
            "t[0].parameters",
            FUNCTION,
        ),
        (response_tools, FLAT[0] | {"name": "a b"}, "t[0].name", "invalid_value"),
        (response_tools, FLAT[0] | {"name": "a" * 65}, "t[0].name", "invalid_value"),
        (response_tools, FLAT[0] | {"other": 1}, "t[0].other", "unknown_parameter"),
        (response_tools, SEARCH | {"vector_store_ids": []}, "t[0].vector_store_ids", "empty_array"),
        (response_tools, SEARCH | {"max_num_results": 51}, "t[0].max_num_results", None),
    ],
)
def test_unusable_tool_is_refused_by_name(read, tool, param, code):
    with pytest.raises(ApiError) as caught:
        read("t", [tool])

    assert caught.value.param == param
    assert caught.value.code == (code or "integer_above_max_value")


def test_format_is_a_schema_or_none():
    named = {"name": "x", "schema": LOOSE}

    assert chat_format("f", {"type": "text"}) is None
    assert chat_format("f", {"type": "json_object"})["required"] == ["answer"]
    assert chat_format("f", {"type": "json_schema", "json_schema": named}) == LOOSE
    assert format_schema(response_format("f", {"type": "json_schema", **named})) == LOOSE
    assert format_schema(response_format("f", {"type": "json_object"}))["required"] == ["answer"]
    assert format_schema(response_format("f", {"type": "text"})) is None


def test_format_of_responses_is_told_with_its_defaults():
    told = response_format("f", {"type": "json_schema", "name": "x", "schema": LOOSE})

    defaults = {"description": None, "strict": False}
    assert told == {"type": "json_schema", "name": "x", "schema": LOOSE, **defaults}


@pytest.mark.parametrize(
    ("read", "value", "param", "code"),
    [
        (chat_format, {"type": "xml"}, "f.type", "invalid_value"),
        (response_format, {"type": "json_schema", "name": "x"}, "f.schema", None),
        (
            response_format,
            {"type": "json_schema", "name": "x", "schema": LOOSE, "strict": True},
            "f.schema",
            "invalid_json_schema",
        ),
    ],
)
def test_unusable_format_is_refused_by_name(read, value, param, code):
    with pytest.raises(ApiError) as caught:
        read("f", value)

    assert caught.value.param == param
    assert caught.value.code == (code or "missing_required_parameter")


def test_strict_format_of_chat_has_no_code():
    value = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": LOOSE}}
    with pytest.raises(ApiError, match="response_format 'x'") as caught:
        chat_format("f", value)

    assert (caught.value.param, caught.value.code) == ("f", None)
