"""What the tests of WebSockets share: a server like a Realtime one, a player, and clients."""

import json
import threading
from base64 import b64encode
from contextlib import contextmanager

from cassette.__main__ import REALTIME
from cassette.format import Cassette
from cassette.play import Player
from common.client import LOCAL
from tests.cassette.test_tape import serving

import httpx2
import openai
from websockets.sync.client import connect as bare_connect
from websockets.sync.server import serve

PIECE = b64encode(bytes(range(256)) * 4).decode()
SESSION = "sess_0123456789abcdefghijk"


def desk(socket):
    """Speaks like a Realtime server: greets, hears, answers in pieces, and says what is wrong."""
    tell(socket, "session.created", session={"id": SESSION})
    heard = 0
    for text in socket:
        event = json.loads(text)
        match event["type"]:
            case "session.update":
                tell(socket, "session.updated", session=event["session"])
            case "input_audio_buffer.append":
                heard += len(event["audio"])
                if heard == 4 * len(PIECE):
                    tell(socket, "input_audio_buffer.speech_started")
            case "response.create":
                for piece in ("Good", " morning"):
                    tell(socket, "response.output_text.delta", delta=piece)
                tell(socket, "response.output_audio.delta", delta=PIECE)
                tell(socket, "response.done", response={"status": "completed"})
                tell(socket, "rate_limits.updated", rate_limits=[])
            case "conversation.item.truncate":
                tell(socket, "conversation.item.truncated", audio_end_ms=event["audio_end_ms"])
            case _:
                tell(socket, "error", error={"event_id": event.get("event_id")})


def tell(socket, kind, **fields):
    socket.send(json.dumps({"type": kind, "event_id": "event_0", **fields}))


@contextmanager
def upstream(talk=desk, **options):
    """A WebSocket server on loopback; its base URL. `talk` has each connection in a thread."""
    with serve(talk, "127.0.0.1", 0, compression=None, **options) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.socket.getsockname()[1]}/v1"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def player(tape, speed=0.0, **options):
    app = Player(Cassette(tape), speed, rules=REALTIME, **options)
    with serving(app) as base_url:
        yield base_url
    app.check_end()


@contextmanager
def client_of(base_url, key="offline"):
    http_client = httpx2.Client(**LOCAL)
    with openai.OpenAI(base_url=base_url, api_key=key, http_client=http_client) as client:
        yield client


@contextmanager
def socket_of(base_url, path="/realtime?model=m", **options):
    with bare_connect(base_url.replace("http", "ws") + path, proxy=None, **options) as socket:
        yield socket


def answer_of(tape, number=1):
    cassette = Cassette(tape)
    return list(cassette.answer(cassette.exchanges[number]))


def frames_of(tape, number=1):
    return [line for line in answer_of(tape, number) if "frame" in line]


def closes(code, reason):
    def talk(socket):
        socket.recv()
        socket.close(code, reason)

    return talk


def breaks(socket):
    socket.recv()
    socket.send("half a")
    socket.close_socket()
