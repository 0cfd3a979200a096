"""Every model that the course names: one table, with the shutdown dates that OpenAI announced.

Names and dates come from the types of openai 3.57 and from OpenAI's page of deprecations, read in
November 2026; `source` says which. `MODELS` are those that the emulator serves, and `NAMED` has the
others as well. `python3 course.py doctor` warns of a shutdown, and `GET /v1/models` reports it as
`shutdown_date`. The emulator serves a model after that date, too, because a course must not stop
working overnight. The header `x-openai-emulator-model-ends` then has the date and the successor.

`Generation` says how the models answer. Which keys a body has depends on the day it is sent, not on
the model: recordings of gpt-4o, gpt-5-mini and gpt-5.6 from the same month have the same keys. Only
the values depend on the model, and a few keys that a generation lacks.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Literal

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
"""How much a model reasons before it answers."""


@dataclass(frozen=True)
class Transcriber:
    """What a model that transcribes files can do.

    `most_s` is the longest recording that OpenAI takes, in seconds; None for any length. A model
    that doesn't stream (Whisper) ignores `stream`, and has other errors than the newer models.
    `takes_languages` says whether a request may name several languages instead of one.
    """

    formats: tuple[str, ...] = ("json", "text")
    most_s: float | None = 1400
    is_billed_by_time: bool = False
    streams: bool = True
    tells_speakers: bool = False
    has_logprobs: bool = False
    takes_languages: bool = False


@dataclass(frozen=True)
class Generation:
    """What the answers of a generation of models have in common, as recorded until autumn 2026.

    efforts         the reasoning efforts that it accepts, least first; empty without reasoning
    effort          the effort that it uses if the request names none
    context         `reasoning.context` if the request names none
    top_p           what a Response reports if the request names none: 0.98 from gpt-5.2 on
    cache_retention `prompt_cache_retention` if the request names none: `24h` from gpt-5.1 on
    has_phases      messages say whether they are the answer (`phase`), from gpt-5.3-codex on
    has_logprobs    choices in chat have the key `logprobs`; with reasoning models they don't
    has_fingerprint chat has a `system_fingerprint`; with reasoning models it is null
    tells_writes    the usage in chat has `cache_write_tokens`, from gpt-5.6 on
    named_finish    the `finish_reason` in chat after a call of a function that the request named
    reads           how many tokens fit into a request, as OpenAI's 400s name it. Of models newer
                    than gpt-5.5 no such error is known; they take at least as many as that one
    needs_responses functions in chat are refused unless the effort is `none`. Users reported this,
                    with OpenAI's error message, of gpt-5.5 (August 2026), gpt-6-astra and gpt-6-sol
                    (September 2026)
    """

    efforts: tuple[Effort, ...] = ()
    effort: Effort | None = None
    context: Literal["current_turn", "all_turns"] | None = None
    top_p: float = 1.0
    cache_retention: Literal["in_memory", "24h"] = "in_memory"
    has_phases: bool = False
    has_logprobs: bool = False
    has_fingerprint: bool = False
    tells_writes: bool = False
    named_finish: Literal["stop", "tool_calls"] = "tool_calls"
    reads: int = 128_000
    needs_responses: bool = False


_GPT_4 = Generation(has_logprobs=True, has_fingerprint=True, named_finish="stop")
_GPT_4_1 = replace(_GPT_4, reads=1_047_576)
_GPT_3_5 = replace(_GPT_4, has_fingerprint=False, reads=16_385)
_AUDIO = Generation(has_fingerprint=True, named_finish="stop")
_O_SERIES = Generation(("low", "medium", "high"), "medium", "current_turn", reads=200_000)
_GPT_5 = replace(_O_SERIES, efforts=("minimal", *_O_SERIES.efforts), reads=272_000)
_GPT_5_1 = replace(
    _GPT_5, efforts=("none", *_O_SERIES.efforts), effort="none", cache_retention="24h"
)
_GPT_5_2 = replace(_GPT_5_1, efforts=(*_GPT_5_1.efforts, "xhigh"), top_p=0.98)
_GPT_5_4 = replace(_GPT_5_2, has_phases=True)
_GPT_5_5 = replace(_GPT_5_4, effort="medium", needs_responses=True)
_GPT_5_6 = replace(
    _GPT_5_5, efforts=(*_GPT_5_5.efforts, "max"), context="all_turns", tells_writes=True
)
# These always reason: gpt-6-astra, gpt-6.1-sol and what came after it, except gpt-6.1-terra.
_ALWAYS_REASONING = replace(_GPT_5_6, efforts=_GPT_5_6.efforts[1:])
_REALTIME_2_1 = Generation(has_phases=True)


PRICES_READ = "2026-11-24"
"""The day on which all prices below were compared with OpenAI's pages."""

