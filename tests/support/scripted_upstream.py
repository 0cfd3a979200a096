"""A server on loopback that answers every request with the same bytes, as another server would."""

import json
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from emulator.answers.upstream import Upstream

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
    """Answers with `body`, `kind` and `status`, which a test may change between two requests."""

    def __init__(self, body=b"", kind=SSE, status=200):
        self.body, self.kind, self.status = body, kind, status
        self.asked = []

    def __enter__(self):
        script = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers["content-length"])
                script.asked.append((dict(self.headers), json.loads(self.rfile.read(length))))
                with suppress(OSError):  # who has read enough may leave
                    self.send_response(script.status)
                    self.send_header("content-type", script.kind)
                    self.send_header("content-length", str(len(script.body)))
                    self.end_headers()
                    self.wfile.write(script.body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.005])
        self._thread.start()
        return self

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
