"""`POST /v1/chat/completions`: an Answer encoded as a completion, or as a stream of chunks."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from emulator.answers.answer import Answer, Ask, Message
from emulator.answers.quote import answer
from emulator.api import params
from emulator.api.models import find_model
from emulator.api.params import Param, bad, flag, integer, number, one_of, only, text
from emulator.errors import ApiError
from emulator.serving import Reply, read_json, send_json, send_stream, service
from emulator.wire import ids, sse

from starlette.requests import Request
from starlette.routing import Route

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
ROLES = ("developer", "system", "user", "assistant")
SENTENCES = {"low": 1, "medium": 3, "high": 6}
FINGERPRINT = "fp_emulator"


def messages(name: str, value: Any) -> list[Message]:
    """The conversation; each content is a string or a list of text parts."""
    if not isinstance(value, list):
        raise params.wrong_type(name, "an array of objects", value)
    if not value:
        message = f"""Invalid '{name}': empty array. Expected an array with minimum length 1, \
but got an empty array instead."""
        raise bad(message, name, "empty_array")
    return [_message(f"{name}[{place}]", item) for place, item in enumerate(value)]


def stop(name: str, value: Any) -> list[str]:
    """At most four sequences, none of them empty."""
    sequences = value if isinstance(value, list) else [value]
    for sequence in sequences:
        text(name, sequence)
    if len(sequences) > 4:
        message = f"""Invalid '{name}': array too long. Expected an array with maximum length 4, \
but got an array with length {len(sequences)} instead."""
        raise bad(message, name, "array_above_max_length")
    return [sequence for sequence in sequences if sequence]


STREAM_OPTIONS = {"include_usage": Param(flag, False), "include_obfuscation": Param(flag, True)}

PARAMS: Mapping[str, Param] = {
    "model": Param(text, required=True),
    "messages": Param(messages, required=True),
    "stream": Param(flag, False),
    "stream_options": Param(params.fields(STREAM_OPTIONS)),
    "n": Param(integer(1, 128), 1),
    "stop": Param(stop, ()),
    "max_completion_tokens": Param(integer(1)),
    "max_tokens": Param(integer(1)),
    "verbosity": Param(one_of(*SENTENCES), "medium"),
    "reasoning_effort": Param(one_of(*EFFORTS), inert=True),
    "temperature": Param(number(0, 2), inert=True),
    "top_p": Param(number(0, 1), inert=True),
    "frequency_penalty": Param(number(-2, 2), inert=True),
    "presence_penalty": Param(number(-2, 2), inert=True),
    "seed": Param(integer(-(2**63), 2**63 - 1), inert=True),
    "user": Param(text, inert=True),
    "safety_identifier": Param(text, inert=True),
    "prompt_cache_key": Param(text, inert=True),
    "prompt_cache_retention": Param(one_of("in_memory", "24h"), inert=True),
    "service_tier": Param(
        one_of("auto", "default", "flex", "scale", "priority", "fast"), inert=True
    ),
    "metadata": Param(params.metadata, inert=True),
    "store": Param(only(False)),
    "logprobs": Param(only(False)),
    "top_logprobs": Param(only()),
    "logit_bias": Param(only({})),
    "tools": Param(only([])),
    "tool_choice": Param(only("none", "auto")),
    "parallel_tool_calls": Param(flag, inert=True),
    "functions": Param(only([])),
    "function_call": Param(only("none", "auto")),
    "response_format": Param(only({"type": "text"})),
    "modalities": Param(only(["text"])),
    "audio": Param(only()),
    "prediction": Param(only()),
    "moderation": Param(only()),
    "prompt_cache_options": Param(only({})),
    "web_search_options": Param(only()),
}


async def create(request: Request) -> Reply:
    values, inert = params.parse(await read_json(request), PARAMS)
    model = find_model(values["model"])
    if model is None:
        message = f"The model `{values['model']}` does not exist or you do not have access to it."
        raise ApiError(404, message, code="model_not_found")
    if model.quickest_effort and values["max_tokens"] is not None:
        message = """Unsupported parameter: 'max_tokens' is not supported with this model. \