# Where the SDK lists the models of a role, and announces their ends: files in the package `openai`.
SDK_LISTS = {
    "chat": "types/shared/chat_model.py",
    "audio": "types/shared/chat_model.py",
    "realtime": "types/realtime/realtime_session_create_request.py",
    "speech": "types/audio/speech_model.py",
    "transcription": "types/audio_model.py",
    "captions": "types/realtime/audio_transcription.py",
    "embedding": "types/embedding_model.py",
    "live": "types/live/session_config.py",
}
_GUIDES = "https://developers.openai.com/api/docs/guides"


@dataclass(frozen=True)
class Model:
    """A model: its role, the date of its newest release, its announced end, its successor.

    Roles: `chat`, `audio` (chat with sound in and out), `realtime`, `speech`, `transcription`,
    `captions` (transcription while somebody speaks), `translation`, `live`, `embedding`. Dates are
    `YYYY-MM-DD`; `released` is empty if the day isn't known.
    `snapshot` is the name in answers: a request for an alias is answered by a dated release. Only a
    Realtime session repeats the name from the request.
    `price` is in dollars for a million input tokens and a million output tokens, if it is known;
    for Realtime models, those of sound. `dimensions` is the length of the vectors of an embedding
    model; a request may shorten them unless it is fixed. `reads` is how many tokens of a
    conversation fit into a Realtime model. `transcriber` says what a model that transcribes files
    can do. Sessions of a Realtime model whose generation has phases start with other defaults.
    `text_price` of a Realtime model is the price of its text, and `minute_price` is in dollars for
    a minute of sound. `source` is a file of the SDK (see
    `SDK_LISTS`) if it is empty.
    """

    id: str
    role: str
    released: str
    ends: str | None = None
    successor: str | None = None
    generation: Generation = _GPT_4
    snapshot: str | None = None
    price: tuple[float, float] | None = None
    dimensions: int | None = None
    has_fixed_dimensions: bool = False
    reads: int | None = None
    transcriber: Transcriber | None = None
    text_price: tuple[float, float] | None = None
    minute_price: float | None = None
    source: str = ""

    def has_ended(self, today: date) -> bool:
        """Whether OpenAI has shut it down; on the day of its end it counts as gone."""
        return self.ends is not None and date.fromisoformat(self.ends) <= today

    @property
    def named_in(self) -> str:
        """Where its name and its end come from: a file of the SDK, or a page."""
        return self.source or SDK_LISTS[self.role]

    @property
    def answers_as(self) -> str:
        return self.snapshot or self.id

    @property
    def quickest_effort(self) -> Effort | None:
        """The lowest effort that a request can name; None for a model that does not reason."""
        return next(iter(self.generation.efforts), None)

    @property
    def effort(self) -> str:
        """The effort that it uses if the request names none."""
        return self.generation.effort or "none"

    @property
    def has_phases(self) -> bool:
        return self.generation.has_phases

    @property
    def created(self) -> int:
        """The date of the release as OpenAI reports it: seconds since 1970, UTC."""
        return int(datetime.fromisoformat(self.released).replace(tzinfo=UTC).timestamp())


_NEWEST_TRANSCRIBER = Transcriber(most_s=None, is_billed_by_time=True, takes_languages=True)
_WHISPER = Transcriber(
    ("json", "text", "srt", "verbose_json", "vtt"),
    most_s=None,
    is_billed_by_time=True,
    streams=False,
)


def _chat(
    id: str,
    released: str,
    generation: Generation,
    ends: str | None = None,
    successor: str | None = None,
    *,
    dated: str | None = None,
    price: tuple[float, float] | None = None,
) -> Model:
    """A model that writes; `dated` is the date in the name of the release that answers for it."""
    snapshot = f"{id}-{dated}" if dated else None
    return Model(id, "chat", released, ends, successor, generation, snapshot, price)


