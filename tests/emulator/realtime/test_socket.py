"""Realtime over a real socket: the SDK, sync and async, and bare `websockets`, one and all."""

import json
import socket
import struct
from urllib.parse import urlsplit

from emulator.answers.answer import Answer
from emulator.errors import ApiError
from emulator.realtime import socket as socket_module
from emulator.server import Emulator
from emulator.voice import recognizer
from emulator.voice.recognizer import RecognitionError
from tests.support.realtime_calls import (
    MODEL,
    TEXT_TURN,
    StoppedClock,
    joined,
    of,
    quiet,
    types,
    update,
    user,
    without_repeats,
)
from tests.support.realtime_clients import AsyncSdk, Bare, SyncSdk, calling, clip, dial

import pytest
from openai import NotFoundError
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect

TEXT = {"output_modalities": ["text"]}

each_client = pytest.mark.parametrize("kind", [SyncSdk, AsyncSdk, Bare])


@each_client
def test_text_turn(kind, emulator):
    with calling(kind, emulator) as caller:
        caller.send("session.update", **update(**TEXT))
        caller.send("conversation.item.create", **user("When are you closed?"))
        caller.send("response.create")
        events = caller.until("rate_limits.updated")

    assert without_repeats(events)[-len(TEXT_TURN) :] == TEXT_TURN
    assert "closed" in joined(events, "response.output_text.delta")


@each_client
def test_spoken_turn(kind, emulator):
    pytest.importorskip("moonshine_voice", reason="recognises speech")
    with calling(kind, emulator) as caller:
        audio = {"input": {"transcription": {"model": "gpt-transcribe"}}}
        caller.send("session.update", **update(audio=audio))
        caller.speak(quiet(320) + clip("ask-closed") + quiet(800))
        events = caller.until("response.done")

    (heard,) = of(events, "conversation.item.input_audio_transcription.completed")
    assert "closed" in heard["transcript"].lower()
    assert "Mondays" in joined(events, "response.output_audio_transcript.delta")
    assert len(of(events, "response.output_audio.delta")) > 5


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
        events = caller.until("response.done")

    assert json.loads(call["arguments"]) == {"people": 3}
    assert "number 7" in joined(events, "response.output_text.delta")


@pytest.fixture(scope="module")
def standing():
    """An emulator whose time does not pass, so that an answer is always under way."""
    with Emulator(pace=1.0, clock=StoppedClock()) as emulator:
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
        events = caller.until("response.done")
        place = {"item_id": delta["item_id"], "content_index": 0, "audio_end_ms": 120}
        caller.send("conversation.item.truncate", **place)
        truncated = caller.until("conversation.item.truncated")[-1]

    assert "input_audio_buffer.speech_started" in types(events)
    assert not of(events, "response.output_audio.delta")
    assert events[-1]["response"]["status_details"]["reason"] == "turn_detected"
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
    """The line breaks after two events; the new session knows nothing, and is events."""
    with calling(kind, start(faults=["abortx1@2"])) as caller:
        caller.send("session.update", **update(instructions="Be brief.", **TEXT))
        assert caller.until("session.updated")
        caller.send("conversation.item.create", **user("When are you closed?"))
        fresh = caller.until("session.created")[-1]["session"]
        caller.send("session.update", **update(instructions="Be brief.", **TEXT))
        caller.send("conversation.item.create", **user("When are you closed?"))
        caller.send("response.create")
        events = caller.until("response.done")

    assert fresh["instructions"] != "Be brief."
    assert "closed" in joined(events, "response.output_text.delta")


# ------------------------------------------------------------------ the door


