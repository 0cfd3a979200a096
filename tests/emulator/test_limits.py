"""The headers that tell of rate limits: on which answers, and how they run down and refill."""

from emulator.limits import REQUESTS_A_MINUTE, Bucket, Limits, duration
from tests.support.emulator_clients import MODEL, ask

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
