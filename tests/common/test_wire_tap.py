"""--wire on WebSockets: each event with its direction and time, sound as its length."""

import asyncio
import json
from base64 import b64encode
from contextlib import contextmanager
from http import HTTPStatus
from types import SimpleNamespace

from common.client import LOCAL, Connection, CourseClient
from common.wire_tap import SocketTap, Tap, shorten
from tests.support.emulator_clients import MODEL
from tests.support.loopback_sockets import socket_server

import httpx2
import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus

PCM = b64encode(bytes(960)).decode()


@contextmanager
def tapped_connection(base_url, shown):
    """A connection with a tap whose clock moves by a quarter of a second at each look."""
    ticks = iter(range(1000))
    http_client = httpx2.Client(**LOCAL)
    with CourseClient(base_url=base_url, api_key="sk-secret", http_client=http_client) as client:
        tap = Tap(shown.append, lambda: next(ticks) / 4)
        with Connection(client, "who", False).tapped(tap).client as opened:
            yield Connection(opened, "who", False, tap)


def answer(socket):
    socket.recv()
    socket.send(json.dumps({"type": "session.created", "event_id": "e", "session": {"id": "s"}}))
    socket.recv()
    delta = {"type": "response.output_audio.delta", "response_id": "r", "delta": PCM * 10}
    socket.send(json.dumps(delta))
    socket.recv()


SHOWN = [
    "> +0.250 GET /v1/realtime?model=m",
    "< +0.500 101 Switching Protocols",
    '> +0.750 session.update  session {"type": "realtime"}',
    '< +1.000 session.created  session {"id": "s"}',
    "> +1.250 input_audio_buffer.append  audio 20 ms (960 bytes)",
    '< +1.500 response.output_audio.delta  audio 200 ms (9,600 bytes)  response_id "r"',
    "> +1.750 close 1000",
]


def test_sync_connection_is_shown():
    shown = []

    with socket_server(answer) as base_url, tapped_connection(base_url, shown) as tapped:
        with tapped.client.realtime.connect(model="m") as connection:
            connection.session.update(session={"type": "realtime"})
            connection.recv()
            connection.input_audio_buffer.append(audio=PCM)
            connection.recv()

    assert shown == SHOWN


def test_async_connection_is_shown():
    shown = []

    async def call(tapped):
        async with (
            tapped.async_client() as client,
            client.realtime.connect(model="m") as connection,
        ):
            await connection.session.update(session={"type": "realtime"})
            await connection.recv()
            await connection.input_audio_buffer.append(audio=PCM)
            await connection.recv()

    with socket_server(answer) as base_url, tapped_connection(base_url, shown) as tapped:
        asyncio.run(call(tapped))

    assert shown == SHOWN


def test_connection_keeps_the_options_of_its_caller():
    shown = []

    with socket_server(answer) as base_url, tapped_connection(base_url, shown) as tapped:
        with tapped.client.realtime.connect(
            model="m", websocket_connection_options={"max_size": 10}
        ) as connection:
            connection.session.update(session={"type": "realtime"})
            with pytest.raises(ConnectionClosedError, match="1009"):
                connection.recv()

    assert len(shown) == 3


def test_end_by_the_server_is_shown():
    shown = []

    def end(socket):
        socket.close(1001, "Your session hit the maximum duration.")

    with socket_server(end) as base_url, tapped_connection(base_url, shown) as tapped:
        with tapped.client.realtime.connect(model="m") as connection:
            assert list(connection) == []

    assert shown[2:] == ["< +0.750 close 1001 Your session hit the maximum duration."]


def test_own_close_is_shown_once():
    shown = []

    with socket_server(lambda socket: socket.recv()) as base_url:
        with tapped_connection(base_url, shown) as tapped:
            with tapped.client.realtime.connect(model="m") as connection:
                connection.close()
                assert list(connection) == []

    assert shown[2:] == ["> +0.750 close 1000"]


