"""`POST /v1/chat/completions`: a conversation is checked, answered and encoded."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emulator import params
from emulator.answers.answer import USUAL_SENTENCES, Answer, Call, HeardSound, Message, Prompt
from emulator.api import chat_audio, speech, tool_params
from emulator.api.model_list import check_length, find_model, note_end
from emulator.api.response_items import content_text
from emulator.encode.completions import Envelope, chunks, completion
from emulator.encode.spoken_completions import spoken_chunks, spoken_completion
from emulator.errors import ApiError
from emulator.models import Model
from emulator.params import Param, bad, flag, integer, number, one_of, only, text
from emulator.serving import (
    Reply,
    before_last,
    count_request,
    finished,
    generated,
    parsed,
    read_json,
    send_json,
    send_stream,
    service,
    while_connected,
)
from emulator.wire import ids

from starlette.requests import Request
from starlette.routing import Route

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
ROLES = ("developer", "system", "user", "assistant", "tool")
SENTENCES = {"low": 1, "medium": USUAL_SENTENCES, "high": 6}
SERVICE_TIERS = one_of("auto", "default", "flex", "scale", "priority", "fast")


def messages(name: str, value: Any) -> list[Message]:
    """The conversation; each content is a string or a list of text parts."""
    given = params.array(name, value, least=1)
    said = [_message(f"{name}[{place}]", item) for place, item in enumerate(given)]
    _check_calls(name, said)
    return said


def stop(name: str, value: Any) -> list[str]:
    """At most four sequences; empty ones are left out."""
    sequences = value if isinstance(value, list) else [value]
    for sequence in sequences:
        text(name, sequence)
    return [sequence for sequence in params.array(name, sequences, most=4) if sequence]


CACHE_OPTIONS = {"mode": Param(one_of("implicit", "explicit")), "ttl": Param(one_of("30m"))}
STREAM_OPTIONS = {"include_usage": Param(flag, False), "include_obfuscation": Param(flag, True)}

SAMPLING: dict[str, Param] = {
    "temperature": Param(number(0, 2), inert=True),
    "top_p": Param(number(0, 1), inert=True),
    "frequency_penalty": Param(number(-2, 2), inert=True),
    "presence_penalty": Param(number(-2, 2), inert=True),
    "seed": Param(integer(-(2**63), 2**63 - 1), inert=True),
}

PARAMS: Mapping[str, Param] = SAMPLING | {
    "model": Param(text, required=True),
    "messages": Param(messages, required=True),
    "stream": Param(flag, False),
    "stream_options": Param(params.fields(STREAM_OPTIONS)),
    "n": Param(integer(1, 128), 1),
    "stop": Param(stop, ()),
    "max_completion_tokens": Param(integer(1)),
    "max_tokens": Param(integer(1)),
    "verbosity": Param(one_of(*SENTENCES), "medium"),
    "reasoning_effort": Param(one_of(*EFFORTS)),
    "tools": Param(tool_params.chat_tools, []),
    "tool_choice": Param(tool_params.tool_choice, "auto"),
    "parallel_tool_calls": Param(flag, True),
    "response_format": Param(tool_params.chat_format),
    "store": Param(flag, False),
    "metadata": Param(params.metadata),
    "user": Param(text, inert=True),
    "safety_identifier": Param(text, inert=True),
    "prompt_cache_key": Param(text, inert=True),
    "prompt_cache_retention": Param(one_of("in_memory", "24h"), inert=True),
    "service_tier": Param(SERVICE_TIERS, inert=True),
    "logprobs": Param(only(False)),
    "top_logprobs": Param(only()),
    "logit_bias": Param(only({})),
    "functions": Param(only([])),
    "function_call": Param(only("none", "auto")),
    "modalities": Param(chat_audio.modalities, ("text",)),
    "audio": Param(params.fields(chat_audio.AUDIO)),
    "prediction": Param(only()),
    "moderation": Param(only()),
    "prompt_cache_options": Param(params.fields(CACHE_OPTIONS), inert=True),
    "web_search_options": Param(only()),
}


async def create(request: Request) -> Reply:
    body = await read_json(request)
    heard = await while_connected(request, chat_audio.heard(body, service(request)))
    values, inert = await parsed(request, heard.body, PARAMS)
    model = find_model(values["model"])
    if model is None or model.role not in ("chat", "audio"):
        message = f"The model `{values['model']}` does not exist or you do not have access to it."
        raise ApiError(404, message, code="model_not_found")
    _check_together(values, model)
    _check_model(values, model)
    chat_audio.check_together(values, model, heard)

    choice = tool_params.choose(values["tool_choice"], values["tools"])
    prompt = _prompt(values, model, choice, heard.sound)
    await check_length(request, prompt, model, "messages")
    count_request(request, model.id, prompt.rough_tokens())
    note_end(request, model)
    if heard.is_unheard:
        answers = chat_audio.unheard(values["n"])
    else:
        answers = await generated(request, prompt, values["n"])
    envelope = Envelope(ids.completion_id(), int(time.time()), model.answers_as, choice.is_named)
    answered = Answered(request, values, inert, envelope, prompt, answers)
    return await (_spoken if "audio" in values["modalities"] else _written)(answered)


@dataclass(frozen=True)
class Answered:
    """A request and its answers, to be sent as text or as sound."""

    request: Request
    values: Mapping[str, Any]
    inert: list[str]
    envelope: Envelope
    prompt: Prompt
    answers: list[Answer]

    @property
    def stream_options(self) -> dict[str, bool]:
        chosen: dict[str, bool] | None = self.values["stream_options"]
        return chosen or {"include_usage": False, "include_obfuscation": True}

    def store(self, body: dict[str, Any]) -> None:
        if self.values["store"]:
            metadata = {"metadata": self.values["metadata"] or {}}
            _store(self.request, body | metadata, self.prompt.messages)


async def _written(answered: Answered) -> Reply:
    """The answers as text."""
    request, envelope, prompt = answered.request, answered.envelope, answered.prompt
    answers, inert = answered.answers, answered.inert

    def store() -> None:
        answered.store(completion(envelope, prompt, answers))

    if answered.values["stream"]:
        blocks = chunks(envelope, prompt, answers, **answered.stream_options)
        return send_stream(request, before_last(blocks, store), inert)
    await finished(request, answers)
    store()
    return send_json(request, completion(envelope, prompt, answers), inert, answers)


async def _spoken(answered: Answered) -> Reply:
    """The answers as sound, with their transcripts."""
    request, envelope, prompt = answered.request, answered.envelope, answered.prompt
    audio = answered.values["audio"]
    await speech.encoder("pcm" if audio["format"] == "pcm16" else audio["format"], "audio.format")
    await finished(request, answered.answers)
    spoken = [chat_audio.spoken(answer, audio["voice"]) for answer in answered.answers]

    def store() -> None:
        chat_audio.keep(spoken, service(request).store)
        answered.store(spoken_completion(envelope, prompt, spoken))

    if answered.values["stream"]:
        blocks = spoken_chunks(envelope, prompt, spoken, **answered.stream_options)
        return send_stream(request, before_last(blocks, store), answered.inert)
    await while_connected(request, chat_audio.speak_whole(spoken, audio["format"]))
    store()
    body = spoken_completion(envelope, prompt, spoken)
    return await asyncio.to_thread(send_json, request, body, answered.inert, answered.answers)


def _check_together(values: Mapping[str, Any], model: Model) -> None:
    """What is allowed alone, and not beside what else was sent; raises ApiError (400)."""
    if model.quickest_effort and values["max_tokens"] is not None:
        message = """Unsupported parameter: 'max_tokens' is not supported with this model. \
