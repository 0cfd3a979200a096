"""A server on loopback that answers every request with the same bytes, as another server would."""

import gzip
import json
import select
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from emulator.upstream.writer import Upstream

SSE = "text/event-stream"


def chunk(delta, finish=None, **more):
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "x", "object": "chat.completion.chunk", "choices": [choice], **more}


def stream_of(*chunks, end="data: [DONE]\n\n"):
    """A body of server-sent events: each chunk is JSON, or already text."""
    lines = [each if isinstance(each, str) else json.dumps(each) for each in chunks]
    return ("".join(f"data: {line}\n\n" for line in lines) + end).encode("utf-8", "replace")


def said(*pieces, finish="stop"):
    """A body that says these pieces."""
    return stream_of(*(chunk({"content": piece}) for piece in pieces), chunk({}, finish))


class ScriptedUpstream:
    """Answers with `body`, `kind` and `status`, which a test may change between two requests.

    `headers` come on top; a `content-encoding: gzip` among them is true. `missing` bytes are
    announced and never sent. With `is_held` nothing comes behind the body, until the caller leaves;
    `is_headless` holds the head back, too. `waiting` counts those that are held, and `left` those
    that have left then.
    """

    def __init__(self, body=b"", kind=SSE, status=200):
        self.script(body, kind, status)
        self.asked = []
        self.left = threading.Semaphore(0)
        self.waiting = threading.Semaphore(0)

    def script(
        self,
        body=b"",
        kind=SSE,
        status=200,
        headers=(),
        missing=0,
        *,
        is_held=False,
        is_headless=False,
    ):
        self.body, self.kind, self.status, self.headers = body, kind, status, dict(headers)
        self.missing, self.is_held, self.is_headless = missing, is_held, is_headless

    def __enter__(self):
        script = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers["content-length"])
                script.asked.append((dict(self.headers), json.loads(self.rfile.read(length))))
                with suppress(OSError):  # who has read enough may leave
                    if not script.is_headless:
                        script.send(self)
                    if script.is_held or script.is_headless:
                        script.hold(self)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.005])
        self._thread.start()
        return self

    def send(self, handler):
        is_packed = self.headers.get("content-encoding") == "gzip"
        body = gzip.compress(self.body) if is_packed else self.body
        handler.send_response(self.status)
        handler.send_header("content-type", self.kind)
        for name, value in self.headers.items():
            handler.send_header(name, value)
        length = len(body) + (self.missing or self.is_held)
        handler.send_header("content-length", str(length))
        handler.end_headers()
        handler.wfile.write(body)

    def hold(self, handler):
        """Wait until the caller closes the connection."""
        self.waiting.release()
        select.select([handler.connection], [], [], 10)
        self.left.release()

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def base_url(self):
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    @property
    def write(self):
        return Upstream(self.base_url, "x", "none").answer
