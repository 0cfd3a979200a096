"""An error as OpenAI's servers send it: raised anywhere as `ApiError`, made a body in one place.

The sentences, codes and status numbers are those of recorded traffic (order of the keys: message,
type, param, code). No sentence repeats what a caller sent as a key.
"""

import json
import re
import sys
from collections.abc import Mapping

INVALID_REQUEST = "invalid_request_error"
MOST_SHOWN = 2_000
"""Characters of a message or a name that are sent back; what a caller sent may be megabytes."""


class ApiError(Exception):
    """What OpenAI answers instead of a result.

    `status` is the HTTP status; `message`, `type`, `param` and `code` are the fields of the body;
    `headers` go out with it (`retry-after`, `x-should-retry`, ...).
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = INVALID_REQUEST,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        message = shortened(message)
        # Half a surrogate pair, which a name in JSON can hold and UTF-8 can't, becomes "?".
        message = message.encode(errors="replace").decode()
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = type
        self.param = param and shortened(param).encode(errors="replace").decode()
        self.code = code
        self.headers = dict(headers or {})

    def fields(self) -> dict[str, str | None]:
        return {
            "message": self.message,
            "type": self.type,
            "param": self.param,
            "code": self.code,
        }

    def streamed(self) -> dict[str, str | None]:
        """The same fields in their order inside a stream of Responses (recorded in 2025)."""
        fields = self.fields()
        return {name: fields[name] for name in ("type", "code", "message", "param")}

    def body(self) -> bytes:
        return pretty({"error": self.fields()})


def shortened(text: str) -> str:
    """The beginning and the end of a long text: what is wrong often stands behind what was sent."""
    if len(text) <= MOST_SHOWN:
        return text
    half = MOST_SHOWN // 2
    return f"{text[:half]}...{text[-half:]}"


def pretty(value: object) -> bytes:
    """JSON as OpenAI lays out whole bodies: two spaces, UTF-8, not escaped."""
    return json.dumps(value, indent=2, ensure_ascii=False).encode()


def no_key() -> ApiError:
    message = """You didn't provide an API key. You need to provide your API key in an \
Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."""
    return ApiError(401, message, headers=_REALM)


def bad_key() -> ApiError:
    message = """Incorrect API key provided. You can find your API key at \
https://platform.openai.com/account/api-keys."""
    return ApiError(401, message, code="invalid_api_key", headers=_REALM)


def rate_limited(retry_after_ms: int) -> ApiError:
    seconds = retry_after_ms / 1000
    return ApiError(
        429,
        f"Rate limit reached. Please try again in {seconds:g}s.",
        type="requests",
        code="rate_limit_exceeded",
        headers={
            "retry-after-ms": str(retry_after_ms),
            "retry-after": str(-(-retry_after_ms // 1000)),
        },
    )


def upload_timed_out() -> ApiError:
    """The error for a body that stalls. Message and code are those of OpenAI's models at GitHub."""
    message = "Timed out reading request body. Try again, or use a smaller request size."
    # The rest of the body may still come, so the connection can't carry another request.
    return ApiError(408, message, code="user_request_timeout", headers={"connection": "close"})


def quota_exceeded() -> ApiError:
    message = """You exceeded your current quota, please check your plan and billing details. \
For more information on this error, read the docs: \
https://platform.openai.com/docs/guides/error-codes/api-errors."""
    return ApiError(429, message, type="insufficient_quota", code="insufficient_quota")


def server_error(request_id: str) -> ApiError:
    message = f"""The server had an error while processing your request. Sorry about that! \
You can retry your request, or contact us through our help center at help.openai.com if the error \
persists. (Please include the request ID {request_id} in your message.)"""
    return ApiError(500, message, type="server_error")


def storage_failed(error: Exception) -> ApiError:
    """The error for files of the emulator that can't be read or written; a new try won't help."""
    message = f"""The emulator can't use the files in which it keeps what it stores: {error}. The \
disk may be full, or the files may be damaged."""
    return ApiError(
        507,
        message,
        type="server_error",
        code="emulator_storage_failed",
        headers={"x-should-retry": "false"},
    )


def unknown_url(method: str, path: str) -> ApiError:
    return ApiError(404, f"Invalid URL ({method} {path})")


def not_served(method: str, path: str) -> ApiError:
    """OpenAI has this path, the emulator does not; what to use in its place, where we know."""
    found = next((text for pattern, text in _IN_PLACE_OF if re.match(pattern, path)), "")
    message = f"""{method} {path} is a part of OpenAI's API that this emulator does not serve. \
{found or "emulator/README.md lists what it does."}"""
    return ApiError(404, message, code="not_served_by_emulator")


_PYTHON = r".venv\Scripts\python" if sys.platform == "win32" else ".venv/bin/python"
INSTALL_FULL = f"{_PYTHON} -m pip install -r requirements-full.txt"
"""The command that installs the better engines and the decoders of MP4."""


def not_installed(what: str, command: str, param: str | None = None) -> ApiError:
    """The emulator could do it, but a package is missing; `what` is a sentence that says which."""
    message = f"{what} To install it, run: {command}"
    return ApiError(400, message, param=param, code="not_installed_on_emulator")


def wrong_method(method: str, path: str) -> ApiError:
    return ApiError(405, f"Not allowed to {method} on {path}.", code="method_not_supported")


# By the beginning of the path; the first that fits.
_IN_PLACE_OF = [
    (
        "/v1/audio/translations",
        """Its model whisper-1 ends on 2027-02-26, and OpenAI names Realtime translations as the \
successor. To get the words in the spoken language, use /v1/audio/transcriptions.""",
    ),
    (
        "/v1/realtime/translations",
        """For a spoken conversation, use /v1/realtime. For the words of a speaker, use a \
transcription session: /v1/realtime?intent=transcription.""",
    ),
    (
        "/v1/live",
        "For a spoken conversation, use /v1/realtime with gpt-realtime-2.1-mini.",
    ),
    (
        "/v1/audio/voice",
        "Custom voices need a real account. Use a built-in voice, such as 'marin'.",
    ),
]
_REALM = {"www-authenticate": 'Bearer realm="OpenAI API"'}