@pytest.mark.parametrize(
    ("query", "headers", "code", "reason"),
    [
        ("?model=gpt-nope", {}, 4000, "invalid_request_error.invalid_model"),
        ("", {}, 4000, "invalid_request_error.missing_model"),
        ("?call_id=rtc_1", {}, 4000, "invalid_request_error.not_served_by_emulator"),
        ("?model=gpt-6-luna", {}, 4000, "invalid_request_error.invalid_model"),
        (f"?model={MODEL}", {"Authorization": ""}, 3000, "invalid_request_error"),
        # Recorded: a transcription session takes no model, whatever kind it is.
        (f"?intent=transcription&model={MODEL}", {}, 4000, "invalid_request_error.invalid_model"),
        ("?intent=transcription&model=whisper-1", {}, 4000, "invalid_request_error.invalid_model"),
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


def test_last_of_two_models_counts(emulator):
    with dial(emulator, f"?model=gpt-nope&model={MODEL}") as line:
        assert json.loads(line.recv(timeout=10))["session"]["model"] == MODEL


def test_transcription_session(emulator):
    with dial(emulator, "?intent=transcription") as line:
        session = json.loads(line.recv(timeout=10))["session"]

    assert session["type"] == "transcription"


class Captioner(Bare):
    """A WebSocket to a transcription session."""

    def __init__(self, stack, emulator, headers):
        self.socket = stack.enter_context(dial(emulator, "?intent=transcription", **headers))


def test_captions_come_before_the_commit(emulator):
    pytest.importorskip("moonshine_voice", reason="recognises speech")
    name = "conversation.item.input_audio_transcription"
    transcription = {"transcription": {"model": "gpt-live-transcribe"}}
    with calling(Captioner, emulator) as caller:
        session = {"type": "transcription", "audio": {"input": transcription}}
        caller.send("session.update", session=session)
        events, rest = caller.until("session.updated"), quiet(320) + clip("book-two")
        while not of(events, f"{name}.delta"):
            caller.speak(rest[:24_000] or quiet(100), ms=500)
            rest = rest[24_000:]
            for _ in range(20):  # a pass over the sound takes longer than the way there and back
                caller.send("session.update", session=session)
                events += caller.until("session.updated")
        caller.speak(rest)
        caller.send("input_audio_buffer.commit")
        after = caller.until(f"{name}.completed")

    assert "input_audio_buffer.committed" not in types(events)
    assert "two people" in after[-1]["transcript"]
    assert joined(events + after, f"{name}.delta").startswith("I'd like")
    assert {each["item_id"] for each in of(events, f"{name}.delta")} == {after[-1]["item_id"]}


def test_translations_are_refused_by_name(client):
    """As the SDK asks for them: over a WebSocket, and for a client secret."""
    with pytest.raises(InvalidStatus) as refused:
        client.realtime.translations.connect(model="gpt-realtime-translate").enter()
    error = json.loads(refused.value.response.body)["error"]
    with pytest.raises(NotFoundError) as secret:
        client.realtime.translations.client_secrets.create(
            session={"model": "gpt-realtime-translate"}
        )

    assert refused.value.response.status_code == 404
    assert error["code"] == secret.value.code == "not_served_by_emulator"
    assert "/v1/realtime/translations" in error["message"]


READ_ALOUD = """The dome opens at 19:30 on clear nights. Bring a coat!

Tickets cost 12.50 euros; children under 6 (with an adult) pay nothing."""


@each_client
def test_text_is_read_aloud_beside_the_conversation(kind, emulator):
    with calling(kind, emulator) as caller:
        asked = {
            "conversation": "none",
            "input": [user(READ_ALOUD)["item"]],
            "instructions": "Read the text of the user aloud, word for word. Add nothing.",
            "metadata": {"purpose": "reading"},
            "output_modalities": ["audio"],
        }
        caller.send("response.create", response=asked)
        events = caller.until("response.done")

    assert joined(events, "response.output_audio_transcript.delta") == READ_ALOUD
    response = events[-1]["response"]
    assert response["metadata"] == {"purpose": "reading"}
    assert response["output"][0]["content"][0]["transcript"] == READ_ALOUD
    assert (response["conversation_id"], of(events, "conversation.item.added")) == (None, [])


def test_binary_message_is_refused_and_the_session_goes_on(emulator):
    with calling(Bare, emulator) as caller:
        caller.line.socket.send(b"\x00\x01")
        assert caller.until("error")[-1]["error"]["code"] == "invalid_event"
        caller.send("session.update", **update(**TEXT))
        caller.until("session.updated")


# ------------------------------------------------------------------ faults of the line


def test_r10_session_expires(start):
    clock = StoppedClock()
    emulator = start(faults=["expire=3s"], clock=clock)
    with calling(Bare, emulator) as caller:
        clock.now += 2.9
        caller.send("session.update", **update(**TEXT))
        caller.until("session.updated")
        clock.now += 0.1
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


# ------------------------------------------------------------------ the jobs of a session


class Engine:
    """Speech recognition that recognises what a test says, or raises it."""

    def __init__(self, words, reason=None):
        self.words, self.unavailable_reason = words, reason

    def warm(self):
        pass

    def transcribe(self, pcm):
        if isinstance(self.words, Exception):
            raise self.words
        return self.words


def spoken_turn(caller):
    """A turn in speech, answered in writing."""
    audio = {"input": {"transcription": {"model": "gpt-transcribe"}}}
    caller.send("session.update", **update(audio=audio, **TEXT))
    caller.speak(quiet(320) + clip("ask-closed") + quiet(800), ms=100)
    return caller.until("response.done")


def test_missing_recognition_is_reported_as_an_event_and_in_words(start, monkeypatch):
    engine = Engine(RecognitionError("no"), "Speech recognition is not installed.")
    monkeypatch.setattr("emulator.voice.recognizer.for_calls", lambda: engine)
    with calling(Bare, start()) as caller:
        events = spoken_turn(caller)

    (failed,) = of(events, "conversation.item.input_audio_transcription.failed")
    assert failed["error"]["message"] == "Speech recognition is not installed."
    assert "cannot hear words" in joined(events, "response.output_text.delta")


def test_silence_that_is_committed_is_not_recognised(start, monkeypatch):
    monkeypatch.setattr("emulator.voice.recognizer.for_calls", lambda: Engine("never"))
    with calling(Bare, start()) as caller:
        caller.send("session.update", **update(**TEXT))
        caller.speak(quiet(400))
        caller.send("input_audio_buffer.commit")
        caller.send("response.create")
        events = caller.until("response.done")

    assert "did not catch" in joined(events, "response.output_text.delta")


def test_failed_upstream_fails_the_response(start):
    async def upstream(prompt, found):
        raise ApiError(502, "The upstream is gone.", type="server_error")

    with calling(Bare, start(upstream=upstream)) as caller:
        caller.send("session.update", **update(**TEXT))
        caller.send("conversation.item.create", **user("When are you closed?"))
        caller.send("response.create")
        response = caller.until("response.done")[-1]["response"]

    assert response["status_details"]["error"]["message"] == "The upstream is gone."


def test_question_with_a_picture_is_answered_with_a_notice(emulator):
    content = [
        {"type": "input_text", "text": "When are you closed?"},
        {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="},
    ]
    with calling(Bare, emulator) as caller:
        caller.send("session.update", **update(**TEXT))
        item = {"type": "message", "role": "user", "content": content}
        caller.send("conversation.item.create", item=item)
        caller.send("response.create")
        text = joined(caller.until("response.done"), "response.output_text.delta")

    assert text.startswith("This assistant does not see pictures. ")
    assert "closed" in text


def test_first_session_starts_both_engines():
    socket_module.warm.cache_clear()
    socket_module.warm()

    assert socket_module.synthesizer().name
    assert recognizer.for_calls() is recognizer.for_calls()


def test_refusal_of_a_server_upstream_is_said():
    async def refuse(prompt, found):
        return Answer(refusal="I can't help.")

    with Emulator(upstream=refuse) as emulator, calling(Bare, emulator) as caller:
        caller.send("session.update", **update(**TEXT))
        caller.send("conversation.item.create", **user("Hm?"))
        caller.send("response.create")
        events = caller.until("response.done")

    assert joined(events, "response.output_text.delta") == "I can't help."
