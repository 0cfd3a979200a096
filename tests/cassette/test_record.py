"""The recorder before servers that cannot be reached, and behind a proxy."""

from tests.support.cassettes import recorder
from tests.support.loopback_sockets import sdk_client

import openai
import pytest


def test_unreachable_upstream_is_told(cassette_path):
    with (
        recorder(cassette_path, "http://127.0.0.1:9/v1") as base_url,
        sdk_client(base_url) as client,
    ):
        with pytest.raises(openai.InternalServerError, match="cannot reach 127.0.0.1:9"):
            client.models.list()


def test_unreachable_server_is_tried_again(cassette_path, hasty_retries):
    with recorder(cassette_path, "http://127.0.0.1:9/v1") as base_url:
        with sdk_client(base_url, max_retries=1) as client:
            with pytest.raises(openai.InternalServerError) as caught:
                client.models.list()

    assert caught.value.code == "unreachable"
    assert cassette_path.read_text().count('"status":502') == 2
