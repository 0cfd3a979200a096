"""Reads what the SDK makes of a server's words: codes, exceptions, and what is no answer at all."""

import re
import sys
from collections.abc import Collection, Iterator
from traceback import walk_tb
from typing import Any

from emulator.wire.reasons import first_words, reason_in, shortened

import openai
from pydantic import ValidationError

# An error may hold a whole answer; its beginning says what it is.
LONGEST_READ = 1_000

# How Python shows an error object of the SDK, and a code that isn't there.
_REPR = re.compile(
    r"\w+\(code=(?P<code>'\w+'|None), message=(?P<quote>['\"])(?P<text>.*?)(?P=quote).*\)"
)
# The libraries that read an answer; what they raise while they do is no bug of a lesson.
_READERS = {"openai", "httpx2", "httpcore2", "h11"}
_WHILE_READING = (AssertionError, LookupError, ValueError, RecursionError)
_OF_DATA = (AttributeError, TypeError, LookupError, ValueError)
_OUR_ROOMS = {"audio", "cassette", "common", "console", "emulator", "setup"}
_ANSWERS = {"choices", "output", "output_text", "data"}
_JSON = (str, int, float, list, dict)


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

    return shortened(_REPR.sub(in_words, str(error)[:LONGEST_READ]).replace(" (None)", ""))


def unlike_openai(error: BaseException, answers: Collection[object] = ()) -> str | None:
    """What a server sent instead of an answer, by where our code failed; None if that is unknown.

    The SDK returns text, lists and incomplete objects as they come. So an answer counts as wrong
    if code failed on plain JSON, or beside an object that the SDK's own types refuse. It may be one
    of the latest `answers` where the code has taken a field out of it before.
    """
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    met, name = getattr(error, "obj", error), getattr(error, "name", "")
    if isinstance(met, str):
        texts = [value for value in _values(frames) if isinstance(value, str) and met in value]
        return f"it sent {first_words(max(texts, key=len, default=met)) or 'nothing'}"
    if isinstance(met, _JSON) or (met is None and name in _ANSWERS):
        return f"it sent JSON of another kind: {reason_in(met) or type(met).__name__}"
    is_of_data = isinstance(error, _OF_DATA)
    for value in [*_values(frames), *(reversed([*answers]) if is_of_data else ())]:
        if said := _refusal(value):
            return said
    roots = [frame.f_globals.get("__name__", "").partition(".")[0] for frame in frames]
    at = [root for root in roots if root not in sys.stdlib_module_names][-1:]
    if at and at[0] in _READERS and isinstance(error, _WHILE_READING):
        return f"the openai package could not read its answer ({type(error).__name__})"
    # A lesson reads nothing but answers, so what it finds wrong there came from the server.
    if at and at[0] not in _OUR_ROOMS and answers and isinstance(error, ValueError):
        return f"it sent a value that can't be used: {tidied(error)}"
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
        # Servers differ in how they name an object, and no lesson reads that name.
        places = [each["loc"] for each in refused.errors() if each["loc"][-1:] != ("object",)]
        return f"its answer has no usable field {'.'.join(map(str, places[0]))}" if places else ""
    except ValueError:  # such as half a character, which JSON can name
        return "its answer has characters that are not text"
    is_chunk = type(value).__name__.endswith("Chunk")  # the last one of a stream has no choices
    has_none = getattr(value, "choices", None) == [] and not is_chunk
    return "its answer has no choices" if has_none else ""
