"""The sound of a session: formats, voices, turn detection, transcription, noise reduction.

Fields and ranges are those of openai 3.54's types; that `rate` must be 24000, that `transcription`
needs its model, that two models take no turn detection, and that a prompt has 1,024 characters at
most, was seen on the wire in 2026. Within an object of the same `type` (of the same `model` for
`transcription`) a change leaves alone what it does not name: documented for noise reduction and
for the session as a whole, assumed for the others.
"""

from collections.abc import Mapping
from typing import Any

from emulator import params
from emulator.models import NAMED
from emulator.params import bad
from emulator.realtime import field_checks
from emulator.realtime.field_checks import Change, changed, clearing, each, one_of, plain, within

RATE_HZ = 24_000
VOICES = tuple("alloy ash ballad coral echo sage shimmer verse marin cedar".split())
TRANSCRIBERS = tuple(
    name for name, model in NAMED.items() if model.role in ("transcription", "captions")
)
# These find the turns themselves: a transcription session with them gets no other detection.
WITHOUT_TURNS = tuple(name for name in TRANSCRIBERS if NAMED[name].role == "captions")
LONGEST_PROMPT = 1024
_NOT_IN_KEYWORDS = frozenset("<>\r\n")
IDLE_TIMEOUT_MS = (5_000, 30_000)

# What each parameter of `transcription` is understood by; the rest is by all.
_GUIDED = ("gpt-transcribe", "gpt-live-transcribe")
_UNDERSTOOD = {
    "keywords": _GUIDED,
    "languages": _GUIDED,
    "delay": ("gpt-realtime-whisper",),
    "prompt": tuple(model for model in TRANSCRIBERS if model != "gpt-realtime-whisper"),
}


PCM = {"type": "audio/pcm", "rate": RATE_HZ}
_RESPONDING = {"create_response": True, "interrupt_response": True}


def server_vad(*, has_phases: bool) -> dict[str, Any]:
    """The turn detection that a session begins with: as recorded, the types say 500 ms for all."""
    return {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500 if has_phases else 200,
        "idle_timeout_ms": None,
        **_RESPONDING,
    }


# A transcription session has no responses, so no settings about them.
TRANSCRIPTION_VAD = {
    key: value
    for key, value in server_vad(has_phases=False).items()
    if key not in ("idle_timeout_ms", *_RESPONDING)
}


def language(name: str, value: Any) -> str:
    found = params.text(name, value)
    if not (2 <= len(found) <= 3 and found.isascii() and found.isalpha() and found.islower()):
        message = f"""Invalid value: '{field_checks.shown(found)}'. Expected a language in \
ISO-639-1 format, such as 'en'."""
        raise bad(message, name, "invalid_value")
    return found


def keyword(name: str, value: Any) -> str:
    """A word to listen for: without angle brackets and line breaks, as in files."""
    found = params.text(name, value)
    if not _NOT_IN_KEYWORDS.isdisjoint(found):
        message = f"""Invalid '{name}': a keyword must not contain '<', '>' or a line break."""
        raise bad(message, name, "invalid_value")
    return found


_FORMATS: Mapping[str, Mapping[str, Change]] = {
    "audio/pcm": {
        "type": plain(params.text),
        "rate": plain(field_checks.integer(RATE_HZ, RATE_HZ)),
    },
    "audio/pcmu": {"type": plain(params.text)},
    "audio/pcma": {"type": plain(params.text)},
}
_TURNS: Mapping[str, Mapping[str, Change]] = {
    "server_vad": {
        "type": plain(params.text),
        "threshold": plain(field_checks.number(0, 1)),
        "prefix_padding_ms": plain(field_checks.integer(0)),
        "silence_duration_ms": plain(field_checks.integer(0)),
        "idle_timeout_ms": clearing(field_checks.integer(*IDLE_TIMEOUT_MS)),
        **dict.fromkeys(_RESPONDING, plain(params.flag)),
    },
    "semantic_vad": {
        "type": plain(params.text),
        "eagerness": plain(one_of("low", "medium", "high", "auto")),
        **dict.fromkeys(_RESPONDING, plain(params.flag)),
    },
}
_NOISE: Mapping[str, Change] = {
    "type": plain(one_of("near_field", "far_field")),
    "strength": plain(field_checks.number(0, field_checks.MOST)),
}
_TRANSCRIPTION: Mapping[str, Change] = {
    "model": plain(one_of(*TRANSCRIBERS)),
    "language": clearing(language),
    "prompt": clearing(field_checks.short(LONGEST_PROMPT)),
    "languages": clearing(each(language)),
    "keywords": clearing(each(keyword)),
    "delay": clearing(one_of("minimal", "low", "medium", "high", "xhigh")),
}