def test_broken_connection_is_shown():
    shown = []

    with socket_server(lambda socket: socket.close_socket()) as base_url:
        with tapped_connection(base_url, shown) as tapped:
            with tapped.client.realtime.connect(model="m") as connection:
                with pytest.raises(ConnectionClosedError, match="no close frame"):
                    connection.recv()

    assert shown[2:] == ["< +0.750 the connection dropped"]


def test_refusal_is_shown():
    shown = []

    def refuse(socket, request):
        return socket.respond(HTTPStatus.UNAUTHORIZED, "no")

    with socket_server(answer, process_request=refuse) as base_url:
        with tapped_connection(base_url, shown) as tapped, pytest.raises(InvalidStatus):
            tapped.client.realtime.connect(model="m").enter()

    assert shown == ["> +0.250 GET /v1/realtime?model=m", "< +0.500 401 Unauthorized"]


PADDED = "x  audio 2 ms (100 bytes)"
EVENTS = {
    "delta first": (
        "<",
        {"type": "response.output_text.delta", "item_id": "i", "output_index": 0, "delta": "Hel"},
        'response.output_text.delta  delta "Hel"  item_id "i"  output_index 0',
    ),
    "ids last": (
        "<",
        {"type": "x", "item": {"id": "i", "object": "o", "type": "message"}},
        'x  item {"type": "message", "id": "i", "object": "o"}',
    ),
    "padding left out": ("<", {"type": "x", "obfuscation": "abc"}, "x"),
    "long text": ("<", {"type": "x", "text": "a" * 99}, f'x  text "{"a" * 57}..."'),
    "sound in an item": (
        ">",
        {"type": "x", "item": {"content": [{"type": "input_audio", "audio": PCM}]}},
        'x  item {"content": [{"type": "input_audio", "audio": "20 ms (960 bytes)"}]}',
    ),
    "padded sound": (">", {"type": "x", "audio": b64encode(bytes(100)).decode()}, PADDED),
    "no type": (">", {"a": 1}, "{}  a 1"),
    "no object": (">", [1], "[1]"),
}


@pytest.mark.parametrize("name", EVENTS)
def test_event_is_one_line(name):
    way, event, expected = EVENTS[name]
    shown = []

    SocketTap(shown.append, lambda: 0.0).message(way, json.dumps(event))

    assert shown == [f"{way} +0.000 {expected}"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [("no json\nat all", "no json at all"), (b"\xff" * 70, "70 bytes"), (b'{"type":"x"}', "x")],
)
def test_what_is_no_event_is_told_in_short(data, expected):
    shown = []

    SocketTap(shown.append, lambda: 0.0).message("<", data)

    assert shown == [f"< +0.000 {expected}"]


@pytest.mark.parametrize(("name", "ms"), [("audio/pcm", 20), ("audio/pcmu", 120), ("x", 20)])
def test_length_follows_the_format_of_the_session(name, ms):
    shown = []
    talk = SocketTap(shown.append, lambda: 0.0)
    sides = {"input": {"format": {"type": "audio/pcma"}}, "output": {"format": {"type": name}}}

    talk.message("<", json.dumps({"type": "session.updated", "session": {"audio": sides}}))
    talk.message("<", json.dumps({"type": "response.output_audio.delta", "delta": PCM}))
    talk.message(">", json.dumps({"type": "input_audio_buffer.append", "audio": PCM}))

    assert shown[1].endswith(f"audio {ms} ms (960 bytes)")
    assert shown[2].endswith("audio 120 ms (960 bytes)")


@pytest.mark.parametrize("session", [None, {}, {"audio": None}, {"audio": {"output": 7}}])
def test_odd_session_is_shown_like_any(session):
    shown = []

    SocketTap(shown.append, lambda: 0.0).message("<", json.dumps({"type": "x", "session": session}))

    assert shown == [f"< +0.000 x  session {json.dumps(session)}"]


# ------------------------------------------------------------ HTTP


