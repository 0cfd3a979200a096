"""The settings of a session and of a response: their defaults, and changes to them, checked.

A session is sent whole, in `session.created` and after each `session.update`: fields, order and
defaults as recorded in 2026 (silence of 200 ms and the voice `alloy`, with `gpt-realtime-2.1` and
its mini 500 ms and `marin`). A change that is wrong anywhere changes nothing. What is taken but
changes nothing here (`noise_reduction`, `tracing`, ...) is sent back, too.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from emulator import params
from emulator.client_secrets import LIFETIME_S
from emulator.errors import ApiError
from emulator.models import MODELS
from emulator.params import bad, wrong_type
from emulator.realtime import audio_settings, field_checks
from emulator.realtime.conversation_items import ClientItem, items
from emulator.realtime.field_checks import Change, changed, clearing, each, one_of, plain, within
from emulator.realtime.functions import check_choice, tool_choice, tools

DEFAULT_MODEL = "gpt-realtime-2.1"
INSTRUCTIONS = """You are a friendly assistant on the telephone. Answer in one or two short \
sentences, which are heard and not read: without lists or markup, in the language of the caller. \
Call a function where one can help."""
LOGPROBS = "item.input_audio_transcription.logprobs"
MOST_TOKENS = 4096

_REASONS = re.compile(r"gpt-realtime-2(\.\d+)?(-mini)?")
_KINDS = ("realtime", "transcription")


def realtime_session(model: str, session_id: str, expires_at: int) -> dict[str, Any]:
    """The settings that a session starts with; `expires_at` is in seconds since 1970, UTC."""
    # Fields and their order as recorded.
    has_phases = _has_phases(model)
    voice = "marin" if has_phases else "alloy"
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": session_id,
        "model": model,
        "output_modalities": ["audio"],
        "instructions": INSTRUCTIONS,
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "expires_at": expires_at,
        "audio": {
            "input": _audio_input(audio_settings.server_vad(has_phases=has_phases)),
            "output": {"format": dict(audio_settings.PCM), "voice": voice, "speed": 1.0},
        },
        "include": None,
    }


def transcription_session(session_id: str, expires_at: int) -> dict[str, Any]:
    """The settings that a session without answers starts with."""
    return {
        "type": "transcription",
        "object": "realtime.transcription_session",
        "id": session_id,
        "expires_at": expires_at,
        "audio": {"input": _audio_input(audio_settings.TRANSCRIPTION_VAD)},
        "include": None,
    }


def asked_secret(body: Mapping[str, Any], session_id: str) -> tuple[dict[str, Any], int]:
    """The session that a client secret is asked for, and for how many seconds; raises ApiError."""
    if not field_checks.is_sound(body):
        raise bad("Invalid 'session': expected JSON that can be sent back.", "session", None)
    start = {"session": {"type": "realtime"}, "expires_after": {"seconds": LIFETIME_S}}
    asked = changed("", body, start, _SECRET)
    return new_session(asked["session"], session_id, 0), asked["expires_after"]["seconds"]


def new_session(given: Mapping[str, Any], session_id: str, expires_at: int) -> dict[str, Any]:
    """The session that a client secret is made for; raises ApiError (400)."""
    if _kind(given) == "transcription":
        # As recorded, here the turn detection has one field more than in `session.created`.
        start = transcription_session(session_id, expires_at)
        start["audio"]["input"]["turn_detection"]["idle_timeout_ms"] = None
        return updated(start, given)
    named = given.get("model")
    model = checked_model(DEFAULT_MODEL if named is None else params.text("session.model", named))
    return updated(realtime_session(model, session_id, expires_at), given)


def checked_model(name: str) -> str:
    """The name of a model that speaks; raises ApiError (400) for another."""
    known = MODELS.get(name)
    if known is None or known.role != "realtime":
        message = f"""Model "{field_checks.shown(name)}" is not supported in realtime mode. See \
https://platform.openai.com/docs/models for a list of supported models."""
        raise ApiError(400, message, code="invalid_model")
    return known.id


