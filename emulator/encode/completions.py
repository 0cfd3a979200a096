"""A chat completion on the wire: whole, or as a stream of chunks.

The chunks of a stream, in the order of recorded traffic:

    role        one for each choice; its content is "", or null where the answer is calls alone:
                then it already has the head of the call, unless there are several
    content     one for each piece of text; several choices (`n`) take turns, each beginning with
                its role (recorded in August 2026)
    refusal     pieces of it, where another server's model refuses
    calls       for each call its head (index, id, name), then pieces of its arguments
    finish      one for each choice: an empty delta and the `finish_reason`
    usage       if it was asked for: no choices, the token counts; the others have `usage: null`
    [DONE]

Whoever watches an encrypted connection sees how long each chunk is, and could guess words from
that. So a chunk carries a field `obfuscation` of 1 to 16 letters which makes the whole `data:` line
as long as all others modulo 16 bytes. It is the line that is padded, not the text: names, indexes
and escaped characters differ in length, too.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from emulator.answers.answer import Answer, Call, Prompt
from emulator.errors import ApiError
from emulator.models import MODELS, Generation
from emulator.wire import sse, tokens

FINGERPRINT = "fp_emulator"


@dataclass(frozen=True)
class Envelope:
    """What all chunks of one completion share.

    `model` is the name that answers, as the table of models has it. With `is_named` the request
    named the function to call.
    """

    id: str
    created: int
    model: str
    is_named: bool = False

    @property
    def generation(self) -> Generation:
        return MODELS[self.model].generation

    def around(self, kind: str, choices: Any) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "service_tier": "default",
            "system_fingerprint": FINGERPRINT if self.generation.has_fingerprint else None,
            "choices": choices,
        }

    def finish(self, answer: Answer) -> str:
        is_forced = self.is_named and answer.finish == "tool_calls"
        return self.generation.named_finish if is_forced else answer.finish

    def choice(self, index: int, answer: Answer) -> dict[str, Any]:
        """One choice of a whole body; that of a reasoning model has no `logprobs`."""
        logprobs = {"logprobs": None} if self.generation.has_logprobs else {}
        finish = {"finish_reason": self.finish(answer)}
        return {"index": index, "message": message(answer), **logprobs, **finish}


def completion(envelope: Envelope, prompt: Prompt, answers: Sequence[Answer]) -> dict[str, Any]:
    """The whole answer in one body."""
    choices = [envelope.choice(index, answer) for index, answer in enumerate(answers)]
    counts = usage(prompt, answers, tells_writes=envelope.generation.tells_writes)
    return envelope.around("chat.completion", choices) | {"usage": counts}


def message(answer: Answer) -> dict[str, Any]:
    """The assistant's message; it has `tool_calls` only if there are some."""
    content = answer.text if answer.pieces or not (answer.calls or answer.refusal) else None
    fields: dict[str, Any] = {
        "role": "assistant",
        "content": content,
        "refusal": answer.refusal or None,
        "annotations": [],
    }
    calls = [_call(call.id, call.name, call.arguments) for call in answer.calls]
    return fields | ({"tool_calls": calls} if calls else {})


async def chunks(
    envelope: Envelope,
    prompt: Prompt,
    answers: Sequence[Answer],
    *,
    include_usage: bool,
    include_obfuscation: bool,
) -> AsyncIterator[bytes]:
    """The blocks of a stream; an answer that fails ends it with an error and without `[DONE]`."""
    encode = ChunkEncoder(envelope, has_usage=include_usage, is_padded=include_obfuscation)
    try:
        async for block in _written(encode, answers):
            yield block
    except ApiError as error:
        yield sse.data(sse.compact({"error": error.fields()}))
        return
    for index, answer in enumerate(answers):
        for block in [*encode.refusal(index, answer), *encode.calls(index, answer)]:
            yield block
    for index, answer in enumerate(answers):
        yield encode.chunk(index, "{}", f'"{envelope.finish(answer)}"')
    if include_usage:
        writes = envelope.generation.tells_writes
        yield encode.usage(usage(prompt, answers, tells_writes=writes))
    yield sse.DONE


async def _written(encode: "ChunkEncoder", answers: Sequence[Answer]) -> AsyncIterator[bytes]:
    # An opening depends on whether there is text, so the first pieces are awaited before it.
    writers = [answer.write() for answer in answers]
    pieces = [await anext(writer, None) for writer in writers]
    opened: set[int] = set()
    while len(opened) < len(answers) or any(piece is not None for piece in pieces):
        for index, piece in enumerate(pieces):
            if index not in opened:
                yield encode.opening(index, answers[index])
                opened.add(index)
            if piece is not None:
                block = encode.chunk(index, f'{{"content":{sse.compact(piece)}}}')
                yield sse.text_block(block, is_live=answers[index].is_live)
                pieces[index] = await anext(writers[index], None)


