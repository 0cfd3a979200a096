"""Embeddings on the wire: what the unmodified SDK gets, and how each mistake is refused."""

import asyncio
import base64
import json
import math
import os
import struct
import subprocess
import sys
import threading

from emulator.api.embeddings import count
from emulator.models import MODELS
from emulator.retrieval.encoder import DIMENSIONS, encode
from emulator.wire import tokens
from tests.support.emulator_clients import MODEL

import httpx2
import numpy as np
import openai
import pytest

SMALL, LARGE, ADA = (model.id for model in MODELS.values() if model.role == "embedding")
TEXTS = ["The dome is closed on Mondays.", "Bread rises in an hour.", "Где обсерватория?"]


def create(client, texts, **options):
    """Ask for floats: of base64 a strict client complains before it decodes it."""
    asked = {"model": SMALL, "encoding_format": "float"} | options
    return client.embeddings.create(input=texts, **asked)


def vectors(client, texts, **options):
    return [item.embedding for item in create(client, texts, **options).data]


def post(emulator, **body):
    """The body of an answer, as it crossed; what is sent is ASCII."""
    answer = httpx2.post(
        f"{emulator.base_url}/embeddings",
        content=json.dumps({"model": SMALL} | body),
        headers={"authorization": "Bearer offline", "content-type": "application/json"},
        trust_env=False,
    )
    return answer.raise_for_status().json()


def test_text_becomes_vector(client):
    answer = create(client, TEXTS[0])

    assert (answer.object, answer.model) == ("list", SMALL)
    assert [(item.object, item.index) for item in answer.data] == [("embedding", 0)]
    assert math.isclose(math.hypot(*answer.data[0].embedding), 1, rel_tol=1e-6)


@pytest.mark.parametrize(("model", "length"), [(SMALL, 1536), (LARGE, 3072), (ADA, 1536)])
def test_vector_has_length_of_model(client, model, length):
    (vector,) = vectors(client, TEXTS[0], model=model)

    assert len(vector) == length
    assert vector[DIMENSIONS:] == [0.0] * (length - DIMENSIONS)


def test_batch_equals_singles_in_order(client):
    answer = create(client, TEXTS)

    assert [item.index for item in answer.data] == [0, 1, 2]
    for item, text in zip(answer.data, TEXTS, strict=True):
        assert item.embedding == pytest.approx(vectors(client, text)[0], abs=1e-6)


def test_formats_agree_to_the_bit(client, lenient):
    floats = vectors(client, TEXTS)

    unasked = lenient.embeddings.create(model=SMALL, input=TEXTS)
    assert [item.embedding for item in unasked.data] == floats


def test_base64_is_little_endian_float32(emulator):
    coded = post(emulator, input=TEXTS[0], encoding_format="base64")["data"][0]["embedding"]
    floats = post(emulator, input=TEXTS[0])["data"][0]["embedding"]

    raw = base64.b64decode(coded, validate=True)
    assert list(struct.unpack("<1536f", raw)) == floats


def test_vector_is_that_of_the_encoder(client):
    found = np.array(vectors(client, TEXTS, dimensions=DIMENSIONS))

    assert np.allclose(found, encode(TEXTS), atol=1e-6)


@pytest.mark.parametrize("length", [1, 2, 64, DIMENSIONS, 512, 1536])
def test_dimensions_cut_and_renormalise(client, length):
    full, cut = vectors(client, TEXTS[0]), vectors(client, TEXTS[0], dimensions=length)

    size = math.hypot(*full[0][:length])
    assert cut[0] == pytest.approx([number / size for number in full[0][:length]], abs=1e-6)
    assert math.isclose(math.hypot(*cut[0]), 1, rel_tol=1e-6)


def test_usage_counts_all_inputs(client):
    usage = create(client, TEXTS).usage

    counted = sum(tokens.count(text) for text in TEXTS)
    assert (usage.prompt_tokens, usage.total_tokens) == (counted, counted)


def test_limits_of_rate_are_told(client):
    asked = client.embeddings.with_raw_response
    raw = asked.create(model=SMALL, input=TEXTS, user="reader")

    assert "x-ratelimit-remaining-tokens" in raw.headers
    assert raw.headers["x-openai-emulator-inert"] == "user"


async def test_async_client_gets_same(client, async_client):
    answer = await async_client.embeddings.create(model=SMALL, input=TEXTS, encoding_format="float")

    assert [item.embedding for item in answer.data] == vectors(client, TEXTS)


AWKWARD = [" ", "\n\t", "\0", "🦉🔭", "...", "the", "x" * 200, "a\u0301" * 50, "観測所", "\ufffd"]


@pytest.mark.parametrize("text", AWKWARD)
def test_awkward_text_has_unit_vector(client, text):
    (vector,) = vectors(client, text)

    assert math.isclose(math.hypot(*vector), 1, rel_tol=1e-6)


def test_lone_surrogate_is_embedded(emulator):
    """The SDK cannot send one, but JSON can."""
    broken, whole = post(emulator, input=["moon \ud83d", "moon"])["data"]

    assert broken["embedding"] == whole["embedding"]