def updated(
    session: Mapping[str, Any], changes: Mapping[str, Any], *, has_spoken: bool = False
) -> dict[str, Any]:
    """The session with what a `session.update` changes; the one given stays as it is.

    `has_spoken` says that the voice has been heard. Raises ApiError (400).
    """
    kind = _kind(changes)
    if kind != session["type"]:
        message = f"""Passing a {kind} session update event to a {session["type"]} session is not \
allowed."""
        raise bad(message, "session.type", "invalid_value")
    settings = changed("session", changes, session, _table(session))
    if kind == "transcription":
        audio_input = (changes.get("audio") or {}).get("input") or {}
        return audio_settings.without_turns(settings, bool(audio_input.get("turn_detection")))
    # Checks across fields come last: a choice may name a tool that the same update brings.
    _check_reasoning("session", settings["model"], changes)
    check_choice("session.tool_choice", settings["tool_choice"], settings["tools"])
    _check_voice("session", settings["audio"], session, has_spoken)
    return settings


@dataclass(frozen=True)
class ResponseSettings:
    """What one response is made by: the session's settings, and what was asked for it alone.

    `input` is None where the conversation is read; else its items, of which those with a
    `reference` stand for an item that is there already. `speed` is a factor; `max_output_tokens`
    is a number or "inf"; `conversation` is "auto" or "none". `effort` is how much is reasoned;
    with `has_phases` a message says whether it is the answer.
    """

    instructions: str
    output_modalities: list[str]
    voice: str
    speed: float
    format: dict[str, Any]
    tools: list[dict[str, Any]]
    tool_choice: Any
    parallel_tool_calls: bool
    max_output_tokens: int | str
    conversation: str
    metadata: dict[str, str] | None
    input: tuple[ClientItem, ...] | None
    effort: str
    has_phases: bool


def response_settings(
    session: Mapping[str, Any], asked: Mapping[str, Any] | None, *, has_spoken: bool = False
) -> ResponseSettings:
    """The settings of a response; raises ApiError (400), though never where nothing was asked."""
    # What the session has, changed by what is asked for: formats and voice too, but not the speed.
    asked = asked or {}
    audio = session["audio"]
    spoken = {key: audio["output"][key] for key in audio_settings.SPOKEN}
    start = {key: session.get(key) for key in _RESPONSE}
    start |= {"conversation": "auto", "metadata": None, "audio": {"output": spoken}}
    with_input = {"input": plain(partial(items, audio["input"]["format"]["type"]))}
    settings = changed("response", asked, start, {**_RESPONSE, **with_input})
    _check_reasoning("response", session["model"], asked)
    check_choice("response.tool_choice", settings["tool_choice"], settings["tools"])
    _check_voice("response", settings["audio"], session, has_spoken)
    return ResponseSettings(
        **{key: settings[key] for key in _TAKEN},
        **settings["audio"]["output"],
        speed=audio["output"]["speed"],
        tool_choice=settings["tool_choice"] if settings["tools"] else "none",
        parallel_tool_calls=settings["parallel_tool_calls"] is not False,
        input=settings.get("input"),
        effort=_effort(session["model"], settings["reasoning"]),
        has_phases=_has_phases(session["model"]),
    )


def _audio_input(turn_detection: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "format": dict(audio_settings.PCM),
        "transcription": None,
        "noise_reduction": None,
        "turn_detection": dict(turn_detection),
    }


def _kind(changes: Mapping[str, Any]) -> str:
    return field_checks.kind_of("session", changes, *_KINDS)


def _model(name: str, value: Any, current: Any) -> Any:
    if value is None or value == current:
        return current
    params.text(name, value)
    message = f"Cannot update a session's model: this one was started with '{current}'."
    raise bad(message, name, "invalid_value")


def _modalities(name: str, value: Any) -> list[str]:
    found = each(one_of("text", "audio"))(name, value)
    if found not in (["text"], ["audio"]):
        found = [field_checks.shown(kind) for kind in found[:8]]
        message = f"""Invalid modalities: {found}. Supported combinations are: ['text'] and \
['audio']."""
        raise bad(message, name, "invalid_value")
    return list(found)