Use 'max_completion_tokens' instead."""
        raise bad(message, "max_tokens", "unsupported_parameter")
    if values["stream_options"] and not values["stream"]:
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise bad(message, "stream_options", None)
    wants_json = values["response_format"] is tool_params.JSON_OBJECT
    if wants_json and not any("json" in m.text.lower() for m in values["messages"]):
        message = """'messages' must contain the word 'json' in some form, to use \
'response_format' of type 'json_object'."""
        raise bad(message, "messages", None)


def _check_model(values: Mapping[str, Any], model: Model) -> None:
    """What the model does not take: an effort, and beside its reasoning some more; raises ApiError.

    The sentences are those of replies to gpt-5.6-terra (August 2026) and gpt-6-astra (September).
    """
    asked, efforts = values["reasoning_effort"], model.generation.efforts
    if asked and not efforts:
        raise ApiError(400, "Unrecognized request argument supplied: reasoning_effort")
    if asked and asked not in efforts:
        message = f"""Unsupported value: 'reasoning_effort' does not support '{asked}' with this \
model. Supported values are: {params.listed(efforts, comma=True)}."""
        raise bad(message, "reasoning_effort", "unsupported_value")
    if (asked or model.effort) == "none":
        return
    if values["temperature"] not in (None, 1):
        message = f"""Unsupported value: 'temperature' does not support {values["temperature"]:g} \
