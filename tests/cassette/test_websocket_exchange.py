"""What the recorder does with a WebSocket: what it passes on, writes, and leaves out."""

import asyncio
import json
import threading
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from types import SimpleNamespace

from cassette.cassette_writer import CassetteWriter
from cassette.format import Cassette, message_of
from cassette.openai import OPENAI
from cassette.scrub import Scrubber
from cassette.websocket_exchange import ConnectWithoutRedirects, WebSocketExchange
from tests.support.cassettes import (
    EPHEMERAL,
    SECRET,
    answer_of,
    frames_of,
    open_writer,
    player,
    recorder,
)
from tests.support.loopback_sockets import (
    bare_socket,
    closes,
    drops,
    sdk_client,
    socket_server,
)

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.protocol import State
from websockets.sync.client import connect as bare_connect

ENDS = {
    "1000": (closes(1000, "done"), (1000, "done")),
    "R10 1001": (closes(1001, "Your session hit the maximum duration."), None),
    "R11 1011": (closes(1011, "é"), (1011, "é")),
    "4000": (closes(4000, ""), (4000, "")),
    "R11 abort": (drops, (None, "")),
}


@pytest.mark.parametrize("name", ENDS)
def test_end_by_the_server_is_replayed(cassette_path, name):
    def ending(base_url):
        with bare_socket(base_url) as socket:
            socket.send("hello")
            came = []
            with pytest.raises(ConnectionClosed) as caught:
                while True:
                    came.append(socket.recv())
            closed = caught.value.rcvd
            return came, (closed.code, closed.reason) if closed else (None, "")

    talk, expected = ENDS[name]
    with socket_server(talk) as url, recorder(cassette_path, url) as base_url:
        recorded = ending(base_url)

    with player(cassette_path) as base_url:
        assert ending(base_url) == recorded

    assert recorded[1] == (expected or (1001, "Your session hit the maximum duration."))
    end = answer_of(cassette_path)[-1]
    assert end["how"] == ("cut" if talk is drops else "complete")
    assert end.get("by") == (None if talk is drops else "server")


def test_close_by_the_client_reaches_the_server(cassette_path):
    closed = []

    def talk(socket):
        with pytest.raises(ConnectionClosed) as caught:
            socket.recv()
        closed.append((caught.value.rcvd.code, caught.value.rcvd.reason))

    with socket_server(talk) as url, recorder(cassette_path, url) as base_url:
        with bare_socket(base_url) as socket:
            socket.close(4001, "enough")

    end = answer_of(cassette_path)[-1]
    assert closed == [(4001, "enough")]
    assert (end["how"], end["code"], end["reason"], end["by"]) == (
        *("complete", 4001, "enough"),
        "client",
    )


def test_broken_line_of_the_client_reaches_the_server(cassette_path):
    broke = threading.Event()

    def talk(socket):
        with pytest.raises(ConnectionClosed) as caught:
            socket.recv()
        if caught.value.rcvd is None:
            broke.set()

    with socket_server(talk) as url, recorder(cassette_path, url) as base_url:
        with bare_socket(base_url) as socket:
            socket.close_socket()
        assert broke.wait(5)

    assert answer_of(cassette_path)[-1]["how"] == "left"
    with player(cassette_path) as base_url, bare_socket(base_url) as socket:
        socket.close_socket()


@pytest.mark.parametrize("status", [401, 403, 301])
def test_r23_refusal_is_recorded_as_an_answer(cassette_path, status):
    def refuse(socket, request):
        response = socket.respond(HTTPStatus(status), f'{{"error": "{status}"}}')
        response.headers["x-request-id"] = "req_1"
        response.headers["x-openai-emulator"] = "1"
        response.headers["location"] = "ws://127.0.0.1:9/"
        return response

    def refusal(base_url):
        with sdk_client(base_url) as client, pytest.raises(InvalidStatus) as caught:
            client.realtime.connect(model="m").enter()
        response = caught.value.response
        return response.status_code, response.headers["x-request-id"], response.body

    if status == 301:  # an unmodified client would follow it to where nobody is
        refusal = refusal_of_bare_client

    with socket_server(process_request=refuse) as url, recorder(cassette_path, url) as base_url:
        recorded = refusal(base_url)

    with player(cassette_path) as base_url:
        assert refusal(base_url) == recorded
    assert recorded[0] == status
    assert Cassette(cassette_path).header["answered_by"] == "emulator"
    assert not Cassette(cassette_path).exchanges[1].is_socket


