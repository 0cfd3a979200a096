"""Where the server upstream is: what is refused before the emulator starts."""

from contextlib import suppress

from emulator.upstream.upstream_address import UpstreamAddress, UpstreamRefused, upstream_address
from emulator.upstream.writer import Upstream

import pytest
from hypothesis import given
from hypothesis import strategies as st

URL = "http://127.0.0.1:11434/v1"


def address(url, own_port=0, **more):
    named = {f"EMULATOR_CHAT_{name}": value for name, value in more.items()}
    return upstream_address({"EMULATOR_CHAT_BASE_URL": url} | named, own_port)


def test_variables_are_read_without_their_line_breaks():
    assert upstream_address({}) is None
    assert address(" \r\n") is None
    assert address(f"{URL}\r\n") == UpstreamAddress(URL, "default", "none")
    assert address(URL, MODEL="llama3.2\n", API_KEY=" k\r\n") == UpstreamAddress(
        URL, "llama3.2", "k"
    )


@pytest.mark.parametrize(
    "url", ["localhost:11434", "ftp://x", "http://", "http://[", "http://x:y", "http://x\ny"]
)
def test_no_address_is_named(url):
    with pytest.raises(UpstreamRefused, match="EMULATOR_CHAT_BASE_URL is not an http address"):
        address(url)


@pytest.mark.parametrize(
    "url", ["ftp://me:hunter2@x", "http://me:hunter2@", "http://me:hunter2@x:99999", "me:hunter2@x"]
)
def test_password_in_what_is_no_address_is_not_told(url):
    with pytest.raises(UpstreamRefused, match="is not an http address") as caught:
        address(url)

    assert "hunter2" not in str(caught.value)


def test_key_that_no_header_takes_is_named_but_not_told():
    with pytest.raises(UpstreamRefused, match="EMULATOR_CHAT_API_KEY") as caught:
        address(URL, API_KEY="ключ")

    assert "ключ" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "LOCALHOST", "0.0.0.0", "127.1", "[::1]"])
def test_own_address_is_refused_under_any_name(host):
    with pytest.raises(UpstreamRefused, match="names this emulator itself"):
        address(f"http://{host}:8000/v1", own_port=8000)
    assert address(f"http://{host}:8001/v1", own_port=8000)


def test_server_of_embeddings_is_another_one():
    named = {"EMULATOR_EMBEDDINGS_BASE_URL": URL, "EMULATOR_EMBEDDINGS_MODEL": "nomic"}

    assert upstream_address(named) is None
    assert upstream_address(named, task="EMBEDDINGS") == UpstreamAddress(URL, "nomic", "none")
    with pytest.raises(UpstreamRefused, match="EMULATOR_EMBEDDINGS_BASE_URL names this emulator"):
        upstream_address(named, 11434, "EMBEDDINGS")


def test_same_port_elsewhere_is_another_server():
    assert address("http://192.0.2.1:8000/v1", own_port=8000)
    assert address("http://no-such-host.invalid:8000/v1", own_port=8000)


@given(st.text())
def test_any_value_is_an_address_or_refused(url):
    with suppress(UpstreamRefused):
        found = address(f"http://{url}")
        assert found is not None and found.base_url.isprintable()


def test_unusable_proxy_is_refused(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")

    assert Upstream.at(UpstreamAddress(URL, "x", "none"))  # no proxy stands before this machine
    with pytest.raises(UpstreamRefused, match="socks"):
        Upstream.at(UpstreamAddress("http://192.0.2.1/v1", "x", "none"))