def usage(
    prompt: Prompt, answers: Sequence[Answer], spoken: int = 0, *, tells_writes: bool = False
) -> dict[str, Any]:
    """The token counts; `spoken` are those of the answers' sound.

    With `tells_writes` those that were written to the cache are counted, too: none ever is.
    """
    read, written = prompt.prompt_tokens(), spoken + sum(answer.tokens for answer in answers)
    cached = {"cached_tokens": 0} | ({"cache_write_tokens": 0} if tells_writes else {})
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "prompt_tokens_details": cached | {"audio_tokens": prompt.heard.audio_tokens},
        "completion_tokens_details": {
            "reasoning_tokens": sum(answer.reasoning for answer in answers),
            "audio_tokens": spoken,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


class ChunkEncoder:
    """Serialises once what all chunks share, as the SDK reads faster than JSON is written."""

    def __init__(self, envelope: Envelope, *, has_usage: bool, is_padded: bool) -> None:
        self._shared = envelope.around("chat.completion.chunk", [])
        self._before, self._after = sse.compact(self._shared).split("[]")
        if has_usage:
            self._after = self._after.removesuffix("}") + ',"usage":null}'
        self._is_padded = is_padded
        self._logprobs = '"logprobs":null,' if envelope.generation.has_logprobs else ""

    def chunk(self, index: int, delta: str, finish: str = "null") -> bytes:
        ending = f'{self._logprobs}"finish_reason":{finish}'
        choice = f'{{"index":{index},"delta":{delta},{ending}}}'
        return self._block(f"{self._before}[{choice}]{self._after}")

    def opening(self, index: int, answer: Answer) -> bytes:
        rest = '"content":"","refusal":null'
        if answer.refusal and not answer.pieces:
            rest = '"content":null,"refusal":""'
        elif len(answer.calls) > 1 and not answer.pieces:
            rest = '"content":null'
        elif _opens_with_call(answer):
            rest = f'"content":null,"tool_calls":[{_head(0, answer.calls[0])}],"refusal":null'
        block = self.chunk(index, f'{{"role":"assistant",{rest}}}')
        return sse.ReasoningBlock(block, answer.reasoning)

    def refusal(self, index: int, answer: Answer) -> list[bytes]:
        pieces = map(sse.compact, tokens.split(answer.refusal))
        return [self.chunk(index, f'{{"refusal":{piece}}}') for piece in pieces]

    def calls(self, index: int, answer: Answer, *, has_head: bool = True) -> list[bytes]:
        """Heads and arguments of all calls, but for the head that the opening has, if it has."""
        blocks: list[bytes] = []
        for place, call in enumerate(answer.calls):
            if not (has_head and _opens_with_call(answer)):
                blocks.append(self.chunk(index, f'{{"tool_calls":[{_head(place, call)}]}}'))
            for piece in call.pieces:
                part = f'{{"index":{place},"function":{{"arguments":{sse.compact(piece)}}}}}'
                block = self.chunk(index, f'{{"tool_calls":[{part}]}}')
                blocks.append(sse.text_block(block, is_live=answer.is_live))
        return blocks

    def without_finish(self, index: int, delta: str) -> bytes:
        """A choice that says neither `logprobs` nor a `finish_reason`, not even null."""
        return self._block(f'{self._before}[{{"index":{index},"delta":{delta}}}]{self._after}')

    def without_choices(self) -> bytes:
        """A chunk that lacks the key `choices`."""
        return self._block(self._before.removesuffix(',"choices":') + self._after)

    def usage(self, counts: dict[str, Any]) -> bytes:
        return self._block(sse.compact(self._shared | {"usage": counts}))

    def _block(self, line: str) -> bytes:
        if self._is_padded:
            room = f'{line.removesuffix("}")},"obfuscation":"'
            line = f'{room}{sse.padding(len(room.encode()))}"}}'
        return sse.data(line)


def _opens_with_call(answer: Answer) -> bool:
    """Whether the chunk with the role has the head of the call: where there is nothing else."""
    return len(answer.calls) == 1 and not answer.pieces and not answer.refusal


def _head(place: int, call: Call) -> str:
    return sse.compact({"index": place, **_call(call.id, call.name, "")})


def _call(id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
