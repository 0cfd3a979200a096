"""Realtime over a real socket: the SDK, sync and async, and bare `websockets`, one and all."""

import asyncio
import json
import socket
import struct
from base64 import b64encode
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from audio.wav import read_wav
from emulator.server import Emulator
from tests.conftest import connect as sdk
from tests.emulator.realtime.test_session import TEXT_TURN, joined, of, without_repeats
from tests.support.realtime_calls import EVENT, MODEL, quiet, types, update, user

import pytest
from openai import AsyncOpenAI
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect

CALLERS = Path(__file__).parents[3] / "data" / "callers"
TEXT = {"output_modalities": ["text"]}
AGAIN = {"on_reconnecting": lambda event: None, "initial_delay": 0.001}


class SyncSdk:
    """The SDK's sync connection."""

    def __init__(self, stack, emulator, headers):
        client = stack.enter_context(sdk(emulator))
        self.connection = stack.enter_context(
            client.realtime.connect(model=MODEL, extra_headers=headers, **AGAIN)
        )
        # To iterate connects again where the line broke; `recv` raises.
        self.events = iter(self.connection)

    def send(self, event):
        self.connection.send(event)

    def receive(self):
        return next(self.events).to_dict()


class AsyncSdk:
    """The SDK's async connection, one call at a time."""

    def __init__(self, stack, emulator, headers):
        self.runner = stack.enter_context(asyncio.Runner())
        client = AsyncOpenAI(base_url=emulator.base_url, api_key="offline")
        stack.callback(lambda: self.runner.run(client.close()))
        manager = client.realtime.connect(model=MODEL, extra_headers=headers, **AGAIN)
        self.connection = self.runner.run(manager.enter())
        self.events = aiter(self.connection)
        stack.callback(lambda: self.runner.run(self.connection.close()))

    def send(self, event):
        self.runner.run(self.connection.send(event))

    def receive(self):
        return self.runner.run(anext(self.events)).to_dict()


class Bare:
    """Nothing but a WebSocket."""

    def __init__(self, stack, emulator, headers):
        self.dial = lambda: stack.enter_context(dial(emulator, f"?model={MODEL}", **headers))
        self.socket = self.dial()

    def send(self, event):
        self.socket.send(json.dumps(event))

    def receive(self):
        """The next event; where the line broke, the first of a new session."""
        try:
            return json.loads(self.socket.recv(timeout=30))
        except ConnectionClosedError as closed:
            if closed.rcvd is not None:
                raise
            self.socket = self.dial()
            return self.receive()


@contextmanager
def calling(kind, emulator, **headers):
    with ExitStack() as stack:
        yield Caller(kind(stack, emulator, headers))


class Caller:
    """Whoever calls, with words for what a test does."""

    def __init__(self, line):
        self.line = line
        assert line.receive()["type"] == "session.created"

    def send(self, kind, **fields):
        self.line.send({"type": kind, **fields})

    def speak(self, pcm, ms=20):
        for start in range(0, len(pcm), 48 * ms):
            piece = b64encode(pcm[start : start + 48 * ms]).decode()
            self.send("input_audio_buffer.append", audio=piece)

    def until(self, kind):
        """All events up to the first of this kind; each is one of the SDK's."""
        told = []
        while not told or told[-1]["type"] != kind:
            told.append(self.line.receive())
            EVENT.validate_python(told[-1])
        return told


def dial(emulator, query="", path="/realtime", subprotocols=None, **headers):
    url = f"{emulator.base_url.replace('http', 'ws')}{path}{query}"
    headers = {"Authorization": "Bearer offline"} | headers
    return connect(url, additional_headers=headers, subprotocols=subprotocols, proxy=None)


def clip(name):
    return read_wav(CALLERS / f"{name}.wav")


each_client = pytest.mark.parametrize("kind", [SyncSdk, AsyncSdk, Bare])


@each_client
def test_text_turn(kind, emulator):
    with calling(kind, emulator) as caller:
        caller.send("session.update", **update(**TEXT))
        caller.send("conversation.item.create", **user("When are you closed?"))
        caller.send("response.create")
        told = caller.until("rate_limits.updated")

    assert without_repeats(told)[-len(TEXT_TURN) :] == TEXT_TURN
    assert "closed" in joined(told, "response.output_text.delta")


@each_client
def test_spoken_turn(kind, emulator):
    pytest.importorskip("moonshine_voice", reason="recognises speech")
    with calling(kind, emulator) as caller:
        audio = {"input": {"transcription": {"model": "gpt-transcribe"}}}
        caller.send("session.update", **update(audio=audio))
        caller.speak(quiet(320) + clip("ask-closed") + quiet(800))
        told = caller.until("response.done")

    (heard,) = of(told, "conversation.item.input_audio_transcription.completed")
    assert "closed" in heard["transcript"].lower()
    assert "Mondays" in joined(told, "response.output_audio_transcript.delta")
    assert len(of(told, "response.output_audio.delta")) > 5


