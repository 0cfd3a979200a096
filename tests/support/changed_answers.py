"""A server in front of the emulator that puts wrong values into the fields of its answers."""

import json
import re
from contextlib import contextmanager

from common.client import LOCAL
from tests.support.gateway_streams import changed
from tests.support.loopback_http import Quiet, http_server

import httpx2

# What takes the place of a field's value; the last one leaves the field out.
CHANGES = ([None], [7], ["\u00e9"], [[]], [{}], [])
_ID = re.compile(r"/(vs|file|vsfb|resp)[_-][^/]+")


def places(value, path=()):
    """The way to every field inside a value; of a list, only its first element."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key)
            yield from places(inner, (*path, key))
    elif isinstance(value, list) and value:
        yield (*path, 0)
        yield from places(value[0], (*path, 0))


class ChangedAnswers:
    """Passes requests on to a server. `change` is a kind of answer, the way to a field, its value.

    A kind is `METHOD /path` without ids; an event has its type behind it. `seen` has one of each.
    """

    def __init__(self, upstream):
        self._upstream = upstream.removesuffix("/v1")
        self.seen = {}
        self.change = None

    def all_changes(self):
        return [
            (kind, path, change)
            for kind, value in self.seen.items()
            for path in places(value)
            for change in CHANGES
        ]

    def answer(self, method, path, headers, body):
        """The status, the content type and the body that the client gets."""
        with httpx2.Client(**LOCAL) as client:
            given = client.request(method, self._upstream + path, headers=headers, content=body)
        kind = f"{method} {_ID.sub('/*', path.partition('?')[0])}"
        content_type = given.headers.get("content-type", "")
        if content_type.startswith("text/event-stream"):
            blocks = given.text.split("\n\n")
            return (
                given.status_code,
                content_type,
                "\n\n".join(self._event(kind, b) for b in blocks),
            )
        return given.status_code, content_type, self._json(kind, given.text)

    def _event(self, kind, block):
        head, mark, data = block.partition("data: ")
        if not data.startswith("{"):
            return block
        return head + mark + self._json(f"{kind} {json.loads(data).get('type')}", data)

    def _json(self, kind, text):
        value = json.loads(text)
        self.seen.setdefault(kind, value)
        if self.change is None or self.change[0] != kind:
            return text
        try:
            return json.dumps(changed(value, *self.change[1:]))
        except (LookupError, TypeError):  # this answer has no such field
            return text


@contextmanager
def changing_answers_of(upstream):
    """The server, and its base URL."""
    answers = ChangedAnswers(upstream)

    class Handler(Quiet):
        def do_POST(self):
            kept = ("content-type", "authorization")
            headers = {name: self.headers[name] for name in kept if name in self.headers}
            status, kind, body = answers.answer(
                self.command, self.path, headers, self.read_request()
            )
            data = body.encode()
            self.send_response(status)
            for name, value in (("content-type", kind), ("openai-poll-after-ms", "0")):
                self.send_header(name, value)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_DELETE = do_POST

    with http_server(Handler) as base_url:
        yield answers, base_url