def test_most_tokens_of_input_are_taken(client):
    usage = create(client, ["moon " * 8191 + "moon"]).usage

    assert usage.prompt_tokens == 8192


def test_most_inputs_are_taken(client):
    answer = create(client, ["moon"] * 2048, dimensions=8)

    assert [item.index for item in answer.data] == list(range(2048))


LONG = "moon " * 8192 + "moon"
ITEM, WHOLE = "invalid_value", None
REFUSED = [
    ({"input": ""}, "Invalid 'input': input cannot be an empty string.", None, WHOLE),
    ({"input": []}, "Invalid 'input': input cannot be an empty array.", None, WHOLE),
    ({"input": ["a", ""]}, "Invalid 'input[1]': input cannot be an empty", "input[1]", ITEM),
    ({"input": LONG}, "Invalid 'input': maximum context length is 8192 tokens.", None, WHOLE),
    ({"input": ["a", LONG]}, "maximum input length is 8192 tokens.", "input[1]", ITEM),
    ({"input": ["a"] * 2049}, "Invalid 'input': array length must be 2048 or less.", None, WHOLE),
    ({"input": None}, "Missing required parameter", "input", "missing_required_parameter"),
    ({"input": 7}, "expected one of a string or array of strings", "input", "invalid_type"),
    ({"input": ["a", 7]}, "expected a string", "input[1]", "invalid_type"),
    ({"input": [1, 2, 3]}, "as token ids", "input", "unsupported_value"),
    ({"input": [[1, 2], [3]]}, "as token ids", "input", "unsupported_value"),
    ({"model": None}, "Missing required parameter", "model", "missing_required_parameter"),
    ({"encoding_format": "hex"}, "Invalid value: 'hex'", "encoding_format", "invalid_value"),
    ({"dimensions": 0}, "minimum value", "dimensions", "integer_below_min_value"),
    ({"dimensions": 1537}, "Must be less than or equal to 1536.", None, None),
    ({"dimensions": 1536, "model": ADA}, "does not support specifying dimensions.", None, None),
    ({"frobnicate": 1}, "Unknown parameter", "frobnicate", "unknown_parameter"),
]


@pytest.mark.parametrize(("change", "message", "param", "code"), REFUSED)
def test_wrong_request_is_refused(client, change, message, param, code):
    with pytest.raises(openai.BadRequestError) as caught:
        create(client, "moon", extra_body=change)

    assert message in caught.value.message
    assert (caught.value.param, caught.value.code) == (param, code)


def test_too_many_tokens_in_all_are_refused(client):
    with pytest.raises(openai.BadRequestError) as caught:
        create(client, ["moon " * 7999 + "moon"] * 38)

    assert "Requested 304000 tokens, max 300000 tokens per request" in caught.value.message
    assert (caught.value.type, caught.value.code) == ("max_tokens_per_request",) * 2


def test_most_tokens_in_all_are_taken():
    eights = {f"input[{place}]": "moon " * 7999 + "moon" for place in range(37)}

    assert count(eights | {"input[37]": "moon " * 3999 + "moon"}) == 300_000


def test_unknown_model_is_404(client):
    with pytest.raises(openai.NotFoundError) as caught:
        create(client, "moon", model="text-embedding-none")

    assert (caught.value.code, caught.value.param) == ("model_not_found", None)


def test_model_that_chats_does_not_embed(client):
    with pytest.raises(openai.PermissionDeniedError, match="not allowed to generate embeddings"):
        create(client, "moon", model=MODEL)


def test_model_that_embeds_does_not_chat(client):
    with pytest.raises(openai.APIStatusError):
        client.chat.completions.create(model=SMALL, messages=[{"role": "user", "content": "x"}])


def test_start_does_not_load_numpy():
    """It would take 0.1 s of everyone's time; only embeddings need it."""
    code = "import sys, emulator.server; sys.exit('numpy' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def long_body(number):
    """Some 8,000 word pieces, which take seconds."""
    words = " ".join(f"moon {number} star {place}" for place in range(1_500))
    return {"model": SMALL, "input": words}


def reading():
    return [thread for thread in threading.enumerate() if thread.name.startswith("encoder")]


async def test_short_text_overtakes_long_ones_and_nobody_reads_on(start):
    """More long requests than `asyncio.to_thread` has threads; then their callers leave."""
    many = 2 * (os.cpu_count() or 1) + 8
    options = {"headers": {"authorization": "Bearer offline"}, "trust_env": False, "timeout": 60}
    emulator = start()
    async with httpx2.AsyncClient(base_url=emulator.base_url, **options) as client:
        bodies = map(long_body, range(many))
        long = [asyncio.ensure_future(client.post("/embeddings", json=each)) for each in bodies]
        async with asyncio.timeout(30):
            while len(emulator.exchanges) < many or not reading():
                await asyncio.sleep(0.005)
        short = await client.post("/embeddings", json={"model": SMALL, "input": "Is it open?"})
        assert short.status_code == 200
        assert not any(each.done() for each in long)
        for each in long:
            each.cancel()
        await asyncio.gather(*long, return_exceptions=True)
    async with asyncio.timeout(20):
        while reading():
            await asyncio.sleep(0.005)
