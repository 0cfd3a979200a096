"""WebSockets through the recorder and the player: the SDK, sync and async, and a bare client."""

import asyncio
import json
import threading
from base64 import b64encode
from contextlib import suppress

from cassette import CassetteError
from cassette.format import Cassette
from cassette.openai import OPENAI
from cassette.recorded_conversation import RecordedConversation
from cassette.socket_player import SocketPlayer
from common.client import LOCAL
from tests.support.cassettes import answer_of, player, recorder
from tests.support.loopback_sockets import (
    PIECE,
    SESSION,
    assistant,
    bare_socket,
    drops,
    sdk_client,
    socket_server,
)

import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus


def call(base_url, heard_ms=500):
    """A call by the sync SDK; the events that came."""
    with sdk_client(base_url) as client, client.realtime.connect(model="m") as line:
        return hold(line, heard_ms)


def hold(line, heard_ms):
    events = [line.recv()]
    line.session.update(session={"type": "realtime", "instructions": "Be brief. é"})
    events.append(line.recv())
    for _ in range(4):
        line.input_audio_buffer.append(audio=PIECE)
    events.append(line.recv())
    line.response.create()
    events += [line.recv() for _ in range(4)]
    line.conversation.item.truncate(item_id="i", content_index=0, audio_end_ms=heard_ms)
    return [*events, line.recv(), line.recv()]


def test_replay_equals_recording(cassette_path):
    with socket_server() as url, recorder(cassette_path, url) as base_url:
        recorded = call(base_url)

    with player(cassette_path) as base_url:
        assert call(base_url) == recorded

    assert recorded[0].session.id == SESSION
    assert recorded[-1].type == "conversation.item.truncated"
    assert len({event.type for event in recorded}) == 8
    exchange = Cassette(cassette_path).exchanges[1]
    assert (exchange.request["path"], exchange.status) == ("/v1/realtime?model=m", 101)


def test_client_that_goes_on_is_told_that_the_recording_ends(cassette_path, monkeypatch):
    monkeypatch.setattr("cassette.socket_player.PATIENCE_S", 0.05)
    with socket_server() as url, recorder(cassette_path, url) as base_url:
        call(base_url)

    with (
        pytest.raises(CassetteError, match="the recording ends here"),
        player(cassette_path) as base_url,
        sdk_client(base_url) as client,
        client.realtime.connect(model="m") as line,
    ):
        hold(line, 500)
        with pytest.raises(ConnectionClosedError, match="the recording ends here"):
            line.recv()


def test_call_at_its_own_speed_takes_its_time(cassette_path):
    slept = []

    async def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    now = [0.0]

    def late(socket):
        socket.recv()
        go.wait(5)
        socket.send("late")

    go = threading.Event()
    with (
        socket_server(late) as url,
        recorder(cassette_path, url) as base_url,
        bare_socket(base_url) as socket,
    ):
        socket.send("go")
        go.set()
        socket.recv()
    asked, answered = (line["after"] for line in answer_of(cassette_path) if "from" in line)

    with player(cassette_path, 0.5, sleep=sleep, clock=lambda: now[0]) as base_url:
        with bare_socket(base_url) as socket:
            socket.send("go")
            assert socket.recv() == "late"

    # An answer waits from its question on, however long that took to come in the recording.
    assert sum(slept) >= 2 * (answered - asked) - 0.001


def test_measured_milliseconds_may_differ(cassette_path):
    with socket_server() as url, recorder(cassette_path, url) as base_url:
        recorded = call(base_url, 500)

    with player(cassette_path) as base_url:
        assert call(base_url, 480) == recorded


def test_async_clients_are_recorded_and_replayed(cassette_path):
    async def calls(base_url):
        http_client = httpx2.AsyncClient(**LOCAL)
        async with openai.AsyncOpenAI(
            base_url=base_url, api_key="x", http_client=http_client
        ) as client:
            return await asyncio.gather(one(client, "first"), one(client, "second"))

    async def one(client, model):
        async with client.realtime.connect(model=model) as line:
            await line.session.update(session={"type": "realtime", "instructions": model})
            await line.response.create()
            return [await line.recv() for _ in range(6)]

    with socket_server() as url, recorder(cassette_path, url) as base_url:
        recorded = asyncio.run(calls(base_url))

    with player(cassette_path) as base_url:
        assert asyncio.run(calls(base_url)) == recorded


