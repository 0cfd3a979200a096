"""The tools of a session: functions, flat, without the `strict` that requests have."""

from collections.abc import Mapping, Sequence
from typing import Any

from emulator import params
from emulator.api.tool_params import MODES, response_tools
from emulator.params import bad
from emulator.realtime import field_checks
from emulator.realtime.field_checks import Change, changed, one_of, plain

# Of these only the names are looked at here; what is in them is checked as for Responses.
_FUNCTION: Mapping[str, Change] = {
    key: plain(lambda name, value: value) for key in ("type", "name", "description", "parameters")
}
_NAMED: Mapping[str, Change] = {"type": plain(params.text), "name": plain(params.text)}


def tools(name: str, value: Any) -> list[dict[str, Any]]:
    """Functions as they are sent back; MCP servers are refused by name."""
    given = [
        _function(f"{name}[{place}]", each)
        for place, each in enumerate(field_checks.array(name, value))
    ]
    return [{key: found[key] for key in _FUNCTION} for found in response_tools(name, given)]


def tool_choice(name: str, value: Any) -> Any:
    """A mode, or `{type: "function", name}`; that the function is there is for `check_choice`."""
    if not isinstance(value, dict):
        return one_of(*MODES)(name, value)
    _only_functions(name, value)
    return changed(name, value, {}, _NAMED, ["name"])


def check_choice(name: str, choice: Any, among: Sequence[Mapping[str, Any]]) -> None:
    """Raises ApiError (400) for a choice that names none of the tools."""
    if isinstance(choice, dict) and choice["name"] not in [tool["name"] for tool in among]:
        shown = field_checks.shown(choice["name"])
        message = f"Tool choice '{shown}' not found in 'tools' parameter."
        raise bad(message, name, "invalid_value")


def _function(name: str, value: Any) -> dict[str, Any]:
    _only_functions(name, value)
    return changed(name, value, {}, _FUNCTION, ["name"])


def _only_functions(name: str, value: Any) -> None:
    if params.obj(name, value).get("type") == "mcp":
        raise field_checks.unserved(f"{name}.type")
    field_checks.kind_of(name, value, "function")
