"""What a learner reads when something goes wrong: what happened, why, and what to type now.

    CourseError             anything that the course itself reports
        SettingsError       .env or the environment
        EmulatorError       the emulator did not start
        CassetteFileError   a cassette is unusable

`explain` turns exceptions of the SDK, of the connection and of the system into these three lines.
Servers word their errors in many ways, which emulator/wire/reasons.py reads.
"""

import binascii
import re
import socket
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from json import JSONDecodeError
from typing import Any
from urllib.parse import urlsplit

from common import LESSON, course_command
from common.settings import CourseError
from console.environment_checks import certificate_problem, proxy_problem
from console.freshness import PLAN_B, ending, remedy
from console.server_words import codes_in, tidied, unlike_openai
from emulator.addresses import is_this_machine
from emulator.models import NAMED
from emulator.wire.reasons import first_words, on_one_line, reason_in

import httpx2
import openai
from pydantic import ValidationError

_V1 = "most addresses end in /v1"
OFFLINE = f"work without a key or a network: {course_command(*LESSON, '--offline')}"
AGAIN = f"run it again: {course_command(*LESSON)}"
DOWN = (502, 503, 504, *range(520, 531))  # what gateways answer for a server that does not


Kind = tuple[type[BaseException], Callable[[Any, "ErrorContext"], CourseError | None]]


@dataclass
class ErrorContext:
    """What a message may mention, if it is known: model, host, the last letters of the key.

    `is_ours` says whether the course itself started the server that answers. `instead_of_stream`
    returns what came in place of a stream, if anything did; `answers` has what the SDK made of the
    latest answers. `model_variables` has the name of the variable that sets each model. `today`
    decides whether a model has ended.
    """

    model: str = ""
    host: str = ""
    key_tail: str | None = None
    is_ours: bool = False
    instead_of_stream: Callable[[], str | None] = lambda: None
    answers: Collection[object] = ()
    model_variables: Mapping[str, str] = field(default_factory=dict)
    today: date = field(default_factory=date.today)

    @property
    def is_openai(self) -> bool:
        """Whether the model's name is one of OpenAI's: its own server, or our emulator."""
        return self.is_ours or self.host in ("", "api.openai.com")


def explain(error: BaseException, context: ErrorContext) -> CourseError | None:
    """The three lines for an exception in a lesson; None if the course itself has a bug."""
    for kind, describe in [*_socket_kinds(), *_KINDS]:
        if isinstance(error, kind):
            found = describe(error, context)
            return found and type(found)(*map(_shown, (str(found), found.why, found.attempt)))
    return None


def _shown(part: str | None) -> Any:
    return part and on_one_line(part)


def not_openai(host: str, why: str) -> CourseError:
    """Another kind of server answered, or a login page on the way."""
    fix = "check OPENAI_BASE_URL (most end in /v1), and whether your network needs a login"
    return CourseError(f"{host} does not speak OpenAI's protocol", why, fix)


def _status(error: openai.APIStatusError, context: ErrorContext) -> CourseError:
    """A refusal by the server. Its code is most precise, so look at that first, then the status."""
    status, reason = error.status_code, reason_in(error.body)
    codes = codes_in(error)
    number = " ".join([str(status), *codes[:1]])
    for known in filter(None, map(_BY_CODE.get, codes)):
        return known(number, reason, context)
    if status == 404 and re.search(r"\bmodel\b.*(not found|not exist)", reason):
        return _no_model_there(number, reason, context)
    if status in DOWN and not (codes and reason):
        return _down(number, reason, context)
    if status == 401:
        return _bad_key(number, context)
    if status == 429:
        return _slow_down(number, reason, context)
    if not reason or (status in (404, 405) and _is_wrong_path(error, reason)):
        said = reason or first_words(error.response.text) or "no reason"
        return not_openai(context.host, f"it answered {number}: {said}")
    return _refused(number, reason, error, context)


_FIXES = {
    "not_installed_on_emulator": "run that command, then this one again",
    "unsupported_file": "move files of that type out of the folder, then run it again",
    "emulator_took_too_long": "close other programs, then run it again",
}
_AUDIO_FIXES = {413: "send a smaller file: as MP3 of 32 kbit/s, an hour is 14 MB"}


