"""Settings from `.env` and the environment; one message names every problem in them.

Here is also `CourseError`, the base of every error that the course itself reports.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from urllib.parse import urlsplit

from common import COURSE
from emulator.addresses import is_this_machine
from emulator.models import MODELS, Effort
from setup.dotenv_problems import NOT_UTF_8, missing_file_problem, text_problem

OPENAI = "https://api.openai.com/v1"

# The variable for each model, and the model that is used if the variable is not set.
DEFAULT_MODELS = {
    "OPENAI_MODEL": "gpt-6-luna",
    "OPENAI_EMBEDDING_MODEL": "text-embedding-3-small",
    "OPENAI_REALTIME_MODEL": "gpt-realtime-2.1-mini",
    "OPENAI_TRANSCRIBE_MODEL": "gpt-transcribe",
}

_PLACEHOLDERS = ("...", "your", "placeholder", "changeme", "xxxx", "<", "api-key-here", "replace")
_FIX_ALL = "fix them where they are set, in .env or in the environment"
_FIX_KEY = "put only the key after OPENAI_API_KEY= in .env, or delete the line to work offline"
_FIX_KEY_OUTSIDE = "set it there to the key alone, or unset OPENAI_API_KEY, or add --offline"


class CourseError(Exception):
    """What went wrong, why, and what to type now; each is a fragment without a full stop."""

    def __init__(self, error: str, why: str | None = None, attempt: str | None = None) -> None:
        super().__init__(error)
        self.why = why
        self.attempt = attempt


class SettingsError(CourseError):
    """`.env` or the environment has a setting that can't be used."""


WRITER, EMBEDDER = "EMULATOR_CHAT_", "EMULATOR_EMBEDDINGS_"


@dataclass(frozen=True)
class Settings:
    """What the learner set; `key` and `base_url` are None if they are not set.

    `writer` holds the variables EMULATOR_CHAT_... of the server that writes the emulator's answers,
    and EMULATOR_EMBEDDINGS_... of the one that makes its embeddings. `other_models` has the models
    of other variables OPENAI_..._MODEL, which some examples read.
    """

    key: str | None
    base_url: str | None
    model: str
    embedding_model: str
    realtime_model: str
    transcribe_model: str
    writer: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    other_models: Mapping[str, str] = field(default_factory=dict, kw_only=True)

    @property
    def effort(self) -> Effort | None:
        """The least reasoning that the model accepts; None if it can't reason."""
        known = MODELS.get(self.model)
        return known.quickest_effort if known else None

    @property
    def models(self) -> dict[str, str]:
        """The model of each variable of `DEFAULT_MODELS`."""
        models = (self.model, self.embedding_model, self.realtime_model, self.transcribe_model)
        return dict(zip(DEFAULT_MODELS, models, strict=True))

    @property
    def model_variables(self) -> dict[str, str]:
        """Which variable sets each of these models; the first one where two set the same."""
        return {model: variable for variable, model in reversed(self.models.items())}

    @property
    def host(self) -> str:
        """The server's name and port, without a user name and a password in front of it."""
        return urlsplit(self.base_url or OPENAI).netloc.rpartition("@")[2]

    @property
    def is_loopback(self) -> bool:
        """Whether OPENAI_BASE_URL names a server on this machine, under any of its names."""
        return self.base_url is not None and is_this_machine(urlsplit(self.base_url).hostname or "")


