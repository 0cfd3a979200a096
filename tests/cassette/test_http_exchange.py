"""Answers on their way through the recorder."""

import gzip
from contextlib import suppress

from cassette.format import Cassette
from tests.support.cassettes import answer_of, player, recorder
from tests.support.loopback_http import Echo, Quiet, http_server, post

import httpx2
import pytest


class Packed(Quiet):
    """Compresses although it was asked not to."""

    def do_POST(self):
        self.read_request()
        self.answer(gzip.compress(b'{"hello": 1}'), ("content-encoding", "gzip"))


def test_packed_answer_is_unpacked(cassette_path):
    with http_server(Packed) as url, recorder(cassette_path, url) as base_url:
        recorded = post(base_url).json()

    with player(cassette_path) as base_url:
        assert post(base_url).json() == recorded == {"hello": 1}


class Slow(Quiet):
    """Sends half of an answer, then waits until the client has gone."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", "8")
        self.end_headers()
        self.wfile.write(b"half")
        with suppress(OSError):
            self.connection.recv(1)


def half_of(base_url):
    with httpx2.stream("GET", f"{base_url}/x", trust_env=False) as response:
        return next(response.iter_raw())


def test_client_that_leaves_is_recorded_and_replayed(cassette_path):
    with http_server(Slow) as url, recorder(cassette_path, url) as base_url:
        recorded = half_of(base_url)

    with player(cassette_path) as base_url:
        assert half_of(base_url) == recorded == b"half"
    assert [next(iter(line)) for line in answer_of(cassette_path)] == ["response", "chunk", "end"]
    assert Cassette(cassette_path).exchanges[1].how == "left"


class Dropping(Quiet):
    """Sends half of an answer, then drops the connection."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", "8")
        self.end_headers()
        self.wfile.write(b"half")


def test_connection_that_drops_is_recorded_and_replayed(cassette_path):
    def ask(base_url):
        with pytest.raises(httpx2.RemoteProtocolError):
            httpx2.get(f"{base_url}/x", trust_env=False)

    with http_server(Dropping) as url, recorder(cassette_path, url) as base_url:
        ask(base_url)

    with player(cassette_path) as base_url:
        ask(base_url)
    assert Cassette(cassette_path).exchanges[1].how == "cut"


def test_length_of_an_answer_is_passed_on(cassette_path):
    with http_server(Echo) as url, recorder(cassette_path, url) as base_url:
        answer = post(base_url)

    assert int(answer.headers["content-length"]) == len(answer.content)
    assert "transfer-encoding" not in answer.headers