def test_bare_client_may_divide_its_sound_otherwise(cassette_path):
    def speak(base_url, pieces):
        with bare_socket(base_url) as socket:
            socket.recv()
            for piece in pieces:
                socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": piece}))
            return socket.recv()

    whole = bytes(range(256)) * 16
    halves = [b64encode(whole[at : at + 2048]).decode() for at in (0, 2048)]
    with socket_server() as url, recorder(cassette_path, url) as base_url:
        recorded = speak(base_url, [PIECE] * 4)

    with player(cassette_path) as base_url:
        assert speak(base_url, halves) == recorded


def test_message_that_was_not_recorded_ends_the_replay(cassette_path):
    with socket_server() as url, recorder(cassette_path, url) as base_url:
        call(base_url)
    said = 'message 1 differs: session.instructions: recorded "Be brief. é", sent "ééé'

    with pytest.raises(CassetteError, match=f"tape.jsonl: GET /v1/realtime.*{said}"):
        with player(cassette_path) as base_url, sdk_client(base_url) as client:
            with client.realtime.connect(model="m") as line:
                line.session.update(session={"type": "realtime", "instructions": "é" * 99})
                with pytest.raises(ConnectionClosedError) as caught:
                    for _ in range(9):
                        line.recv()

    assert caught.value.rcvd.code == 1008
    assert caught.value.rcvd.reason.startswith("not recorded: message 1 differs")
    assert len(caught.value.rcvd.reason.encode()) <= 123


def test_call_that_was_not_recorded_is_refused(cassette_path):
    with socket_server() as url, recorder(cassette_path, url) as base_url:
        call(base_url)

    with pytest.raises(CassetteError, match="other was not recorded; the nearest is GET /v1/real"):
        with player(cassette_path) as base_url, sdk_client(base_url) as client:
            with pytest.raises(InvalidStatus) as caught:
                client.realtime.connect(model="other").enter()

    assert caught.value.response.status_code == 404
    assert b"not_recorded" in caught.value.response.body


def test_call_never_made_is_told(cassette_path):
    with socket_server() as url, recorder(cassette_path, url) as base_url:
        call(base_url)

    with (
        pytest.raises(CassetteError, match="never asked for: GET /v1/realtime"),
        player(cassette_path),
    ):
        pass


def test_call_cut_short_is_told(cassette_path):
    with socket_server() as url, recorder(cassette_path, url) as base_url:
        call(base_url)

    with pytest.raises(CassetteError, match='message 1 was never sent: {"type": "session.update"'):
        with player(cassette_path) as base_url, sdk_client(base_url) as client:
            with client.realtime.connect(model="m") as line:
                line.recv()


def test_reconnecting_client_gets_both_sessions(cassette_path):
    """R11: the line drops, the SDK dials again, and that is a new session."""
    dropped = threading.Event()

    def dropping(socket):
        if not dropped.is_set():
            dropped.set()
            drops(socket)
        else:
            assistant(socket)

    def talk(base_url):
        with sdk_client(base_url) as client:
            with client.realtime.connect(
                model="m", initial_delay=0.001, on_reconnecting=lambda event: None
            ) as line:
                line.session.update(session={"type": "realtime"})
                events = iter(line)
                with pytest.raises(json.JSONDecodeError):
                    next(events)
                return next(iter(line))

    with socket_server(dropping) as url, recorder(cassette_path, url) as base_url:
        recorded = talk(base_url)

    with player(cassette_path) as base_url:
        assert talk(base_url) == recorded
    assert len(Cassette(cassette_path).exchanges) == 2


SAID = st.text(max_size=12) | st.binary(max_size=12)


TALKS = st.lists(st.tuples(st.sampled_from(["client", "server"]), SAID), max_size=12)


@settings(max_examples=15, deadline=None)
@given(TALKS)
def test_any_talk_is_replayed_as_recorded(tmp_path_factory, talk):
    """The same conversation, recorded and then played at speed 0, gives the same messages."""
    cassette_path = tmp_path_factory.mktemp("talk") / "tape.jsonl"

    def serve_talk(socket):
        for side, data in talk:
            if side == "server":
                socket.send(data)
            else:
                assert socket.recv() == data
        with suppress(ConnectionClosed):
            socket.recv()

    def hold_talk(base_url):
        came = []
        with bare_socket(base_url) as socket:
            for side, data in talk:
                came.append(socket.recv()) if side == "server" else socket.send(data)
        return came

    with socket_server(serve_talk) as url, recorder(cassette_path, url) as base_url:
        recorded = hold_talk(base_url)

    with player(cassette_path) as base_url:
        assert hold_talk(base_url) == recorded
    assert recorded == [data for side, data in talk if side == "server"]


