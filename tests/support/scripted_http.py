"""A server whose answers a test writes byte by byte, and the shapes of what others send."""

import json
from contextlib import contextmanager

from tests.support.loopback_http import Quiet, http_server

STREAM = "text/event-stream"


@contextmanager
def answering(*bodies, status=200, kind=STREAM):
    """A server that answers each request by the next body; its base URL, and what it was sent."""
    left, sent = list(bodies), []

    class Scripted(Quiet):
        def do_POST(self):
            sent.append(json.loads(self.read_request()))
            body = left.pop(0) if len(left) > 1 else left[0]
            self.write(body)

        def do_GET(self):
            sent.append(self.path)
            self.write(left.pop(0))

        def write(self, body):
            self.send_response(status)
            self.send_header("content-type", kind)
            self.end_headers()
            self.wfile.write(body.encode())

    with http_server(Scripted) as base_url:
        yield base_url, sent


def block(data):
    return f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n"


def chunk(**fields):
    return block({"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m", **fields})


def delta(finish=None, **fields):
    return chunk(choices=[{"index": 0, "delta": fields, "finish_reason": finish}])


def tool_delta(finish=None, **call):
    return delta(finish, tool_calls=[call])


def event(kind, number=None, **fields):
    numbered = {} if number is None else {"sequence_number": number}
    return f"event: {kind}\n" + block({"type": kind, **fields, **numbered})


DONE = block("[DONE]")
END = delta("stop") + DONE
