"""The headers that tell of rate limits, and how these run down and refill; bounded places."""

import asyncio

from common.client import LOCAL
from emulator.errors import ApiError
from emulator.limits import REQUESTS_A_MINUTE, Bucket, Limits, Places, duration
from emulator.server import Emulator
from emulator.upstream.upstream_address import UpstreamAddress
from emulator.upstream.upstream_embeddings import UpstreamEmbeddings
from emulator.upstream.writer import Upstream
from tests.support.emulator_clients import MODEL, ask, connect
from tests.support.scripted_upstream import ScriptedUpstream, said

import httpx2
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import AsyncOpenAI

NAMES = [
    f"x-ratelimit-{what}-{of}"
    for of in ("requests", "tokens")
    for what in ("limit", "remaining", "reset")
]
QUESTION = {"model": MODEL, "input": "Hello!"}


def limits_of(answer):
    return [name for name in NAMES if name in answer.headers]


def test_answers_of_models_tell_limits(client):
    raw = client.with_raw_response
    told = [
        raw.chat.completions.create(**ask("Hello!")),
        raw.chat.completions.create(**ask("Hello!"), stream=True),
        raw.responses.create(**QUESTION),
        raw.responses.create(**QUESTION, stream=True),
        raw.embeddings.create(model="text-embedding-3-small", input="Hello!"),
    ]

    assert [limits_of(answer) for answer in told] == [NAMES] * 5


def test_other_answers_tell_none(client):
    made = client.responses.create(**QUESTION)

    assert limits_of(client.with_raw_response.models.list()) == []
    assert limits_of(client.with_raw_response.responses.retrieve(made.id)) == []


def test_limits_run_down_and_refill():
    now = 100.0
    limits = Limits(lambda: now)

    first, second = limits.spend("m", 1_000_000), limits.spend("m", 500_000)
    assert int(first["x-ratelimit-remaining-requests"]) == REQUESTS_A_MINUTE - 1
    assert int(second["x-ratelimit-remaining-tokens"]) == 150_000_000 - 1_500_000
    assert second["x-ratelimit-reset-tokens"] == "600ms"

    now += 60
    assert limits.spend("m", 0)["x-ratelimit-reset-tokens"] == "0ms"
    assert limits.spend("other", 0)["x-ratelimit-remaining-requests"] == str(REQUESTS_A_MINUTE - 1)


def test_sessions_spend_the_same_tokens():
    now = 100.0
    limits = Limits(lambda: now)
    limits.spend("m", 1_000_000)

    told = limits.tokens("m", 1_500_000)

    assert told == {
        "name": "tokens",
        "limit": 150_000_000,
        "remaining": 147_500_000,
        "reset_seconds": 1.0,
    }
    now += 0.5
    assert limits.tokens("m", 0)["remaining"] == 148_750_000
    after = limits.spend("m", 0)
    assert int(after["x-ratelimit-remaining-requests"]) == REQUESTS_A_MINUTE - 2


def test_bucket_is_empty_at_worst():
    bucket = Bucket(1000, lambda: 0.0)
    bucket.spend(700)
    assert (bucket.remaining, bucket.reset_s) == (300, 42.0)

    bucket.spend(700)
    assert (bucket.remaining, bucket.reset_s) == (0, 60.0)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "0ms"), (0.0061, "6ms"), (1, "1s"), (8.64, "8.64s"), (62, "1m2s"), (60, "1m0s")],
)
def test_duration_is_written_as_openai_does(seconds, told):
    assert duration(seconds) == told


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 2000)), max_size=20))
def test_bucket_stays_within_its_limit(steps):
    now = 0.0
    bucket = Bucket(1000, lambda: now)

    for passed, amount in steps:
        now += passed
        bucket.spend(amount)
        assert 0 <= bucket.remaining <= 1000
        assert 0 <= bucket.reset_s <= 60


def test_places_are_refused_when_all_are_taken():
    places = Places(2)

    with places.taken():
        with places.taken(), pytest.raises(ApiError) as caught, places.taken():
            pass
        with places.taken():  # the one that was given back
            assert caught.value.status == 429


async def drained_stream(stream):
    async for _ in await stream:
        pass


CALLS = {
    "chat": lambda client: client.chat.completions.create(**ask("Hm?")),
    "chat stream": lambda client: drained_stream(
        client.chat.completions.create(**ask("Hm?"), stream=True)
    ),
    "response": lambda client: client.responses.create(**QUESTION),
    "response stream": lambda client: drained_stream(
        client.responses.create(**QUESTION, stream=True)
    ),
    "embedding": lambda client: client.embeddings.create(
        model="text-embedding-3-small", input="Hm?"
    ),
}


@pytest.fixture(scope="module")
def held():
    """A server that makes all wait, and an emulator that lets two of them."""
    with ScriptedUpstream() as server:
        upstream = Upstream(server.base_url, "x", "none", most_waiting=2)
        address = UpstreamAddress(server.base_url, "x", "none")
        embeddings = UpstreamEmbeddings(address, most_waiting=2)
        with Emulator(upstream=upstream.answer, embeddings_upstream=embeddings.embed) as emulator:
            yield server, emulator


@pytest.mark.parametrize("body", [b"", said("Hi.")[:140]], ids=["silent", "begun"])
@pytest.mark.parametrize("name", CALLS)
async def test_requests_that_wait_for_the_writer_are_counted(held, name, body):
    server, emulator = held
    server.script(body, is_held=True)
    async with AsyncOpenAI(
        base_url=emulator.base_url,
        api_key="offline",
        max_retries=0,
        http_client=httpx2.AsyncClient(**LOCAL),
    ) as client:
        waiting = [asyncio.ensure_future(CALLS[name](client)) for _ in range(2)]
        for _ in waiting:
            assert await asyncio.to_thread(server.waiting.acquire, timeout=10)
        with pytest.raises(openai.RateLimitError) as caught:
            await CALLS[name](client)
        for each in waiting:
            each.cancel()
        assert await asyncio.gather(*waiting, return_exceptions=True)

    assert caught.value.response.headers["retry-after-ms"] == "1000"
    for _ in waiting:  # where the callers have left, so does the emulator
        assert await asyncio.to_thread(server.left.acquire, timeout=10)


def test_answers_of_a_request_that_is_refused_are_given_up(held):
    server, emulator = held
    server.script(said("Hi.")[:140], is_held=True)
    with connect(emulator) as client:
        with pytest.raises(openai.RateLimitError):
            client.chat.completions.create(**ask("Hm?"), n=3)
        for _ in range(2):
            assert server.left.acquire(timeout=10)
        server.script(said("Hi."))
        two = client.chat.completions.create(**ask("Hm?"), n=2)

    assert [choice.message.content for choice in two.choices] == ["Hi."] * 2