def format(name: str, value: Any) -> dict[str, Any]:
    kind = field_checks.kind_of(name, value, *_FORMATS)
    return changed(name, value, PCM if kind == "audio/pcm" else {}, _FORMATS[kind])


def voice(name: str, value: Any) -> str:
    """One of OpenAI's own; a custom voice is refused by name."""
    if isinstance(value, dict):
        raise field_checks.unserved(f"{name}.id")
    return str(one_of(*VOICES)(name, value))


def noise_reduction(name: str, value: Any, current: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    start = {"type": None, "strength": 1.0} if current is None else current
    return changed(name, value, start, _NOISE, ["type"])


def transcription(name: str, value: Any, current: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    # Of another model nothing is kept: its hints may mean nothing to this one.
    start = {"model": None, "language": None, "prompt": None}
    wanted = params.obj(name, value).get("model")
    if current is not None and wanted == current["model"]:
        start = current
    elif wanted is None:
        raise field_checks.missing(f"{name}.model")
    settings = changed(name, value, start, _TRANSCRIPTION)
    for key, models in _UNDERSTOOD.items():
        if settings.get(key) and settings["model"] not in models:
            message = f"'{key}' is not supported for this transcription model."
            raise bad(message, f"{name}.{key}", "invalid_value")
    return settings


def _turn_detection(server: dict[str, Any], semantic: dict[str, Any]) -> Change:
    """The change of turn detection in a session whose defaults these are."""

    def change(name: str, value: Any, current: Any) -> dict[str, Any] | None:
        if value is None:
            return None
        # A change of `type` starts from the defaults of that type, any other from what there is.
        kind = field_checks.kind_of(name, value, *_TURNS)
        start = server if kind == "server_vad" else semantic
        if current is not None and current["type"] == kind:
            start = current
        return changed(name, value, start, _TURNS[kind])

    return change


def _audio_input(turns: Change) -> Mapping[str, Change]:
    return {
        "format": plain(format),
        "transcription": transcription,
        "noise_reduction": noise_reduction,
        "turn_detection": turns,
    }


_SEMANTIC = {"type": "semantic_vad", "eagerness": "auto"}
SPOKEN: Mapping[str, Change] = {"format": plain(format), "voice": plain(voice)}
OUTPUT: Mapping[str, Change] = {**SPOKEN, "speed": plain(field_checks.number(0.25, 1.5))}
_SEMANTIC_RESPONDING = {**_SEMANTIC, **_RESPONDING}
# By whether the model's messages have phases.
REALTIME: Mapping[bool, Mapping[str, Change]] = {
    has_phases: {
        "input": within(
            _audio_input(_turn_detection(server_vad(has_phases=has_phases), _SEMANTIC_RESPONDING))
        ),
        "output": within(OUTPUT),
    }
    for has_phases in (False, True)
}
TRANSCRIBING: Mapping[str, Change] = {
    "input": within(_audio_input(_turn_detection(TRANSCRIPTION_VAD, _SEMANTIC)))
}


def without_turns(session: dict[str, Any], is_named: bool) -> dict[str, Any]:
    """A transcription session whose model finds the turns itself has no turn detection.

    Raises ApiError (400) where the change named one (`is_named`).
    """
    audio_input = session["audio"]["input"]
    transcriber = (audio_input["transcription"] or {}).get("model")
    if transcriber not in WITHOUT_TURNS or audio_input["turn_detection"] is None:
        return session
    if is_named:
        message = "Turn detection is not supported for this transcription model."
        raise bad(message, "session.audio.input.turn_detection", "invalid_value")
    return {**session, "audio": {"input": {**audio_input, "turn_detection": None}}}
