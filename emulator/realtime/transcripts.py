"""What a session tells of a caller's words, where its settings ask for a transcript."""

from collections.abc import Iterator, Mapping
from typing import Any

from emulator.realtime.build_prompt import USER_MS_A_TOKEN
from emulator.realtime.conversation import ConversationItem
from emulator.wire import sse, tokens

NAME = "conversation.item.input_audio_transcription"

Told = tuple[str, dict[str, Any]]


def transcript(
    entry: ConversationItem, words: str | None, wanted: Mapping[str, Any], why_deaf: str | None
) -> Iterator[Told]:
    """(type, fields) of the events: deltas and the whole; or that it failed, if words are None."""
    place = {"item_id": entry.id, "content_index": 0}
    if words is None:
        message = why_deaf or "Transcription failed."
        error = {"type": "server_error", "code": None, "message": message, "param": None}
        yield f"{NAME}.failed", {"error": error, **place}
        return
    for piece in tokens.split(words):
        yield f"{NAME}.delta", {"delta": piece, "obfuscation": sse.padding(len(piece)), **place}
    usage = _usage(wanted, entry, words)
    yield f"{NAME}.completed", {"transcript": words, "usage": usage, **place}


def _usage(wanted: Mapping[str, Any], entry: ConversationItem, words: str) -> dict[str, Any]:
    """Whisper's kin are billed by time, the others by tokens."""
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
