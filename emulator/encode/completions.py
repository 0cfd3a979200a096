"""A chat completion on the wire: whole, or as a stream of chunks.

The chunks of a choice, in the order of recorded traffic: the role with an empty content, pieces of
the content, per call of a tool its head (index, id, name) and pieces of its arguments, the reason
why it ended. A choice without text opens with its first call, and a content of null.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from emulator.answers.answer import Answer, Call, Prompt
from emulator.errors import ApiError
from emulator.wire import sse

FINGERPRINT = "fp_emulator"


@dataclass(frozen=True)
class Envelope:
    """What all chunks of one completion share.

    With `is_named` the caller had named the function to call; OpenAI then ends with `stop`.
    """

    id: str
    created: int
    model: str
    is_named: bool = False

    def around(self, kind: str, choices: Any) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "service_tier": "default",
            "system_fingerprint": FINGERPRINT,
            "choices": choices,
        }

    def finish(self, answer: Answer) -> str:
        is_forced = self.is_named and answer.finish == "tool_calls"
        return "stop" if is_forced else answer.finish


def completion(envelope: Envelope, prompt: Prompt, answers: Sequence[Answer]) -> dict[str, Any]:
    """The whole answer in one body."""
    choices = [
        {
            "index": index,
            "message": message(each),
            "logprobs": None,
            "finish_reason": envelope.finish(each),
        }
        for index, each in enumerate(answers)
    ]
    return envelope.around("chat.completion", choices) | {"usage": usage(prompt, answers)}


def message(answer: Answer) -> dict[str, Any]:
    """The assistant's message; `tool_calls` stands in it only if there are some."""
    content = answer.text if answer.pieces or not answer.calls else None
    said: dict[str, Any] = {
        "role": "assistant",
        "content": content,
        "refusal": None,
        "annotations": [],
    }
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for call in answer.calls
    ]
    return said | ({"tool_calls": calls} if calls else {})


async def chunks(
    envelope: Envelope,
    prompt: Prompt,
    answers: Sequence[Answer],
    *,
    include_usage: bool,
    include_obfuscation: bool,
) -> AsyncIterator[bytes]:
    """A role chunk per choice, the pieces in turn, a finish per choice, the usage, `[DONE]`.

    An answer that fails while it is written ends with OpenAI's error, and no `[DONE]`.
    """
    encode = _Encoder(envelope, has_usage=include_usage, is_padded=include_obfuscation)
    writers = {index: each.write() for index, each in enumerate(answers)}
    try:
        pieces = {index: await anext(writer, None) for index, writer in writers.items()}
        for index, each in enumerate(answers):
            yield encode.opening(index, each)
        while any(piece is not None for piece in pieces.values()):
            for index, piece in pieces.items():
                if piece is not None:
                    block = encode.piece(index, piece)
                    yield sse.piece(block, is_live=answers[index].is_live)
                    pieces[index] = await anext(writers[index], None)
    except ApiError as error:
        yield sse.data(sse.compact({"error": error.fields()}))
        return
    for index, each in enumerate(answers):
        for block in encode.calls(index, each):
            yield block
    for index, each in enumerate(answers):
        yield encode.chunk(index, "{}", f'"{envelope.finish(each)}"')
    if include_usage:
        yield encode.usage(usage(prompt, answers))
    yield sse.DONE


def usage(prompt: Prompt, answers: Sequence[Answer]) -> dict[str, Any]:
    taken_in, written = prompt.prompt_tokens(), sum(each.tokens for each in answers)
    return {
        "prompt_tokens": taken_in,
        "completion_tokens": written,
        "total_tokens": taken_in + written,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": sum(each.reasoning for each in answers),
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


class _Encoder:
    """Serialises once what all chunks have in common, as the SDK reads faster than JSON is written.

    Padded, a chunk has an `obfuscation` so long that all lines are equal modulo 16 bytes.
    """

    def __init__(self, envelope: Envelope, *, has_usage: bool, is_padded: bool) -> None:
        shared = envelope.around("chat.completion.chunk", [])
        self._shared = shared
        self._before, self._after = sse.compact(shared).split("[]")
        if has_usage:
            self._after = self._after.removesuffix("}") + ',"usage":null}'
        self._is_padded = is_padded

    def chunk(self, index: int, delta: str, finish: str = "null") -> bytes:
        choice = f'{{"index":{index},"delta":{delta},"logprobs":null,"finish_reason":{finish}}}'
        return self._block(f"{self._before}[{choice}]{self._after}")

    def opening(self, index: int, answer: Answer) -> bytes:
        """The role, beside an empty content or the head of the first call."""
        if answer.pieces or not answer.calls:
            block = self.chunk(index, '{"role":"assistant","content":"","refusal":null}')
        else:
            calls = f'"content":null,"tool_calls":[{_head(0, answer.calls[0])}]'
            block = self.chunk(index, f'{{"role":"assistant",{calls},"refusal":null}}')
        return sse.thought(block, answer.reasoning)

    def piece(self, index: int, text: str) -> bytes:
        return self.chunk(index, f'{{"content":{sse.compact(text)}}}')

    def calls(self, index: int, answer: Answer) -> list[bytes]:
        """Heads and arguments of all calls, without the head that the opening has told."""
        blocks: list[bytes] = []
        for place, call in enumerate(answer.calls):
            if place or answer.pieces:
                blocks.append(self.chunk(index, f'{{"tool_calls":[{_head(place, call)}]}}'))
            for piece in call.pieces:
                part = f'{{"index":{place},"function":{{"arguments":{sse.compact(piece)}}}}}'
                block = self.chunk(index, f'{{"tool_calls":[{part}]}}')
                blocks.append(sse.piece(block, is_live=answer.is_live))
        return blocks

    def usage(self, counts: dict[str, Any]) -> bytes:
        return self._block(sse.compact(self._shared | {"usage": counts}))

    def _block(self, line: str) -> bytes:
        if self._is_padded:
            room = f'{line.removesuffix("}")},"obfuscation":"'
            line = f'{room}{sse.padding(len(room.encode()))}"}}'
        return sse.data(line)


def _head(place: int, call: Call) -> str:
    function = {"name": call.name, "arguments": ""}
    return sse.compact({"index": place, "id": call.id, "type": "function", "function": function})
