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
from emulator.api.strict import check_strict
from emulator.params import Param, bad, flag, only, text
from emulator.structured.fill import Sources, fill

MODES = ("none", "auto", "required")
MOST_TOOLS = 128
"""In chat, as OpenAI's 400s of 2024 and 2025 say; so many calls of one message, too."""
MOST_RESPONSE_TOOLS = 1024
"""In Responses, for which no limit is reported: the emulator's own."""
# The types of tools, and of choices between them, in openai 3.57's types.
CHAT_TOOL = params.known(("function",), ("custom",))
TOOL = params.known(
    ("function", "file_search"),
    (
        "apply_patch",
        "code_interpreter",
        "computer",
        "computer_use_preview",
        "custom",
        "image_generation",
        "local_shell",
        "mcp",
        "namespace",
        "programmatic_tool_calling",
        "shell",
        "tool_search",
        "web_search",
        "web_search_2025_08_26",
        "web_search_preview",
        "web_search_preview_2025_03_11",
    ),
)
CHOICE = params.known(
    ("function", "allowed_tools", "file_search"),
    (
        "apply_patch",
        "code_interpreter",
        "computer",
        "computer_use",
        "computer_use_preview",
        "custom",
        "image_generation",
        "mcp",
        "programmatic_tool_calling",
        "shell",
        "web_search_preview",
        "web_search_preview_2025_03_11",
    ),
)
JSON_OBJECT = {
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
    "additionalProperties": False,
}
EMPTY = {"type": "object", "properties": {}}
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_SECOND_SEARCH = """Unsupported parameter: '{}' is a second 'file_search' tool, and this emulator \
takes one in a request. To search several stores, name them all in its 'vector_store_ids'."""


@dataclass(frozen=True)
class Choice:
    """Which tools may be called, whether one must be, and whether the caller named it.

    `file_search` is that tool's settings, where it may be used; `must_search` says that it must be.
    """

    tools: Sequence[Tool] = ()
    must_call: bool = False
    is_named: bool = False
    file_search: Mapping[str, Any] | None = None
    must_search: bool = False


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
    given = params.array(param, value, least=1)
    return [text(f"{param}[{place}]", each) for place, each in enumerate(given)]


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
    "ranking_options": Param(params.fields(RANKING), {"ranker": "auto", "score_threshold": 0.0}),
}


def chat_tools(param: str, value: Any) -> list[dict[str, Any]]:
    """Functions as chat has them, nested under `function`."""
    functions = []
    for place, item in enumerate(params.array(param, value, most=MOST_TOOLS)):
        at = f"{param}[{place}]"
        tool = params.obj(at, item)
        CHAT_TOOL(f"{at}.type", tool.get("type"))
        for key in tool.keys() - {"type", "function"}:
            raise bad(f"Unknown parameter: '{at}.{key}'.", f"{at}.{key}", "unknown_parameter")
        functions.append(_function(f"{at}.function", tool.get("function")))
    return functions


def response_tools(param: str, value: Any) -> list[dict[str, Any]]:
    """Functions as Responses has them, flat, and file search; their defaults are filled in.

    Raises ApiError (400) for a second file search: only one of them could be carried out, and what
    OpenAI does with two is not documented.
    """
    tools: list[dict[str, Any]] = []
    for place, item in enumerate(params.array(param, value, most=MOST_RESPONSE_TOOLS)):
        at = f"{param}[{place}]"
        rest = {key: each for key, each in params.obj(at, item).items() if key != "type"}
        if TOOL(f"{at}.type", item.get("type")) == "file_search":
            if any(tool["type"] == "file_search" for tool in tools):
                raise bad(_SECOND_SEARCH.format(at), at, "unsupported_parameter")
            tools.append({"type": "file_search", **_file_search(at, rest)})
            continue
        function = _function(at, rest)
        if function["strict"] is None:
            # Unasked, Responses is strict wherever the schema allows it.
            function["strict"] = check_strict(function["parameters"] or EMPTY) is None
        tools.append({"type": "function", **function})
    return tools


def choose(choice: Any, offered: Sequence[Mapping[str, Any]]) -> Choice:
    """The tools that a checked `tool_choice` leaves; raises ApiError (400) for one that is not.

    A mode allows all tools, an object names some. A search runs by itself before the answer: where
    one is allowed, the answer need not call a function even if the mode is `required`.
    """
    if choice == "none":
        return Choice()
    if not offered and choice != "auto":
        message = """Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' \
are specified."""
        raise bad(message, "tool_choice", None)
    if isinstance(choice, str):
        allowed, mode = offered, choice
    elif choice["type"] == "allowed_tools":
        named = choice.get("allowed_tools") or choice
        allowed, mode = [_find(each, offered) for each in named["tools"]], named["mode"]
    else:
        allowed, mode = [_find(choice, offered)], "required"
    searches = [tool for tool in allowed if _label(tool)[0] == "file_search"]
    functions = [_tool(tool) for tool in allowed if tool not in searches]
    is_named = not isinstance(choice, str) and choice["type"] == "function"
    is_required, search = mode == "required", searches[0] if searches else None
    must_call, must_search = is_required and not searches, is_required and bool(searches)
    return Choice(functions, must_call, is_named, search, must_search)


