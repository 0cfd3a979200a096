"""What a response puts out: its items opened, filled and closed, each step told as it happens.

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

Tell = Callable[..., None]


class Output:
    """The items of one response; `conversation` is None for one that is beside the default."""

    def __init__(
        self, response_id: str, conversation: Conversation | None, tell: Tell, *, is_audio: bool
    ) -> None:
        self.entries: list[ConversationItem] = []
        self.open: ConversationItem | None = None
        self.text_tokens = 0
        self.sound_ms = 0.0
        self._response_id, self._conversation, self._tell = response_id, conversation, tell
        self._is_audio = is_audio
        self._text = ""

    @property
    def audio_tokens(self) -> int:
        """What the sound is billed as: a token for each 50 ms, as OpenAI counts an assistant's."""
        return math.ceil(self.sound_ms / ASSISTANT_MS_A_TOKEN)

    def open_message(self) -> None:
        told = {"type": "message", "status": "in_progress", "role": "assistant", "content": []}
        self._open(told)
        self._part("added", "")

    def delta(self, text: str) -> None:
        """A piece of the text, or of what is being said."""
        self._write(text)
        self._opened.words = self._text
        kind = "output_audio_transcript" if self._is_audio else "output_text"
        self._at(f"{kind}.delta", delta=text, obfuscation=sse.padding(len(text)))

    def sound(self, block: bytes, ms: float) -> None:
        """A piece of the sound, in the format of the session."""
        self.sound_ms += ms
        self._opened.sound_ms += ms
        self._at("output_audio.delta", delta=b64encode(block).decode())

    def close_message(self, status: str = "completed") -> None:
        if self._is_audio:
            self._at("output_audio.done")
            self._at("output_audio_transcript.done", transcript=self._text)
        else:
            self._at("output_text.done", text=self._text)
        self._part("done", self._text)
        key, kind = ("transcript", "output_audio") if self._is_audio else ("text", "output_text")
        self._opened.told["content"] = [{"type": kind, key: self._text}]
        self._close(status)

    def open_call(self, call: Call) -> None:
        told = {"name": call.name, "call_id": ids.realtime_call(), "arguments": ""}
        self._open({"type": "function_call", "status": "in_progress", **told})

    def call_delta(self, text: str) -> None:
        """A piece of the arguments."""
        self._write(text)
        self._at_call("delta", delta=text, obfuscation=sse.padding(len(text)))

    def close_call(self, status: str = "completed") -> None:
        told = self._opened.told
        told["arguments"] = self._text
        self._at_call("done", name=told["name"], arguments=self._text)
        self._close(status)

    def cut(self) -> None:
        """Close what is open, as far as it came."""
        if self.open is not None:
            is_call = self.open.told["type"] == "function_call"
            (self.close_call if is_call else self.close_message)("incomplete")

    @property
    def _opened(self) -> ConversationItem:
        if self.open is None:
            raise RuntimeError("expected an open item, but none is")
        return self.open

    @property
    def _place(self) -> dict[str, Any]:
        return {"response_id": self._response_id, "output_index": len(self.entries) - 1}

    def _write(self, text: str) -> None:
        self._text += text
        self.text_tokens += 1

    def _open(self, told: dict[str, Any]) -> None:
        self._text = ""
        self.open = ConversationItem({"id": ids.realtime("item"), **told})
        self.entries.append(self.open)
        if self._conversation is not None:
            self.open.previous = self._conversation.add(self.open)
        self._tell("response.output_item.added", **self._place, item=self.open.shown())
        self._tell_conversation("added")

    def _close(self, status: str) -> None:
        self._opened.told["status"] = status
        self._tell_conversation("done")
        self._tell("response.output_item.done", **self._place, item=self._opened.shown())
        self.open = None

    def _tell_conversation(self, what: str) -> None:
        if self._conversation is not None:
            told = {"previous_item_id": self._opened.previous, "item": self._opened.shown()}
            self._tell(f"conversation.item.{what}", **told)

    def _part(self, what: str, text: str) -> None:
        key, kind = ("transcript", "audio") if self._is_audio else ("text", "text")
        self._at(f"content_part.{what}", part={"type": kind, key: text})

    def _at(self, event: str, **fields: Any) -> None:
        """Tell an event about the part that is open."""
        place = {**self._place, "item_id": self._opened.id, "content_index": 0}
        self._tell(f"response.{event}", **place, **fields)

    def _at_call(self, what: str, **fields: Any) -> None:
        place = {**self._place, "item_id": self._opened.id, "call_id": self._opened.told["call_id"]}
        self._tell(f"response.function_call_arguments.{what}", **place, **fields)
