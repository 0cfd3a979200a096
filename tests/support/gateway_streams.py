"""Streams as gateways and other servers send them, and a server on loopback that sends them."""

import json
import threading
from contextlib import contextmanager
from http.server import ThreadingHTTPServer

from cassette.format import Cassette, decode
from tests.support import lessons
from tests.support.loopback_http import Quiet
from tests.support.scripted_upstream import SSE

FIXTURES = lessons.COURSE / "tests" / "fixtures" / "lesson1"
DONE = "[DONE]"


class Gateway:
    """Answers requests by its bodies, one after the other, and then by the last one again.

    With `is_lost` the connection is closed in the middle of each body.
    """

    def __init__(self):
        self.answer()

    def answer(self, *bodies, kind=SSE, status=200, is_lost=False):
        self.bodies, self.kind, self.status, self.is_lost = list(bodies), kind, status, is_lost
        self.asked = []

    def next_body(self):
        return self.bodies.pop(0) if len(self.bodies) > 1 else self.bodies[0]


@contextmanager
def open_gateway():
    """A gateway and its base URL."""
    gateway = Gateway()

    class Handler(Quiet):
        def do_POST(self):
            gateway.asked.append((self.path, json.loads(self.read_request() or b"{}")))
            body = gateway.next_body()
            self.send_response(gateway.status)
            self.send_header("content-type", gateway.kind)
            self.send_header("content-length", str(len(body) + gateway.is_lost))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_):
            """A client that has read enough leaves."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.005])
        thread.start()
        try:
            yield gateway, f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()


def sse(values, end=True):
    """The body of a stream; each value is sent as JSON, or as it is if it's a text of its own."""
    lines = [each if isinstance(each, str) else f"data: {json.dumps(each)}" for each in values]
    return "".join(f"{line}\n\n" for line in lines + [f"data: {DONE}"] * end).encode()


def recorded_streams(part):
    """The values of each complete stream in a part's cassette, in the order of the requests."""
    cassette = Cassette(FIXTURES / f"{part}.jsonl")
    for exchange in cassette.exchanges.values():
        lines = [line for line in cassette.answer(exchange) if "chunk" in line]
        blocks = b"".join(map(decode, lines)).decode().split("\n\n")
        data = [block.partition("data: ")[2] for block in blocks]
        values = [json.loads(text) for text in data if text.startswith("{")]
        if any(map(is_end, values)):
            yield without_most_text(values)


def is_end(value):
    """Whether this chunk, or event, says that the answer is complete."""
    finishes = [choice.get("finish_reason") for choice in choices_of(value)]
    return value.get("type") == "response.completed" or bool({"stop", "tool_calls"} & {*finishes})


def choices_of(value):
    found = value.get("choices") if isinstance(value, dict) else None
    return [each for each in found or [] if isinstance(each, dict)]


def texts_of(value):
    """The text that a chunk, or an event, adds to the answer."""
    if not isinstance(value, dict):
        return []
    if value.get("type") in ("response.output_text.delta", "response.refusal.delta"):
        return [value.get("delta") or ""]
    deltas = [choice.get("delta") or {} for choice in choices_of(value)]
    return [delta.get(name) or "" for delta in deltas for name in ("content", "refusal")]


def without_most_text(values, kept=4):
    """A stream with only some of its pieces of text, which is as good and faster."""
    shown, left = [], kept
    for value in values:
        if "".join(texts_of(value)).strip():
            left -= 1
        if left >= 0 or is_end(value) or not "".join(texts_of(value)):
            shown.append(value)
    return shown
