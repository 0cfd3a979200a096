"""Tools, the choice between them, and shapes of answers: what chat and Responses have in common.

The two spell the same things differently: chat nests a function under `function`, Responses has it
flat. Both are read into `Tool`s and a `Choice`, and echoed as they came.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emulator import params
from emulator.answers.answer import Tool
from emulator.params import Param, bad, flag, only, text
from emulator.structured.fill import Sources, check_strict, fill

MODES = ("none", "auto", "required")
JSON_OBJECT = {
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
    "additionalProperties": False,
}
EMPTY = {"type": "object", "properties": {}}
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass(frozen=True)
class Choice:
    """Which tools may be called, whether one must be, and whether the caller named it.

    `file_search` is that tool's settings, where it may be used.
    """

    tools: Sequence[Tool] = ()
    must_call: bool = False
    is_named: bool = False
    file_search: Mapping[str, Any] | None = None


def name(param: str, value: Any) -> str:
    if not _NAME.fullmatch(text(param, value)):
        message = f"""Invalid '{param}': string does not match pattern. Expected a string that \
matches the pattern '^[a-zA-Z0-9_-]+$', of at most 64 characters."""
        raise bad(message, param, "invalid_value")
    return str(value)


def schema(param: str, value: Any) -> dict[str, Any]:
    return params.obj(param, value)


FUNCTION: Mapping[str, Param] = {
    "name": Param(name, required=True),
    "description": Param(text),
    "parameters": Param(schema),
    "strict": Param(flag),
    "allowed_callers": Param(only(["direct"])),
    "async": Param(only(False)),
    "defer_loading": Param(only(False)),
    "output_schema": Param(schema),
}


def store_ids(param: str, value: Any) -> list[str]:
    """At least one vector store's id."""
    found = [text(f"{param}[{place}]", each) for place, each in enumerate(_array(param, value))]
    if not found:
        message = f"""Invalid '{param}': empty array. Expected an array with minimum length 1, \
but got an empty array instead."""
        raise bad(message, param, "empty_array")
    return found


HYBRID: Mapping[str, Param] = {
    "embedding_weight": Param(params.number(0, 1), required=True),
    "text_weight": Param(params.number(0, 1), required=True),
}
RANKING: Mapping[str, Param] = {
    "ranker": Param(params.one_of("auto", "default-2024-11-15"), "auto"),
    "score_threshold": Param(params.number(0, 1), 0.0),
    "hybrid_search": Param(params.fields(HYBRID)),
}
FILE_SEARCH: Mapping[str, Param] = {
    "vector_store_ids": Param(store_ids, required=True),
    "filters": Param(params.obj),
    "max_num_results": Param(params.integer(1, 50), 20),
    "ranking_options": Param(
        params.fields(RANKING), {"ranker": "auto", "score_threshold": 0.0, "hybrid_search": None}
    ),
}


def chat_tools(param: str, value: Any) -> list[dict[str, Any]]:
    """Functions as chat has them, nested under `function`."""
    functions = []
    for place, item in enumerate(_array(param, value)):
        at = f"{param}[{place}]"
        tool = _function_tool(at, item)
        for key in tool.keys() - {"type", "function"}:
            raise bad(f"Unknown parameter: '{at}.{key}'.", f"{at}.{key}", "unknown_parameter")
        functions.append(_function(f"{at}.function", tool.get("function"), f"{at}.function"))
    return functions


def response_tools(param: str, value: Any) -> list[dict[str, Any]]:
    """Functions as Responses has them, flat, and file search; their defaults are filled in."""
    functions = []
    for place, item in enumerate(_array(param, value)):
        at = f"{param}[{place}]"
        if params.obj(at, item).get("type") == "file_search":
            rest = {key: each for key, each in item.items() if key != "type"}
            functions.append({"type": "file_search", **params.fields(FILE_SEARCH)(at, rest)})
            continue
        tool = _function_tool(at, item)
        told = _function(at, {key: tool[key] for key in tool if key != "type"}, at)
        fits = check_strict(told["parameters"] or EMPTY) is None
        strict = fits if told["strict"] is None else told["strict"]
        extra = {key: tool[key] for key in tool if key not in FUNCTION and key != "type"}
        functions.append({"type": "function", **told, "strict": strict, **extra})
    return functions


def choose(choice: Any, functions: Sequence[Mapping[str, Any]]) -> Choice:
    """The tools that a checked `tool_choice` leaves; raises ApiError (400) for one that is not."""
    searches = [each for each in functions if each.get("type") == "file_search"]
    tools = [_tool(each) for each in functions if each not in searches]
    search = searches[0] if searches else None
    if choice == "none":
        return Choice()
    if not functions and choice != "auto":
        message = """Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' \
are specified."""
        raise bad(message, "tool_choice", None)
    if isinstance(choice, str):
        return Choice(tools, choice == "required" and search is None, file_search=search)
    if choice["type"] == "file_search":
        return Choice(file_search=_there("file_search", search))
    if choice["type"] == "function":
        return Choice([_named(_name_in(choice), tools)], must_call=True, is_named=True)
    allowed = choice.get("allowed_tools") or choice
    kinds = [each["type"] for each in allowed["tools"]]
    search = _there("file_search", search) if "file_search" in kinds else None
    wanted = [
        _named(_name_in(each), tools) for each in allowed["tools"] if each["type"] == "function"
    ]
    return Choice(wanted, allowed["mode"] == "required" and search is None, file_search=search)


