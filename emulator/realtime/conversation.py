"""The conversation of a session: its items in order, and what the server knows about each.

Codes and sentences of the errors are those of recorded traffic (`item_delete_invalid_item_id`,
"the item with id ... does not exist").
"""

import copy
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from emulator.errors import ApiError
from emulator.wire import ids

ROOT = "root"
# Eleven minutes; only `conversation.item.retrieve` asks for it.
MOST_SOUND_BYTES = 32 * 2**20
_DOING = {"delete": "deleting", "retrieve": "retrieving", "truncate": "truncating"}


@dataclass
class ConversationItem:
    """An item: `payload` is what is sent of it.

    `pcm` is sound (s16le, 24 kHz) that a client sent; `sound_ms` is how long the item sounds.
    `words` is what was heard in it or is spoken by it; None where it cannot be known, and as long
    as `transcription_id` names a job. `previous` is the id of the item before it.
    """

    payload: dict[str, Any]
    pcm: bytes = b""
    sound_ms: float = 0.0
    words: str | None = ""
    images: int = 0
    transcription_id: int | None = None
    previous: str | None = None
    is_silence: bool = False

    @property
    def id(self) -> str:
        return str(self.payload["id"])

    @property
    def is_awaiting_words(self) -> bool:
        """Whether its words are still being recognized."""
        return self.transcription_id is not None

    @property
    def is_spoken_answer(self) -> bool:
        """Whether a model spoke it."""
        return self.payload.get("role") == "assistant" and self.sound_ms > 0

    def set_sound(self, pcm: bytes) -> None:
        """The sound that a client sent (s16le, 24 kHz), whose words are not known yet."""
        self.pcm, self.sound_ms, self.words = pcm, len(pcm) / 48, None

    def shown(self) -> dict[str, Any]:
        """The item as it stands now; what comes later does not change it."""
        return copy.deepcopy(self.payload)

    def with_sound(self) -> dict[str, Any]:
        """The item with the sound that a client sent in it, as base64."""
        item = self.shown()
        for part in item.get("content") or []:
            if part["type"] == "input_audio" and self.pcm:
                part["audio"] = b64encode(self.pcm).decode()
        return item


class Conversation:
    """Items, oldest first."""

    def __init__(self) -> None:
        self.id = ids.realtime("conv")
        self._entries: list[ConversationItem] = []

    def __iter__(self) -> Iterator[ConversationItem]:
        return iter(self._entries)

    def add(self, entry: ConversationItem, previous: str | None = None) -> str | None:
        """Insert behind `previous` ("root": first; None: last), whose id is given back.

        Raises ApiError for an id that is taken, or a previous one that there is not.
        """
        if any(entry.id == other.id for other in self._entries):
            message = f"Error adding item: an item with id '{entry.id}' already exists."
            raise ApiError(400, message, code="item_create_duplicate_item_id")
        place = self._place_behind(previous)
        self._entries.insert(place, entry)
        self._forget_sound()
        return self._entries[place - 1].id if place else None

    def get(self, item_id: str, verb: str) -> ConversationItem:
        """Raises ApiError for an id that there is not, naming what was to be done with it."""
        for entry in self._entries:
            if entry.id == item_id:
                return entry
        message = f"Error {_DOING[verb]} item: the item with id '{item_id}' does not exist."
        raise ApiError(400, message, code=f"item_{verb}_invalid_item_id")

    def check_call(self, payload: dict[str, Any]) -> None:
        """Raises ApiError for the output of a call that there is not, as recorded."""
        if payload["type"] != "function_call_output":
            return
        call_id = payload["call_id"]
        made = [entry.payload for entry in self if entry.payload["type"] == "function_call"]
        if call_id not in [call["call_id"] for call in made]:
            message = f"Tool call ID '{call_id}' not found in conversation."
            raise ApiError(400, message, code="invalid_tool_call_id")

    def remove(self, item_id: str) -> None:
        self._entries.remove(self.get(item_id, "delete"))

    # Why clients truncate. Sound is sent faster than it is played, so when a caller interrupts, the
    # model has said more than was heard. On a WebSocket only the client knows how far its playback
    # came: it reports that, and here the item is cut to it. The next prompt then holds no words
    # that nobody heard. How many words fit is a guess by length, so the transcript on the wire is
    # null.
    def truncate(self, item_id: str, content_index: int, end_ms: int, short_by_ms: int = 0) -> None:
        """Forget a spoken answer from `end_ms` on, and its transcript; raises ApiError.

        `short_by_ms` is a fault: this server counts so much less than it sent.
        """
        entry = self.get(item_id, "truncate")
        if not entry.is_spoken_answer:
            message = "Only model output audio messages can be truncated"
            raise ApiError(400, message, code="unsupported_content_type")
        if content_index != 0:
            message = "Invalid 'content_index': a spoken answer has one part, 0."
            raise ApiError(400, message, param="content_index", code="invalid_value")
        length_ms = int(max(0.0, entry.sound_ms - short_by_ms))
        if short_by_ms:
            length_ms -= length_ms % 50
        if end_ms > length_ms:
            message = f"Audio content of {length_ms}ms is already shorter than {end_ms}ms"
            raise ApiError(400, message, code="invalid_value")
        entry.words = _share(entry.words or "", end_ms / entry.sound_ms)
        entry.sound_ms = float(end_ms)
        if entry.payload["content"]:
            entry.payload["content"] = [{"type": "output_audio", "transcript": None}]

    def _forget_sound(self) -> None:
        """Forget the oldest sound that clients sent, beyond what is kept."""
        kept = 0
        for entry in reversed(self._entries):
            kept += len(entry.pcm)
            if kept > MOST_SOUND_BYTES:
                entry.pcm = b""

    def _place_behind(self, previous: str | None) -> int:
        if previous is None:
            return len(self._entries)
        if previous == ROOT:
            return 0
        for place, entry in enumerate(self._entries):
            if entry.id == previous:
                return place + 1
        message = f"Error adding item: the previous item with id '{previous}' does not exist."
        raise ApiError(400, message, code="item_create_invalid_previous_item_id")


def _share(text: str, share: float) -> str:
    """The whole words in about this share of a text."""
    kept = text[: int(len(text) * min(share, 1.0))]
    return text if len(kept) == len(text) else kept.rpartition(" ")[0]