Use 'max_completion_tokens' instead."""
        raise bad(message, "max_tokens", "unsupported_parameter")
    if values["stream_options"] and not values["stream"]:
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise bad(message, "stream_options", None)

    ask = Ask(
        values["messages"],
        max_tokens=values["max_completion_tokens"] or values["max_tokens"],
        stop=values["stop"],
        sentences=SENTENCES[values["verbosity"]],
    )
    corpus = service(request).corpus
    answers = [answer(ask, corpus, variant) for variant in range(values["n"])]
    envelope = Envelope(ids.completion_id(), int(time.time()), values["model"])
    if values["stream"]:
        options = values["stream_options"] or {"include_usage": False, "include_obfuscation": True}
        return send_stream(request, chunks(envelope, ask, answers, **options), inert)
    written = max(len(each.pieces) for each in answers)
    return send_json(request, completion(envelope, ask, answers), inert, written)


@dataclass(frozen=True)
class Envelope:
    """What all chunks of one completion share."""

    id: str
    created: int
    model: str

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


def completion(envelope: Envelope, ask: Ask, answers: list[Answer]) -> dict[str, Any]:
    """The whole answer in one body."""
    choices: list[dict[str, Any]] = [
        {
            "index": index,
            "message": {
                "role": "assistant",
                "content": each.text,
                "refusal": None,
                "annotations": [],
            },
            "logprobs": None,
            "finish_reason": each.finish,
        }
        for index, each in enumerate(answers)
    ]
    return envelope.around("chat.completion", choices) | {"usage": usage(ask, answers)}


def chunks(
    envelope: Envelope,
    ask: Ask,
    answers: list[Answer],
    *,
    include_usage: bool,
    include_obfuscation: bool,
) -> Iterator[bytes]:
    """A role chunk per choice, the pieces in turn, a finish per choice, the usage, `[DONE]`.

    All that a chunk has in common is serialised once, as the SDK reads faster than JSON is written.
    """
    before, after = sse.compact(envelope.around("chat.completion.chunk", [])).split("[]")
    if include_usage:
        after = after.removesuffix("}") + ',"usage":null}'

    def chunk(index: int, delta: str, finish: str = "null") -> bytes:
        choice = f'{{"index":{index},"delta":{delta},"logprobs":null,"finish_reason":{finish}}}'
        line = f"{before}[{choice}]{after}"
        return sse.data(_padded(line) if include_obfuscation else line)

    for index in range(len(answers)):
        yield chunk(index, '{"role":"assistant","content":"","refusal":null}')
    for round_of_pieces in zip_longest(*(each.pieces for each in answers)):
        for index, piece in enumerate(round_of_pieces):
            if piece is not None:
                yield sse.Piece(chunk(index, f'{{"content":{sse.compact(piece)}}}'))
    for index, each in enumerate(answers):
        yield chunk(index, "{}", f'"{each.finish}"')
    if include_usage:
        line = sse.compact(
            envelope.around("chat.completion.chunk", []) | {"usage": usage(ask, answers)}
        )
        yield sse.data(_padded(line) if include_obfuscation else line)
    yield sse.DONE


def usage(ask: Ask, answers: list[Answer]) -> dict[str, Any]:
    prompt, written = ask.prompt_tokens(), sum(len(each.pieces) for each in answers)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": written,
        "total_tokens": prompt + written,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _padded(line: str) -> str:
    """The line with its `obfuscation`, so long that all lines are equal modulo 16 bytes."""
    room = f'{line.removesuffix("}")},"obfuscation":"'
    return f'{room}{sse.padding(len(room.encode()))}"}}'


def _message(name: str, value: Any) -> Message:
    fields = params.obj(name, value)
    role = one_of(*ROLES, "tool", "function")(f"{name}.role", fields.get("role"))
    if role not in ROLES or fields.get("tool_calls"):
        only()(f"{name}.tool_calls" if role in ROLES else f"{name}.role", role)
    return Message(role, content_text(f"{name}.content", fields.get("content"), "text"))


def content_text(name: str, value: Any, *kinds: str) -> str:
    """The text of a content: a string, or a list of parts of the `kinds` that are text."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise params.wrong_type(name, "one of a string or array of objects", value)
    return "".join(_part_text(f"{name}[{place}]", part, kinds) for place, part in enumerate(value))


def _part_text(name: str, value: Any, kinds: tuple[str, ...]) -> str:
    part = params.obj(name, value)
    if part.get("type") not in kinds:
        only()(f"{name}.type", text(f"{name}.type", part.get("type")))
    return text(f"{name}.text", part.get("text"))


routes = [Route("/v1/chat/completions", create, methods=["POST"])]
