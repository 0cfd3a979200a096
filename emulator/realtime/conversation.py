"""The conversation of a session: its items in order, and what is known of each beside what is told.

Codes and sentences of the errors are those of recorded traffic (`item_delete_invalid_item_id`,
"the item with id ... does not exist").
"""

import copy
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from emulator.errors import ApiError

ROOT = "root"
# Eleven minutes; only `conversation.item.retrieve` asks for it.
MOST_SOUND_BYTES = 32 * 2**20
_DOING = {"delete": "deleting", "retrieve": "retrieving", "truncate": "truncating"}


@dataclass
class ConversationItem:
    """An item as the server tells it, and more.

    `pcm` is sound (s16le, 24 kHz) that a caller sent; `sound_ms` is how long the item sounds.
    `words` is what was heard in it or is spoken by it; None where it cannot be known, and as long
    as `hearing` names a job of recognition. `previous` is the id of the item before it.
    """

    told: dict[str, Any]
    pcm: bytes = b""
    sound_ms: float = 0.0
    words: str | None = ""
    images: int = 0
    hearing: int | None = None
    previous: str | None = None
    is_silence: bool = False

    @property
    def id(self) -> str:
        return str(self.told["id"])

    @property
    def is_unheard(self) -> bool:
        """Whether its words are still being recognised."""
        return self.hearing is not None

    @property
    def is_spoken_answer(self) -> bool:
        """Whether a model spoke it."""
        return self.told.get("role") == "assistant" and self.sound_ms > 0

    def shown(self) -> dict[str, Any]:
        """The item as it stands now; what comes later does not change it."""
        return copy.deepcopy(self.told)

    def with_sound(self) -> dict[str, Any]:
        """The item with the sound that a caller sent in it, as base64."""
        item = self.shown()
        for part in item.get("content") or []:
            if part["type"] == "input_audio" and self.pcm:
                part["audio"] = b64encode(self.pcm).decode()
        return item


class Conversation:
    """Items, oldest first."""

    def __init__(self) -> None:
        self._entries: list[ConversationItem] = []

    def __iter__(self) -> Iterator[ConversationItem]:
        return iter(self._entries)

    @property
    def last_id(self) -> str | None:
        return self._entries[-1].id if self._entries else None

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

    def remove(self, item_id: str) -> None:
        self._entries.remove(self.get(item_id, "delete"))

    def truncate(self, item_id: str, content_index: int, end_ms: int, short_by_ms: int = 0) -> None:
        """Forget what lies behind `end_ms` of a spoken answer, and its transcript.

        `short_by_ms` is by how much this server counts less than it sent. Raises ApiError.
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
        if entry.told["content"]:
            entry.told["content"] = [{"type": "output_audio", "transcript": None}]

    def _forget_sound(self) -> None:
        """Of the callers' sound the oldest goes, where there is more than is kept."""
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
    """The whole words of about this share of a text: what was heard of it."""
    kept = text[: int(len(text) * min(share, 1.0))]
    return text if len(kept) == len(text) else kept.rpartition(" ")[0]