# The first one answers if a request to Responses names no model.
_CHAT = [
    _chat("gpt-6-astra", "2026-09-03", _ALWAYS_REASONING, price=(10.00, 50.00)),
    _chat("gpt-6.2-astra", "2026-11-17", _ALWAYS_REASONING, price=(8.00, 40.00)),
    _chat("gpt-6.2-sol", "2026-11-17", _ALWAYS_REASONING, price=(2.00, 10.00)),
    _chat("gpt-6.1-sol", "2026-10-26", _ALWAYS_REASONING),
    _chat("gpt-6.1-terra", "2026-10-26", _GPT_5_6, price=(1.00, 5.00)),
    _chat("gpt-6-sol", "2026-09-22", _GPT_5_6, price=(2.00, 10.00)),
    _chat("gpt-6-luna", "2026-09-22", _GPT_5_6, price=(0.10, 0.50)),
    _chat("gpt-5.6-sol", "2026-07-09", _GPT_5_6),
    _chat("gpt-5.6-terra", "2026-07-09", _GPT_5_6),
    _chat("gpt-5.6-luna", "2026-07-09", _GPT_5_6),
    replace(
        _chat("gpt-5.6", "2026-07-09", _GPT_5_6),
        snapshot="gpt-5.6-sol",
        source="recorded answers of August 2026",
    ),
    _chat("gpt-5.5", "2026-04-23", _GPT_5_5, dated="2026-04-23"),
    _chat("gpt-5.4", "2026-03-05", _GPT_5_4, dated="2026-03-05"),
    _chat("gpt-5.4-mini", "2026-03-17", _GPT_5_4, dated="2026-03-17"),
    _chat("gpt-5.4-nano", "2026-03-17", _GPT_5_4, "2027-04-01", dated="2026-03-17"),
    _chat("gpt-5.2", "2025-12-11", _GPT_5_2, dated="2025-12-11"),
    _chat("gpt-5.1", "2025-11-13", _GPT_5_1, "2027-04-01", dated="2025-11-13"),
    _chat("gpt-5", "2025-08-07", _GPT_5, "2026-12-11", "gpt-6.1-sol", dated="2025-08-07"),
    _chat("gpt-5-mini", "2025-08-07", _GPT_5, "2026-12-11", "gpt-6.1-terra", dated="2025-08-07"),
    _chat("gpt-5-nano", "2025-08-07", _GPT_5, "2026-12-11", "gpt-6-luna", dated="2025-08-07"),
    _chat("o3", "2025-04-16", _O_SERIES, "2026-12-11", dated="2025-04-16"),
    _chat("o4-mini", "2025-04-16", _O_SERIES, "2026-10-23", dated="2025-04-16"),
    _chat("o3-mini", "2025-01-31", _O_SERIES, "2026-10-23", dated="2025-01-31"),
    _chat("gpt-4.1", "2025-04-14", _GPT_4_1, "2027-01-14", "gpt-6-luna", dated="2025-04-14"),
    _chat("gpt-4.1-mini", "2025-04-14", _GPT_4_1, "2027-01-14", "gpt-6-luna", dated="2025-04-14"),
    _chat("gpt-4.1-nano", "2025-04-14", _GPT_4_1, "2026-10-23", dated="2025-04-14"),
    _chat("gpt-4o", "2024-11-20", _GPT_4, "2027-01-14", "gpt-6-luna", dated="2024-08-06"),
    _chat("gpt-4o-2024-11-20", "2024-11-20", _GPT_4, "2027-01-14", "gpt-6-luna"),
    _chat("gpt-4o-mini", "2024-07-18", _GPT_4, "2027-01-14", "gpt-6-luna", dated="2024-07-18"),
    replace(
        _chat("gpt-3.5-turbo", "2024-01-25", _GPT_3_5, "2026-10-23"),
        snapshot="gpt-3.5-turbo-0125",
    ),
]

