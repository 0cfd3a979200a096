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
KEEP_ALIVE = ["data: null", ": ping"]
SURROGATE = "\ud83d"


class Gateway:
    """Answers requests for a stream by `body`, and others by `whole`.

    With `is_lost` the connection is closed in the middle of the body.
    """

    body, kind, status, is_lost = b"", SSE, 200, False
    whole = b"{}"

    def answer(self, body, kind=SSE, status=200, is_lost=False):
        self.body, self.kind, self.status, self.is_lost = body, kind, status, is_lost

    def answer_to(self, asked):
        """The content type, the body, and the length that is announced."""
        if asked.get("stream") or not asked:
            return self.kind, self.body, len(self.body) + self.is_lost
        return "application/json", self.whole, len(self.whole)


@contextmanager
def open_gateway():
    """A gateway and its base URL."""
    gateway = Gateway()

    class Handler(Quiet):
        def do_POST(self):
            kind, body, length = gateway.answer_to(json.loads(self.read_request() or b"{}"))
            self.send_response(gateway.status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(length))
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
    ends = [choice.get("finish_reason") in ("stop", "tool_calls") for choice in choices_of(value)]
    return value.get("type") == "response.completed" or any(ends)


def choices_of(value):
    found = value.get("choices") if isinstance(value, dict) else None
    return [each for each in found or [] if isinstance(each, dict)]


def texts_of(value):
    """The text that a chunk, or an event, adds to the answer."""
    if not isinstance(value, dict):
        return []
    if value.get("type") in ("response.output_text.delta", "response.refusal.delta"):
        return [value.get("delta") or ""]
    deltas = [choice.get("delta") for choice in choices_of(value)]
    names, known = ("content", "refusal"), [each for each in deltas if isinstance(each, dict)]
    return [delta.get(name) or "" for delta in known for name in names]


def without_most_text(values, kept=4):
    """A stream with only some of its pieces of text, which is as good and faster."""
    shown, left = [], kept
    for value in values:
        if "".join(texts_of(value)).strip():
            left -= 1
        if left >= 0 or is_end(value) or not "".join(texts_of(value)):
            shown.append(value)
    return shown


def is_fault(value):
    """Whether the stream ends here with an error that it reports itself."""
    kinds = ("error", "response.failed", "response.incomplete")
    return bool(value.get("error")) or value.get("type") in kinds


def paths(value, path=()):
    """The way to every field inside a value."""
    keys = value if isinstance(value, dict) else range(len(value) if isinstance(value, list) else 0)
    for key in keys:
        if isinstance(value, dict):
            yield (*path, key)
        yield from paths(value[key], (*path, key))


def changed(value, path, change):
    """A copy with a field replaced, or deleted if there is no replacement."""
    copied = value.copy()
    if len(path) > 1:
        copied[path[0]] = changed(copied[path[0]], path[1:], change)
    elif change:
        copied[path[0]] = change[0]
    else:
        del copied[path[0]]
    return copied