def shown_lines(emulator, ask):
    """What the tap shows of requests to the emulator."""
    shown = []
    http_client = httpx2.Client(**LOCAL)
    with CourseClient(
        base_url=emulator.base_url, api_key="sk-secret", http_client=http_client
    ) as client:
        tapped = Connection(client, "who", False).tapped(Tap(shown.append))
        with tapped.client:
            ask(tapped)
    return shown


QUESTION = {"model": MODEL, "messages": [{"role": "user", "content": "Reply with exactly: a b"}]}


def chunks_of(shown):
    return [line for line in shown if line.startswith('< data: {"id"')]


def test_request_and_chunks_are_shown_in_short(start):
    def ask(tapped):
        list(tapped.client.chat.completions.create(**QUESTION, stream=True))

    shown = shown_lines(start(), ask)

    assert shown[0].startswith('> POST /v1/chat/completions {"')
    assert '"content":"Reply with exactly: a b"' in shown[0]
    assert shown[1] == "< 200 OK, text/event-stream; charset=utf-8"
    assert shown[-1] == "< data: [DONE]"
    assert [line for line in shown if '"content":"a' in line] != []
    assert all(line.startswith('< data: {"id":"chatcmpl') for line in chunks_of(shown))
    assert all(' ... "delta":' in line for line in chunks_of(shown) if '"delta"' in line)
    assert "sk-secret" not in "".join(shown)


def test_request_without_a_body_is_shown(start):
    shown = shown_lines(start(), lambda tapped: tapped.client.models.retrieve(MODEL))

    assert shown[0] == f"> GET /v1/models/{MODEL} "
    assert shown[1] == "< 200 OK, application/json"
    assert f'<   "id": "{MODEL}",' in shown


def test_upload_is_shown_without_its_bytes(start):
    def ask(tapped):
        tapped.client.files.create(file=("a.txt", b"secret words"), purpose="assistants")

    assert shown_lines(start(), ask)[0] == "> POST /v1/files "


def test_async_client_shows_the_same(start):
    def ask(tapped):
        list(tapped.client.chat.completions.create(**QUESTION, stream=True))

    def ask_async(tapped):
        asyncio.run(drain(tapped))

    async def drain(tapped):
        async with tapped.async_client() as client:
            async for _ in await client.chat.completions.create(**QUESTION, stream=True):
                pass

    lines = [shown_lines(start(), each) for each in (ask, ask_async)]

    assert lines[0][:2] == lines[1][:2]
    assert [len(each) for each in map(chunks_of, lines)] == [len(chunks_of(lines[0]))] * 2


def test_stream_that_is_left_is_closed(start):
    emulator = start(pace=1.0)

    def ask(tapped):
        with tapped.client.chat.completions.create(**QUESTION, stream=True) as chunks:
            next(iter(chunks))

    shown = shown_lines(emulator, ask)

    assert shown[-1] != "< data: [DONE]"


def test_failed_handshake_is_shown_without_an_answer():
    shown = []

    SocketTap(shown.append, lambda: 0.0).handshake(SimpleNamespace(path="/v1/realtime"), None)

    assert shown == ["> +0.000 GET /v1/realtime"]


def test_reason_of_a_close_is_shown():
    shown = []

    SocketTap(shown.append, lambda: 0.0).close(">", 1000, "done")

    assert shown == ["> +0.000 close 1000 done"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('data: {"delta":"a","id":1}', 'data: {"delta":"a","id":1}'),
        (
            'data: {"id":"chatcmpl-1","object":"x","delta":{}}',
            'data: {"id":"chatcmpl-1" ... "delta":{}}',
        ),
        ("event: error", "event: error"),
    ],
)
def test_envelope_is_left_out_only_if_it_is_long(line, expected):
    assert shorten(line) == expected


def test_lines_of_two_threads_are_not_mixed():
    locked = []
    tap = Tap(lambda line: locked.append(tap._lock.locked()))

    tap.show("one")

    assert locked == [True]
