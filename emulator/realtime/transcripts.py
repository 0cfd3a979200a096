"""The events with a transcript of the caller's words, for sessions whose settings ask for it."""

from collections.abc import Iterator, Mapping
from typing import Any

from emulator.realtime.build_prompt import USER_MS_A_TOKEN
from emulator.realtime.conversation import ConversationItem
from emulator.wire import sse, tokens

NAME = "conversation.item.input_audio_transcription"

NamedEvent = tuple[str, dict[str, Any]]


# Recognition runs beside the answer, so these events have no fixed place among the others: OpenAI
# warns that a transcript may come before or after the response to it, and of two turns in either
# order. A client goes by `item_id`. Here they come as soon as the words are known: mostly right
# behind the item, where a pause gave recognition a head start. The fault `transcript-late` holds
# them back until the response has ended.
def transcript_events(
    entry: ConversationItem, words: str | None, wanted: Mapping[str, Any], why_none: str | None
) -> Iterator[NamedEvent]:
    """(type, fields) of each event: deltas and the whole text, or a failure if words are None."""
    place = {"item_id": entry.id, "content_index": 0}
    if words is None:
        message = why_none or "Transcription failed."
        error = {"type": "server_error", "code": None, "message": message, "param": None}
        yield f"{NAME}.failed", {"error": error, **place}
        return
    for piece in tokens.split(words):
        yield f"{NAME}.delta", {"delta": piece, "obfuscation": sse.padding(len(piece)), **place}
    usage = _usage(wanted, entry, words)
    yield f"{NAME}.completed", {"transcript": words, "usage": usage, **place}


def _usage(wanted: Mapping[str, Any], entry: ConversationItem, words: str) -> dict[str, Any]:
    """Models named after Whisper are billed by time, the others by tokens."""
    if "whisper" in str(wanted.get("model")):
        return {"type": "duration", "seconds": round(entry.sound_ms / 1000, 1)}
    read, written = round(entry.sound_ms / USER_MS_A_TOKEN), tokens.count(words)
    return {
        "type": "tokens",
        "total_tokens": read + written,
        "input_tokens": read,
        "input_token_details": {"text_tokens": 0, "audio_tokens": read},
        "output_tokens": written,
    }