def _most_tokens(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return one_of("inf")(name, value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong_type(name, "an integer or 'inf'", value)
    return field_checks.integer(1, MOST_TOKENS)(name, value)


def _tracing(name: str, value: Any, current: Any) -> Any:
    tracing: Any = None
    if isinstance(value, dict):
        tracing = changed(name, value, {}, _TRACE)
    elif value is not None:
        tracing = one_of("auto")(name, value)
    if current not in (None, tracing):
        message = "Once tracing is enabled for a session, the configuration cannot be modified."
        raise bad(message, name, "invalid_value")
    return tracing


def _truncation(name: str, value: Any) -> Any:
    if not isinstance(value, dict):
        return one_of("auto", "disabled")(name, value)
    field_checks.kind_of(name, value, "retention_ratio")
    return changed(name, value, {}, _RETENTION, ["retention_ratio"])


def _has_phases(model: str) -> bool:
    known = MODELS.get(model)
    return known is not None and known.has_phases


def _effort(model: str, reasoning: Mapping[str, Any] | None) -> str:
    """How much is reasoned: recorded sessions of the newest models reason unasked."""
    asked = (reasoning or {}).get("effort")
    return asked or ("low" if _has_phases(model) else "none")


def _check_reasoning(name: str, model: str, changes: Mapping[str, Any]) -> None:
    for key in ("reasoning", "parallel_tool_calls"):
        if changes.get(key) is not None and not _REASONS.fullmatch(model):
            message = f"Unsupported option for this model: '{name}.{key}'."
            raise bad(message, f"{name}.{key}", "invalid_value")


def _check_voice(
    name: str, audio: Mapping[str, Any], session: Mapping[str, Any], has_spoken: bool
) -> None:
    if has_spoken and audio["output"]["voice"] != session["audio"]["output"]["voice"]:
        message = "Cannot update a conversation's voice if assistant audio is present."
        raise bad(message, f"{name}.audio.output.voice", "cannot_update_voice")


_SECRET: Mapping[str, Change] = {
    "session": plain(params.obj),
    "expires_after": within(
        {"anchor": plain(one_of("created_at")), "seconds": plain(field_checks.integer(10, 7200))}
    ),
}
_TRACE: Mapping[str, Change] = {
    "workflow_name": plain(params.text),
    "group_id": plain(params.text),
    "metadata": plain(params.obj),
}
_RETENTION: Mapping[str, Change] = {
    "type": plain(params.text),
    "retention_ratio": plain(field_checks.number(0, 1)),
    "token_limits": within({"post_instructions": plain(field_checks.integer(0))}),
}
_EFFORTS = one_of("minimal", "low", "medium", "high", "xhigh")
# What a session and a response have in common.
_BOTH: Mapping[str, Change] = {
    "output_modalities": plain(_modalities),
    "instructions": plain(params.text),
    "tools": plain(tools),
    "tool_choice": plain(tool_choice),
    "max_output_tokens": plain(_most_tokens),
    "prompt": field_checks.not_served,
    "reasoning": within({"effort": plain(_EFFORTS)}),
    "parallel_tool_calls": plain(params.flag),
}
_RESPONSE: Mapping[str, Change] = {
    **_BOTH,
    "conversation": plain(one_of("auto", "none")),
    "metadata": clearing(params.metadata),
    "audio": within({"output": within(audio_settings.SPOKEN)}),
}
_TAKEN = """instructions output_modalities tools max_output_tokens conversation metadata""".split()
_SESSION: Mapping[str, Change] = {
    "type": plain(params.text),
    "include": clearing(each(one_of(LOGPROBS))),
}
_REALTIME: Mapping[str, Change] = {
    **_SESSION,
    **_BOTH,
    "model": _model,
    "tracing": _tracing,
    "truncation": plain(_truncation),
}
_TRANSCRIPTION: Mapping[str, Change] = {**_SESSION, "audio": within(audio_settings.TRANSCRIBING)}


def _table(session: Mapping[str, Any]) -> Mapping[str, Change]:
    """What may change in a session; what turn detection starts from is its model's."""
    if session["type"] == "transcription":
        return _TRANSCRIPTION
    has_phases = _has_phases(session["model"])
    return {**_REALTIME, "audio": within(audio_settings.REALTIME[has_phases])}
