"""Three clients of a Realtime socket, used alike: the SDK (sync, async) and bare `websockets`."""

import asyncio
import json
from base64 import b64encode
from contextlib import ExitStack, contextmanager

from audio.wav import read_wav
from tests.support import lessons
from tests.support.emulator_clients import connect as sdk
from tests.support.realtime_calls import EVENT, MODEL

from openai import AsyncOpenAI
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

CALLERS = lessons.COURSE / "data" / "callers"
AGAIN = {"on_reconnecting": lambda event: None, "initial_delay": 0.001}


class SyncSdk:
    """The SDK's sync connection."""

    def __init__(self, stack, emulator, headers):
        client = stack.enter_context(sdk(emulator))
        self.connection = stack.enter_context(
            client.realtime.connect(model=MODEL, extra_headers=headers, **AGAIN)
        )
        # To iterate connects again where the connection broke; `recv` raises.
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
        """The next event; where the connection broke, the first of a new session."""
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
    """One client of a session, with words for what a test does."""

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
        events = []
        while not events or events[-1]["type"] != kind:
            events.append(self.line.receive())
            EVENT.validate_python(events[-1])
        return events


def dial(emulator, query="", path="/realtime", subprotocols=None, **headers):
    url = f"{emulator.base_url.replace('http', 'ws')}{path}{query}"
    headers = {"Authorization": "Bearer offline"} | headers
    return connect(url, additional_headers=headers, subprotocols=subprotocols, proxy=None)


def clip(name):
    return read_wav(CALLERS / f"{name}.wav")
