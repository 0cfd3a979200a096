"""Bodies of requests, as they are recorded and matched."""

from tests.support.cassettes import blobs_of, player, recorder
from tests.support.loopback_http import post

import httpx2
import pytest


def test_uploads_are_kept_once_and_matched(emulator, cassette_path):
    content = bytes(range(256)) * 40

    def upload(base_url, name="a.bin"):
        form = {"file": (name, content, "application/octet-stream")}
        headers = {"authorization": "Bearer x"}
        url = f"{base_url}/files"
        return httpx2.post(
            url, files=form, data={"purpose": "assistants"}, headers=headers, trust_env=False
        )

    with recorder(cassette_path, emulator.base_url) as base_url:
        recorded = [upload(base_url), upload(base_url, "b.bin")]

    assert list(blobs_of(cassette_path)) == [content]
    with player(cassette_path) as base_url:
        replayed = [upload(base_url, "b.bin"), upload(base_url)]
    assert [r.json() for r in replayed] == [r.json() for r in reversed(recorded)]


BODIES = {
    "nan": b'{"a": NaN}',
    "endless": b'{"a": 1e999}',
    "half a surrogate": b'{"a": "\\ud800"}',
    "deep": b'{"a": ' + b"[" * 50_000,
    "no json": b"\xff\xfe{",
}


@pytest.mark.parametrize("name", BODIES)
def test_odd_bodies_are_recorded_and_matched(emulator, cassette_path, name):
    with recorder(cassette_path, emulator.base_url) as base_url:
        recorded = post(base_url, BODIES[name], headers={"x-odd": "caf\u00e9".encode("latin-1")})

    with player(cassette_path) as base_url:
        replayed = post(base_url, BODIES[name])

    assert (replayed.status_code, replayed.text) == (recorded.status_code, recorded.text)
    assert recorded.status_code == 404
