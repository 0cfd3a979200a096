"""How a request went, by its id: what lesson 1 shows of a stream that it closed."""

from common.client import LOCAL
from tests.support.emulator_clients import Gate, ask, connect

import httpx2

QUESTION = ask("Reply with exactly: one two three four five six")


def log_of(emulator, request_id):
    url = f"{emulator.base_url.removesuffix('/v1')}/exchanges/{request_id}"
    return httpx2.get(url, headers={"Authorization": "Bearer x"}, **LOCAL)


def test_complete_request(client, emulator):
    raw = client.models.with_raw_response.list()

    log = log_of(emulator, raw.headers["x-request-id"])

    assert log.json() == {
        "request_id": raw.headers["x-request-id"],
        "path": "/v1/models",
        "status": 200,
        "blocks": 1,
        "ended": "complete",
    }


def test_stream_that_was_closed_early(start):
    gate = Gate(passes=3)
    emulator = start(pace=1, sleep=gate.sleep)
    with connect(emulator) as client:
        with client.chat.completions.create(**QUESTION, stream=True) as chunks:
            for _ in range(3):
                next(chunks)
        log = log_of(emulator, chunks.response.headers["x-request-id"]).json()
        gate.open()

    assert log["ended"] == "disconnected"
    assert log["blocks"] >= 3


def test_unknown_request(emulator):
    answer = log_of(emulator, "req_none")

    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == "No request 'req_none' is among the last ones."
