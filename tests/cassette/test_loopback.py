"""The server of the recorder and the player."""

import socket

from cassette.loopback import base_url, listen, make_server
from cassette.openai import OPENAI
from cassette.record import Recorder
from tests.support.cassettes import open_writer


def test_nobody_is_dropped_for_a_pause(cassette_path):
    server = make_server(
        Recorder(open_writer(cassette_path), "http://127.0.0.1:9/v1", OPENAI), 2**20
    )

    assert server.config.ws_ping_interval is None


def test_small_writes_go_at_once():
    with listen() as listener:
        assert listener.proto == socket.IPPROTO_TCP
        host, port = listener.getsockname()

        assert host == "127.0.0.1"
        assert base_url(listener, "/v1") == f"http://127.0.0.1:{port}/v1"


def test_limit_of_messages_is_passed_on():
    server = make_server(lambda *_: None, 1234)

    assert server.config.ws_max_size == 1234
    assert not server.config.ws_per_message_deflate
