"""The Realtime server of the exercises: the SDK talks to it, and what comes is what it types."""

import random
from base64 import b64encode

from emulator.answers.answer import Answer
from emulator.wire import tokens
from grading.judge import serve
from grading.scripted_session import RealtimeScene

import pytest
from openai import OpenAI
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter
from websockets.exceptions import ConnectionClosedOK

EVENT = TypeAdapter(RealtimeServerEvent)
TONE = b"\x00\x40" * 2_400


class TwoSentences(RealtimeScene):
    """The second sentence is spoken when the program clears its buffer; `ends` closes a session."""

    ends = ""

    def answer(self, call, prompt):
        self.asked = prompt.questions[-1]
        return Answer(tokens.split("It is open tonight. Come at nine."))

    def sound(self, call, text):
        return TONE if text.startswith("It") else None

    def taken(self, call, message):
        if message.get("type") == "input_audio_buffer.clear":
            assert call.speak(bytes(len(TONE)))
            assert not call.speak(TONE)

    def closes(self, call, event):
        return 1001 if event["type"] == self.ends else None


@pytest.fixture
def scene():
    return TwoSentences(random.Random(1))


def connect(server):
    client = OpenAI(base_url=server.base_url, api_key="offline")
    return client.realtime.connect(model="gpt-realtime-2.1-mini")


def until(connection, kind):
    """The events up to one of this type, checked against the SDK's types."""
    found = []
    while not found or found[-1]["type"] != kind:
        found.append(EVENT.validate_json(connection.recv_bytes()).model_dump())
    return found


def test_spoken_turn_has_the_events_of_the_sdk(scene):
    with serve(scene) as server, connect(server) as connection:
        connection.input_audio_buffer.append(audio=b64encode(TONE).decode())
        connection.input_audio_buffer.append(audio=b64encode(bytes(48_000)).decode())
        begun = [event["type"] for event in until(connection, "response.output_audio.delta")]
        connection.input_audio_buffer.clear()
        rest = [event["type"] for event in until(connection, "response.done")]

    assert begun[:3] == [
        "session.created",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
    ]
    assert "response.output_audio.delta" in rest
    assert scene.asked == "Good evening."
    assert [each.status for each in scene.sessions] == [101]


def test_session_is_closed_behind_an_event(scene):
    scene.ends = "session.updated"
    with serve(scene) as server, connect(server) as connection:
        connection.session.update(session={"type": "realtime", "instructions": "Be brief."})
        until(connection, "session.updated")
        with pytest.raises(ConnectionClosedOK) as closed:
            connection.recv_bytes()

    assert closed.value.rcvd.code == 1001
    assert scene.sessions[0].close_code == 1001


def test_beta_is_refused(scene):
    headers = {"OpenAI-Beta": "realtime=v1"}
    with serve(scene) as server:
        client = OpenAI(base_url=server.base_url, api_key="offline")
        with client.realtime.connect(model="gpt-realtime", extra_headers=headers) as connection:
            assert until(connection, "error")[-1]["error"]["code"] == "beta_api_shape_disabled"


def test_other_requests_go_to_the_emulator(scene):
    with serve(scene) as server:
        client = OpenAI(base_url=server.base_url, api_key="offline")

        assert "gpt-realtime" in [model.id for model in client.models.list()]
