"""What a learner is told when something goes wrong: what, why, what to type now.

    CourseError             anything that the course itself finds wrong
        SettingsError       .env or the environment
        EmulatorError       the emulator did not start
        TapeError           a cassette is no good

`explain` brings the failures of the SDK, of the line and of the server into the same three lines.
"""

import re
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from json import JSONDecodeError
from typing import Any

from common import LESSON, course_command
from common.settings import DEFAULT_MODELS, CourseError
from emulator.models import MODELS

import httpx2
import openai

OFFLINE = f"work without key and network: {course_command(*LESSON, '--offline')}"
AGAIN = f"run it again: {course_command(*LESSON)}"


Kind = tuple[type[BaseException], Callable[[Any, "Where"], CourseError]]


class EmulatorError(CourseError):
    """The emulator could not be started."""


class CassetteFileError(CourseError):
    """A cassette that cannot be recorded or played as it was asked."""


@dataclass
class Where:
    """What a message may name, as far as it is known: model, host, the last letters of the key.

    `is_ours` is whether the course itself started the server that answers.
    """

    model: str = ""
    host: str = ""
    key_tail: str | None = None
    is_ours: bool = False


def explain(error: BaseException, where: Where) -> CourseError | None:
    """The three lines for an exception of a lesson; None for one that is the course's own bug."""
    for kind, describe in [*_socket_kinds(), *_KINDS]:
        if isinstance(error, kind):
            return describe(error, where)
    return None


def _status(error: openai.APIStatusError, where: Where) -> CourseError:
    """A refusal: first by its code, which tells most, then by its status."""
    number = f"{error.status_code} {error.code or error.type or ''}".strip()
    if error.code in _BY_CODE:
        return _BY_CODE[error.code](number, _said(error), where)
    if error.status_code == 401:
        return _bad_key(number, where)
    if error.status_code == 429:
        wait = "wait a minute, then run it again"
        return CourseError(f"the server asks to slow down ({number})", _said(error), wait)
    if not isinstance(error.body, dict):
        return not_openai(where.host, f"it answered {error.status_code} without a reason in JSON")
    if error.status_code >= 500:
        why = f"nothing is wrong on this side; the request id is {error.request_id}"
        again = "run it again" if where.is_ours else f"run it again in a minute, or {OFFLINE}"
        return CourseError(f"the server failed ({number})", why, again)
    attempt = "change what was asked" if where.is_ours else OFFLINE
    return CourseError(f"the server refused the request ({number})", _said(error), attempt)


def _no_credit(number: str, said: str, where: Where) -> CourseError:
    return CourseError(
        f"the account has no credit left ({number})",
        "OpenAI answers 429 for that too, but trying again does not help",
        f"add credit at https://platform.openai.com/settings/billing, or {OFFLINE}",
    )


def _not_recorded(number: str, said: str, where: Where) -> CourseError:
    attempt = f"record it: {course_command(*LESSON)} ... --record FILE"
    return CourseError("the cassette does not hold this request", said, attempt)


def _unreachable(number: str, said: str, where: Where) -> CourseError:
    return CourseError(f"the server cannot be reached ({number})", said, OFFLINE)


def _writer_failed(number: str, said: str, where: Where) -> CourseError:
    mend = "start it, or empty EMULATOR_CHAT_BASE_URL in .env: then the emulator quotes"
    return CourseError(f"the server that writes for the emulator failed ({number})", said, mend)


def not_openai(host: str, why: str) -> CourseError:
    """Somebody else answered: another server, or a login page on the way."""
    mend = "check OPENAI_BASE_URL (most end in /v1), and whether the network wants a login"
    return CourseError(f"{host} does not speak OpenAI's protocol", why, mend)


def _said(error: openai.APIStatusError) -> str:
    """The server's own sentence."""
    body = error.body
    return str(body.get("message")) if isinstance(body, dict) else str(error.message)


def _no_model(number: str, said: str, where: Where) -> CourseError:
    found = re.search(r"[`']([^`']+)[`']", said)
    model = found[1] if found else where.model
    variable = "OPENAI_MODEL" if model == where.model else "OPENAI_EMBEDDING_MODEL"
    known = MODELS.get(model)
    ends = f"OpenAI shuts it down on {known.ends}; " if known and known.ends else ""
    better = (known.successor if known else None) or DEFAULT_MODELS[variable]
    return CourseError(
        f"the model {model} does not exist, or not for this key ({number})",
        f"{ends}{variable} in .env or the environment names it",
        f"set {variable}={better} in .env, or {OFFLINE}",
    )


def _bad_key(number: str, where: Where) -> CourseError:
    whose = (
        f"the key that ends in {where.key_tail}" if where.key_tail else "a request without a key"
    )
    return CourseError(
        f"{where.host} refused {whose} ({number})",
        "it was mistyped, revoked, or belongs to another server",
        f"put a new one in .env (https://platform.openai.com/api-keys), or {OFFLINE}",
    )


def _timeout(error: BaseException, where: Where) -> CourseError:
    why = "the connection is open, but the server is silent"
    return CourseError(
        f"nothing came from {where.host} for too long", why, f"run it again, or {OFFLINE}"
    )


