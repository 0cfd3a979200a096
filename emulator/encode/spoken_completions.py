"""A chat completion that speaks: whole, or as a stream of chunks.

The chunks of a stream, as recorded from `gpt-audio` models in June 2026:

    role         no content, not even ""
    transcript   pieces of the words; the first has the `id` of the sound, and `content: null`
    sound        pieces of 0.4 s (16-bit PCM in base64); the first has role, content and id again
    no choices   chunks that lack the key `choices`, several before each piece of sound
    usage        if it was asked for: `choices` is empty
    expiry       `{"audio": {"expires_at": ...}}`, without a `finish_reason`
    [DONE]

Transcript and sound are mixed, the words a little ahead. So the usage is not the last chunk, and no
chunk says why the answer ended: a loop that waits for a `finish_reason` takes this answer for one
that was cut off. An answer that calls tools does say so, before the usage.

The SDK turns a missing `choices` into None, though its type says that there is always a list. A
loop over it raises a TypeError, as does the SDK's own helper `chat.completions.stream`. We
don't know by what rule OpenAI sends those chunks. Here a fixed number stands before each piece.
"""

import math
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from emulator.answers.answer import Answer, Prompt
from emulator.encode.completions import ChunkEncoder, Envelope, completion, usage
from emulator.wire import sse, tokens

BYTES_A_MS = 48
BLOCK = 400 * BYTES_A_MS
"""Bytes of a piece of sound."""
WITHOUT_CHOICES = 3
"""Chunks without `choices` before each piece of sound."""
LEAD = 3
"""Pieces of the transcript that are ahead of the sound."""
ASSISTANT_MS_A_TOKEN = 50
"""How much of an answer's sound is billed as a token."""


@dataclass
class SpokenAnswer:
    """An answer and its sound: `sentences` gives the words and the PCM of each, 24 kHz 16-bit mono.

    `id` names it in later turns, until `expires_at` (seconds since 1970). `data` is the file of a
    whole answer; `ms` is how long the sound is so far.
    """

    answer: Answer
    id: str
    expires_at: int
    sentences: AsyncIterator[tuple[str, bytes]]
    data: bytes = b""
    ms: float = 0.0


def spoken_completion(
    envelope: Envelope, prompt: Prompt, spoken: Sequence[SpokenAnswer]
) -> dict[str, Any]:
    """The whole answer in one body; what was said is in `audio`, and `content` is null."""
    body = completion(envelope, prompt, [each.answer for each in spoken])
    for choice, each in zip(body["choices"], spoken, strict=True):
        if each.answer.text:
            choice["message"]["content"] = None
            choice["message"]["audio"] = {
                "id": each.id,
                "data": b64encode(each.data).decode(),
                "expires_at": each.expires_at,
                "transcript": each.answer.text,
            }
    return body | {"usage": spoken_usage(prompt, spoken)}


def spoken_usage(prompt: Prompt, spoken: Sequence[SpokenAnswer]) -> dict[str, Any]:
    """The token counts: sound is billed by its length, beside its words."""
    audio_tokens = sum(math.ceil(each.ms / ASSISTANT_MS_A_TOKEN) for each in spoken)
    return usage(prompt, [each.answer for each in spoken], audio_tokens)


async def spoken_chunks(
    envelope: Envelope,
    prompt: Prompt,
    spoken: Sequence[SpokenAnswer],
    *,
    include_usage: bool,
    include_obfuscation: bool,
) -> AsyncIterator[bytes]:
    """The blocks of a stream, one choice after the other."""
    encode = ChunkEncoder(envelope, has_usage=include_usage, is_padded=include_obfuscation)
    for index, each in enumerate(spoken):
        answer = each.answer
        yield encode.chunk(index, _delta(role="assistant", refusal=None))
        async for block in _sounding(encode, index, each):
            yield block
        if answer.calls or not answer.pieces:
            for block in encode.calls(index, answer, has_head=False):
                yield block
            yield encode.chunk(index, "{}", f'"{envelope.finish(answer)}"')
    if include_usage:
        yield encode.usage(spoken_usage(prompt, spoken))
    for index, each in enumerate(spoken):
        if each.answer.pieces:
            yield encode.without_finish(index, _delta(audio={"expires_at": each.expires_at}))
    yield sse.DONE


async def _sounding(encode: ChunkEncoder, index: int, spoken: SpokenAnswer) -> AsyncIterator[bytes]:
    """The words, and the sound behind them; a sentence is spoken once the last one was sent."""
    held, is_first_word, is_first_sound = b"", True, True
    async for sentence, pcm in spoken.sentences:
        spoken.ms += len(pcm) / BYTES_A_MS
        held += pcm
        blocks = [held[at : at + BLOCK] for at in range(0, len(held) - BLOCK + 1, BLOCK)]
        held = held[len(blocks) * BLOCK :]
        pieces, said = tokens.split(sentence), 0
        # After the last block come the words that are left; what is left of the sound waits for
        # the next sentence.
        for place, sound in enumerate([*blocks, b""]):
            ahead = LEAD + len(pieces) * (place + 1) // (len(blocks) + 1) if sound else len(pieces)
            for piece in pieces[said:ahead]:
                yield sse.TextBlock(_words(encode, index, spoken, piece, is_first_word))
                is_first_word = False
            said = max(said, ahead)
            if sound:
                for block in _sound(encode, index, spoken, sound, is_first_sound):
                    yield block
                is_first_sound = False
    if held:
        for block in _sound(encode, index, spoken, held, is_first_sound):
            yield block


def _words(
    encode: ChunkEncoder, index: int, spoken: SpokenAnswer, piece: str, is_first: bool
) -> bytes:
    if is_first:
        audio = {"id": spoken.id, "transcript": piece}
        return encode.chunk(index, _delta(content=None, audio=audio))
    return encode.chunk(index, _delta(audio={"transcript": piece}))


def _sound(
    encode: ChunkEncoder, index: int, spoken: SpokenAnswer, pcm: bytes, is_first: bool
) -> list[bytes]:
    audio = {"data": b64encode(pcm).decode()}
    delta = _delta(audio=audio)
    if is_first:
        audio = {"id": spoken.id, **audio}
        delta = _delta(role="assistant", content=None, refusal=None, audio=audio)
    return [encode.without_choices() for _ in range(WITHOUT_CHOICES)] + [encode.chunk(index, delta)]


def _delta(**fields: object) -> str:
    return sse.compact(fields)
