"""WebSocket servers and clients on loopback, for tests of what is between them."""

import json
import threading
from base64 import b64encode
from contextlib import contextmanager

from common.client import LOCAL

import httpx2
import openai
from websockets.sync.client import connect
from websockets.sync.server import serve

PIECE = b64encode(bytes(range(256)) * 4).decode()
SESSION = "sess_0123456789abcdefghijk"


def assistant(socket):
    """Answers like a Realtime server: a greeting, speech that starts, answers in pieces, errors."""
    send_event(socket, "session.created", session={"id": SESSION})
    received = 0
    for text in socket:
        event = json.loads(text)
        match event["type"]:
            case "session.update":
                send_event(socket, "session.updated", session=event["session"])
            case "input_audio_buffer.append":
                received += len(event["audio"])
                if received == 4 * len(PIECE):
                    send_event(socket, "input_audio_buffer.speech_started")
            case "response.create":
                for piece in ("Good", " morning"):
                    send_event(socket, "response.output_text.delta", delta=piece)
                send_event(socket, "response.output_audio.delta", delta=PIECE)
                send_event(socket, "response.done", response={"status": "completed"})
                send_event(socket, "rate_limits.updated", rate_limits=[])
            case "conversation.item.truncate":
                cut = event["audio_end_ms"]
                send_event(socket, "conversation.item.truncated", audio_end_ms=cut)
            case _:
                send_event(socket, "error", error={"event_id": event.get("event_id")})


def send_event(socket, kind, **fields):
    socket.send(json.dumps({"type": kind, "event_id": "event_0", **fields}))


@contextmanager
def socket_server(talk=assistant, **options):
    """A WebSocket server; its base URL. `talk` has each connection in a thread."""
    with serve(talk, "127.0.0.1", 0, compression=None, **options) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.socket.getsockname()[1]}/v1"
        finally:
            server.shutdown()
            thread.join()


def echo(socket):
    """Sends back whatever comes."""
    for data in socket:
        socket.send(data)


def closes(code, reason):
    """Closes once it has received something."""

    def talk(socket):
        socket.recv()
        socket.close(code, reason)

    return talk


def drops(socket):
    """Answers, then drops the connection."""
    socket.recv()
    socket.send("half a")
    socket.close_socket()


@contextmanager
def sdk_client(base_url, api_key="offline", **options):
    http_client = httpx2.Client(**LOCAL)
    arguments = {"api_key": api_key, "http_client": http_client, "max_retries": 0}
    with openai.OpenAI(base_url=base_url, **(arguments | options)) as client:
        yield client


@contextmanager
def bare_socket(base_url, path="/realtime?model=m", **options):
    """A WebSocket without an SDK."""
    with connect(base_url.replace("http", "ws") + path, proxy=None, **options) as socket:
        yield socket