def _refused(
    number: str, reason: str, error: openai.APIStatusError, context: ErrorContext
) -> CourseError:
    """A refusal whose cause isn't known here, with the server's own reason."""
    if error.status_code < 500:
        attempt = "change the question or the settings" if context.is_ours else OFFLINE
        if "/audio/" in str(error.request.url):
            attempt = _AUDIO_FIXES.get(error.status_code, "try another sound file")
        attempt = _FIXES.get(error.code or "", attempt)
        if error.status_code == 404 and context.is_openai:
            attempt = "check its id: it may have been deleted, or belong to another server"
        return CourseError(f"the server refused the request ({number})", reason, attempt)
    id = f"; the request id is {error.request_id}" if error.request_id else ""
    again = "run it again" if context.is_ours else f"run it again in a minute, or {OFFLINE}"
    why = f"the fault is not on your side: {reason}{id}"
    return CourseError(f"the server failed ({number})", why, again)


def _is_wrong_path(error: openai.APIStatusError, reason: str) -> bool:
    """Whether the server has nothing at that address, as when its `/v1` is missing."""
    is_routed = re.search(r"/v\d", error.request.url.path)
    return not is_routed or bool(
        re.fullmatch(r"(?i)(404 |405 )?(not found|.* not allowed)\W*", reason)
    )


def _down(number: str, reason: str, context: ErrorContext) -> CourseError:
    why = reason or "a gateway in front of it answered, and gave no reason"
    again = f"run it again in a minute, or {OFFLINE}"
    return CourseError(f"{context.host} is down or overloaded ({number})", why, again)


def _no_credit(number: str, reason: str, context: ErrorContext) -> CourseError:
    return CourseError(
        f"the account has no credit left ({number})",
        "OpenAI answers 429 for that too, but waiting does not help",
        f"add credit at https://platform.openai.com/settings/billing, or {OFFLINE}",
    )


def _at_spend_limit(number: str, reason: str, context: ErrorContext) -> CourseError:
    return CourseError(
        f"the account, or its project, has reached a spending limit ({number})",
        reason or "waiting a minute does not help",
        f"raise it at https://platform.openai.com/settings/organization/limits, or {OFFLINE}",
    )


def _slow_down(number: str, reason: str, context: ErrorContext) -> CourseError:
    wait = "wait a minute, then run it again"
    return CourseError(f"the server asks to slow down ({number})", reason or None, wait)


def _not_recorded(number: str, reason: str, context: ErrorContext) -> CourseError:
    attempt = f"record it: {course_command(*LESSON)} ... --record FILE"
    return CourseError("the cassette does not contain this request", reason, attempt)


def _unreachable(number: str, reason: str, context: ErrorContext) -> CourseError:
    return CourseError(f"the server cannot be reached ({number})", reason, OFFLINE)


def _storage_failed(number: str, reason: str, context: ErrorContext) -> CourseError:
    return CourseError(f"the emulator failed ({number})", reason, course_command("doctor"))


def _writer_failed(number: str, reason: str, context: ErrorContext) -> CourseError:
    """A server that does work for the emulator; what to do depends on what it said."""
    is_embedding = "EMULATOR_EMBEDDINGS_BASE_URL" in reason
    what, name = "the server that writes for the emulator failed", "CHAT"
    if is_embedding:
        what, name = "the server that makes embeddings for the emulator failed", "EMBEDDINGS"
    unknown = r"(?i)\bmodel\b.*not (found|exist)"
    fixes = (
        (r"answered 40[13]\b", f"set EMULATOR_{name}_API_KEY in .env to a key of that server"),
        (unknown, f"set EMULATOR_{name}_MODEL in .env to a model that it has"),
        (r"(?i)answered 40[45]: \W*(404 )?(page )?not ", f"check EMULATOR_{name}_BASE_URL: {_V1}"),
        (r"answered 429\b", "wait a minute, then run it again"),
    )
    usual = f"start it, or remove EMULATOR_{name}_BASE_URL from .env"
    usual += "" if is_embedding else ": then the emulator quotes"
    fix = next((fix for pattern, fix in fixes if re.search(pattern, reason)), usual)
    return CourseError(f"{what} ({number})", reason, fix)


