"""The output of a response: its items are opened, filled and closed, each step with its events.

Orders and names are those of recorded sessions: an item is announced by its response and then by
the conversation, and closed the other way round; a part is called `audio` or `text` where the item
has `output_audio` or `output_text`; only what was sent stands in what closes it. A message before a
call stays open while the arguments of the call are sent (gpt-realtime-2.1, July 2026).
"""

import math
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emulator.answers.answer import Call
from emulator.realtime.conversation import Conversation, ConversationItem
from emulator.wire import ids, sse

ASSISTANT_MS_A_TOKEN = 50

Emit = Callable[..., None]


@dataclass
class OpenItem:
    """An item that is being sent: its place in the response, and the text of it so far."""

    entry: ConversationItem
    place: dict[str, Any]
    text: str = ""


class Output:
    """The items of one response; `conversation` is None for one that is beside the default.

    `phase` is that of its message, for the models that tell it: `final_answer`, or `commentary`
    before a call.
    """

    def __init__(
        self, response_id: str, conversation: Conversation | None, emit: Emit, *, is_audio: bool
    ) -> None:
        self.entries: list[ConversationItem] = []
        self.phase: str | None = None
        self.text_tokens = 0
        self.sound_ms = 0.0
        self._message: OpenItem | None = None
        self._call: OpenItem | None = None
        self._response_id, self._conversation, self._emit = response_id, conversation, emit
        self._is_audio = is_audio
        # A part has a `text`, or beside its sound a `transcript`; deltas are named after that.
        self._key, self._part_type = ("transcript", "audio") if is_audio else ("text", "text")
        self._stream = "output_audio_transcript" if is_audio else "output_text"

    @property
    def is_open(self) -> bool:
        """Whether an item is being sent."""
        return self._message is not None or self._call is not None

    @property
    def audio_tokens(self) -> int:
        """What the sound is billed as: a token for each 50 ms, as OpenAI counts an assistant's."""
        return math.ceil(self.sound_ms / ASSISTANT_MS_A_TOKEN)

    def open_message(self) -> None:
        phase = {"phase": self.phase} if self.phase else {}
        payload = {"type": "message", "status": "in_progress", "role": "assistant", "content": []}
        self._message = self._open(payload | phase)
        self._emit_part("content_part.added", part={"type": self._part_type, self._key: ""})

    def delta(self, text: str) -> None:
        """A piece of the text, or of the transcript of what is spoken."""
        message = self._opened_message
        self._write(message, text)
        message.entry.words = message.text
        self._emit_part(f"{self._stream}.delta", delta=text, obfuscation=sse.padding(len(text)))

    def sound(self, block: bytes, ms: float) -> None:
        """A piece of the sound, in the format of the session."""
        self.sound_ms += ms
        self._opened_message.entry.sound_ms += ms
        self._emit_part("output_audio.delta", delta=b64encode(block).decode())

    def close_message(self, status: str = "completed") -> None:
        """Close the message, if one is open."""
        message = self._message
        if message is None:
            return
        if self._is_audio:
            self._emit_part("output_audio.done")
        text = {self._key: message.text}
        self._emit_part(f"{self._stream}.done", **text)
        self._emit_part("content_part.done", part={"type": self._part_type, **text})
        message.entry.payload["content"] = [{"type": f"output_{self._part_type}", **text}]
        self._close(message, status)
        self._message = None

    def open_call(self, call: Call) -> None:
        fields = {"name": call.name, "call_id": ids.realtime_call(), "arguments": ""}
        self._call = self._open({"type": "function_call", "status": "in_progress", **fields})

    def call_delta(self, text: str) -> None:
        """A piece of the arguments."""
        self._write(self._opened_call, text)
        self._emit_arguments("delta", delta=text, obfuscation=sse.padding(len(text)))

    def close_call(self, status: str = "completed") -> None:
        call = self._opened_call
        payload = call.entry.payload
        payload["arguments"] = call.text
        self._emit_arguments("done", name=payload["name"], arguments=call.text)
        self._close(call, status)
        self._call = None

    def cut(self) -> None:
        """Close what is open, as far as it came: a message before a call was sent to its end."""
        self.close_message("incomplete" if self._call is None else "completed")
        if self._call is not None:
            self.close_call("incomplete")

    @property
    def _opened_message(self) -> OpenItem:
        assert self._message is not None
        return self._message

    @property
    def _opened_call(self) -> OpenItem:
        assert self._call is not None
        return self._call

    def _write(self, item: OpenItem, text: str) -> None:
        item.text += text
        self.text_tokens += 1

    def _open(self, payload: dict[str, Any]) -> OpenItem:
        entry = ConversationItem({"id": ids.realtime("item"), **payload})
        place = {"response_id": self._response_id, "output_index": len(self.entries)}
        self.entries.append(entry)
        if self._conversation is not None:
            entry.previous = self._conversation.add(entry)
        self._emit("response.output_item.added", **place, item=entry.shown())
        self._emit_item("added", entry)
        return OpenItem(entry, place)

    def _close(self, item: OpenItem, status: str) -> None:
        item.entry.payload["status"] = status
        self._emit_item("done", item.entry)
        self._emit("response.output_item.done", **item.place, item=item.entry.shown())

    def _emit_item(self, what: str, entry: ConversationItem) -> None:
        if self._conversation is not None:
            fields = {"previous_item_id": entry.previous, "item": entry.shown()}
            self._emit(f"conversation.item.{what}", **fields)

    def _emit_part(self, event: str, **fields: Any) -> None:
        """An event about the part of the message."""
        message = self._opened_message
        place = {**message.place, "item_id": message.entry.id, "content_index": 0}
        self._emit(f"response.{event}", **place, **fields)

    def _emit_arguments(self, what: str, **fields: Any) -> None:
        call = self._opened_call
        call_id = call.entry.payload["call_id"]
        place = {**call.place, "item_id": call.entry.id, "call_id": call_id}
        self._emit(f"response.function_call_arguments.{what}", **place, **fields)