def tool_choice(param: str, value: Any) -> Any:
    """A mode, a named function, or a set of allowed tools, in chat's or Responses' spelling."""
    if isinstance(value, str):
        return params.one_of(*MODES)(param, value)
    kind = CHOICE(f"{param}.type", params.obj(param, value).get("type"))
    if kind == "function":
        text(f"{param}.name", _name_in(value))
    elif kind == "allowed_tools":
        at = f"{param}.allowed_tools" if "allowed_tools" in value else param
        _check_allowed(at, params.obj(at, value.get("allowed_tools") or value))
    return value


def _check_allowed(param: str, allowed: dict[str, Any]) -> None:
    params.one_of("auto", "required")(f"{param}.mode", allowed.get("mode"))
    for place, each in enumerate(params.array(f"{param}.tools", allowed.get("tools"))):
        at = f"{param}.tools[{place}]"
        if TOOL(f"{at}.type", params.obj(at, each).get("type")) == "function":
            text(f"{at}.name", _name_in(each))


def chat_format(param: str, value: Any) -> dict[str, Any] | None:
    """The schema that a `response_format` asks for; None for plain text."""
    format = params.obj(param, value)
    kind = _FORMATS(f"{param}.type", format.get("type"))
    if kind == "json_schema":
        asked = params.fields(_FORMAT)(f"{param}.json_schema", format.get("json_schema"))
        _check_format(asked, param, None)
        return dict(asked["schema"] or EMPTY)
    return JSON_OBJECT if kind == "json_object" else None


def response_format(param: str, value: Any) -> dict[str, Any]:
    """A `text.format` as it is echoed, its defaults filled in."""
    format = params.obj(param, value)
    kind = _FORMATS(f"{param}.type", format.get("type"))
    if kind != "json_schema":
        return {"type": kind}
    rest = {key: item for key, item in format.items() if key != "type"}
    asked = params.fields(_FORMAT | {"schema": Param(schema, required=True)})(param, rest)
    _check_format(asked, f"{param}.schema", "invalid_json_schema")
    return {"type": kind, **{key: asked[key] for key in sorted(asked)}}


def format_schema(format: Mapping[str, Any]) -> dict[str, Any] | None:
    return JSON_OBJECT if format["type"] == "json_object" else format.get("schema")


_FORMATS = params.one_of("text", "json_object", "json_schema")
_FORMAT: dict[str, Param] = {
    "name": Param(name, required=True),
    "description": Param(text),
    "schema": Param(schema),
    "strict": Param(flag, False),
}


def _file_search(param: str, value: Any) -> dict[str, Any]:
    """File search's settings as they are echoed: weights stand there only if they were sent."""
    asked = params.fields(FILE_SEARCH)(param, value)
    ranking = {key: each for key, each in asked["ranking_options"].items() if each is not None}
    order = ("filters", "max_num_results", "ranking_options", "vector_store_ids")
    return {key: (asked | {"ranking_options": ranking})[key] for key in order}


def _function(param: str, value: Any) -> dict[str, Any]:
    """A checked function, its keys in the order in which Responses echoes them."""
    function = params.fields(FUNCTION)(param, value)
    if why := _unusable(function["parameters"], function["strict"]):
        message = f"Invalid schema for function '{function['name']}': {why}"
        raise bad(message, f"{param}.parameters", "invalid_function_parameters")
    # `output_schema` is echoed since July 2026, null where none was sent.
    order = ("description", "name", "output_schema", "parameters", "strict")
    return {key: function[key] for key in order}


def _check_format(asked: Mapping[str, Any], param: str, code: str | None) -> None:
    if why := _unusable(asked["schema"], asked["strict"]):
        message = f"Invalid schema for response_format '{asked['name']}': {why}"
        raise bad(message, param, code)


def _unusable(schema: dict[str, Any] | None, is_strict: bool | None) -> str | None:
    """Why strict mode refuses a schema, or why it cannot be filled; None for a usable one."""
    if is_strict and (why := check_strict(schema or EMPTY)):
        return why
    try:
        fill(schema or EMPTY, Sources(""))
    except ValueError as error:
        return f"{error}."
    return None


def _tool(function: Mapping[str, Any]) -> Tool:
    return Tool(function["name"], function["description"] or "", function["parameters"] or EMPTY)


def _name_in(value: Mapping[str, Any]) -> Any:
    nested = value.get("function")
    return nested.get("name") if isinstance(nested, dict) else value.get("name")


def _label(tool: Mapping[str, Any]) -> tuple[str, Any]:
    """What tells tools apart: only functions have names, and chat's have no type here."""
    is_search = tool.get("type") == "file_search"
    return ("file_search", None) if is_search else ("function", _name_in(tool))


def _find(wanted: Mapping[str, Any], offered: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    for tool in offered:
        if _label(tool) == _label(wanted):
            return tool
    kind, name = _label(wanted)
    raise bad(f"Tool choice '{name or kind}' not found in 'tools' parameter.", "tool_choice", None)