def _no_model(number: str, reason: str, context: ErrorContext) -> CourseError:
    model, variable = _named_model(reason, context)
    ends = ending(model, context.today)
    why = f"{ends}; " if ends else ""
    if variable is None:
        why += "no variable sets it: this part needs that model"
        attempt = f"{PLAN_B}, or {OFFLINE}"
    else:
        why += f"it is set by {variable}, in .env or the environment"
        instead = OFFLINE if context.is_openai else f"name a model that {context.host} has"
        attempt = f"{remedy(model, variable, context.today)}, or {instead}"
    return CourseError(
        f"the model {model} does not exist, or not for this key ({number})", why, attempt
    )


def _no_model_there(number: str, reason: str, context: ErrorContext) -> CourseError:
    """The same from another server, such as Ollama, whose models have names of their own."""
    model, variable = _named_model(reason, context)
    fix = f"set {variable} in .env to a model that it has" if variable else OFFLINE
    return CourseError(
        f"the model {model} does not exist there ({number})", f"{context.host} says: {reason}", fix
    )


def _named_model(reason: str, context: ErrorContext) -> tuple[str, str | None]:
    """The model that a refusal names, and the variable that sets it; None if none does.

    A lesson's list of variables has the models that can be set. One that the course knows and the
    list lacks is in the lesson itself.
    """
    found = re.search(r"[`'\"]([^`'\"]+)[`'\"]", reason)
    model = found[1] if found else context.model
    if model in context.model_variables:
        return model, context.model_variables[model]
    is_fixed = bool(context.model_variables) and model in NAMED
    return model, None if is_fixed else "OPENAI_MODEL"