@each_client
def test_tool(kind, emulator):
    tool = {
        "type": "function",
        "name": "book_slot",
        "description": "Book places at the telescope for an evening.",
        "parameters": {
            "type": "object",
            "properties": {"people": {"type": "integer"}},
            "required": ["people"],
        },
    }
    with calling(kind, emulator) as caller:
        caller.send("session.update", **update(tools=[tool], **TEXT))
        caller.send("conversation.item.create", **user("Please book a slot for three people."))
        caller.send("response.create")
        (call,) = of(caller.until("response.done"), "response.function_call_arguments.done")
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "number 7"}
        caller.send("conversation.item.create", item=output)
        caller.send("response.create")
        told = caller.until("response.done")

    assert json.loads(call["arguments"]) == {"people": 3}
    assert "number 7" in joined(told, "response.output_text.delta")


class Stopped:
    """A clock that stands still: what is paced waits until the test lets time pass."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture(scope="module")
def standing():
    """An emulator whose time does not pass, so that an answer is always under way."""
    with Emulator(pace=1.0, clock=Stopped()) as emulator:
        yield emulator


def asked_aloud(caller):
    """A spoken answer that has begun; its events so far."""
    caller.send("conversation.item.create", **user("What can be seen in December?"))
    caller.send("response.create")
    return caller.until("response.output_audio.delta")


@each_client
def test_interruption(kind, standing):
    with calling(kind, standing) as caller:
        delta = asked_aloud(caller)[-1]
        caller.speak(clip("cut-in-price"), ms=100)
        told = caller.until("response.done")
        place = {"item_id": delta["item_id"], "content_index": 0, "audio_end_ms": 120}
        caller.send("conversation.item.truncate", **place)
        truncated = caller.until("conversation.item.truncated")[-1]

    assert "input_audio_buffer.speech_started" in types(told)
    assert not of(told, "response.output_audio.delta")
    assert told[-1]["response"]["status_details"]["reason"] == "turn_detected"
    assert {key: truncated[key] for key in place} == place


@each_client
def test_cancel(kind, standing):
    with calling(kind, standing) as caller:
        asked_aloud(caller)
        caller.send("response.cancel")
        done = caller.until("response.done")[-1]
        caller.send("response.cancel", event_id="again")
        error = caller.until("error")[-1]["error"]

    assert done["response"]["status_details"]["reason"] == "client_cancelled"
    assert (error["code"], error["event_id"]) == ("response_cancel_not_active", "again")


@each_client
def test_reconnect(kind, start):
    """The line breaks after two events; the new session knows nothing, and is told."""
    with calling(kind, start(faults=["abortx1@2"])) as caller:
        caller.send("session.update", **update(instructions="Be brief.", **TEXT))
        assert caller.until("session.updated")
        caller.send("conversation.item.create", **user("When are you closed?"))
        fresh = caller.until("session.created")[-1]["session"]
        caller.send("session.update", **update(instructions="Be brief.", **TEXT))
        caller.send("conversation.item.create", **user("When are you closed?"))
        caller.send("response.create")
        told = caller.until("response.done")

    assert fresh["instructions"] != "Be brief."
    assert "closed" in joined(told, "response.output_text.delta")


# ------------------------------------------------------------------ the door


@pytest.mark.parametrize(
    ("query", "headers", "code", "reason"),
    [
        ("?model=gpt-nope", {}, 4000, "invalid_request_error.invalid_model"),
        ("", {}, 4000, "invalid_request_error.missing_model"),
        (f"?model={MODEL}", {"Authorization": ""}, 3000, "invalid_request_error"),
        (
            f"?model={MODEL}",
            {"Authorization": "Bearer ek_no"},
            3000,
            "invalid_request_error.invalid_api_key",
        ),
        (
            f"?model={MODEL}",
            {"OpenAI-Beta": "realtime=v1"},
            4000,
            "invalid_request_error.beta_api_shape_disabled",
        ),
    ],
)
def test_bad_session_is_told_and_closed(emulator, query, headers, code, reason):
    with dial(emulator, query, **headers) as line:
        event = json.loads(line.recv(timeout=10))
        with pytest.raises(ConnectionClosedError) as closed:
            line.recv(timeout=10)

    assert event["type"] == "error"
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (code, reason)


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.com"}, {"Origin": "https://evil.com"}, {"Origin": "null"}]
)
def test_p2_p3_foreign_socket_is_refused(emulator, headers):
    host = urlsplit(emulator.base_url).netloc
    lines = {"Host": host, "Authorization": "Bearer k", "Upgrade": "websocket"} | headers
    lines |= {
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    request = f"GET /v1/realtime?model={MODEL} HTTP/1.1\r\n{head}\r\n"
    name, port = host.split(":")
    with socket.create_connection((name, int(port)), timeout=10) as line:
        line.sendall(request.encode())
        answer = line.recv(4096)

    assert answer.startswith(b"HTTP/1.1 403")


def test_unknown_socket_is_refused_in_words(emulator):
    with pytest.raises(InvalidStatus) as refused:
        dial(emulator, path="/nowhere")

    assert refused.value.response.status_code == 404
    assert b"error" in refused.value.response.body


def test_browser_brings_its_key_as_subprotocol(emulator):
    protocols = ["realtime", "openai-insecure-api-key.k"]
    with dial(emulator, f"?model={MODEL}", subprotocols=protocols, Authorization="") as line:
        assert json.loads(line.recv(timeout=10))["type"] == "session.created"
        assert line.subprotocol == "realtime"


def test_client_secret_opens_its_session(emulator, client):
    made = client.realtime.client_secrets.create(
        session={"type": "realtime", "model": MODEL, "instructions": "Be brief."}
    )

    with dial(emulator, Authorization=f"Bearer {made.value}") as line:
        session = json.loads(line.recv(timeout=10))["session"]

    assert (session["model"], session["instructions"]) == (MODEL, "Be brief.")


def test_transcription_session(emulator):
    with dial(emulator, "?intent=transcription") as line:
        session = json.loads(line.recv(timeout=10))["session"]

    assert session["type"] == "transcription"


def test_binary_message_is_refused_and_the_session_goes_on(emulator):
    with calling(Bare, emulator) as caller:
        caller.line.socket.send(b"\x00\x01")
        assert caller.until("error")[-1]["error"]["code"] == "invalid_event"
        caller.send("session.update", **update(**TEXT))
        caller.until("session.updated")


# ------------------------------------------------------------------ faults of the line


def test_r10_session_expires(start):
    clock = Stopped()
    emulator = start(faults=["expire=3s"], clock=clock)
    with calling(Bare, emulator) as caller:
        clock.now += 3.0
        caller.send("response.cancel")
        error = caller.until("error")[-1]["error"]
        with pytest.raises(ConnectionClosed) as closed:
            caller.line.receive()

    assert error["code"] == "session_expired"
    assert closed.value.rcvd.code == 1001


def test_r11_line_aborts(start):
    emulator = start(faults=["abort@2"])
    with calling(Bare, emulator) as caller, pytest.raises(ConnectionClosedError) as closed:
        caller.send("session.update", **update(**TEXT))
        caller.send("session.update", **update(**TEXT))
        while True:
            caller.line.socket.recv(timeout=10)

    assert closed.value.rcvd is None


def test_r11_line_closes_with_a_code(start):
    emulator = start(faults=["close@1=1011"])
    with calling(Bare, emulator) as caller, pytest.raises(ConnectionClosedError) as closed:
        caller.send("session.update", **update(**TEXT))
        caller.until("never")

    assert closed.value.rcvd.code == 1011


def test_r23_handshake_is_refused(start):
    with pytest.raises(InvalidStatus) as refused:
        dial(start(faults=["ws401"]), f"?model={MODEL}")

    assert refused.value.response.status_code == 401


def test_handshake_stalls(start):
    url = f"{start(faults=['stall-head']).base_url.replace('http', 'ws')}/realtime?model={MODEL}"

    with pytest.raises(TimeoutError):
        connect(url, proxy=None, open_timeout=0.1)


def test_r13_message_over_the_limit_is_1009(emulator):
    """Only the head of the frame is sent: what it announces is refused before it comes."""
    text_of_17_mib = struct.pack("!BBQ4s", 0x81, 0x80 | 127, 17 * 2**20, b"mask")
    with calling(Bare, emulator) as caller, pytest.raises(ConnectionClosedError) as closed:
        caller.line.socket.socket.sendall(text_of_17_mib)
        caller.until("never")

    assert closed.value.rcvd.code == 1009


def test_fault_by_header_strikes_one_session(emulator):
    with calling(Bare, emulator, **{"x-emulator-fault": "unknown-event"}) as caller:
        assert caller.line.receive()["type"] == "never.heard"


def test_lines_are_forgotten_when_they_close(start):
    emulator = start()
    for _ in range(5):
        with calling(Bare, emulator):
            assert emulator.open_connections == 1
    for exchange in emulator.exchanges:
        assert exchange.finished.wait(10)

    assert emulator.service.open_streams == 0
    assert [exchange.ended for exchange in emulator.exchanges] == ["disconnected"] * 5