_TABLE = [
    *_CHAT,
    Model(
        "gpt-realtime-2.1",
        "realtime",
        "2026-07-06",
        price=(32.00, 64.00),
        text_price=(4.00, 24.00),
        reads=123_904,
        generation=_REALTIME_2_1,
    ),
    Model(
        "gpt-realtime-2.1-mini",
        "realtime",
        "2026-07-06",
        price=(10.00, 20.00),
        text_price=(0.60, 2.40),
        reads=123_904,
        generation=_REALTIME_2_1,
    ),
    Model("gpt-realtime-2", "realtime", "2026-05-07", reads=123_904),
    Model("gpt-realtime-1.5", "realtime", "2026-02-23", reads=28_224),
    Model(
        "gpt-realtime",
        "realtime",
        "2025-08-28",
        "2027-01-20",
        "gpt-realtime-2.1",
        snapshot="gpt-realtime-2025-08-28",
        reads=28_224,
    ),
    Model(
        "gpt-realtime-mini",
        "realtime",
        "2025-10-06",
        "2027-01-20",
        "gpt-realtime-2.1-mini",
        snapshot="gpt-realtime-mini-2025-12-15",
        reads=28_224,
    ),
    Model("gpt-audio-1.5", "audio", "2026-02-23", generation=_AUDIO, source=SDK_LISTS["realtime"]),
    Model(
        "gpt-audio-mini",
        "audio",
        "2025-10-06",
        "2027-01-20",
        "gpt-audio-1.5",
        _AUDIO,
        snapshot="gpt-audio-mini-2025-12-15",
    ),
    Model("gpt-4o-mini-tts", "speech", "2025-03-20", "2027-01-06", "gpt-realtime-2.1-mini"),
    Model(
        "gpt-4o-mini-tts-2025-12-15", "speech", "2025-12-15", "2027-01-06", "gpt-realtime-2.1-mini"
    ),
    Model("tts-1", "speech", "2023-11-06", "2027-01-06", "gpt-realtime-2.1-mini"),
    Model("tts-1-hd", "speech", "2023-11-06", "2027-01-06", "gpt-realtime-2.1-mini"),
    Model(
        "gpt-transcribe",
        "transcription",
        "2026-07-28",
        transcriber=_NEWEST_TRANSCRIBER,
        minute_price=0.0045,
    ),
    Model(
        "gpt-4o-transcribe",
        "transcription",
        "2025-03-20",
        "2027-02-26",
        "gpt-transcribe",
        transcriber=Transcriber(has_logprobs=True),
    ),
    Model(
        "gpt-4o-mini-transcribe",
        "transcription",
        "2025-03-20",
        "2027-02-26",
        "gpt-transcribe",
        transcriber=Transcriber(has_logprobs=True),
    ),
    Model(
        "gpt-4o-mini-transcribe-2025-12-15",
        "transcription",
        "2025-12-15",
        "2027-02-26",
        "gpt-transcribe",
        transcriber=Transcriber(has_logprobs=True),
    ),
    # These two have no successor that tells speakers apart or writes subtitles.
    Model(
        "gpt-4o-transcribe-diarize",
        "transcription",
        "2025-10-15",
        "2027-02-26",
        transcriber=Transcriber(("json", "text", "diarized_json"), tells_speakers=True),
    ),
    Model("whisper-1", "transcription", "2023-03-01", "2027-02-26", transcriber=_WHISPER),
    Model("text-embedding-3-small", "embedding", "2024-01-25", dimensions=1536),
    Model("text-embedding-3-large", "embedding", "2024-01-25", dimensions=3072),
    Model(
        "text-embedding-ada-002",
        "embedding",
        "2022-12-15",
        dimensions=1536,
        has_fixed_dimensions=True,
    ),
]

# The course names these, and `GET /v1/models` of the emulator doesn't list them: it transcribes
# with the first two in Realtime sessions, and serves neither Live nor translations.
_NAMED = [
    Model("gpt-live-transcribe", "captions", "", minute_price=0.017),
    Model("gpt-realtime-whisper", "captions", "", minute_price=0.017),
    Model("gpt-realtime-translate", "translation", "", source=f"{_GUIDES}/realtime-translation"),
    Model("gpt-live-1", "live", "2026-09-10", minute_price=0.05),
    Model("gpt-live-1.1", "live", "2026-11-20", minute_price=0.05),
]

# They have nine voices, and ignore `instructions` and `stream_format`.
FIRST_SPEAKERS = ("tts-1", "tts-1-hd")


def _with_snapshots(models: list[Model]) -> dict[str, Model]:
    """All models by name, and the dated releases that answer for aliases."""
    named = {model.id: model for model in models}
    dated = [model for model in models if model.answers_as not in named]
    return named | {each.answers_as: replace(each, id=each.answers_as) for each in dated}


MODELS = _with_snapshots(_TABLE)
NAMED = MODELS | {model.id: model for model in _NAMED}
# Part 7 of lesson 3 and the exercises name these two, as no other model can do the same.
DIARIZING = next(
    each.id for each in MODELS.values() if each.transcriber and each.transcriber.tells_speakers
)
SUBTITLING = next(
    each.id for each in MODELS.values() if each.transcriber and "srt" in each.transcriber.formats
)
