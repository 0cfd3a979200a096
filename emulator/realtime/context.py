"""Context truncation: which items a response still reads where a conversation has grown too long.

By `truncation`: "auto" drops the oldest until the rest fits; a retention ratio drops more than that
at a time, so that what stays is cached for a while; "disabled" fails the response. Items stay in
the conversation. How much a model can read stands in its row of `emulator/models.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from emulator.errors import ApiError
from emulator.models import MODELS
from emulator.realtime.build_prompt import input_tokens
from emulator.realtime.conversation import ConversationItem
from emulator.wire import tokens


def kept(
    entries: Sequence[ConversationItem], instructions: str, settings: Mapping[str, Any]
) -> list[ConversationItem]:
    """The newest entries that fit, by the session's settings; raises ApiError if none may go."""
    most, share = _room(settings)
    most -= tokens.count(instructions)
    sizes = [sum(input_tokens([entry], "").values()) for entry in entries]
    total = sum(sizes)
    if total <= most:
        return list(entries)
    if share is None:
        message = f"The conversation has {total} tokens, and truncation is disabled."
        raise ApiError(400, message, code="context_length_exceeded")
    # A share below 1 drops more than it must now, so that the next turns can keep their cached
    # start.
    first = 0
    while first < len(sizes) - 1 and total > most * share:
        total -= sizes[first]
        first += 1
    return list(entries[first:])


def _room(settings: Mapping[str, Any]) -> tuple[int, float | None]:
    """Tokens that may be read, and the share of them that is kept; None: nothing may go."""
    window = MODELS[settings["model"]].reads or 0
    truncation: Any = settings.get("truncation") or "auto"
    if truncation == "disabled":
        return window, None
    if truncation == "auto":
        return window, 1.0
    limit = (truncation.get("token_limits") or {}).get("post_instructions") or window
    return min(window, limit), truncation["retention_ratio"]
