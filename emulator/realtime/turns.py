"""How a session detects turns, by its settings, and the turn that is being spoken.

Server VAD ends a turn after a fixed silence. Semantic VAD listens to the words: it waits 320 ms
after a sentence that sounds finished, but up to 8, 4 or 2 s (`eagerness`) after "I would like to".
As recognition only starts at a pause, a turn begins with the longest wait; the words that come back
shorten it. If the caller goes on speaking, they count for nothing, and the wait is the longest
again. Those limits are documented; the 320 ms, and the second for unknown words, are assumed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.realtime.input_buffer import TurnSettings
from emulator.realtime.transcripts import StableWords

LONGEST_WAIT_MS = {"low": 8000, "medium": 4000, "auto": 4000, "high": 2000}
FINISHED_WAIT_MS, UNKNOWN_WAIT_MS = 320, 1000
_UNFINISHED = re.compile(
    r"(\b(a|an|and|but|for|from|in|of|or|so|the|to|um|uh|with)[.,]?|,|\.\.\.|-)$", re.IGNORECASE
)


@dataclass
class CurrentTurn:
    """The turn that is being spoken: the id of its item to be, and what is known of its words.

    `transcription_id` names the job that recognizes them; `is_transcribed` says that it is done.
    `live` is what was sent of them while it was spoken.
    """

    item_id: str | None = None
    transcription_id: int | None = None
    words: str | None = None
    is_transcribed: bool = False
    live: StableWords = field(default_factory=StableWords)


def is_semantic(detection: Mapping[str, Any]) -> bool:
    return detection.get("type") == "semantic_vad"


def turn_settings(detection: Mapping[str, Any]) -> TurnSettings | None:
    """What the input buffer is to look for; None for push to talk."""
    if not detection:
        return None
    if is_semantic(detection):
        return TurnSettings(silence_ms=longest_wait_ms(detection))
    return TurnSettings(
        detection["threshold"], detection["prefix_padding_ms"], detection["silence_duration_ms"]
    )


def longest_wait_ms(detection: Mapping[str, Any]) -> int:
    """How long semantic VAD waits for a sentence to go on."""
    return LONGEST_WAIT_MS[detection.get("eagerness") or "auto"]


def wait_ms(detection: Mapping[str, Any], words: str | None) -> int:
    """How much silence ends a turn with these words; None: they are not known."""
    longest = longest_wait_ms(detection)
    if words is None:
        return min(UNKNOWN_WAIT_MS, longest)
    is_finished = words.strip() and not _UNFINISHED.search(words.strip())
    return FINISHED_WAIT_MS if is_finished else longest
