"""The fields of a transcription request: what each model accepts, and the errors for the rest.

All fields of a form are strings. Lists are repeated fields (`languages[]`, or `languages`), and
objects are fields with a path (`chunking_strategy[type]`), or JSON. Here they become values, which
are checked like those of any other request.

OpenAI ignores unknown fields, and many that a model doesn't use, such as `language` with
gpt-transcribe. So does this module, but the header `x-openai-emulator-inert` names them.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any

from emulator import params
from emulator.errors import ApiError, pretty
from emulator.models import MODELS, Transcriber
from emulator.params import Param, bad, integer, number, one_of, text
from emulator.serving import no_constants

LISTS = (
    "include",
    "keywords",
    "known_speaker_names",
    "known_speaker_references",
    "languages",
    "timestamp_granularities",
)
FORMATS = ("json", "text", "srt", "verbose_json", "vtt", "diarized_json")
EXTENSIONS = ("flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm")
MOST_SPEAKERS = 4
LONGEST_HEAD = 200
"""Characters of a data URL before its data."""
_DATA_URL = re.compile(r"data:[\w.+/-]*(?:;[\w.+=-]+)*?;base64")


TRANSCRIBERS = {name: model.transcriber for name, model in MODELS.items() if model.transcriber}


class UnbilledError(ApiError):
    """An error whose body also has a `usage` of 0 seconds, because nothing was transcribed."""

    def body(self) -> bytes:
        usage = {"type": "duration", "seconds": 0}
        return pretty({"error": self.fields(), "usage": usage})


def values_of(lists: Mapping[str, list[str]]) -> tuple[dict[str, Any], list[str]]:
    """The fields as values for PARAMS to check, and the names of unknown fields.

    Raises ApiError (400) for a value and its own fields side by side: one would be ignored.
    """
    values: dict[str, Any] = {}
    unknown = []
    wholes, objects = set(lists), {field.partition("[")[0] for field in lists if "[" in field}
    for name in wholes & objects & set(PARAMS) - set(LISTS):
        message = f"Invalid '{name}': it was sent both as a value and as '{name}[...]' fields."
        raise bad(message, name, "invalid_value")
    for field, texts in lists.items():
        outer, _, inner = field.partition("[")
        if outer not in PARAMS:
            unknown.append(field)
        elif outer in LISTS:
            values.setdefault(outer, []).extend(texts)
        elif inner:
            values.setdefault(outer, {})[inner.removesuffix("]")] = _number(texts[-1])
        else:
            values[outer] = texts[-1]
    return values, unknown


def parsed(lists: Mapping[str, list[str]]) -> tuple[dict[str, Any], list[str]]:
    """The checked values, and the names of fields without effect; raises ApiError (400, 404)."""
    given, unknown = values_of(lists)
    values, inert = params.parse(given, PARAMS)
    able = _transcriber(values["model"])
    _check_format(values, able)
    _check_for_model(values, able)
    sent = [name for name in given if given[name] not in (None, "", [])]
    return values, [*inert, *unknown, *(name for name in _unused(values, able) if name in sent)]


def transcriber(values: Mapping[str, Any]) -> Transcriber:
    return TRANSCRIBERS[values["model"]]


def check_filename(name: str, able: Transcriber) -> None:
    """Check the extension: OpenAI ignores the content type here. Raises ApiError (400)."""
    _, dot, extension = name.rpartition(".")
    if extension.lower() in EXTENSIONS and dot:
        return
    if dot and able.streams:
        raise bad(f"Unsupported file format {extension}", "file", "unsupported_value")
    what = "Invalid" if dot else "Unrecognized"
    raise ApiError(400, f"{what} file format. Supported formats: {list(EXTENSIONS)}")


def unreadable(able: Transcriber) -> ApiError:
    """The error for a file that is damaged, isn't sound, or doesn't match its extension."""
    if not able.streams:
        message = "The audio file could not be decoded or its format is not supported."
        return ApiError(400, message)
    return bad("Audio file might be corrupted or unsupported", "file", "invalid_value")


def check_length(seconds: float, values: Mapping[str, Any], most_s: float) -> None:
    """Raises ApiError (400) for a recording that is too short, or too long for its model.

    `most_s` is the emulator's own limit, for a model that accepts any length.
    """
    if seconds < 0.1:
        message = "Audio file is too short. Minimum audio length is 0.1 seconds."
        raise bad(message, "file", "audio_too_short")
    able = transcriber(values)
    most = able.most_s or most_s
    if seconds > most:
        message = f"""audio duration {seconds} seconds is longer than {most:g} seconds which is \
