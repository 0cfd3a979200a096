"""The output of a response: its items are opened, filled and closed, each step with its events.

Orders and names are those of recorded sessions: an item is announced by its response and then by
the conversation, and closed the other way round; a part is called `audio` or `text` where the item
has `output_audio` or `output_text`; only what was sent stands in what closes it.
"""

import math
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from emulator.answers.answer import Call
from emulator.realtime.conversation import Conversation, ConversationItem
from emulator.wire import ids, sse

ASSISTANT_MS_A_TOKEN = 50

Emit = Callable[..., None]


class Output:
    """The items of one response; `conversation` is None for one that is beside the default."""

    def __init__(
        self, response_id: str, conversation: Conversation | None, emit: Emit, *, is_audio: bool
    ) -> None:
        self.entries: list[ConversationItem] = []
        self.open: ConversationItem | None = None
        self.text_tokens = 0
        self.sound_ms = 0.0
        self._response_id, self._conversation, self._emit = response_id, conversation, emit
        self._is_audio = is_audio
        # A part has a `text`, or beside its sound a `transcript`; deltas are named after that.
        self._key, self._part_type = ("transcript", "audio") if is_audio else ("text", "text")
        self._stream = "output_audio_transcript" if is_audio else "output_text"
        self._text = ""

    @property
    def audio_tokens(self) -> int:
        """What the sound is billed as: a token for each 50 ms, as OpenAI counts an assistant's."""
        return math.ceil(self.sound_ms / ASSISTANT_MS_A_TOKEN)

    def open_message(self) -> None:
        self._open({"type": "message", "status": "in_progress", "role": "assistant", "content": []})
        self._emit_part("content_part.added", part={"type": self._part_type, self._key: ""})

    def delta(self, text: str) -> None:
        """A piece of the text, or of the transcript of what is spoken."""
        self._write(text)
        self._opened.words = self._text
        self._emit_part(f"{self._stream}.delta", delta=text, obfuscation=sse.padding(len(text)))

    def sound(self, block: bytes, ms: float) -> None:
        """A piece of the sound, in the format of the session."""
        self.sound_ms += ms
        self._opened.sound_ms += ms
        self._emit_part("output_audio.delta", delta=b64encode(block).decode())

    def close_message(self, status: str = "completed") -> None:
        if self._is_audio:
            self._emit_part("output_audio.done")
        text = {self._key: self._text}
        self._emit_part(f"{self._stream}.done", **text)
        self._emit_part("content_part.done", part={"type": self._part_type, **text})
        self._opened.payload["content"] = [{"type": f"output_{self._part_type}", **text}]
        self._close(status)

    def open_call(self, call: Call) -> None:
        fields = {"name": call.name, "call_id": ids.realtime_call(), "arguments": ""}
        self._open({"type": "function_call", "status": "in_progress", **fields})

    def call_delta(self, text: str) -> None:
        """A piece of the arguments."""
        self._write(text)
        self._emit_arguments("delta", delta=text, obfuscation=sse.padding(len(text)))

    def close_call(self, status: str = "completed") -> None:
        call = self._opened.payload
        call["arguments"] = self._text
        self._emit_arguments("done", name=call["name"], arguments=self._text)
        self._close(status)

    def cut(self) -> None:
        """Close what is open, as far as it came."""
        if self.open is not None:
            is_call = self.open.payload["type"] == "function_call"
            (self.close_call if is_call else self.close_message)("incomplete")

    @property
    def _opened(self) -> ConversationItem:
        assert self.open is not None
        return self.open

    @property
    def _place(self) -> dict[str, Any]:
        return {"response_id": self._response_id, "output_index": len(self.entries) - 1}

    def _write(self, text: str) -> None:
        self._text += text
        self.text_tokens += 1

    def _open(self, payload: dict[str, Any]) -> None:
        self._text = ""
        self.open = ConversationItem({"id": ids.realtime("item"), **payload})
        self.entries.append(self.open)
        if self._conversation is not None:
            self.open.previous = self._conversation.add(self.open)
        self._emit("response.output_item.added", **self._place, item=self.open.shown())
        self._emit_item("added")

    def _close(self, status: str) -> None:
        self._opened.payload["status"] = status
        self._emit_item("done")
        self._emit("response.output_item.done", **self._place, item=self._opened.shown())
        self.open = None

    def _emit_item(self, what: str) -> None:
        if self._conversation is not None:
            fields = {"previous_item_id": self._opened.previous, "item": self._opened.shown()}
            self._emit(f"conversation.item.{what}", **fields)

    def _emit_part(self, event: str, **fields: Any) -> None:
        """An event about the part that is open."""
        place = {**self._place, "item_id": self._opened.id, "content_index": 0}
        self._emit(f"response.{event}", **place, **fields)

    def _emit_arguments(self, what: str, **fields: Any) -> None:
        call = self._opened
        place = {**self._place, "item_id": call.id, "call_id": call.payload["call_id"]}
        self._emit(f"response.function_call_arguments.{what}", **place, **fields)