def opened(*steps, by="client", how="complete", speed=0.0):
    """A player without sockets: of (seconds, side, text), and a client that is two lists."""
    head = {"response": 1, "after": 0.0, "status": 101, "headers": {}}
    lines = [head]
    for after, side, text in steps:
        lines.append({"frame": 1, "after": after, "from": side, "text": text})
    close = {"code": 1000, "reason": "bye", "by": by} if how == "complete" else {}
    lines.append({"end": 1, "after": 9.0, "how": how} | close)
    return RecordedConversation(lambda: map(dict, lines), OPENAI, speed, 0.0)


class Client:
    """Sends these texts, then leaves; keeps what it is sent, and may be gone by then."""

    def __init__(self, *texts, is_gone=False, stays=False):
        self.left = [{"type": "websocket.receive", "text": text} for text in texts]
        self.left += [] if stays else [{"type": "websocket.disconnect", "code": 1005}]
        self.came, self.is_gone = [], is_gone

    async def receive(self):
        await asyncio.sleep(0)
        return self.left.pop(0) if self.left else await asyncio.Event().wait()

    async def send(self, message):
        if self.is_gone:
            raise OSError("gone")
        self.came.append(message)

    async def play(self, conversation):
        await SocketPlayer(conversation, self.receive, self.send, asyncio.sleep, lambda: 0.0).run()


async def test_client_that_is_gone_is_no_error_where_it_had_left():
    client = Client(is_gone=True)

    await client.play(opened((8.5, "server", "late")))

    assert client.came == []


async def test_close_of_the_server_is_sent():
    client = Client(stays=True)

    await client.play(opened((0.1, "server", "hello"), by="server"))

    assert client.came == [
        {"type": "websocket.send", "text": "hello"},
        {"type": "websocket.close", "code": 1000, "reason": "bye"},
    ]


async def test_client_that_is_gone_gets_no_close():
    await Client(is_gone=True, stays=True).play(opened(by="server"))


async def test_connection_that_was_cut_ends_without_a_close():
    client = Client(stays=True)

    await client.play(
        opened((0.1, "server", "hello"), how="cut"),
    )

    assert client.came == [{"type": "websocket.send", "text": "hello"}]


async def test_wrong_message_closes_with_its_reason():
    client = Client("b", stays=True)

    with pytest.raises(CassetteError, match="message 1 differs"):
        await client.play(opened((0.1, "client", "a"), (0.2, "server", "reply")))

    reason = 'not recorded: message 1 differs: recorded "a", sent "b"'
    assert client.came == [{"type": "websocket.close", "code": 1008, "reason": reason}]


async def test_wrong_message_of_a_client_that_is_gone_is_the_same_error():
    client = Client("b", is_gone=True)

    with pytest.raises(CassetteError, match="message 1 differs"):
        await client.play(opened((0.1, "client", "a")))


async def test_each_message_wakes_the_player_once():
    """Between messages it sleeps until the next step is due."""
    now, slept = [0.0], []

    async def sleep(seconds):
        slept.append(seconds)
        for _ in range(5):
            await asyncio.sleep(0)
        now[0] += seconds

    def clock():
        looks.append(now[0])
        assert len(looks) < 20, "it looks at the clock again and again"
        return now[0]

    looks, client = [], Client("a", stays=True)
    steps = ((0.1, "client", "a"), (0.5, "server", "b"), (0.75, "server", "c"))
    conversation = opened(*steps, how="cut", speed=1.0)
    await SocketPlayer(conversation, client.receive, client.send, sleep, clock).run()

    assert slept == pytest.approx([0.4, 0.25, 8.25])
    assert [message["text"] for message in client.came] == ["b", "c"]


@pytest.mark.parametrize("how", ["complete", "left"])
async def test_client_that_stays_longer_than_the_recorded_one_is_told(how, monkeypatch):
    monkeypatch.setattr("cassette.socket_player.PATIENCE_S", 0.001)
    client = Client(stays=True)

    with pytest.raises(CassetteError, match="the recording ends here: its client hung up"):
        await client.play(opened(how=how))

    assert [message["code"] for message in client.came] == [1008]
