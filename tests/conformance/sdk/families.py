"""Which of the openai package's tests run, and which of them cannot pass, at OpenAI either.

Such a test runs all the same, and its error must be the one that stands here. The run fails when
it passes, or when a pattern fits no test any more.
"""

import re
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Refusal:
    """The error that a test ends with, and what is wrong with its request."""

    status: int
    code: str | None
    param: str | None
    why: str = field(compare=False)


@dataclass(frozen=True)
class ResourceFamily:
    """The files of one family of the API, and by pattern of their names the tests refused.

    A name is that of the function and of its parameters, `test_method_create[strict]`.
    """

    paths: tuple[str, ...]
    refused: dict[str, Refusal] = field(default_factory=dict)


def refusal_by(error: Exception) -> Refusal:
    """What an error says; one without a status is of a test that can't read its answer."""
    return Refusal(
        getattr(error, "status_code", 200),
        getattr(error, "code", None),
        getattr(error, "param", None),
        str(error),
    )


API = "tests/api_resources"
ASYNC_TOOL = Refusal(
    400, "unsupported_parameter", "tools[0].async", "the course serves no tools that answer later"
)

FAMILIES = {
    "chat": ResourceFamily(
        (f"{API}/chat",),
        {
            "test_method_create_with_all_params.*": Refusal(
                400, "integer_below_min_value", "max_completion_tokens", "no answer has 0 tokens"
            ),
        },
    ),
    "responses": ResourceFamily(
        (f"{API}/responses", f"{API}/test_responses.py"),
        {
            "test_method_create_with_all_params.*": ASYNC_TOOL,
            r"test_method_count_with_all_params\[.*": ASYNC_TOOL,
        },
    ),
    "conversations": ResourceFamily((f"{API}/conversations", f"{API}/test_conversations.py")),
    "models": ResourceFamily((f"{API}/test_models.py",)),
    "client secrets": ResourceFamily(
        (f"{API}/realtime/test_client_secrets.py",),
        {
            "test_method_create_with_all_params.*": Refusal(
                400,
                "invalid_value",
                "session.audio.input.transcription.language",
                "the language is called 'language'",
            ),
        },
    ),
    "transcriptions": ResourceFamily(
        (f"{API}/audio/test_transcriptions.py",),
        {
            "test_method_create_with_all_params.*": Refusal(
                400, None, "timestamp_granularities", "only verbose_json has times"
            ),
            ".*": Refusal(400, None, None, "a file without a name has no format"),
        },
    ),
    "embeddings": ResourceFamily(
        (f"{API}/test_embeddings.py",),
        {
            r"test_(method|raw_response|streaming_response)_create\[(strict|aiohttp)\]": Refusal(
                200, None, None, "the package asks for base64, which its own type refuses"
            )
        },
    ),
    "speech": ResourceFamily(
        (f"{API}/audio/test_speech.py",),
        {
            r"test_method_create(_with_all_params)?\[.*": Refusal(
                200, None, None, "it wants the JSON of its own mock, which is no sound"
            )
        },
    ),
    "translations": ResourceFamily(
        (f"{API}/audio/test_translations.py",),
        {
            "test_.*": Refusal(
                404, "not_served_by_emulator", None, "whisper-1 ends, and nothing takes its place"
            )
        },
    ),
    "files": ResourceFamily((f"{API}/test_files.py",)),
    "uploads": ResourceFamily(
        (f"{API}/test_uploads.py", f"{API}/uploads"),
        {
            r"test_method_complete_with_all_params\[.*": Refusal(
                400, "invalid_value", "md5", "no bytes have the checksum 'md5'"
            )
        },
    ),
    "vector stores": ResourceFamily(
        (f"{API}/test_vector_stores.py", f"{API}/vector_stores/test_files.py"),
    ),
    "file batches": ResourceFamily(
        (f"{API}/vector_stores/test_file_batches.py",),
        {
            r"test_(method|raw_response|streaming_response)_create\[.*": Refusal(
                400, "missing_required_parameter", "file_ids", "a batch has files"
            ),
            "test_method_create_with_all_params.*": Refusal(
                400, "mutually_exclusive_parameters", "files", "the type's text excludes both"
            ),
        },
    ),
}


def family_of(path: str) -> str:
    """The family that a test is of, by its path in the sources, with or without `.py`."""
    for name, family in FAMILIES.items():
        if path.startswith(tuple(each.removesuffix(".py") for each in family.paths)):
            return name
    return "others"


def refusal_of(test: str) -> Refusal | None:
    """How a test must be refused, by its full name; None for one that must pass."""
    family = FAMILIES.get(family_of(test), ResourceFamily(()))
    for pattern, refusal in family.refused.items():
        if is_called(test, pattern):
            return refusal
    return None


def is_called(test: str, pattern: str) -> bool:
    """Whether a test's own name, without its file and class, fits a pattern."""
    return re.fullmatch(pattern, test.rpartition("::")[2]) is not None