def load_settings(
    environment: Mapping[str, str] = os.environ, dotenv: Path = COURSE / ".env"
) -> Settings:
    """Read the settings. The environment overrides `.env`, and an empty value counts as not set.

    Raises SettingsError, which names every problem.
    """
    values = _stripped(read_dotenv(dotenv)) | _stripped(environment)
    is_set = "OPENAI_API_KEY" in values or "OPENAI_BASE_URL" in values
    if not is_set and (problem := missing_file_problem(dotenv)):
        raise SettingsError(*problem)
    problems = [
        *_key_problems(values.get("OPENAI_API_KEY")),
        *_url_problems("OPENAI_BASE_URL", values),
        *_url_problems(f"{WRITER}BASE_URL", values),
        *_url_problems(f"{EMBEDDER}BASE_URL", values),
        *_model_problems(values),
    ]
    if problems:
        if len(problems) > 1 or not problems[0].startswith("OPENAI_API_KEY"):
            raise SettingsError("; ".join(problems), attempt=_FIX_ALL)
        if "OPENAI_API_KEY" in _stripped(environment):
            why = "it is set in the environment, which overrides .env"
            raise SettingsError(problems[0], why, _FIX_KEY_OUTSIDE)
        raise SettingsError(problems[0], attempt=_FIX_KEY)
    models = [values.get(name, default) for name, default in DEFAULT_MODELS.items()]
    servers = (WRITER, EMBEDDER)
    writer = {name: value for name, value in values.items() if name.startswith(servers)}
    others = {name: value for name, value in values.items() if _is_other_model(name)}
    key, base_url = values.get("OPENAI_API_KEY"), values.get("OPENAI_BASE_URL")
    return Settings(key, base_url, *models, writer=writer, other_models=others)


def _is_other_model(name: str) -> bool:
    return bool(re.fullmatch(r"OPENAI_\w+_MODEL", name)) and name not in DEFAULT_MODELS


def _stripped(values: Mapping[str, str | None]) -> dict[str, str]:
    """The values without spaces and line breaks around them; empty ones are left out."""
    stripped = {name: (value or "").strip() for name, value in values.items()}
    return {name: value for name, value in stripped.items() if value}


def default_settings() -> Settings:
    """The settings when nothing is set."""
    return Settings(None, None, *DEFAULT_MODELS.values())


def read_dotenv(path: Path) -> dict[str, str | None]:
    """The variables of a `.env` file; none if there is no file. Raises SettingsError."""
    # Imported here, so that code that needs only CourseError needs no package.
    from dotenv import dotenv_values
    from dotenv.parser import parse_stream

    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError:
        raise SettingsError(*NOT_UTF_8) from None
    except OSError as error:
        raise SettingsError(
            f".env cannot be read: {error.strerror}",
            attempt="fix its permissions, or move it away",
        ) from None
    if problem := text_problem(text, parse_stream(StringIO(text))):
        raise SettingsError(*problem)
    return dotenv_values(stream=StringIO(text), interpolate=False)


def _key_problems(key: str | None) -> list[str]:
    """What makes a key unusable. The server would only answer 401, and much later."""
    if key is None:
        return []
    if any(letter in key for letter in "\r\n"):
        return ["OPENAI_API_KEY has a line break in it"]
    if any(letter.isspace() for letter in key):
        return ["OPENAI_API_KEY has spaces in it"]
    if any(letter in key for letter in "\"'`\u2018\u2019\u201c\u201d"):
        return ["OPENAI_API_KEY has quotation marks in it"]
    if not key.isascii() or not key.isprintable():
        return ["OPENAI_API_KEY has characters in it that no key has"]
    if "OPENAI_API_KEY" in key:
        return ["OPENAI_API_KEY has its own name in it"]
    if any(part in key.lower() for part in _PLACEHOLDERS):
        return ["OPENAI_API_KEY is still a placeholder"]
    return []


def _url_problems(name: str, values: Mapping[str, str]) -> list[str]:
    url = values.get(name)
    if url is None:
        return []
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    # urlsplit drops line breaks and tabs, but no client does.
    if is_usable and url.isprintable() and " " not in url:
        return []
    return [f"{name} is not an http address{_shown(url)}"]


def _model_problems(values: Mapping[str, str]) -> list[str]:
    named = {name: values[name] for name in DEFAULT_MODELS if name in values}
    bad = {n: v for n, v in named.items() if not v.isprintable() or " " in v or _may_be_key(v)}
    return [f"{name} is not the name of a model{_shown(value)}" for name, value in bad.items()]


def _shown(value: str) -> str:
    """A value for a message, unless it may hold a key or a password."""
    return "" if _may_be_key(value) or "@" in value else f": {value!a}"


def _may_be_key(value: str) -> bool:
    return "sk-" in value
