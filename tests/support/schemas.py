"""Schemas as a caller of strict mode writes them."""

from typing import Any


def closed(**properties: Any) -> dict[str, Any]:
    """An object of these properties, all of them required, and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
