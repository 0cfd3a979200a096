"""A profile that knows no API: recorder and player work by HTTP and WebSockets alone."""

import json

from cassette import CassetteError
from cassette.api_profile import ApiProfile
from cassette.format import Cassette
from tests.support.cassettes import player, recorder
from tests.support.loopback_sockets import bare_socket, echo, socket_server

import httpx2
import pytest

PLAIN = ApiProfile()


def test_errors_have_no_special_shape(cassette_path):
    with recorder(cassette_path, "http://127.0.0.1:9", PLAIN) as base_url:
        answer = httpx2.get(f"{base_url}/x", trust_env=False)

    assert answer.status_code == 502
    assert answer.json()["code"] == "unreachable"
    assert answer.json()["error"].startswith("The recorder cannot reach 127.0.0.1:9")
    with pytest.raises(CassetteError, match="never asked for: GET /v1/x"):
        with player(cassette_path, profile=PLAIN):
            pass


def test_messages_may_differ_in_nothing(cassette_path):
    def talk(base_url, text):
        with bare_socket(base_url) as socket:
            socket.send(text)
            return socket.recv()

    first = json.dumps({"type": "x", "event_id": "a"})
    with socket_server(echo) as url, recorder(cassette_path, url[:-3], PLAIN) as base_url:
        assert talk(base_url, first) == first

    assert Cassette(cassette_path).header["answered_by"] in url
    with player(cassette_path, profile=PLAIN) as base_url:
        assert talk(base_url, first) == first