def tool_choice(param: str, value: Any) -> Any:
    """A mode, a named function, or a set of allowed tools, in chat's or Responses' spelling."""
    if isinstance(value, str):
        return params.one_of(*MODES)(param, value)
    fields = params.obj(param, value)
    kind = text(f"{param}.type", fields.get("type"))
    if kind == "function":
        text(f"{param}.name", _name_in(fields))
    elif kind == "file_search":
        pass
    elif kind == "allowed_tools":
        at = f"{param}.allowed_tools" if "allowed_tools" in fields else param
        allowed = params.obj(at, fields.get("allowed_tools") or fields)
        params.one_of("auto", "required")(f"{at}.mode", allowed.get("mode"))
        for place, each in enumerate(_array(f"{at}.tools", allowed.get("tools"))):
            inner = f"{at}.tools[{place}]"
            if params.obj(inner, each).get("type") != "file_search":
                text(f"{inner}.name", _name_in(_function_tool(inner, each)))
    else:
        only()(f"{param}.type", kind)
    return value


def chat_format(param: str, value: Any) -> dict[str, Any] | None:
    """The schema that a `response_format` asks for; None for plain text."""
    fields = params.obj(param, value)
    kind = params.one_of("text", "json_object", "json_schema")(f"{param}.type", fields.get("type"))
    if kind == "json_schema":
        asked = params.fields(_FORMAT)(f"{param}.json_schema", fields.get("json_schema"))
        _check_format(asked, param, None)
        return dict(asked["schema"] or EMPTY)
    return JSON_OBJECT if kind == "json_object" else None


def response_format(param: str, value: Any) -> dict[str, Any]:
    """A `text.format` as it is echoed, its defaults filled in."""
    fields = params.obj(param, value)
    kind = params.one_of("text", "json_object", "json_schema")(f"{param}.type", fields.get("type"))
    if kind != "json_schema":
        return {"type": kind}
    rest = {key: item for key, item in fields.items() if key != "type"}
    asked = params.fields(_FORMAT | {"schema": Param(schema, required=True)})(param, rest)
    _check_format(asked, f"{param}.schema", "invalid_json_schema")
    return {"type": kind, **asked}


def format_schema(format: Mapping[str, Any]) -> dict[str, Any] | None:
    if format["type"] == "json_object":
        return JSON_OBJECT
    return format.get("schema")


_FORMAT: dict[str, Param] = {
    "name": Param(name, required=True),
    "description": Param(text),
    "schema": Param(schema),
    "strict": Param(flag, False),
}


def _array(param: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise params.wrong_type(param, "an array of objects", value)
    return value


def _function_tool(param: str, value: Any) -> dict[str, Any]:
    tool = params.obj(param, value)
    kind = text(f"{param}.type", tool.get("type"))
    if kind != "function":
        only()(f"{param}.type", kind)
    return tool


def _function(param: str, value: Any, at: str) -> dict[str, Any]:
    """A checked function: name, description, parameters, strict."""
    told = params.fields(FUNCTION)(param, value)
    if told["strict"] and (why := check_strict(told["parameters"] or EMPTY)):
        raise _bad_function(told["name"], why, at)
    try:
        fill(told["parameters"] or EMPTY, Sources(""))
    except ValueError as error:
        raise _bad_function(told["name"], f"{error}.", at) from None
    return {key: told[key] for key in ("name", "description", "parameters", "strict")}


def _bad_function(function: str, why: str, at: str) -> Exception:
    message = f"Invalid schema for function '{function}': {why}"
    return bad(message, f"{at}.parameters", "invalid_function_parameters")


def _check_format(asked: Mapping[str, Any], param: str, code: str | None) -> None:
    """Raises ApiError (400) for a schema that strict mode refuses, or that cannot be filled."""
    why = check_strict(asked["schema"] or EMPTY) if asked["strict"] else None
    if why is None:
        try:
            fill(asked["schema"] or EMPTY, Sources(""))
        except ValueError as error:
            why = f"{error}."
    if why is not None:
        message = f"Invalid schema for response_format '{asked['name']}': {why}"
        raise bad(message, param, code)


def _tool(function: Mapping[str, Any]) -> Tool:
    return Tool(function["name"], function["description"] or "", function["parameters"] or EMPTY)


def _name_in(value: Mapping[str, Any]) -> Any:
    nested = value.get("function")
    return nested.get("name") if isinstance(nested, dict) else value.get("name")


def _there(wanted: str, tool: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if tool is None:
        raise bad(f"Tool choice '{wanted}' not found in 'tools' parameter.", "tool_choice", None)
    return tool


def _named(wanted: str, tools: Sequence[Tool]) -> Tool:
    for tool in tools:
        if tool.name == wanted:
            return tool
    raise bad(f"Tool choice '{wanted}' not found in 'tools' parameter.", "tool_choice", None)
