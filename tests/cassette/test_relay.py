"""What the recorder makes of a WebSocket: what it hands on, what it writes, what it does not."""

import asyncio
import json
import threading
from contextlib import suppress
from http import HTTPStatus

from cassette import CassetteError
from cassette.__main__ import make_server
from cassette.format import Cassette, message
from cassette.record import Recorder
from cassette.relay import LONGEST_MESSAGE, Relay
from cassette.tape import Tape
from tests.cassette.sockets import (
    answer_of,
    breaks,
    client_of,
    closes,
    frames_of,
    player,
    socket_of,
    upstream,
)
from tests.cassette.test_tape import EPHEMERAL, SECRET, recorder, serving

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.protocol import State
from websockets.sync.client import connect as bare_connect


@pytest.fixture
def tape(tmp_path):
    return tmp_path / "tape.jsonl"


ENDS = {
    "1000": (closes(1000, "done"), (1000, "done")),
    "R10 1001": (closes(1001, "Your session hit the maximum duration."), None),
    "R11 1011": (closes(1011, "é"), (1011, "é")),
    "4000": (closes(4000, ""), (4000, "")),
    "R11 abort": (breaks, (None, "")),
}


@pytest.mark.parametrize("name", ENDS)
def test_end_by_the_server_is_replayed(tape, name):
    def ending(base_url):
        with socket_of(base_url) as socket:
            socket.send("hello")
            came = []
            with pytest.raises(ConnectionClosed) as caught:
                while True:
                    came.append(socket.recv())
            closed = caught.value.rcvd
            return came, (closed.code, closed.reason) if closed else (None, "")

    talk, expected = ENDS[name]
    with upstream(talk) as url, recorder(tape, url) as base_url:
        recorded = ending(base_url)

    with player(tape) as base_url:
        assert ending(base_url) == recorded

    assert recorded[1] == (expected or (1001, "Your session hit the maximum duration."))
    end = answer_of(tape)[-1]
    assert end["how"] == ("cut" if talk is breaks else "complete")
    assert end.get("by") == (None if talk is breaks else "server")


def test_close_by_the_client_reaches_the_server(tape):
    closed = []

    def talk(socket):
        with pytest.raises(ConnectionClosed) as caught:
            socket.recv()
        closed.append((caught.value.rcvd.code, caught.value.rcvd.reason))

    with upstream(talk) as url, recorder(tape, url) as base_url:
        with socket_of(base_url) as socket:
            socket.close(4001, "enough")

    end = answer_of(tape)[-1]
    assert closed == [(4001, "enough")]
    assert (end["how"], end["code"], end["reason"], end["by"]) == (
        *("complete", 4001, "enough"),
        "client",
    )


def test_broken_line_of_the_client_reaches_the_server(tape):
    broke = threading.Event()

    def talk(socket):
        with pytest.raises(ConnectionClosed) as caught:
            socket.recv()
        if caught.value.rcvd is None:
            broke.set()

    with upstream(talk) as url, recorder(tape, url) as base_url:
        with socket_of(base_url) as socket:
            socket.close_socket()
        assert broke.wait(5)

    assert answer_of(tape)[-1]["how"] == "left"
    with player(tape) as base_url, socket_of(base_url) as socket:
        socket.close_socket()


@pytest.mark.parametrize("status", [401, 403, 301])
def test_r23_refusal_is_recorded_as_an_answer(tape, status):
    def refuse(socket, request):
        response = socket.respond(HTTPStatus(status), f'{{"error": "{status}"}}')
        response.headers["x-request-id"] = "req_1"
        response.headers["x-openai-emulator"] = "1"
        response.headers["location"] = "ws://127.0.0.1:9/"
        return response

    def refusal(base_url):
        with client_of(base_url) as client, pytest.raises(InvalidStatus) as caught:
            client.realtime.connect(model="m").enter()
        response = caught.value.response
        return response.status_code, response.headers["x-request-id"], response.body

    if status == 301:  # an unmodified client would follow it to where nobody is
        refusal = refusal_of_bare_client

    with upstream(process_request=refuse) as url, recorder(tape, url) as base_url:
        recorded = refusal(base_url)

    with player(tape) as base_url:
        assert refusal(base_url) == recorded
    assert recorded[0] == status
    assert Cassette(tape).header["answered_by"] == "emulator"
    assert not Cassette(tape).exchanges[1].is_socket


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


