"""Why some of the openai package's own tests are left out: what is wrong with each, by itself."""

from tests.conformance.sdk.families import FAMILIES, refusal_by
from tests.support.emulator_clients import ask

import pytest
from openai import APIResponseValidationError, APIStatusError

MODEL = "gpt-6-luna"
FUNCTION = {"type": "function", "name": "name", "parameters": {}, "strict": False}
ASYNC_TOOL = {"model": MODEL, "input": "string", "tools": [FUNCTION | {"async": True}]}
NO_LANGUAGE = {
    "type": "realtime",
    "audio": {"input": {"transcription": {"model": "whisper-1", "language": "language"}}},
}


def complete(client):
    announced = {"bytes": 4, "filename": "filename", "mime_type": "mime_type"}
    upload = client.uploads.create(**announced, purpose="assistants")
    part = client.uploads.parts.create(upload.id, data=b"data")
    return client.uploads.complete(upload.id, part_ids=[part.id], md5="md5")


def batch(client, **files):
    return client.vector_stores.file_batches.create(client.vector_stores.create().id, **files)


def transcribe(client, **options):
    create = client.audio.transcriptions.create
    return create(file=b"Example data", model="gpt-4o-transcribe", **options)


REQUESTS = {
    ("chat", "test_method_create_with_all_params.*"): (
        lambda client: client.chat.completions.create(**ask("string"), max_completion_tokens=0)
    ),
    ("responses", "test_method_create_with_all_params.*"): (
        lambda client: client.responses.create(**ASYNC_TOOL)
    ),
    ("responses", r"test_method_count_with_all_params\[.*"): (
        lambda client: client.responses.input_tokens.count(**ASYNC_TOOL)
    ),
    ("client secrets", "test_method_create_with_all_params.*"): (
        lambda client: client.realtime.client_secrets.create(session=NO_LANGUAGE)
    ),
    (
        "realtime calls",
        r"test_(?!path).*_(accept|hangup|refer|reject).*",
    ): lambda client: client.realtime.calls.hangup("call_id"),
    ("realtime translations", "test_.*"): (
        lambda client: client.realtime.translations.client_secrets.create(
            session={"model": "gpt-realtime-translate"}
        )
    ),
    ("transcriptions", "test_method_create_with_all_params.*"): (
        lambda client: transcribe(client, timestamp_granularities=["word"])
    ),
    ("transcriptions", ".*"): lambda client: transcribe(client),
    ("embeddings", r"test_(method|raw_response|streaming_response)_create\[(strict|aiohttp)\]"): (
        lambda client: client.embeddings.create(model="text-embedding-3-small", input="string")
    ),
    ("uploads", r"test_method_complete_with_all_params\[.*"): lambda client: complete(client),
    ("file batches", r"test_(method|raw_response|streaming_response)_create\[.*"): (
        lambda client: batch(client)
    ),
    ("file batches", "test_method_create_with_all_params.*"): (
        lambda client: batch(client, file_ids=["string"], files=[{"file_id": "file_id"}])
    ),
}
REQUESTS |= {
    ("speech", r"test_method_create(_with_all_params)?\[.*"): (
        lambda client: client.audio.speech.create(
            model="tts-1", voice="ash", input="input", response_format="pcm"
        ).json()
    ),
    ("translations", "test_.*"): (
        lambda client: client.audio.translations.create(model="whisper-1", file=b"Example data")
    ),
}
REFUSED = [(name, pattern) for name, family in FAMILIES.items() for pattern in family.refused]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("family", "pattern"), REFUSED)
def test_left_out_request_is_refused(client, family, pattern):
    refusal = FAMILIES[family].refused[pattern]

    with pytest.raises((APIStatusError, APIResponseValidationError, ValueError)) as caught:
        REQUESTS[family, pattern](client)

    assert refusal_by(caught.value) == refusal


def test_every_request_here_is_left_out():
    assert set(REQUESTS) == set(REFUSED)