with this model. Only the default (1) value is supported."""
        raise bad(message, "temperature", "unsupported_value")
    if values["top_p"] not in (None, 1):
        message = "Unsupported parameter: 'top_p' is not supported with this model."
        raise bad(message, "top_p", "unsupported_parameter")
    if values["tools"] and model.generation.needs_responses:
        other = " or set reasoning_effort to 'none'" if "none" in efforts else ""
        message = f"""Function tools with reasoning_effort are not supported for {model.id} in \
/v1/chat/completions. To use function tools, use /v1/responses{other}."""
        raise bad(message, "reasoning_effort", None)


def _prompt(
    values: Mapping[str, Any], model: Model, choice: tool_params.Choice, heard: HeardSound
) -> Prompt:
    return Prompt(
        values["messages"],
        max_tokens=values["max_completion_tokens"] or values["max_tokens"],
        stop=values["stop"],
        sentences=SENTENCES[values["verbosity"]],
        effort=values["reasoning_effort"] or model.effort,
        tools=choice.tools,
        must_call=choice.must_call,
        parallel=values["parallel_tool_calls"],
        schema=values["response_format"],
        sampling={name: values[name] for name in SAMPLING if values[name] is not None},
        names_sources="audio" not in values["modalities"],
        heard=heard,
    )


def _store(request: Request, body: dict[str, Any], said: Sequence[Message]) -> None:
    """Keep a completion and the messages that led to it, each with an id of its own."""
    kept = [
        {"id": f"{body['id']}-{place}", "role": m.role, "content": m.text, "refusal": None}
        for place, m in enumerate(said)
    ]
    service(request).store.save("completion", body, kept)


def _message(name: str, value: Any) -> Message:
    fields = params.obj(name, value)
    if fields.get("role") == "function":
        only()(f"{name}.role", "function")
    role = one_of(*ROLES)(f"{name}.role", fields.get("role"))
    given = fields.get("tool_calls")
    given = [] if given is None else given
    calls = [
        _call(f"{name}.tool_calls[{place}]", call)
        for place, call in enumerate(
            params.array(f"{name}.tool_calls", given, most=tool_params.MOST_TOOLS)
        )
    ]
    content = fields.get("content")
    if content is None and role == "assistant":
        content = fields.get("refusal") or ""
    call_id = text(f"{name}.tool_call_id", fields.get("tool_call_id")) if role == "tool" else None
    said = content_text(f"{name}.content", content, "text", "refusal")
    return Message(role, said, calls, call_id)


def _call(name: str, value: Any) -> Call:
    call = params.obj(name, value)
    if call.get("type", "function") != "function":
        only()(f"{name}.type", call.get("type"))
    function = params.obj(f"{name}.function", call.get("function"))
    return Call(
        text(f"{name}.function.name", function.get("name")),
        text(f"{name}.function.arguments", function.get("arguments")),
        text(f"{name}.id", call.get("id")),
    )


def _check_calls(name: str, said: Sequence[Message]) -> None:
    """A tool's message answers a call right before it, and no call stays without its answer.

    `open_ids` are the calls that the messages read so far have not answered yet.
    """
    open_ids: set[str] = set()
    for place, message in enumerate(said):
        at = f"{name}.[{place}].role"
        if message.role == "tool":
            if message.call_id not in open_ids:
                why = """Invalid parameter: messages with role 'tool' must be a response to a \
preceeding message with 'tool_calls'."""
                raise bad(why, at, None)
            open_ids.discard(message.call_id)
        else:
            _check_answered(open_ids, at)
        open_ids |= {call.id for call in message.calls}
    _check_answered(open_ids, name)


def _check_answered(open_ids: set[str], at: str) -> None:
    if open_ids:
        message = f"""An assistant message with 'tool_calls' must be followed by tool messages \
responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: \
{", ".join(sorted(open_ids))}"""
        raise bad(message, at, None)


routes = [Route("/v1/chat/completions", create, methods=["POST"])]
