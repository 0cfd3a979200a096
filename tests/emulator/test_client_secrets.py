"""Client secrets: keys of a few minutes with a session, by the unmodified SDK."""

import json
import re
import time

from emulator.client_secrets import MOST, ClientSecrets
from emulator.errors import ApiError
from tests.support.emulator_clients import connect

import openai
import pytest

SESSION = {
    "type": "realtime",
    "model": "gpt-realtime-2.1-mini",
    "instructions": "Be brief.",
    "audio": {"output": {"voice": "marin"}},
}


class Clock:
    """A time of day that tests set."""

    def __init__(self, now=1_790_000_000.5):
        self.now = now

    def __call__(self):
        return self.now


def refused(secrets, value):
    with pytest.raises(ApiError) as caught:
        secrets.session_of(value)
    return caught.value.status, caught.value.code


def test_secret_stands_for_its_session_until_it_expires():
    clock = Clock()
    secrets = ClientSecrets(clock, clock)

    value, expires_at = secrets.issue({"model": "one"}, 60)

    assert re.fullmatch("ek_[0-9a-f]{32}", value) and expires_at == 1_790_000_060
    clock.now += 59.9
    assert secrets.session_of(value) == secrets.session_of(value) == {"model": "one"}
    clock.now += 0.1
    assert refused(secrets, value) == (401, "invalid_api_key")


def test_unknown_secret_is_refused():
    clock = Clock(0.0)
    secrets = ClientSecrets(clock, clock)

    assert refused(secrets, "ek_" + "0" * 32) == (401, "invalid_api_key")


def test_oldest_secrets_are_forgotten():
    clock = Clock()
    secrets = ClientSecrets(clock, clock)
    first, second = (secrets.issue({"n": n})[0] for n in range(2))
    for n in range(MOST - 1):
        secrets.issue({"n": n})

    assert refused(secrets, first) == (401, "invalid_api_key")
    assert secrets.session_of(second) == {"n": 1}


def test_secret_is_made_for_a_session(emulator, client):
    made = client.realtime.client_secrets.create(
        session=SESSION, expires_after={"anchor": "created_at", "seconds": 10}
    )

    session = made.session
    assert (session.type, session.object, session.model) == (
        "realtime",
        "realtime.session",
        "gpt-realtime-2.1-mini",
    )
    assert (session.instructions, session.audio.output.voice) == ("Be brief.", "marin")
    assert re.fullmatch("sess_[0-9A-Za-z]{21}", session.id) and session.expires_at == 0
    kept = emulator.service.secrets.session_of(made.value)
    assert json.loads(session.to_json()) == kept


async def test_secret_is_made_for_transcription(async_client):
    hearing = {"transcription": {"model": "gpt-live-transcribe"}}
    made = await async_client.realtime.client_secrets.create(
        session={"type": "transcription", "audio": {"input": hearing}}
    )

    session = made.session
    assert (session.type, session.object) == ("transcription", "realtime.transcription_session")
    assert session.audio.input.transcription.model == "gpt-live-transcribe"
    assert session.audio.input.turn_detection is None


def test_secret_needs_no_session(client):
    made = client.realtime.client_secrets.create()

    assert (made.session.type, made.session.model) == ("realtime", "gpt-realtime-2.1")


def test_secret_lasts_ten_minutes_unasked(client):
    before = int(time.time())
    made = client.realtime.client_secrets.create(session={"type": "realtime"})

    assert before + 600 <= made.expires_at <= int(time.time()) + 600


def test_secret_expires_by_the_emulators_clock(start):
    clock = Clock(1_790_000_000.0)
    emulator = start(now=clock, clock=clock)
    with connect(emulator) as client:
        made = client.realtime.client_secrets.create()

    assert made.expires_at == 1_790_000_600
    clock.now += 600
    assert refused(emulator.service.secrets, made.value) == (401, "invalid_api_key")


@pytest.mark.parametrize("jump_s", [-3600, 3600])
def test_secret_lasts_as_long_if_the_time_of_day_is_set(jump_s):
    now, clock = Clock(1_790_000_000.0), Clock()
    secrets = ClientSecrets(now, clock)
    value, expires_at = secrets.issue({"type": "realtime"}, 60)
    now.now += jump_s

    clock.now += 59
    assert secrets.session_of(value) == {"type": "realtime"}
    clock.now += 1
    assert refused(secrets, value) == (401, "invalid_api_key")
    assert expires_at == 1_790_000_060


def test_expired_secret_is_removed():
    clock = Clock()
    secrets = ClientSecrets(clock, clock)
    value, _ = secrets.issue({}, 60)
    clock.now += 60

    refused(secrets, value)

    clock.now -= 1
    assert refused(secrets, value) == (401, "invalid_api_key")


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"session": {}}, "missing_required_parameter", "session.type"),
        ({"session": {"type": "live"}}, "invalid_value", "session.type"),
        ({"session": {"type": "realtime", "model": "gpt-6-luna"}}, "invalid_model", None),
        ({"session": {"type": "realtime", "model": 2}}, "invalid_type", "session.model"),
        ({"session": {"type": "realtime", "voice": "alloy"}}, "unknown_parameter", "session.voice"),
        (
            {"session": {"type": "transcription", "model": "a"}},
            "unknown_parameter",
            "session.model",
        ),
        ({"session": {"type": "realtime", "instructions": "\ud800"}}, None, "session"),
        ({"expires_after": {"seconds": 9}}, "integer_below_min_value", "expires_after.seconds"),
        ({"expires_after": {"seconds": 7201}}, "integer_above_max_value", "expires_after.seconds"),
        ({"expires_after": {"anchor": "now"}}, "invalid_value", "expires_after.anchor"),
        ({"model": "gpt-realtime-2.1"}, "unknown_parameter", "model"),
    ],
)
def test_wrong_body_is_refused_by_name(client, body, code, param):
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/realtime/client_secrets", content=json.dumps(body), cast_to=object)

    assert (caught.value.code, caught.value.param) == (code, param)


def test_key_of_the_caller_is_not_kept(emulator):
    with connect(emulator, api_key="sk-canary-of-the-caller") as client:
        answer = client.realtime.client_secrets.with_raw_response.create(session=SESSION)

    assert "canary" not in answer.text + str(answer.headers)
    assert "canary" not in repr(vars(emulator.service.secrets))
