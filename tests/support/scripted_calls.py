"""A scripted Realtime server, and lesson 3's calls to it."""

import asyncio
import json
import socket
import threading
from array import array
from base64 import b64decode, b64encode
from functools import partial

from audio.call_clock import CallClock
from audio.wav import WavMicrophone, WavSpeaker
from common.client import LOCAL, Connection
from tests.support import lessons

import httpx2
from openai import OpenAI, OpenAIError
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.server import serve

LESSON = lessons.load(lessons.LESSON_3)

MODEL, TRANSCRIBER = "gpt-realtime-2.1-mini", "gpt-transcribe"

TEXT_ONLY = {"type": "realtime", "output_modalities": ["text"]}


class Server:
    """Answers each connection by the next of its scripts, then listens until that is closed.

    `heard` is what clients sent, but for sound, which is put into `sound`; `closed` are the codes
    that they closed with, None where the line broke.
    """

    def __init__(self, *scripts, **options):
        self.heard, self.sound = [], bytearray()
        self.requests, self.closed = [], []
        self._scripts, self._faults, self._talks = list(scripts), [], []
        self._own, self._newest = threading.local(), None
        options |= {"compression": None, "process_request": self._open}
        self._server = serve(self._talk, "127.0.0.1", 0, **options)
        self._thread = threading.Thread(target=self._server.serve_forever)

    @property
    def base_url(self):
        return f"http://127.0.0.1:{self._server.socket.getsockname()[1]}/v1"

    def say(self, *events):
        for event in events:
            self._line.send(json.dumps({"event_id": "event_1", **event}))

    def say_text(self, text):
        self._line.send(text)

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

    @property
    def _line(self):
        """The connection of the script that asks; the newest one for a test that asks."""
        return getattr(self._own, "line", self._newest)

    def _talk(self, line):
        self._newest = self._own.line = line
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


def reached(server):
    """While it lasts, `OpenAI()` and `AsyncOpenAI()` reach this server, as in a lesson."""
    return Connection(server.base_url, "test", "who").in_environment()


def hasty_client(server):
    """A client that connects again at once; the SDK waits half a second before it does."""
    client = OpenAI(base_url=server.base_url, api_key="test", http_client=httpx2.Client(**LOCAL))
    client.realtime.connect = partial(client.realtime.connect, initial_delay=0.001)
    return client


def waits(seconds):
    """An event of no API, at which the caller's time passes."""
    return {"type": "test.waits", "seconds": seconds}


HANGS_UP = {"type": "test.hangs_up"}


class HeldCall:
    """A call of part 3 in a time of its own: what it played, which events came, how it ended."""

    def __init__(self, time=None):
        self.time = time or JumpingTime()
        clock = self.time.clock()
        self.microphone, self.speaker = WavMicrophone(clock), WavSpeaker(clock)
        self.seen, self.ended = [], None

    async def hold(self, server):
        with reached(server):
            try:
                await LESSON.interrupt(self.microphone, self.speaker, MODEL, TRANSCRIBER, self.note)
            except (EOFError, OpenAIError, WebSocketException) as error:
                self.ended = error
        await alone()

    def note(self, event):
        self.seen.append(event.type)
        if event.type == "test.waits":
            self.time.go(event.seconds)
        elif event.type == "test.hangs_up":
            self.hang_up()

    def hang_up(self):
        self.microphone.close()
        self.time.go(1)


async def call_with(*events):
    """A call in which the server sends these events, and then the caller hangs up.

    Returns the call, and what the server received after the settings.
    """

    def script(server):
        server.say(CREATED)
        server.hear("session.update")
        server.say(*events, HANGS_UP)

    call = HeldCall()
    with Server(script) as server:
        await call.hold(server)
    return call, server.heard[1:]


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