the maximum for this model"""
        raise ApiError(400, message, code="invalid_value")
    if able.tells_speakers and seconds > 30 and values["chunking_strategy"] is None:
        message = "chunking_strategy is required for diarization models"
        raise bad(message, "chunking_strategy", "invalid_value")


def known_speakers(values: Mapping[str, Any]) -> dict[str, bytes]:
    """The sound file of each known speaker; raises ApiError (400)."""
    names, references = values["known_speaker_names"], values["known_speaker_references"]
    if len(names) != len(references):
        message = f"""'known_speaker_names' and 'known_speaker_references' must have the same \
length, but they have {len(names)} and {len(references)}."""
        raise bad(message, "known_speaker_references", "invalid_value")
    samples = [_reference(place, url) for place, url in enumerate(references)]
    return dict(zip(names, samples, strict=True))


def bad_reference(place: int, why: str) -> ApiError:
    name = f"known_speaker_references[{place}]"
    return bad(f"Invalid '{name}': {why}", name, "invalid_value")


def _texts(name: str, value: Any) -> list[str]:
    return [text(f"{name}[{place}]", each) for place, each in enumerate(value)]


def _choices(*allowed: str) -> params.Check:
    def check(name: str, value: Any) -> list[str]:
        of = one_of(*allowed)
        return [of(f"{name}[{place}]", each) for place, each in enumerate(value)]

    return check


def _keywords(name: str, value: Any) -> list[str]:
    for place, word in enumerate(_texts(name, value)):
        if re.search(r"[<>\r\n]", word):
            message = f"Invalid '{name}[{place}]': it must not contain '<', '>' or a line break."
            raise bad(message, f"{name}[{place}]", "invalid_value")
    return list(value)


def _few(name: str, value: Any) -> list[str]:
    params.array(name, value, "strings", most=MOST_SPEAKERS)
    return _texts(name, value)


def _languages(name: str, value: Any) -> list[str]:
    """The codes that gpt-transcribe accepts. A list in one string is refused, too."""
    for code in value:
        if code.lower() not in _NEWEST_LANGUAGES:
            raise bad(f"Language code '{code}' is not recognized.", name, "invalid_value")
    return list(value)


def _form_flag(name: str, value: Any) -> bool:
    if str(value).lower() not in ("true", "false", "1", "0"):
        raise params.wrong_type(name, "a boolean", value)
    return str(value).lower() in ("true", "1")


def _form_number(low: float, high: float) -> params.Check:
    def check(name: str, value: Any) -> Any:
        return number(low, high)(name, _number(value))

    return check


def _chunking(name: str, value: Any) -> Any:
    """`auto`, or the settings of server VAD with their defaults."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value, parse_constant=no_constants)
            json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair fails here
        except (ValueError, RecursionError):
            raise bad(f"Invalid '{name}': it is not valid JSON.", name, "invalid_value") from None
    return value if value == "auto" else _SERVER_VAD(name, _object(name, value))


def _object(name: str, value: Any) -> Any:
    if isinstance(value, str):
        message = f"Invalid value: '{value}'. Supported values are: 'auto', or an object."
        raise bad(message, name, "invalid_value")
    return value


_SERVER_VAD = params.fields(
    {
        "type": Param(one_of("server_vad"), required=True),
        "threshold": Param(number(0, 1), 0.5),
        "prefix_padding_ms": Param(integer(0), 300),
        "silence_duration_ms": Param(integer(0), 200),
    }
)

PARAMS: Mapping[str, Param] = {
    "model": Param(text, required=True),
    "response_format": Param(one_of(*FORMATS), "json"),
    "stream": Param(_form_flag, False),
    "language": Param(text, inert=True),
    "languages": Param(_texts, ()),
    "keywords": Param(_keywords, (), inert=True),
    "prompt": Param(text, inert=True),
    "temperature": Param(_form_number(0, 1), 0.0, inert=True),
    "include": Param(_choices("logprobs"), ()),
    "timestamp_granularities": Param(_choices("word", "segment"), ()),
    "chunking_strategy": Param(_chunking),
    "known_speaker_names": Param(_few, ()),
    "known_speaker_references": Param(_few, ()),
}


