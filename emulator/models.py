"""The models that the emulator answers to: one table, with the ends that OpenAI has announced.

Names and dates are those of openai 3.54's types and of OpenAI's page of deprecations, read in
November 2026. `python3 course.py doctor` warns of an end; `GET /v1/models` tells it as
`shutdown_date`. The emulator itself serves a model after its end, too: nothing here is retired.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal


@dataclass(frozen=True)
class Transcriber:
    """What a model can do that transcribes files.

    `most_s` is the longest recording that OpenAI takes, in seconds, None for any. One that doesn't
    stream (Whisper) ignores that it is asked to, and has errors of its own. `takes_languages`:
    several, in place of one.
    """

    formats: tuple[str, ...] = ("json", "text")
    most_s: float | None = 1400
    is_billed_by_time: bool = False
    streams: bool = True
    tells_speakers: bool = False
    has_logprobs: bool = False
    takes_languages: bool = False


@dataclass(frozen=True)
class Model:
    """A model: its role, the date of its newest release, its announced end, its successor.

    Roles: `chat`, `audio` (chat that hears and speaks), `realtime`, `speech`, `transcription`,
    `embedding`.
    `quickest_effort` is the least reasoning it can be asked for; None for a model that does not
    reason. `effort` is what it does unasked. `price` is in dollars for a million tokens in, and
    out, where it is known. Dates are `YYYY-MM-DD`. `dimensions` is the length of the vectors of a
    model that embeds; it can be shortened unless it is fixed. `reads` is how many tokens of a
    conversation a Realtime model can take in; the price of one is that of sound. `transcriber` is
    what a model can do that transcribes files. With `has_phases` a model's messages say whether
    they are the answer, and its sessions begin with other settings.
    """

    id: str
    role: str
    released: str
    ends: str | None = None
    successor: str | None = None
    quickest_effort: Literal["none", "minimal", "low"] | None = None
    price: tuple[float, float] | None = None
    dimensions: int | None = None
    has_fixed_dimensions: bool = False
    reads: int | None = None
    transcriber: Transcriber | None = None
    has_phases: bool = False

    @property
    def effort(self) -> str:
        thinks_unasked = self.quickest_effort and not self.id.startswith(_QUIET)
        return "medium" if thinks_unasked else "none"

    @property
    def created(self) -> int:
        """The release as OpenAI tells it: seconds since 1970, UTC."""
        return int(datetime.fromisoformat(self.released).replace(tzinfo=UTC).timestamp())


# Those whose effort is `none` unless more is asked for.
_QUIET = ("gpt-5.1", "gpt-5.2", "gpt-5.4")

_NEWEST_TRANSCRIBER = Transcriber(most_s=None, is_billed_by_time=True, takes_languages=True)
_WHISPER = Transcriber(
    ("json", "text", "srt", "verbose_json", "vtt"),
    most_s=None,
    is_billed_by_time=True,
    streams=False,
)

_TABLE = [
    Model("gpt-6-astra", "chat", "2026-09-03", quickest_effort="low", price=(10.00, 50.00)),
    Model("gpt-6-luna", "chat", "2026-09-22", quickest_effort="none", price=(0.10, 0.50)),
    Model("gpt-6.1-terra", "chat", "2026-10-26", quickest_effort="none", price=(1.00, 5.00)),
    Model("gpt-5.5", "chat", "2026-04-23", quickest_effort="none"),
    Model("gpt-5.4-mini", "chat", "2026-03-17", quickest_effort="none"),
    Model("gpt-5.4-nano", "chat", "2026-03-17", "2027-04-01", quickest_effort="none"),
    Model("gpt-5.1", "chat", "2025-11-13", "2027-04-01", quickest_effort="none"),
    Model("gpt-5", "chat", "2025-08-07", "2026-12-11", "gpt-6.1-sol", quickest_effort="minimal"),
    Model(
        "gpt-5-mini", "chat", "2025-08-07", "2026-12-11", "gpt-6.1-terra", quickest_effort="minimal"
    ),
    Model(
        "gpt-5-nano", "chat", "2025-08-07", "2026-12-11", "gpt-6-luna", quickest_effort="minimal"
    ),
    Model("gpt-4.1", "chat", "2025-04-14", "2027-01-14", "gpt-6-luna"),
    Model("gpt-4.1-mini", "chat", "2025-04-14", "2027-01-14", "gpt-6-luna"),
    Model("gpt-4o", "chat", "2024-11-20", "2027-01-14", "gpt-6-luna"),
    Model("gpt-4o-mini", "chat", "2024-07-18", "2027-01-14", "gpt-6-luna"),
    Model(
        "gpt-realtime-2.1",
        "realtime",
        "2026-07-06",
        price=(32.00, 64.00),
        reads=123_904,
        has_phases=True,
    ),
    Model(
        "gpt-realtime-2.1-mini",
        "realtime",
        "2026-07-06",
        price=(10.00, 20.00),
        reads=123_904,
        has_phases=True,
    ),
    Model("gpt-realtime-2", "realtime", "2026-05-07", reads=123_904),
    Model("gpt-realtime-1.5", "realtime", "2026-02-23", reads=28_224),
    Model("gpt-realtime", "realtime", "2025-08-28", "2027-01-20", "gpt-realtime-2.1", reads=28_224),
    Model(
        "gpt-realtime-mini",
        "realtime",
        "2025-10-06",
        "2027-01-20",
        "gpt-realtime-2.1-mini",
        reads=28_224,
    ),
    Model("gpt-audio-1.5", "audio", "2026-02-23"),
    Model("gpt-audio-mini", "audio", "2025-10-06", "2027-01-20", "gpt-audio-1.5"),
    Model("gpt-4o-mini-tts", "speech", "2025-03-20", "2027-01-06", "gpt-realtime-2.1-mini"),
    Model(
        "gpt-4o-mini-tts-2025-12-15", "speech", "2025-12-15", "2027-01-06", "gpt-realtime-2.1-mini"
    ),
    Model("tts-1", "speech", "2023-11-06", "2027-01-06", "gpt-realtime-2.1-mini"),
    Model("tts-1-hd", "speech", "2023-11-06", "2027-01-06", "gpt-realtime-2.1-mini"),
    Model("gpt-transcribe", "transcription", "2026-07-28", transcriber=_NEWEST_TRANSCRIBER),
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
    # These have no successor that tells speakers apart, or writes subtitles.
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

# They speak in nine voices, and follow neither instructions nor `stream_format`.
FIRST_SPEAKERS = ("tts-1", "tts-1-hd")

MODELS = {model.id: model for model in _TABLE}
