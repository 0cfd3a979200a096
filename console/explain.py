"""What a learner reads when something goes wrong: what happened, why, and what to type now.

    CourseError             anything that the course itself reports
        SettingsError       .env or the environment
        EmulatorError       the emulator did not start
        CassetteFileError   a cassette is unusable

`explain` turns exceptions of the SDK, of the connection and of the system into these three lines.
"""

import re
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from json import JSONDecodeError
from typing import Any

from common import LESSON, course_command
from common.client import not_openai
from common.settings import DEFAULT_MODELS, CourseError
from emulator.models import MODELS

import httpx2
import openai

OFFLINE = f"work without key and network: {course_command(*LESSON, '--offline')}"
AGAIN = f"run it again: {course_command(*LESSON)}"


Kind = tuple[type[BaseException], Callable[[Any, "ErrorContext"], CourseError]]


@dataclass
class ErrorContext:
    """What a message may name, as far as it is known: model, host, the last letters of the key.

    `is_ours` is whether the course itself started the server that answers.
    """

    model: str = ""
    host: str = ""
    key_tail: str | None = None
    is_ours: bool = False


def explain(error: BaseException, context: ErrorContext) -> CourseError | None:
    """The three lines for an exception of a lesson; None for one that is the course's own bug."""
    for kind, describe in [*_socket_kinds(), *_KINDS]:
        if isinstance(error, kind):
            return describe(error, context)
    return None


def _status(error: openai.APIStatusError, context: ErrorContext) -> CourseError:
    """A refusal by the server: first by its code, which is most precise, then by its status."""
    number = f"{error.status_code} {error.code or error.type or ''}".strip()
    if error.code in _BY_CODE:
        return _BY_CODE[error.code](number, _reason(error), context)
    if error.status_code == 401:
        return _bad_key(number, context)
    if error.status_code == 429:
        wait = "wait a minute, then run it again"
        return CourseError(f"the server asks to slow down ({number})", _reason(error), wait)
    if not isinstance(error.body, dict):
        return not_openai(context.host, f"it answered {error.status_code} without a reason in JSON")
    if error.status_code >= 500:
        why = f"the fault is not on your side; the request id is {error.request_id}"
        again = "run it again" if context.is_ours else f"run it again in a minute, or {OFFLINE}"
        return CourseError(f"the server failed ({number})", why, again)
    attempt = "change the question or the settings" if context.is_ours else OFFLINE
    return CourseError(f"the server refused the request ({number})", _reason(error), attempt)


def _no_credit(number: str, reason: str, context: ErrorContext) -> CourseError:
    return CourseError(
        f"the account has no credit left ({number})",
        "OpenAI answers 429 for that too, but waiting does not help",
        f"add credit at https://platform.openai.com/settings/billing, or {OFFLINE}",
    )


def _not_recorded(number: str, reason: str, context: ErrorContext) -> CourseError:
    attempt = f"record it: {course_command(*LESSON)} ... --record FILE"
    return CourseError("the cassette does not contain this request", reason, attempt)


def _unreachable(number: str, reason: str, context: ErrorContext) -> CourseError:
    return CourseError(f"the server cannot be reached ({number})", reason, OFFLINE)


def _writer_failed(number: str, reason: str, context: ErrorContext) -> CourseError:
    fix = "start it, or remove EMULATOR_CHAT_BASE_URL from .env: then the emulator quotes"
    return CourseError(f"the server that writes for the emulator failed ({number})", reason, fix)


def _reason(error: openai.APIStatusError) -> str:
    """The reason in the server's own words."""
    body = error.body
    return str(body.get("message")) if isinstance(body, dict) else str(error.message)


def _no_model(number: str, reason: str, context: ErrorContext) -> CourseError:
    found = re.search(r"[`']([^`']+)[`']", reason)
    model = found[1] if found else context.model
    variable = "OPENAI_MODEL" if model == context.model else "OPENAI_EMBEDDING_MODEL"
    known = MODELS.get(model)
    ends = f"OpenAI shuts it down on {known.ends}; " if known and known.ends else ""
    better = (known.successor if known else None) or DEFAULT_MODELS[variable]
    return CourseError(
        f"the model {model} does not exist, or not for this key ({number})",
        f"{ends}it is set by {variable}, in .env or the environment",
        f"set {variable}={better} in .env, or {OFFLINE}",
    )


def _bad_key(number: str, context: ErrorContext) -> CourseError:
    key = (
        f"the key that ends in {context.key_tail}"
        if context.key_tail
        else "a request without a key"
    )
    return CourseError(
        f"{context.host} refused {key} ({number})",
        "it was mistyped or revoked, or belongs to another server",
        f"put a new one in .env (https://platform.openai.com/api-keys), or {OFFLINE}",
    )


def _timeout(error: BaseException, context: ErrorContext) -> CourseError:
    why = "the connection is open, but the server is silent"
    return CourseError(
        f"nothing came from {context.host} for too long", why, f"run it again, or {OFFLINE}"
    )


