"""A scripted Realtime server, and lesson 3's calls to it."""

import asyncio
import json
import socket
import threading
from array import array
from base64 import b64decode, b64encode
from contextlib import asynccontextmanager
from functools import partial

from audio.call_clock import CallClock
from audio.wav import WavMicrophone, WavSpeaker
from common.client import LOCAL
from tests.support import lessons

import httpx2
from openai import AsyncOpenAI, OpenAI, OpenAIError
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

LESSON = lessons.load(lessons.LESSON_3)


SESSION = LESSON.session_config("gpt-transcribe")


MODEL = "gpt-realtime-2.1-mini"


class Server:
    """Answers each connection by the next of its scripts, then listens until that is closed.

    `heard` is what clients sent, but for sound, which is put into `sound`; `closed` are the codes
    that they closed with, None where the line broke.
    """

    def __init__(self, *scripts, **options):
        self.heard, self.sound = [], bytearray()
        self.requests, self.closed = [], []
        self._scripts, self._faults, self._talks = list(scripts), [], []
        options |= {"compression": None, "process_request": self._open}
        self._server = serve(self._talk, "127.0.0.1", 0, **options)
        self._thread = threading.Thread(target=self._server.serve_forever)

    @property
    def base_url(self):
        return f"http://127.0.0.1:{self._server.socket.getsockname()[1]}/v1"

    def say(self, *events):
        for event in events:
            self._line.send(json.dumps({"event_id": "event_1", **event}))

    def hear(self, kind=None):
        """The next event, or the next of a kind."""
        while True:
            event = json.loads(self._line.recv(timeout=10))
            if event["type"] == "input_audio_buffer.append":
                self.sound += b64decode(event["audio"])
            else:
                self.heard.append(event)
            if event["type"] == (kind or event["type"]):
                return event

    def hang_up(self, code=1000, reason=""):
        self._line.close(code, reason)

    def break_off(self):
        """The line breaks, without a close frame."""
        self._line.socket.shutdown(socket.SHUT_RDWR)

    def _open(self, line, request):
        self._talks.append(threading.current_thread())
        self.requests.append(request)

    def _talk(self, line):
        self._line = line
        try:
            if self._scripts:
                self._scripts.pop(0)(self)
            while True:
                self.hear()
        except ConnectionClosed as end:
            self.closed.append(end.rcvd and end.rcvd.code)
        except Exception as error:  # whatever a script did not expect; told at the end of the test
            self._faults.append(error)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        for thread in (self._thread, *self._talks):
            thread.join(10)
        assert self._faults == []


class JumpingTime:
    """A time that stands still until a test lets it pass."""

    def __init__(self):
        self.now = 1000.0
        self._passed = asyncio.Event()

    def go(self, seconds):
        self.now += seconds
        self._passed.set()
        self._passed = asyncio.Event()

    async def sleep(self, seconds):
        due = self.now + seconds - 1e-9
        await asyncio.sleep(0)
        while self.now < due:
            await self._passed.wait()

    def clock(self):
        return CallClock(1.0, lambda: self.now, self.sleep)


CREATED = {"type": "session.created", "session": {"id": "sess_1"}}


def done(*output, response="resp_1", status="completed"):
    told = {"id": response, "status": status, "output": list(output)}
    return {"type": "response.done", "response": told}


def refused(code, message="No.", event_id=None, kind="invalid_request_error"):
    error = {"type": kind, "code": code, "message": message, "event_id": event_id}
    return {"type": "error", "error": error}


def text_client(server):
    return OpenAI(base_url=server.base_url, api_key="test", http_client=httpx2.Client(**LOCAL))


def voice_client(server):
    http_client = httpx2.AsyncClient(**LOCAL)
    client = AsyncOpenAI(base_url=server.base_url, api_key="test", http_client=http_client)
    # The SDK waits half a second before it connects again.
    client.realtime.connect = partial(client.realtime.connect, initial_delay=0.001)
    return client


def call_at(time):
    clock = time.clock()
    return LESSON.VoiceCall(MODEL, SESSION, WavMicrophone(clock), WavSpeaker(clock))


class Listener:
    """A call to a server that only listens; what the server would say is handed in."""

    def __init__(self, connection, server, time):
        self.connection, self.call, self.time = connection, call_at(time), time
        self._server = server

    async def take(self, *events):
        for event in events:
            known = self.connection.parse_event(json.dumps({"event_id": "event_1", **event}))
            await LESSON.react(self.connection, self.call, known)

    @property
    def heard(self):
        """What the server heard; complete once the connection is closed."""
        return self._server.heard


@asynccontextmanager
async def listening():
    with Server() as server:
        async with voice_client(server) as client:
            async with client.realtime.connect(model=MODEL) as connection:
                yield Listener(connection, server, JumpingTime())


async def events_of(server, call, on=None):
    """The types of a call's events; `on` is called with each event. The error that ended it."""
    seen, ended = [], None
    async with voice_client(server) as client:
        try:
            async for event in LESSON.voice(client, call):
                seen.append(event.type)
                if on:
                    on(event)
        except (EOFError, OpenAIError, ConnectionClosed) as error:
            ended = error
    await alone()
    return seen, ended


async def alone():
    """Return once no other task is left; a TimeoutError if one stays."""
    async with asyncio.timeout(5):
        while asyncio.all_tasks() != {asyncio.current_task()}:
            await asyncio.sleep(0)


def output(call_id, **told):
    item = {"type": "function_call_output", "call_id": call_id, "output": json.dumps(told)}
    return {"type": "conversation.item.create", "item": item}


def said(role, words):
    kind = "input_text" if role == "user" else "output_text"
    content = [{"type": kind, "text": words}]
    item = {"type": "message", "role": role, "content": content}
    return {"type": "conversation.item.create", "item": item}


UPDATE = {"type": "session.update", "session": SESSION}


def told(event):
    """An event as the SDK gives it."""
    return AsyncRealtimeConnection.parse_event(None, json.dumps(event))


STARTED = {"type": "input_audio_buffer.speech_started", "audio_start_ms": 0, "item_id": "item_u"}


def began(response="resp_1"):
    return {"type": "response.created", "response": {"id": response}}


def delta(ms, item="item_a", response="resp_1"):
    where = {"item_id": item, "response_id": response, "content_index": 0}
    sound = b64encode(tone(ms)).decode()
    return {"type": "response.output_audio.delta", "delta": sound, **where}


def finished(item="item_a"):
    return {"type": "response.output_audio.done", "item_id": item}


def tone(ms):
    """A square wave of 24 kHz."""
    return array("h", [8000 if place // 24 % 2 else -8000 for place in range(24 * ms)]).tobytes()


def answer(server):
    server.say(CREATED)
    server.hear("response.create")
    server.say({"type": "response.output_text.delta", "delta": "Yes."}, done())
