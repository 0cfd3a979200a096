"""From a conversation to a prompt for `answers/`: the items as messages, the limits of a response.

Spoken words are known by recognition alone. Where it isn't installed or heard nothing, and where a
picture came, the answer says so instead of guessing.
"""

from collections.abc import Iterable, Sequence

from emulator.answers.answer import Call, Message, Prompt
from emulator.api.tool_params import choose
from emulator.realtime.conversation import ConversationItem
from emulator.realtime.output import ASSISTANT_MS_A_TOKEN
from emulator.realtime.session_settings import ResponseSettings
from emulator.text.small_talk import HEARD_NOTHING
from emulator.wire import tokens

USER_MS_A_TOKEN = 100
IMAGE_TOKENS = 85
# What "inf" comes to: as much as the models up to gpt-realtime-1.5 can write.
MOST_TOKENS = 4096
CANNOT_HEAR = """I cannot hear words here, as speech recognition is not installed. \
Type your question instead, or run: python3 course.py extras"""
STILL_THERE = "Are you still there? You can ask me anything about the observatory."
SEES_NOTHING = "This assistant does not see pictures."


def fixed_answer(entries: Sequence[ConversationItem]) -> str | None:
    """The answer where nothing has to be generated: to silence, or to a picture without words."""
    last = entries[-1] if entries else None
    if last is None or last.payload.get("role") != "user":
        return None
    if last.is_silence:
        return STILL_THERE
    if last.words is None:
        return CANNOT_HEAR
    if last.words.strip():
        return None
    return SEES_NOTHING if last.images else HEARD_NOTHING


def picture_notice(entries: Sequence[ConversationItem]) -> str:
    """What comes before the answer to a question with a picture."""
    return f"{SEES_NOTHING} " if entries and entries[-1].images else ""


def build_prompt(entries: Iterable[ConversationItem], wanted: ResponseSettings) -> Prompt:
    """The conversation as messages; raises ApiError where the choice names no tool."""
    choice = choose(wanted.tool_choice, wanted.tools)
    messages = [Message("system", wanted.instructions)] if wanted.instructions else []
    messages += [_message(entry) for entry in entries]
    # A spoken answer is bounded by the sound that was sent, see `Response._send_sound`.
    most = wanted.max_output_tokens
    is_bounded = isinstance(most, int) and "audio" not in wanted.output_modalities
    return Prompt(
        messages,
        max_tokens=int(most) if is_bounded else MOST_TOKENS,
        effort=wanted.effort,
        tools=choice.tools,
        must_call=choice.must_call,
        parallel=wanted.parallel_tool_calls,
        names_sources=False,
    )


def input_tokens(entries: Iterable[ConversationItem], instructions: str) -> dict[str, int]:
    """What reading a conversation is billed as: tokens by kind."""
    text = tokens.count(instructions)
    audio = images = 0
    # Sound is billed by its length, a caller's at half the rate of an answer's, and the words in it
    # are not billed again. Each item costs three tokens more for its role and its borders.
    for entry in entries:
        if entry.payload.get("role") == "user":
            audio += round(entry.sound_ms / USER_MS_A_TOKEN)
            text += 0 if entry.sound_ms else tokens.count(entry.words or "")
        elif entry.is_spoken_answer:
            audio += round(entry.sound_ms / ASSISTANT_MS_A_TOKEN)
        else:
            text += tokens.count(_text(entry))
        images += IMAGE_TOKENS * entry.images
        text += 3
    return {"text_tokens": text, "audio_tokens": audio, "image_tokens": images}


def _message(entry: ConversationItem) -> Message:
    item = entry.payload
    if item["type"] == "function_call":
        return Message("assistant", "", [Call(item["name"], item["arguments"], item["call_id"])])
    if item["type"] == "function_call_output":
        return Message("tool", item["output"], call_id=item["call_id"])
    return Message(item["role"], entry.words or "")


def _text(entry: ConversationItem) -> str:
    item = entry.payload
    return entry.words or item.get("output") or f"{item.get('name', '')}{item.get('arguments', '')}"
