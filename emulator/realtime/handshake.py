"""Who may open a session, and with which settings it begins.

OpenAI lets every WebSocket in (101) and refuses then: with an `error` event, and a close frame in
the same millisecond, 3000 for a bad key and 4000 for a bad request, whose reason is the error's
type and code. So it is here (recorded in September 2026). A browser, which cannot send headers,
brings its key as the subprotocol `openai-insecure-api-key.KEY`.
"""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from emulator.errors import ApiError, bad_key, no_key
from emulator.faults import Fault
from emulator.models import MODELS
from emulator.realtime import audio_settings, session_settings
from emulator.realtime.session import SESSION_S, FaultEffects, Session
from emulator.serving import Service
from emulator.voice.activity import SpeechDetector
from emulator.wire import ids

BAD_KEY, BAD_REQUEST = 3000, 4000
IN_SUBPROTOCOL = "openai-insecure-api-key."
_BAD_MODEL = "invalid_model"


class Refused(Exception):
    """A session that does not begin: the error, and the code of the close frame behind it."""

    def __init__(self, error: ApiError, close_code: int) -> None:
        super().__init__(error.message)
        self._error = error
        self.close_code = close_code

    @property
    def reason(self) -> str:
        return ".".join(filter(None, (self._error.type, self._error.code)))

    def event(self) -> dict[str, Any]:
        fields = {**self._error.fields(), "event_id": None}
        return {"type": "error", "event_id": ids.realtime("event"), "error": fields}


def settings_of(scope: Mapping[str, Any], service: Service) -> dict[str, Any]:
    """The settings that a session begins with; raises Refused."""
    # In OpenAI's order: the key, then the header of the beta, then the query. A client secret
    # carries its session, so its query counts for nothing.
    key = _key(scope)
    if not key:
        raise Refused(no_key(), BAD_KEY)
    query = {name: values[-1] for name, values in parse_qs(scope["query_string"].decode()).items()}
    headers = dict(scope["headers"])
    if b"realtime=v1" in headers.get(b"openai-beta", b""):
        message = "The Realtime Beta API is no longer supported. Please use /v1/realtime as GA."
        raise _bad_request(message, "beta_api_shape_disabled")
    expires_at = int(time.time() + SESSION_S)
    new = ids.realtime("sess")
    if key.startswith("ek_"):
        try:
            kept = service.secrets.session_of(key)
        except ApiError:
            raise Refused(bad_key(), BAD_KEY) from None
        return {**kept, "id": new, "expires_at": expires_at}
    if query.get("intent") == "transcription":
        _check_no_model(query.get("model"))
        return session_settings.transcription_session(new, expires_at)
    return session_settings.realtime_session(_model(query), new, expires_at)


def begin(
    settings: dict[str, Any],
    service: Service,
    faults: list[Fault],
    detector: SpeechDetector,
    why_no_words: str | None,
) -> Session:
    """The session, with the effects of its faults."""
    found = {fault.name: fault.argument for fault in faults}
    # The fault `expire=3s` shortens the session, and says so in its settings.
    lasts_s = _milliseconds(found["expire"]) / 1000 if "expire" in found else SESSION_S
    if "expire" in found:
        settings["expires_at"] = int(time.time() + lasts_s)
    return Session(
        settings,
        detector,
        now=service.pace.clock(),
        pace=service.pace,
        limit=lambda spent: service.limits.tokens(str(settings.get("model")), spent),
        why_no_words=why_no_words,
        lasts_s=lasts_s,
        fault_effects=FaultEffects(
            short_by_ms=_milliseconds(found.get("short-by", "0ms")),
            late_deltas=int(found.get("late-deltas") or 0),
            is_transcript_late="transcript-late" in found,
            has_unknown_events="unknown-event" in found,
        ),
    )


def _model(query: Mapping[str, str]) -> str:
    if "call_id" in query:
        message = "This emulator has no calls of WebRTC or SIP: name a model."
        raise _bad_request(message, "not_served_by_emulator")
    if not query.get("model"):
        message = """You must provide a model parameter, for example \
wss://api.openai.com/v1/realtime?model=gpt-realtime-2.1"""
        raise _bad_request(message, "missing_model")
    known = MODELS.get(query["model"])
    if known is None or known.role != "realtime":
        message = f'Model "{query["model"]}" is not supported in realtime mode.'
        raise _bad_request(message, _BAD_MODEL)
    return known.id


def _check_no_model(name: str | None) -> None:
    """A transcription session takes its model from `session.update`; recorded in September 2026."""
    if name in audio_settings.TRANSCRIBERS:
        raise _bad_request(f'Model "{name}" is not supported in transcription mode.', _BAD_MODEL)
    if name:
        message = "You must not provide a model parameter for transcription sessions."
        raise _bad_request(message, _BAD_MODEL)


def _key(scope: Mapping[str, Any]) -> str:
    for name, value in scope["headers"]:
        scheme, _, key = value.decode("latin-1").partition(" ")
        if name == b"authorization" and scheme.lower() == "bearer":
            return str(key).strip()
    for subprotocol in scope["subprotocols"]:
        if subprotocol.startswith(IN_SUBPROTOCOL):
            return str(subprotocol.removeprefix(IN_SUBPROTOCOL))
    return ""


def _bad_request(message: str, code: str) -> Refused:
    return Refused(ApiError(400, message, code=code), BAD_REQUEST)


def _milliseconds(text: str) -> int:
    """`85ms` or `3s`, as `emulator/faults.py` has checked."""
    return int(text[:-2]) if text.endswith("ms") else 1000 * int(text[:-1])