def _connection(error: BaseException, where: Where) -> CourseError:
    cause = error.__cause__
    if isinstance(cause, CourseError):
        return cause
    if isinstance(cause, httpx2.ConnectError) and where.is_ours:
        why = "its process was ended, or never came up"
        return CourseError(f"the course's own server ({where.host}) is gone", why, AGAIN)
    if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
        return _not_reached(f"no connection could be made: {cause}", where)
    why = "the connection was closed before the answer was complete"
    return CourseError(
        "the line broke", why, "run it again: a stream is never retried once it has begun"
    )


def _in_stream(error: openai.APIError, where: Where) -> CourseError:
    why = f"it came inside the stream, after status 200: {error.message}"
    return CourseError(
        f"the server gave up in the middle of its answer ({error.code})", why, "run it again"
    )


def _socket_kinds() -> list[Kind]:
    """What a WebSocket raises; loaded where there is one, as the other lessons have none."""
    if "websockets" not in sys.modules:
        return []
    from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

    def handshake(error: InvalidStatus, where: Where) -> CourseError:
        """Refused: the SDK leaves the reason in the body, unshown."""
        status = error.response.status_code
        if status in (401, 403):
            return _bad_key(f"{status}, at the handshake of the WebSocket", where)
        why = "it answered the handshake of the WebSocket with that status"
        again = f"run it again, or {OFFLINE}"
        return CourseError(f"{where.host} opened no session ({status})", why, again)

    def hung_up(error: ConnectionClosed, where: Where) -> CourseError:
        code, reason = (error.rcvd.code, error.rcvd.reason) if error.rcvd else (1006, "")
        if code == 3000:
            return _bad_key(f"{code} {reason}", where)
        if "model" in reason:
            return _no_realtime_model(f"{code} {reason}", where)
        why = reason or "it gave no reason"
        again = f"run it again, or {OFFLINE}"
        return CourseError(f"the server closed the session ({code})", why, again)

    def no_socket(error: InvalidHandshake, where: Where) -> CourseError:
        return not_openai(where.host, f"it opened no WebSocket: {error}")

    return [(InvalidStatus, handshake), (ConnectionClosed, hung_up), (InvalidHandshake, no_socket)]


def _cut(error: BaseException, where: Where) -> CourseError:
    why = f"{error}; the SDK raises nothing then"
    return CourseError("the answer stopped before its end", why, "run it again")


def _garbled(error: BaseException, where: Where) -> CourseError:
    why = f"what came is no event of OpenAI's: {error}"
    return CourseError(
        "the stream was garbled on its way", why, "run it again, or look for a proxy in between"
    )


def _late(error: BaseException, where: Where) -> CourseError:
    why = "the server is slow; what was made so far is deleted again"
    return CourseError(f"the wait was too long: {error}", why, "run it again later")


def _system(error: BaseException, where: Where) -> CourseError:
    return CourseError(f"the system refused: {error}", attempt=course_command("doctor"))


def _refused_port(error: BaseException, where: Where) -> CourseError:
    mend = AGAIN if where.is_ours else f"check OPENAI_BASE_URL, or {OFFLINE}"
    return CourseError(f"{where.host} cannot be reached", f"nobody listens there: {error}", mend)


def _no_such_host(error: BaseException, where: Where) -> CourseError:
    return _not_reached(f"its name leads nowhere: {error}", where)


def _not_reached(why: str, where: Where) -> CourseError:
    mend = f"check the network and OPENAI_BASE_URL, or {OFFLINE}"
    return CourseError(f"{where.host} cannot be reached", why, mend)


def _no_realtime_model(number: str, where: Where) -> CourseError:
    better = DEFAULT_MODELS["OPENAI_REALTIME_MODEL"]
    return CourseError(
        f"the model {where.model} holds no spoken conversation ({number})",
        "OPENAI_REALTIME_MODEL in .env or the environment names it",
        f"set OPENAI_REALTIME_MODEL={better} in .env, or {OFFLINE}",
    )


def _sdk(error: BaseException, where: Where) -> CourseError:
    """What the SDK refuses, and what a server refuses in an event of type `error`."""
    said = str(error)
    if said.endswith("(invalid_api_key)"):
        return _bad_key("invalid_api_key", where)
    if said.endswith("(invalid_model)"):
        return _no_realtime_model("invalid_model", where)
    why = "the openai package, or the server in an event of type `error`, did not take it"
    return CourseError(f"refused: {said}", why, course_command("doctor"))


_BY_CODE: dict[str, Callable[[str, str, Where], CourseError]] = {
    "model_not_found": _no_model,
    "insufficient_quota": _no_credit,
    "not_recorded": _not_recorded,
    "unreachable": _unreachable,
    "upstream_error": _writer_failed,
}

# The first kind that fits counts, so the special ones stand before the general ones.
_KINDS: list[Kind] = [
    (CourseError, lambda error, where: error),
    (openai.APITimeoutError, _timeout),
    (openai.APIConnectionError, _connection),
    (openai.APIStatusError, _status),
    (openai.APIError, _in_stream),
    (openai.OpenAIError, _sdk),
    (EOFError, _cut),
    (JSONDecodeError, _garbled),
    (UnicodeDecodeError, _garbled),
    (TimeoutError, _late),
    (ConnectionRefusedError, _refused_port),
    (socket.gaierror, _no_such_host),
    (OSError, _system),
]
