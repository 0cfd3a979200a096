"""What a caller of Realtime may cost (P13, P14): who never reads, who sends much, who leaves."""

import asyncio
import gc
import json
import random
import select
import socket
import struct
import subprocess
import sys
from base64 import b64encode
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from emulator.guard import MESSAGE_LIMIT
from emulator.realtime.session import Session
from emulator.serving import MOST_STREAMS
from emulator.voice.recognizer import VERSION, SpeechRecognizer
from emulator.voice.synthesizer import SpeechSynthesizer
from tests.support import lessons
from tests.support.emulator_clients import connect as sdk
from tests.support.realtime_calls import MODEL, quiet, update, user
from tests.support.realtime_clients import Bare, calling, clip

import pytest
from websockets.asyncio.client import connect
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.frames import Frame
from websockets.protocol import State
from websockets.uri import parse_uri

MIB = 2**20
LONG = "Reply with exactly: " + "The dome turns with the sky all night. " * 25


# Silence instead of speech: as many bytes, without the work. What sessions share is loaded first:
# they load it in the background, and it would be counted as the memory of a caller.
WITHOUT_ENGINES = """
import runpy, sys
from emulator.retrieval import encoder
encoder.load()
sys.modules |= dict.fromkeys(["espeakng_loader", "piper", "moonshine_voice"])
runpy.run_module("emulator", run_name="__main__")
"""


class EmulatorProcess(NamedTuple):
    """An emulator in a process of its own."""

    base_url: str
    pid: int

    def memory(self):
        """The most bytes of memory that it has had."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024


@contextmanager
def alone():
    command = [sys.executable, "-c", WITHOUT_ENGINES, "--child", "--pace", "0"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=lessons.COURSE, text=True, **pipes) as child:
        yield EmulatorProcess(child.stdout.readline().strip(), child.pid)
        child.stdin.close()
        assert child.stderr.read() == ""


class RawConnection:
    """A socket to the emulator whose reading is left to the test; `room` is its buffer's bytes."""

    def __init__(self, emulator, room=None):
        url = f"{emulator.base_url.replace('http', 'ws')}/realtime?model={MODEL}"
        self.protocol = ClientProtocol(parse_uri(url), max_size=None)
        self.socket = socket.socket()
        if room:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        address = urlsplit(emulator.base_url)
        self.socket.connect((address.hostname, address.port))
        request = self.protocol.connect()
        request.headers["Authorization"] = "Bearer k"
        self.protocol.send_request(request)
        self.socket.sendall(b"".join(self.protocol.data_to_send()))
        while self.protocol.state is not State.OPEN:
            self.protocol.receive_data(self.socket.recv(4096))
        self.socket.setblocking(False)

    def send(self, *events):
        """Send events; how many bytes went before the other side took no more for a while."""
        for event in events:
            self.protocol.send_text(json.dumps(event).encode())
        data = memoryview(b"".join(self.protocol.data_to_send()))
        sent = 0
        while sent < len(data) and select.select([], [self.socket], [], 0.5)[1]:
            with suppress(BlockingIOError):
                sent += self.socket.send(data[sent:])
        return sent, sent < len(data)

    def read_until(self, kind, times):
        """Take events until there were so many of a kind."""
        wanted = f'{{"type":"{kind}"'.encode()
        while times:
            select.select([self.socket], [], [], 10)
            self.protocol.receive_data(self.socket.recv(MIB))
            self.protocol.data_to_send()
            frames = [e for e in self.protocol.events_received() if isinstance(e, Frame)]
            times -= sum(bytes(frame.data[:99]).startswith(wanted) for frame in frames)

    def close(self):
        self.socket.close()