def _transcriber(name: str) -> Transcriber:
    if name not in TRANSCRIBERS:
        message = f"The model `{name}` does not exist or you do not have access to it."
        raise ApiError(404, message, code="model_not_found")
    return TRANSCRIBERS[name]


def _check_format(values: Mapping[str, Any], able: Transcriber) -> None:
    wanted, model = values["response_format"], values["model"]
    if wanted not in able.formats:
        # OpenAI's message has the internal name of the model.
        behind = f"{model}-api-ev3" if able.streams else model
        others = "'json' or 'text'"
        message = f"response_format '{wanted}' is not compatible with model '{behind}'."
        raise bad(f"{message} Use {others} instead.", "response_format", "unsupported_value")
    if values["timestamp_granularities"] and wanted != "verbose_json":
        message = """`response_format` must be `verbose_json` if `timestamp_granularities[]` is \
provided"""
        raise bad(message, "timestamp_granularities", None)


def _check_for_model(values: Mapping[str, Any], able: Transcriber) -> None:
    if able.takes_languages:
        _languages("languages", values["languages"])
    else:
        _check_language(values["language"])
    if able.tells_speakers:
        for name in ("prompt", "include"):
            if values[name]:
                message = f"{name} is not supported for diarization models"
                raise bad(message, name, "invalid_value")
        known_speakers(values)


def _check_language(code: str | None) -> None:
    """Check one language code; an empty one is refused, too."""
    if code is None:
        return
    if code.lower() not in _ISO_639_1 and code.lower() not in _LONGER_CODES:
        message = f"""Invalid language '{code}'. Language parameter must be specified in \
ISO-639-1 format."""
        raise UnbilledError(400, message, param="language", code="invalid_language_format")
    if code.lower() not in _LANGUAGES:
        raise UnbilledError(400, f"Language '{code}' is not supported.", param="language")


def _unused(values: Mapping[str, Any], able: Transcriber) -> list[str]:
    """Names of fields that are checked, but have no effect with this model."""
    unused = []
    if not able.takes_languages:
        unused.append("languages")
    if not (able.has_logprobs and values["response_format"] == "json"):
        unused.append("include")
    if not able.tells_speakers or values["response_format"] != "diarized_json":
        unused += ["known_speaker_names", "known_speaker_references"]
    if not able.streams:
        unused.append("stream")
    return unused


def _reference(place: int, url: str) -> bytes:
    """The bytes in a base64 data URL."""
    head, _, data = url.partition(",")
    is_url = len(head) <= LONGEST_HEAD and _DATA_URL.fullmatch(head)
    try:
        return base64.b64decode(data, validate=True) if is_url else _no_url()
    except (ValueError, binascii.Error):
        message = "expected a data URL, such as 'data:audio/wav;base64,...'."
        raise bad_reference(place, message) from None


def _no_url() -> bytes:
    raise ValueError("not a data URL")


def _number(value: Any) -> Any:
    """A string of a form as a number, if it is one; anything else unchanged."""
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,15}", value.strip()):
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"-?\d{0,15}\.?\d{1,15}", value.strip()):
        return float(value)
    return value


_ISO_639_1 = frozenset(
    """aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy
    da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy
    hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li
    ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa
    pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th
    ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu""".split()
)
_LONGER_CODES = frozenset(("zh-cn", "zh-tw", "zh-hk", "yue"))
# As observed in 2026: what `language` takes, and `languages` of gpt-transcribe.
_LANGUAGES = frozenset(
    """af ar az be bg bs ca cs cy da de el en es et fa fi fr gl he hi hr hu hy id is it ja kk kn ko
    lt lv mi mk mr ms ne nl no pl pt ro ru sk sl sr sv sw ta th tl tr uk ur vi zh zh-cn zh-hk
    zh-tw""".split()
)
_NEWEST_LANGUAGES = _LANGUAGES | frozenset("bn gu ka ml te yue".split())
