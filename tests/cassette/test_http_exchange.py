"""Answers on their way through the recorder."""

import gzip

from tests.support.cassettes import player, recorder
from tests.support.loopback_http import Quiet, http_server, post


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