def long_requests():
    """Long spoken answers, in the conversation and beside it, and a second of sound."""
    sound = b64encode(quiet(1000)).decode()
    return [
        {"type": "conversation.item.create", **user(LONG)},
        {"type": "response.create", "response": {"conversation": "none"}},
        {"type": "response.create"},
        {"type": "input_audio_buffer.append", "audio": sound},
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process by /proc")
def test_p13_caller_who_never_reads_costs_less_than_32_mib():
    """Beside one who reads, and asks for the same."""
    with alone() as emulator:
        with closing(RawConnection(emulator)) as reader:
            for _ in range(3):
                reader.send(*long_requests())
                reader.read_until("response.done", 2)
        before = emulator.memory()
        with closing(RawConnection(emulator, room=4096)) as connection:
            sent, is_full = 0, False
            while not is_full and sent < 64 * MIB:
                more, is_full = connection.send(*long_requests())
                sent += more
            cost = emulator.memory() - before
            with sdk(emulator) as client:
                assert client.models.list().data

    assert is_full
    assert cost < 32 * MIB


def padded(size, kind="never"):
    """An event that is no event, of so many bytes."""
    event = json.dumps({"type": kind, "pad": ""})
    return event.replace('""', f'"{"a" * (size - len(event))}"')


@pytest.fixture
def narrow(start, monkeypatch):
    """An emulator that takes messages of 1 MiB, as a real one does of 16."""
    assert MESSAGE_LIMIT == 16 * MIB
    monkeypatch.setattr("emulator.server.MESSAGE_LIMIT", MIB)
    return start(pace=0.0)


def test_p13_message_of_16_mib_is_read_and_the_session_goes_on(narrow):
    with calling(Bare, narrow) as caller:
        caller.line.socket.send(padded(MIB))
        assert caller.until("error")[-1]["error"]["code"] == "invalid_value"
        caller.send("session.update", **update())
        caller.until("session.updated")


def test_p13_byte_more_closes_the_session(narrow):
    """In frames, as of one whole the rest may still be on its way, and reset the connection."""
    message = padded(MIB + 1)
    with calling(Bare, narrow) as caller, pytest.raises(ConnectionClosedError) as closed:
        size = MIB // 16
        caller.line.socket.send(message[at : at + size] for at in range(0, len(message), size))
        caller.until("never")

    assert closed.value.rcvd.code == 1009


def dial(emulator):
    url = f"{emulator.base_url.replace('http', 'ws')}/realtime?model={MODEL}"
    return connect(url, additional_headers={"Authorization": "Bearer k"}, proxy=None)


async def test_p13_sessions_are_bounded(start, monkeypatch):
    monkeypatch.setattr("emulator.realtime.socket.MOST_STREAMS", 8)
    emulator = start()
    opened = await asyncio.gather(*(dial(emulator) for _ in range(12)), return_exceptions=True)
    refused = [error for error in opened if isinstance(error, InvalidStatus)]
    lines = [connection for connection in opened if connection not in refused]

    assert MOST_STREAMS == 128
    assert len(lines) == 8
    assert {error.response.status_code for error in refused} == {429}
    error = json.loads(refused[0].response.body)["error"]
    assert error["code"] == "rate_limit_exceeded"
    await asyncio.gather(*(connection.close() for connection in lines))
    await settled(emulator)
    async with dial(emulator) as connection:
        assert json.loads(await connection.recv())["type"] == "session.created"


async def settled(emulator):
    """Return once no connection is open, and no task left; a TimeoutError if that never comes."""
    async with asyncio.timeout(10):
        while emulator.open_connections or emulator.service.open_streams or tasks(emulator) > 1:
            await asyncio.sleep(0.01)


def tasks(emulator):
    """How many tasks the emulator has; its server is one."""
    return len(asyncio.all_tasks(emulator._server.servers[0].get_loop()))


def cut_at_random(emulator, chance):
    """A session that is left at some moment, in some way."""
    connection = RawConnection(emulator)
    events = [
        {"type": "session.update", **update(output_modalities=[chance.choice(["text", "audio"])])},
        {"type": "conversation.item.create", **user("What can be seen in December?")},
        {"type": "response.create"},
        {"type": "input_audio_buffer.append", "audio": b64encode(SPEECH).decode()},
        {"type": "response.cancel"},
    ]
    connection.send(*chance.sample(events, chance.randrange(len(events) + 1)))
    for _ in range(chance.randrange(4)):
        if select.select([connection.socket], [], [], 0.01)[0]:
            connection.socket.recv(chance.choice([10, 10_000]))
    if chance.random() < 0.5:
        # A reset, in place of an end.
        connection.socket.setsockopt(
            socket.SOL_SOCKET,
            socket.SO_LINGER,
            struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0),
        )
    connection.close()


SPEECH = clip("ask-closed") + quiet(800)


async def test_p14_sessions_cut_at_random_leave_nothing(start, capfd, monkeypatch):
    heard = SpeechRecognizer(VERSION, lambda: lambda numbers: "When are you closed?")
    monkeypatch.setattr("emulator.voice.recognizer.for_calls", lambda: heard)
    silent = SpeechSynthesizer([])
    monkeypatch.setattr("emulator.realtime.socket.synthesizer", lambda: silent)
    emulator, chance = start(), random.Random(7)
    for _ in range(40):
        await asyncio.to_thread(cut_at_random, emulator, chance)
    await settled(emulator)

    gc.collect()
    assert [each for each in gc.get_objects() if type(each) is Session] == []
    assert {exchange.ended for exchange in emulator.exchanges} == {"disconnected"}
    assert capfd.readouterr().err == ""