def _connection(error: BaseException, context: ErrorContext) -> CourseError:
    cause = error.__cause__
    if isinstance(cause, CourseError):
        return cause
    if isinstance(cause, httpx2.ConnectError) and context.is_ours:
        why = "its process has ended, or never started"
        return CourseError(f"the course's own server ({context.host}) is gone", why, AGAIN)
    if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
        return _not_reached(f"no connection could be made: {cause}", context)
    why = "the connection was closed before the answer was complete"
    return CourseError(
        "the connection dropped", why, "run it again: a stream is not retried once it has begun"
    )


def _in_stream(error: openai.APIError, context: ErrorContext) -> CourseError:
    why = f"it came inside the stream, after status 200: {error.message}"
    return CourseError(
        f"the server stopped in the middle of its answer ({error.code})", why, "run it again"
    )


def _socket_kinds() -> list[Kind]:
    """What a WebSocket raises; empty in lessons that have none, as loading it takes a while."""
    if "websockets" not in sys.modules:
        return []
    from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

    def handshake(error: InvalidStatus, context: ErrorContext) -> CourseError:
        """Refused; the SDK doesn't show the reason, which is in the body."""
        status = error.response.status_code
        if status in (401, 403):
            return _bad_key(f"{status}, at the handshake of the WebSocket", context)
        why = "it answered the handshake of the WebSocket with that status"
        again = f"run it again, or {OFFLINE}"
        return CourseError(f"{context.host} did not open a session ({status})", why, again)

    def closed(error: ConnectionClosed, context: ErrorContext) -> CourseError:
        code, reason = (error.rcvd.code, error.rcvd.reason) if error.rcvd else (1006, "")
        if code == 3000:
            return _bad_key(f"{code} {reason}", context)
        if "model" in reason:
            return _no_realtime_model(f"{code} {reason}", context)
        why = reason or "it gave no reason"
        again = f"run it again, or {OFFLINE}"
        return CourseError(f"the server closed the session ({code})", why, again)

    def no_socket(error: InvalidHandshake, context: ErrorContext) -> CourseError:
        return not_openai(context.host, f"it did not open a WebSocket: {error}")

    return [(InvalidStatus, handshake), (ConnectionClosed, closed), (InvalidHandshake, no_socket)]


def _cut(error: BaseException, context: ErrorContext) -> CourseError:
    why = f"{error}; the SDK raises nothing then"
    return CourseError("the answer stopped before its end", why, "run it again")


def _malformed(error: BaseException, context: ErrorContext) -> CourseError:
    why = f"what came is not an event of OpenAI's API: {error}"
    return CourseError(
        "the stream was malformed", why, "run it again, or check for a proxy that changes it"
    )


def _late(error: BaseException, context: ErrorContext) -> CourseError:
    why = "the server is slow; what was created so far is deleted"
    return CourseError(f"waited too long: {error}", why, "run it again later")


def _system(error: BaseException, context: ErrorContext) -> CourseError:
    return CourseError(f"the operating system refused: {error}", attempt=course_command("doctor"))


def _refused_port(error: BaseException, context: ErrorContext) -> CourseError:
    fix = AGAIN if context.is_ours else f"check OPENAI_BASE_URL, or {OFFLINE}"
    return CourseError(
        f"{context.host} cannot be reached", f"no server listens there: {error}", fix
    )


def _no_such_host(error: BaseException, context: ErrorContext) -> CourseError:
    return _not_reached(f"its name was not found: {error}", context)


def _not_reached(why: str, context: ErrorContext) -> CourseError:
    fix = f"check the network and OPENAI_BASE_URL, or {OFFLINE}"
    return CourseError(f"{context.host} cannot be reached", why, fix)


def _no_realtime_model(number: str, context: ErrorContext) -> CourseError:
    better = DEFAULT_MODELS["OPENAI_REALTIME_MODEL"]
    return CourseError(
        f"the model {context.model} can't hold a spoken conversation ({number})",
        "it is set by OPENAI_REALTIME_MODEL, in .env or the environment",
        f"set OPENAI_REALTIME_MODEL={better} in .env, or {OFFLINE}",
    )


def _sdk(error: BaseException, context: ErrorContext) -> CourseError:
    """What the SDK refuses, and what a server refuses in an event of type `error`."""
    message = str(error)
    if message.endswith("(invalid_api_key)"):
        return _bad_key("invalid_api_key", context)
    if message.endswith("(invalid_model)"):
        return _no_realtime_model("invalid_model", context)
    why = "the openai package, or the server in an event of type `error`, did not accept it"
    return CourseError(f"refused: {message}", why, course_command("doctor"))


_BY_CODE: dict[str, Callable[[str, str, ErrorContext], CourseError]] = {
    "model_not_found": _no_model,
    "insufficient_quota": _no_credit,
    "not_recorded": _not_recorded,
    "unreachable": _unreachable,
    "upstream_error": _writer_failed,
}

# The first kind that fits counts, so the special ones come before the general ones.
_KINDS: list[Kind] = [
    (CourseError, lambda error, context: error),
    (openai.APITimeoutError, _timeout),
    (openai.APIConnectionError, _connection),
    (openai.APIStatusError, _status),
    (openai.APIError, _in_stream),
    (openai.OpenAIError, _sdk),
    (EOFError, _cut),
    (JSONDecodeError, _malformed),
    (UnicodeDecodeError, _malformed),
    (TimeoutError, _late),
    (ConnectionRefusedError, _refused_port),
    (socket.gaierror, _no_such_host),
    (OSError, _system),
]