def refusal_of_bare_client(base_url):
    """A handshake by hand, as every client library follows redirects."""
    headers = {
        "connection": "upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    response = httpx2.get(f"{base_url}/realtime?model=m", headers=headers, trust_env=False)
    return response.status_code, response.headers["x-request-id"], response.content


def test_unreachable_upstream_is_told(cassette_path):
    with (
        recorder(cassette_path, "http://127.0.0.1:9/v1") as base_url,
        sdk_client(base_url) as client,
    ):
        with pytest.raises(InvalidStatus) as caught:
            client.realtime.connect(model="m").enter()

    assert caught.value.response.status_code == 502
    assert b"The recorder cannot reach 127.0.0.1:9" in caught.value.response.body
    assert answer_of(cassette_path)[-1]["how"] == "complete"


def test_header_says_who_answered(cassette_path):
    def sign(socket, request, response):
        response.headers["x-openai-emulator"] = "1"

    with socket_server(process_response=sign) as url, recorder(cassette_path, url) as base_url:
        with bare_socket(base_url) as socket:
            socket.recv()

    assert Cassette(cassette_path).header["answered_by"] == "emulator"
    assert answer_of(cassette_path)[0]["headers"]["x-openai-emulator"] == "1"


def test_handshake_is_handed_on_whole(cassette_path):
    seen = []

    def talk(socket):
        seen.append((socket.request.path, socket.request.headers, socket.subprotocol))
        socket.recv()

    with (
        socket_server(talk, subprotocols=["realtime"]) as url,
        recorder(cassette_path, url) as base_url,
    ):
        with bare_socket(
            base_url,
            "/realtime?model=m&intent=a%20b",
            subprotocols=["realtime", f"openai-insecure-api-key.{EPHEMERAL}"],
            additional_headers={"Authorization": f"Bearer {SECRET}", "X-Own": "1"},
        ) as socket:
            assert socket.subprotocol == "realtime"
            socket.send("bye")

    path, headers, subprotocol = seen[0]
    assert path == "/v1/realtime?model=m&intent=a%20b"
    assert (headers["authorization"], headers["x-own"]) == (f"Bearer {SECRET}", "1")
    assert headers["host"] in url
    assert headers["sec-websocket-protocol"].split(", ")[1].endswith(EPHEMERAL)
    assert "sec-websocket-extensions" not in headers
    with player(cassette_path) as base_url:
        with bare_socket(
            base_url, "/realtime?model=m&intent=a%20b", subprotocols=["realtime"]
        ) as socket:
            assert socket.subprotocol == "realtime"
            socket.send("bye")


def test_silence_is_written_once(cassette_path):
    silence = json.dumps({"type": "input_audio_buffer.append", "audio": "A" * 1280})

    def hang(base_url):
        with bare_socket(base_url) as socket:
            socket.recv()
            for _ in range(50):
                socket.send(silence)

    with socket_server() as url, recorder(cassette_path, url) as base_url:
        hang(base_url)

    assert [message_of(line) for line in frames_of(cassette_path)[1:]] == [silence] * 50
    assert cassette_path.stat().st_size < 12_000
    with player(cassette_path) as base_url:
        hang(base_url)


SMALL = replace(OPENAI, longest_message=2**16)


@pytest.mark.parametrize("data", ["é" * 2**15, b"\x00\xff" * 2**15], ids=type)
def test_r13_longest_message_passes(cassette_path, data):
    """As long as the limit is, which for OpenAI is 16 MiB and a little more."""

    def send_back(socket):
        socket.send(socket.recv())

    def ask(base_url):
        with bare_socket(base_url, max_size=None) as socket:
            socket.send(data)
            assert socket.recv() == data

    with (
        socket_server(send_back, max_size=None) as url,
        recorder(cassette_path, url, SMALL) as base_url,
    ):
        ask(base_url)

    with player(cassette_path, profile=SMALL) as base_url:
        ask(base_url)


@pytest.mark.parametrize("side", ["client", "server"])
def test_r13_longer_message_is_refused(cassette_path, side):
    """What the client makes of it is left open: it may be cut off while it still sends."""

    def talk(socket):
        if side == "server":
            socket.send("x" * (SMALL.longest_message + 1))
        with suppress(ConnectionClosed):
            socket.recv()

    with (
        socket_server(talk) as url,
        recorder(cassette_path, url, SMALL) as base_url,
        suppress(ConnectionClosed),
        bare_socket(base_url) as socket,
    ):
        if side == "client":
            socket.send("x" * (SMALL.longest_message + 1))
        socket.recv()

    end = answer_of(cassette_path)[-1]
    assert (end["code"], end["by"]) == (1009, side)


class NumberSource:
    """Says numbers as fast as they are taken."""

    state, subprotocol = State.OPEN, None

    def __init__(self):
        self.said = 0

    async def recv(self):
        self.said += 1
        return str(self.said)


async def test_p13_stalled_client_holds_the_server_back(cassette_path):
    writer, stalled, sent = open_writer(cassette_path), asyncio.Event(), []
    line = NumberSource()

    async def send(data):
        sent.append(data.get("text"))
        if len(sent) > 2:
            stalled.set()
            await asyncio.Event().wait()

    relay = WebSocketExchange(writer, 1, 0.0)
    carrying = asyncio.ensure_future(relay.pass_on(line, [], asyncio.Event().wait, send))
    await stalled.wait()
    for _ in range(100):
        await asyncio.sleep(0)

    assert (line.said, sent) == (2, [None, "1", "2"])
    carrying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await carrying


async def test_first_end_counts(cassette_path):
    """Both sides may end it in the same moment."""
    hung_up, closed = asyncio.Event(), []

    class Ending(NumberSource):
        async def recv(self):
            await hung_up.wait()
            raise ConnectionClosedError(None, None)

        async def close(self, *close):
            closed.append(close)

    async def receive():
        await hung_up.wait()
        return {"type": "websocket.disconnect", "code": 4001, "reason": "enough"}

    async def send(data):
        pass

    relay = WebSocketExchange(open_writer(cassette_path), 1, 0.0)
    carrying = asyncio.ensure_future(relay.pass_on(Ending(), [], receive, send))
    for _ in range(10):
        await asyncio.sleep(0)
    hung_up.set()
    await carrying

    assert (relay.how, closed) == ("complete", [(4001, "enough")])


async def test_message_that_reaches_nobody_is_not_written(cassette_path):
    """Upstream has closed, and its last messages are still on their way down."""
    came = [
        {"type": "websocket.receive", "text": "too late"},
        {"type": "websocket.disconnect", "code": 1000, "reason": ""},
    ]

    class Closed(NumberSource):
        state = State.CLOSED

        async def recv(self):
            await asyncio.Event().wait()

        async def close(self, *close):
            pass

    class Lines(CassetteWriter):
        def write(self, line):
            written.append(next(iter(line)))

    async def receive():
        return came.pop(0)

    async def send(data):
        pass

    written = []
    await WebSocketExchange(Lines(cassette_path, {}, Scrubber(OPENAI.secrets)), 1, 0.0).pass_on(
        Closed(), [], receive, send
    )

    assert written == ["response", "end"]


def test_call_that_is_open_at_the_end_is_kept(cassette_path):
    with socket_server() as url:
        with recorder(cassette_path, url) as base_url:
            socket = bare_connect(f"{base_url.replace('http', 'ws')}/realtime", proxy=None)
            socket.recv()
        socket.close()

    assert [line["how"] for line in answer_of(cassette_path) if "end" in line] == ["left"]
    assert len(frames_of(cassette_path)) == 1


async def test_client_that_left_is_found_when_it_is_sent_something(cassette_path):
    """Sending fails first; that the client has left is found by receiving."""
    left, closed = asyncio.Event(), []

    class Speaking(NumberSource):
        transport = SimpleNamespace(close=lambda: closed.append(True))

    async def receive():
        await left.wait()
        return {"type": "websocket.disconnect", "code": 1006}

    async def send(message):
        left.set()
        raise OSError("gone")

    exchange = WebSocketExchange(open_writer(cassette_path), 1, 0.0)
    await exchange.pass_on(Speaking(), [], receive, send)

    assert (exchange.how, closed) == ("left", [True])


def test_https_upstream_is_asked_by_tls(cassette_path):
    """A server without TLS does not understand that, and is never sent the key."""
    seen = []

    def note(socket, request):
        seen.append(request)

    with socket_server(process_request=note) as url:
        with recorder(cassette_path, url.replace("http:", "https:")) as base_url:
            with pytest.raises(InvalidStatus) as caught, bare_socket(base_url):
                pass

    assert caught.value.response.status_code == 502
    assert seen == []


def test_password_of_the_address_replaces_the_clients_own(cassette_path):
    seen = []

    def talk(socket):
        seen.append(socket.request.headers.get_all("authorization"))

    own = {"Authorization": f"Bearer {SECRET}"}
    with socket_server(talk) as url:
        with recorder(cassette_path, url.replace("//", "//user:pass-word-1@")) as base_url:
            with (
                bare_socket(base_url, additional_headers=own) as socket,
                suppress(ConnectionClosed),
            ):
                socket.recv()

    assert seen == [["Basic dXNlcjpwYXNzLXdvcmQtMQ=="]]


def test_upstream_is_never_dropped_for_a_missing_pong(cassette_path, monkeypatch):
    options = []

    class Connecting(ConnectWithoutRedirects):
        def __init__(self, url, **given):
            options.append(given)
            super().__init__(url, **given)

    monkeypatch.setattr("cassette.websocket_exchange.ConnectWithoutRedirects", Connecting)
    with socket_server() as url, recorder(cassette_path, url) as base_url:
        with bare_socket(base_url) as socket:
            socket.recv()

    kept = {name: options[0][name] for name in ("ping_timeout", "compression", "max_queue")}
    assert kept == {"ping_timeout": None, "compression": None, "max_queue": 1}
    assert options[0]["max_size"] == OPENAI.longest_message


@pytest.mark.parametrize(("code", "passed_on"), [(1005, 1000), (1001, 1001)])
async def test_close_without_a_code_is_passed_on_with_one(cassette_path, code, passed_on):
    """1005 says that there was none; no close may carry it."""
    closed = []

    class Waiting(NumberSource):
        async def recv(self):
            await asyncio.Event().wait()

        async def close(self, *close):
            closed.append(close)

    async def receive():
        return {"type": "websocket.disconnect", "code": code, "reason": ""}

    async def send(data):
        pass

    exchange = WebSocketExchange(open_writer(cassette_path), 1, 0.0)
    await exchange.pass_on(Waiting(), [], receive, send)

    assert closed == [(passed_on, "")]
    assert exchange._close == {"code": code, "reason": "", "by": "client"}
