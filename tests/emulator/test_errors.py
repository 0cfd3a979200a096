"""Errors as they are sent: complete, but never as long as what a caller sent."""

import json

from emulator.errors import MOST_SHOWN, ApiError, shortened
from emulator.guard import JSON_LIMIT
from tests.support.files_in_stores import KEY
from tests.support.forms import form, post_form

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

HUGE = "x" * (JSON_LIMIT - 4_000)


@given(st.text(min_size=1, max_size=9), st.integers(0, 3_000))
def test_long_text_keeps_its_beginning_and_its_end(text, times):
    text = f"Invalid '{text * times}': it has to be short."
    shown = shortened(text)

    assert len(shown) <= MOST_SHOWN + 3
    assert shown.startswith("Invalid '")
    assert shown.endswith("': it has to be short.")
    assert shown == text or len(text) > MOST_SHOWN


@given(st.text(), st.none() | st.text())
def test_short_texts_are_sent_unchanged(message, param):
    error = json.loads(ApiError(400, message, param=param).body())["error"]

    assert (error["message"], error["param"]) == (message, param)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/chat/completions", {HUGE: 1}),
        ("/chat/completions", {"model": HUGE, "messages": []}),
        ("/responses", {"model": "gpt-6-luna", "input": [{"type": HUGE}]}),
        ("/embeddings", {"model": "text-embedding-3-small", "input": "x", "encoding_format": HUGE}),
        ("/audio/speech", {"model": "gpt-4o-mini-tts", "input": "x", "voice": HUGE}),
        ("/vector_stores", {"metadata": {HUGE: "x"}}),
    ],
)
def test_megabytes_are_not_sent_back(emulator, path, body):
    with httpx2.Client(trust_env=False) as client:
        answer = client.post(emulator.base_url + path, json=body, headers=KEY)

    assert answer.is_client_error
    assert len(answer.content) < 3 * MOST_SHOWN


@pytest.mark.parametrize("field", ["model", "chunking_strategy", "language", "include[]", HUGE])
def test_megabytes_in_a_form_are_not_sent_back(emulator, field):
    fields = {"model": "whisper-1"} | {field: HUGE}
    parts = [(f'name="{name}"', value) for name, value in fields.items()]
    body = form(*parts, ('name="file"; filename="a.wav"', "x"))
    answer = post_form(emulator, body, path="/audio/transcriptions")

    assert answer.is_client_error
    assert len(answer.content) < 3 * MOST_SHOWN