def test_unreachable_upstream_is_told(tape):
    with recorder(tape, "http://127.0.0.1:9/v1") as base_url, client_of(base_url) as client:
        with pytest.raises(InvalidStatus) as caught:
            client.realtime.connect(model="m").enter()

    assert caught.value.response.status_code == 502
    assert b"The recorder cannot reach 127.0.0.1:9" in caught.value.response.body
    assert answer_of(tape)[-1]["how"] == "complete"


def test_header_says_who_answered(tape):
    def sign(socket, request, response):
        response.headers["x-openai-emulator"] = "1"

    with upstream(process_response=sign) as url, recorder(tape, url) as base_url:
        with socket_of(base_url) as socket:
            socket.recv()

    assert Cassette(tape).header["answered_by"] == "emulator"
    assert answer_of(tape)[0]["headers"]["x-openai-emulator"] == "1"


def test_handshake_is_handed_on_whole(tape):
    seen = []

    def talk(socket):
        seen.append((socket.request.path, socket.request.headers, socket.subprotocol))
        socket.recv()

    with upstream(talk, subprotocols=["realtime"]) as url, recorder(tape, url) as base_url:
        with socket_of(
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
    with player(tape) as base_url:
        with socket_of(
            base_url, "/realtime?model=m&intent=a%20b", subprotocols=["realtime"]
        ) as socket:
            assert socket.subprotocol == "realtime"
            socket.send("bye")


def test_p8_no_secret_in_a_socket_is_written(tape):
    def parrot(socket):
        for data in socket:
            socket.send(data)
        socket.close(1000, SECRET)

    with upstream(parrot) as url, recorder(tape, url) as base_url:
        with socket_of(
            base_url,
            f"/realtime?key={SECRET}",
            subprotocols=[f"openai-insecure-api-key.{EPHEMERAL}"],
            additional_headers={"Authorization": "Bearer an-odd-secret", "Cookie": SECRET},
        ) as socket:
            for said in (f'{{"key": "{SECRET}"}}', f"x{EPHEMERAL}", "my an-odd-secret", SECRET):
                for data in (said, said.encode()):
                    socket.send(data)
                    assert socket.recv() == data
            socket.close(1000, f"by {EPHEMERAL}")

    shown = tape.read_text() + "".join(map(repr, map(message, frames_of(tape))))
    hidden = (SECRET, EPHEMERAL, SECRET[8:], "an-odd-secret")
    assert shown.count("[scrubbed]") > 16
    assert not [secret for secret in hidden if secret in shown]
    with player(tape) as base_url, socket_of(base_url, f"/realtime?key={SECRET}") as socket:
        for said in (f'{{"key": "{SECRET}"}}', "x[scrubbed]", "my [scrubbed]", SECRET):
            for data in (said, said.encode()):
                socket.send(data)
                told = said.replace(SECRET, "[scrubbed]")
                assert socket.recv() == (told if isinstance(data, str) else told.encode())


@pytest.mark.parametrize("side", ["client", "server"])
def test_p8_escaped_secret_in_a_frame_refuses_the_file(tape, side):
    escaped = f'{{"text": "{SECRET}"}}'.replace("sk-", "\\u0073k-")
    writer = Tape(tape, {"recorded": "2026-11-24"})

    def talk(socket):
        socket.recv()
        if side == "server":
            socket.send(escaped)

    with upstream(talk) as url, serving(Recorder(writer, url)) as base_url:
        with socket_of(base_url) as socket:
            socket.send(escaped if side == "client" else "hello")
            with suppress(ConnectionClosed):
                socket.recv()

    with pytest.raises(CassetteError, match="in pieces or in escapes"):
        writer.close()
    assert list(tape.parent.iterdir()) == []


def test_silence_is_written_once(tape):
    silence = json.dumps({"type": "input_audio_buffer.append", "audio": "A" * 1280})

    def hang(base_url):
        with socket_of(base_url) as socket:
            socket.recv()
            for _ in range(50):
                socket.send(silence)

    with upstream() as url, recorder(tape, url) as base_url:
        hang(base_url)

    assert [message(line) for line in frames_of(tape)[1:]] == [silence] * 50
    assert tape.stat().st_size < 12_000
    with player(tape) as base_url:
        hang(base_url)


@pytest.mark.parametrize("data", ["é" * (8 * 2**20), b"\x00\xff" * (8 * 2**20)], ids=type)
def test_r13_message_of_16_mib_passes(tape, data):
    def parrot(socket):
        socket.send(socket.recv())

    def ask(base_url):
        with socket_of(base_url, max_size=None) as socket:
            socket.send(data)
            assert socket.recv() == data

    with upstream(parrot, max_size=None) as url, recorder(tape, url) as base_url:
        ask(base_url)

    with player(tape) as base_url:
        ask(base_url)


def test_r13_longer_message_is_refused(tape):
    """What the client makes of it is left open: it may be cut off while it still sends."""
    with upstream() as url, recorder(tape, url) as base_url, suppress(ConnectionClosed):
        with socket_of(base_url) as socket:
            socket.send("x" * (LONGEST_MESSAGE + 1))
            socket.recv()
            socket.recv()

    assert answer_of(tape)[-1]["code"] == 1009


class Upstream:
    """Says numbers as fast as they are taken."""

    state, subprotocol = State.OPEN, None

    def __init__(self):
        self.said = 0

    async def recv(self):
        self.said += 1
        return str(self.said)


async def test_p13_stalled_client_holds_the_server_back(tape):
    writer, stalled, sent = Tape(tape, {}), asyncio.Event(), []
    line = Upstream()

    async def send(data):
        sent.append(data.get("text"))
        if len(sent) > 2:
            stalled.set()
            await asyncio.Event().wait()

    relay = Relay(writer, 1, 0.0)
    carrying = asyncio.ensure_future(relay.carry(line, [], asyncio.Event().wait, send))
    await stalled.wait()
    for _ in range(100):
        await asyncio.sleep(0)

    assert (line.said, sent) == (2, [None, "1", "2"])
    carrying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await carrying


async def test_first_end_counts(tape):
    """Both sides may end it in the same moment."""
    hung_up, closed = asyncio.Event(), []

    class Ending(Upstream):
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

    relay = Relay(Tape(tape, {}), 1, 0.0)
    carrying = asyncio.ensure_future(relay.carry(Ending(), [], receive, send))
    for _ in range(10):
        await asyncio.sleep(0)
    hung_up.set()
    await carrying

    assert (relay.how, closed) == ("complete", [(4001, "enough")])


async def test_message_that_reaches_nobody_is_not_written(tape):
    """Upstream has closed, and its last messages are still on their way down."""
    came = [
        {"type": "websocket.receive", "text": "too late"},
        {"type": "websocket.disconnect", "code": 1000, "reason": ""},
    ]

    class Closed(Upstream):
        state = State.CLOSED

        async def recv(self):
            await asyncio.Event().wait()

        async def close(self, *close):
            pass

    class Lines(Tape):
        def write(self, line):
            written.append(next(iter(line)))

    async def receive():
        return came.pop(0)

    async def send(data):
        pass

    written = []
    await Relay(Lines(tape, {}), 1, 0.0).carry(Closed(), [], receive, send)

    assert written == ["response", "end"]


def test_nobody_is_dropped_for_a_pause(tape):
    server = make_server(Recorder(Tape(tape, {}), "http://127.0.0.1:9/v1"))

    assert server.config.ws_ping_interval is None


def test_call_that_is_open_at_the_end_is_kept(tape):
    with upstream() as url:
        with recorder(tape, url) as base_url:
            socket = bare_connect(f"{base_url.replace('http', 'ws')}/realtime", proxy=None)
            socket.recv()
        socket.close()

    assert [line["how"] for line in answer_of(tape) if "end" in line] == ["left"]
    assert len(frames_of(tape)) == 1
