"""The server of the recorder and the player."""

from cassette.loopback import make_server
from cassette.openai import OPENAI
from cassette.record import Recorder
from tests.support.cassettes import open_writer


def test_nobody_is_dropped_for_a_pause(cassette_path):
    server = make_server(
        Recorder(open_writer(cassette_path), "http://127.0.0.1:9/v1", OPENAI), 2**20
    )

    assert server.config.ws_ping_interval is None