def _bad_key(number: str, context: ErrorContext) -> CourseError:
    if context.key_tail is None and is_this_machine(urlsplit(f"//{context.host}").hostname or ""):
        return CourseError(
            f"{context.host} refused a request without a key ({number})",
            "a server on this machine gets your key only with --send-key",
            f"put its key in .env as OPENAI_API_KEY, and add --send-key, or {OFFLINE}",
        )
    new_key = f"(https://platform.openai.com/api-keys), or {OFFLINE}"
    if context.key_tail is None:
        return CourseError(
            f"{context.host} refused a request without a key ({number})",
            "your .env has no key, and this server needs one",
            f"put its key in .env as OPENAI_API_KEY {new_key}",
        )
    return CourseError(
        f"{context.host} refused the key that ends in {context.key_tail} ({number})",
        "it was mistyped or revoked, or belongs to another server",
        f"put a new one in .env as OPENAI_API_KEY {new_key}",
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
    if isinstance(cause, httpx2.DecodingError):
        return _malformed(cause, context)
    if isinstance(cause, httpx2.TooManyRedirects):
        return not_openai(context.host, "it redirects every request to another address")
    if isinstance(cause, httpx2.ConnectError) and context.is_ours:
        why = "its process has ended, or never started"
        return CourseError(f"the course's own server ({context.host}) is gone", why, AGAIN)
    if "CERTIFICATE_VERIFY_FAILED" in str(cause):
        why = f"a company's proxy may have replaced its certificate: {cause}"
        fix = f"set SSL_CERT_FILE to your company's certificate file, or {OFFLINE}"
        return CourseError(f"the certificate of {context.host} could not be verified", why, fix)
    if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
        return _not_reached(f"no connection could be made: {cause}", context)
    why = "the connection was closed before the answer was complete"
    return CourseError(
        "the connection dropped", why, "run it again: a stream is not retried once it has begun"
    )


def _in_stream(error: openai.APIError, context: ErrorContext) -> CourseError:
    """An error that came as an event, or an answer that the SDK refuses."""
    codes, reason = codes_in(error), reason_in(error.body) or error.message
    for known in filter(None, map(_BY_CODE.get, codes)):
        return known(f"{codes[0]}, inside the stream", reason, context)
    why = f"an error came inside the stream, after status 200: {reason}"
    number = f" ({codes[0]})" if codes else ""
    return CourseError(
        f"the server stopped in the middle of its answer{number}", why, "run it again"
    )


def _socket_kinds() -> list[Kind]:
    """What a WebSocket raises; empty in lessons without one, because the import takes a while."""
    if "websockets" not in sys.modules:
        return []
    from websockets.exceptions import (
        ConnectionClosed,
        InvalidHandshake,
        InvalidStatus,
        InvalidURI,
    )

    return [
        (InvalidStatus, _no_session),
        (ConnectionClosed, _closed),
        (InvalidHandshake, _no_socket),
        (InvalidURI, _no_socket),  # it redirected the handshake to something else
    ]


def _no_session(error: Any, context: ErrorContext) -> CourseError:
    """A refused handshake. The reason is in the body, which the SDK doesn't show."""
    status, reason = error.response.status_code, reason_in(error.response.body)
    number = f"{status}, at the handshake of the WebSocket"
    if re.search("quota|credit_balance", reason):
        return _no_credit(number, reason, context)
    if status in (401, 403):
        return _bad_key(number, context)
    if b"model_not_found" in (error.response.body or b""):
        return _no_model(f"{status} model_not_found", reason, context)
    why = reason or "it answered the handshake of the WebSocket with that status"
    again = f"run it again, or {OFFLINE}"
    return CourseError(f"{context.host} did not open a session ({status})", why, again)


def _closed(error: Any, context: ErrorContext) -> CourseError:
    code, reason = (error.rcvd.code, error.rcvd.reason) if error.rcvd else (1006, "")
    number = f"{code} {reason}"
    if re.search("quota|credit_balance", reason):
        return _no_credit(number, reason, context)
    if code == 3000:
        return _bad_key(number, context)
    if "model" in reason:
        return _no_realtime_model(number, context)
    why = reason or "it gave no reason"
    again = f"run it again, or {OFFLINE}"
    return CourseError(f"the server closed the session ({code})", why, again)


def _no_socket(error: Any, context: ErrorContext) -> CourseError:
    return not_openai(context.host, f"it did not open a WebSocket: {error}")


def _cut(error: BaseException, context: ErrorContext) -> CourseError:
    said = context.instead_of_stream()
    words = f"{said or ''} {error}"
    for pattern, describe in _ENDS:
        if re.search(pattern, words):
            return describe(words, context)
    if said:
        return not_openai(context.host, said)
    why = f"{tidied(error)}; the SDK raises no exception for that"
    return CourseError("the answer stopped before its end", why, "run it again")


def _at_limit(error: BaseException, context: ErrorContext) -> CourseError:
    why = "the limit of tokens was reached before the end"
    return CourseError("the answer was cut off (length)", why, "ask for less, or raise the limit")


def _filtered(error: BaseException, context: ErrorContext) -> CourseError:
    why = "the server's content filter stopped the answer"
    return CourseError("the answer was withheld (content_filter)", why, "change the question")


def _unended(error: BaseException, context: ErrorContext) -> CourseError | None:
    """What `get_final_response` of the SDK raises for a stream that has no end."""
    return _cut(error, context) if "response.completed" in str(error) else _foreign(error, context)


def _foreign(error: BaseException, context: ErrorContext) -> CourseError | None:
    """An error that the server or the environment caused; None if it may be our own bug."""
    if problem := _in_environment(error):
        return problem
    said = unlike_openai(error, context.answers)
    return None if said is None else not_openai(context.host, said)


def _in_environment(error: BaseException) -> CourseError | None:
    """A bad proxy or certificate in an environment variable, if that caused the error."""
    is_nameless = isinstance(error, OSError) and error.filename is None
    if is_nameless and (problem := certificate_problem()):
        return problem
    is_proxy = isinstance(error, httpx2.InvalidURL) or re.search("(?i)socks|proxy", str(error))
    return proxy_problem() if is_proxy else None


def _malformed(error: BaseException, context: ErrorContext) -> CourseError:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        said = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    else:
        said = str(error)
    why = f"what came is not an event of OpenAI's API: {said}"
    return CourseError(
        "the stream was malformed", why, "run it again, or check for a proxy that changes it"
    )


def _not_encodable(error: UnicodeEncodeError, context: ErrorContext) -> CourseError:
    why = f"it has a character that can't be written there: {error.reason}"
    fix = "remove the character from the question, the file's name or the variable"
    return CourseError("a text could not be encoded", why, fix)


def _late(error: BaseException, context: ErrorContext) -> CourseError:
    why = "the server is slow; what was created so far is deleted"
    return CourseError(f"waited too long: {error}", why, "run it again later")


def _system(error: BaseException, context: ErrorContext) -> CourseError:
    if problem := _in_environment(error):
        return problem
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
    ends = ending(context.model, context.today)
    why = f"{ends}; " if ends else ""
    return CourseError(
        f"the model {context.model} can't hold a spoken conversation ({number})",
        f"{why}it is set by OPENAI_REALTIME_MODEL, in .env or the environment",
        f"{remedy(context.model, 'OPENAI_REALTIME_MODEL', context.today)}, or {OFFLINE}",
    )


def _sdk(error: BaseException, context: ErrorContext) -> CourseError:
    """What the SDK refuses, and what a server refuses in an event of type `error`."""
    message = tidied(error)
    code = message.rpartition("(")[2].removesuffix(")")
    if code == "invalid_api_key":
        return _bad_key(code, context)
    if code == "invalid_model":
        return _no_realtime_model(code, context)
    if code in _BY_CODE:
        return _BY_CODE[code](code, message, context)
    why = "the openai package, or the server in an event of type `error`, did not accept it"
    return CourseError(f"refused: {message}", why, course_command("doctor"))


_BY_CODE: dict[str, Callable[[str, str, ErrorContext], CourseError]] = {
    "model_not_found": _no_model,
    "insufficient_quota": _no_credit,
    "billing_hard_limit_reached": _no_credit,
    "billing_not_active": _no_credit,
    "credit_balance_exhausted": _no_credit,
    "usage_limit_exceeded": _at_spend_limit,
    "project_spend_limit_exceeded": _at_spend_limit,
    "organization_spend_limit_exceeded": _at_spend_limit,
    "organization_usage_limit_exceeded": _at_spend_limit,
    "rate_limit_exceeded": _slow_down,
    "rate_limit_error": _slow_down,
    "server_overloaded": _down,
    "overloaded_error": _down,
    "not_recorded": _not_recorded,
    "unreachable": _unreachable,
    "upstream_error": _writer_failed,
    "emulator_storage_failed": _storage_failed,
}

# Why an answer ended early: a pattern in the words of the lesson or the server, and its message.
_ENDS: list[tuple[str, Callable[[Any, ErrorContext], CourseError]]] = [
    (
        "insufficient_quota|credit_balance_exhausted|billing_(hard_limit_reached|not_active)",
        lambda words, it: _no_credit("inside the stream", "", it),
    ),
    (
        "rate_limit_exceeded",
        lambda words, it: _slow_down("rate_limit_exceeded, inside the stream", tidied(words), it),
    ),
    (r"(?i)\bmodel\b.*(not found|not exist)", lambda words, it: _no_model("200", words, it)),
    (r"finish_reason is length|max_output_tokens", _at_limit),
    (r"finish_reason is content_filter|: ?\"content_filter\"", _filtered),
]

# The first kind that matches counts, so the specific ones come before the general ones.
_KINDS: list[Kind] = [
    (CourseError, lambda error, context: error),
    (openai.APITimeoutError, _timeout),
    (openai.APIConnectionError, _connection),
    (openai.APIStatusError, _status),
    (openai.APIError, _in_stream),
    (openai.LengthFinishReasonError, _at_limit),
    (openai.ContentFilterFinishReasonError, _filtered),
    (openai.OpenAIError, _sdk),
    (EOFError, _cut),
    (JSONDecodeError, _malformed),
    (binascii.Error, _malformed),
    (UnicodeEncodeError, _not_encodable),
    (UnicodeError, _malformed),
    (ValidationError, _malformed),
    (TimeoutError, _late),
    (ConnectionRefusedError, _refused_port),
    (socket.gaierror, _no_such_host),
    (OSError, _system),
    (RuntimeError, _unended),
    (Exception, _foreign),
]
