"""Reads what a server said, in whatever shape it came, and fits it into a line on the screen."""

import json
import re
import sys
from collections.abc import Iterator
from traceback import walk_tb
from typing import Any

import openai
from pydantic import ValidationError

LONGEST = 200

# Where servers and gateways put the reason of an error, the most precise first.
_REASONS = ("message", "error", "detail", "error_description", "msg", "reason", "title", "errors")
_NOT_SHOWN = re.compile(r"(?is)<(script|style|head)\b.*?</\1>|<[^>]*>")
# How Python shows an error object of the SDK, and a code that isn't there.
_REPR = re.compile(
    r"\w+\(code=(?P<code>'\w+'|None), message=(?P<quote>['\"])(?P<text>.*?)(?P=quote).*\)"
)
# The libraries that read an answer; what they raise while they do is no bug of a lesson.
_READERS = {"openai", "httpx2", "httpcore2", "h11"}
_WHILE_READING = (AssertionError, LookupError, ValueError, RecursionError)
_ANSWERS = {"choices", "output", "output_text", "data"}
_JSON = (str, int, float, list, dict)


def printable(text: str) -> str:
    """Text of others for the screen: in one line, and without characters that steer a terminal."""
    spaced = " ".join(text.split())
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in spaced
    )


def shortened(text: str) -> str:
    """Printable, and at most as long as fits into a line with something around it."""
    line = printable(text)
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."


def first_words(text: str) -> str:
    """The beginning of a text or a web page, without its markup."""
    return shortened(_NOT_SHOWN.sub(" ", text[:20_000]))


def reason_in(body: object) -> str:
    """The reason in a server's own words; empty if it gave none, or sent a web page."""
    if isinstance(body, bytes | bytearray):
        return reason_in(bytes(body).decode("utf-8", "replace"))
    if isinstance(body, str):
        return _reason_in_text(body)
    if isinstance(body, list):
        return shortened("; ".join(filter(None, map(reason_in, body[:5]))))
    if isinstance(body, dict):
        return next(filter(None, (reason_in(body.get(name)) for name in _REASONS)), "")
    return ""


def _reason_in_text(text: str) -> str:
    """Errors are sometimes JSON within a text; only an object of JSON is read further."""
    if text.lstrip().startswith("{"):
        try:
            return reason_in(json.loads(text))
        except (ValueError, RecursionError):
            return shortened(text)
    return "" if text.lstrip().startswith("<") else shortened(text)


def codes_in(error: openai.APIError) -> list[str]:
    """The code and the type that a server gave, as far as they are single words."""
    given = (error.code, error.type)
    return [
        each for each in given if isinstance(each, str) and re.fullmatch(r"[\w.:-]{1,60}", each)
    ]


def tidied(error: object) -> str:
    """The text of an exception without Python's own notation."""

    def in_words(found: re.Match[str]) -> str:
        code = found["code"].strip("'")
        return found["text"] if code == "None" else f"{found['text']} ({code})"

    return shortened(_REPR.sub(in_words, str(error)).replace(" (None)", ""))


def unlike_openai(error: BaseException) -> str | None:
    """What a server sent instead of an answer, by where our code failed; None if that is unknown.

    The SDK returns text, lists and incomplete objects as they come. So an answer counts as wrong
    if code failed on plain JSON, or beside an object that the SDK's own types refuse.
    """
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    met, name = getattr(error, "obj", error), getattr(error, "name", "")
    if isinstance(met, str):
        texts = [value for value in _values(frames) if isinstance(value, str) and met in value]
        return f"it sent {first_words(max(texts, key=len, default=met)) or 'nothing'}"
    if isinstance(met, _JSON) or (met is None and name in _ANSWERS):
        return f"it sent JSON of another kind: {reason_in(met) or type(met).__name__}"
    for value in _values(frames):
        if said := _refusal(value):
            return said
    roots = [frame.f_globals.get("__name__", "").partition(".")[0] for frame in frames]
    at = [root for root in roots if root not in sys.stdlib_module_names][-1:]
    if at and at[0] in _READERS and isinstance(error, _WHILE_READING):
        return f"the openai package could not read its answer ({type(error).__name__})"
    return None


def _values(frames: list[Any]) -> Iterator[object]:
    """What the variables hold, the innermost first."""
    for frame in reversed(frames):
        yield from frame.f_locals.values()


def _refusal(value: object) -> str:
    """Why an object of the SDK is no answer of OpenAI's; empty if it is one."""
    if not isinstance(value, openai.BaseModel):
        return ""
    try:
        fields = value.model_dump(warnings=False)
        if reason := reason_in(fields.get("error")):
            return f"it sent an error with status 200: {reason}"
        type(value).model_validate(fields)
    except ValidationError as refused:
        where = ".".join(map(str, refused.errors()[0]["loc"]))
        return f"its answer has no usable field {where}"
    except ValueError:  # such as half a character, which JSON can name
        return "its answer has characters that are not text"
    return "its answer has no choices" if getattr(value, "choices", None) == [] else ""
