"""The recorder before servers that cannot be reached, and behind a proxy."""

import asyncio

from cassette.format import Cassette
from cassette.openai import OPENAI
from cassette.record import Recorder, is_loopback
from tests.support.cassettes import answer_of, open_writer, recorder
from tests.support.loopback_http import Echo, http_server, post, proxy_to
from tests.support.loopback_sockets import bare_socket, echo, sdk_client, socket_server

import httpx2
import openai
import pytest

UNREACHABLE = "http://127.0.0.1:9/v1"


def test_unreachable_upstream_is_told(cassette_path):
    with recorder(cassette_path, UNREACHABLE) as base_url, sdk_client(base_url) as client:
        with pytest.raises(openai.InternalServerError, match="cannot reach 127.0.0.1:9"):
            client.models.list()


def test_unreachable_server_is_tried_again(cassette_path, hasty_retries):
    with recorder(cassette_path, UNREACHABLE) as base_url:
        with sdk_client(base_url, max_retries=1) as client:
            with pytest.raises(openai.InternalServerError) as caught:
                client.models.list()

    assert caught.value.code == "unreachable"
    assert cassette_path.read_text().count('"status":502') == 2


@pytest.fixture
def behind_proxy(monkeypatch):
    """Sets the proxy of the environment, whatever it was."""

    def use(address):
        for name in (
            "NO_PROXY",
            "no_proxy",
            "ALL_PROXY",
            "all_proxy",
            "HTTPS_PROXY",
            "https_proxy",
        ):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HTTP_PROXY", address)
        monkeypatch.setenv("http_proxy", address)

    return use


def talk(base_url):
    with bare_socket(base_url) as socket:
        socket.send("hello")
        return socket.recv()


def test_socket_goes_through_the_proxy(cassette_path, behind_proxy):
    with socket_server(echo) as url, proxy_to(url) as (address, asked):
        behind_proxy(address)
        with recorder(cassette_path, "http://upstream.test/v1") as base_url:
            assert talk(base_url) == "hello"

    assert asked == ["upstream.test:80"]
    assert Cassette(cassette_path).header["answered_by"] == "upstream.test"


def test_request_goes_through_the_proxy(cassette_path, behind_proxy):
    with proxy_to(UNREACHABLE) as (address, asked):
        behind_proxy(address)
        with recorder(cassette_path, "http://upstream.test/v1/") as base_url:
            assert httpx2.get(f"{base_url}/models", trust_env=False).json() == {}

    assert asked == ["http://upstream.test/v1/models"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_proxy_leads_to_loopback(cassette_path, behind_proxy, host):
    behind_proxy(UNREACHABLE)
    with socket_server(echo) as url, http_server(Echo) as http_url:
        with recorder(cassette_path, url.replace("127.0.0.1", host)) as base_url:
            assert talk(base_url) == "hello"
        cassette_path.unlink()
        with recorder(cassette_path, http_url.replace("127.0.0.1", host)) as base_url:
            assert post(base_url).status_code == 200


def test_loopback_is_told_from_hosts_that_sound_like_it():
    inside, outside = ("127.0.0.1", "127.8.8.8", "::1", "localhost"), ("localhost.test", "10.0.0.1")

    assert all(map(is_loopback, inside))
    assert not any(map(is_loopback, (*outside, "127.0.0.1.test")))


async def test_connections_are_closed_with_the_server(cassette_path):
    app, sent = Recorder(open_writer(cassette_path), UNREACHABLE, OPENAI), []
    came = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive():
        return came.pop(0)

    async def send(message):
        sent.append(message["type"])

    await app({"type": "lifespan"}, receive, send)

    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert app._client.is_closed


@pytest.mark.parametrize("how", ["cancelled", "disconnected"])
async def test_client_that_leaves_before_the_answer_is_recorded(cassette_path, how):
    """The server never answers, and the request is cancelled or left: it still has an end."""
    asked = asyncio.Event()

    async def stall(reader, writer):
        asked.set()
        await reader.read()
        writer.close()

    upstream = await asyncio.start_server(stall, "127.0.0.1", 0)
    port = upstream.sockets[0].getsockname()[1]
    writer = open_writer(cassette_path)
    app = Recorder(writer, f"http://127.0.0.1:{port}/v1", OPENAI)
    writer.begin("somebody")
    scope = {"type": "http", "method": "GET", "raw_path": b"/v1/x", "query_string": b""}
    came = [{"type": "http.request"}]

    async def receive():
        if came:
            return came.pop()
        await (asked.wait() if how == "disconnected" else asyncio.Event().wait())
        return {"type": "http.disconnect"}

    request = asyncio.ensure_future(app(scope | {"headers": []}, receive, None))
    await asked.wait()
    if how == "cancelled":
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
    await asyncio.wait([request])
    app.finish()
    upstream.close()

    assert [line["how"] for line in answer_of(cassette_path)] == ["left"]
