"""How a session tells turns apart, out of its settings, and the turn that is being spoken.

Server VAD ends a turn after a fixed silence. Semantic VAD waits for a sentence that sounds
finished: 320 ms behind one, up to 8, 4 or 2 s (`eagerness`) behind "I would like to". Those limits
are documented; the 320 ms, and the second where no words are known, are assumed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.realtime.input_buffer import Turns

LONGEST_WAIT_MS = {"low": 8000, "medium": 4000, "auto": 4000, "high": 2000}
FINISHED_WAIT_MS, UNKNOWN_WAIT_MS = 320, 1000
_UNFINISHED = re.compile(
    r"(\b(a|an|and|but|for|from|in|of|or|so|the|to|um|uh|with)[.,]?|,|\.\.\.|-)$", re.IGNORECASE
)


@dataclass
class Turn:
    """The turn that is being spoken: the item that it will be, and what is known of its words."""

    item_id: str | None = None
    hearing: int | None = None
    words: str | None = None
    is_heard: bool = False


def is_semantic(detection: Mapping[str, Any]) -> bool:
    return detection.get("type") == "semantic_vad"


def turns_of(detection: Mapping[str, Any]) -> Turns | None:
    """What the input buffer is to look for; None for push to talk."""
    if not detection:
        return None
    if is_semantic(detection):
        return Turns(silence_ms=longest_wait_ms(detection))
    return Turns(
        detection["threshold"], detection["prefix_padding_ms"], detection["silence_duration_ms"]
    )


def longest_wait_ms(detection: Mapping[str, Any]) -> int:
    """How long semantic VAD waits for a sentence to go on."""
    return LONGEST_WAIT_MS[detection.get("eagerness") or "auto"]


def wait_ms(detection: Mapping[str, Any], words: str | None) -> int:
    """How long a silence ends a turn with these words; None: they cannot be had."""
    longest = longest_wait_ms(detection)
    if words is None:
        return min(UNKNOWN_WAIT_MS, longest)
    is_finished = words.strip() and not _UNFINISHED.search(words.strip())
    return FINISHED_WAIT_MS if is_finished else longest
