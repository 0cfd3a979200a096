"""HTTP servers and a plain client on loopback, for tests of what is between them."""

import json
import socket
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.support.cassettes import ORGANIZATION, SECRET

import httpx2


class Quiet(BaseHTTPRequestHandler):
    """Answers without a log."""

    def read_request(self):
        return self.rfile.read(int(self.headers["content-length"] or 0))

    def answer(self, body, *headers, status=200):
        self.send_response(status)
        for name, value in (("content-type", "application/json"), *headers):
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Echo(Quiet):
    """Sends back all that it got, secrets included, as the worst of servers would."""

    def do_POST(self):
        body = self.read_request().decode("latin-1")
        shown = {"path": self.path, "headers": dict(self.headers), "body": body}
        secrets = (("set-cookie", SECRET), ("openai-organization", ORGANIZATION))
        self.answer(self.spelled(json.dumps(shown)).encode(), *secrets)

    def spelled(self, text):
        return text


@contextmanager
def http_server(handler):
    """A server with this handler; its base URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.005])
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()


def post(base_url, body=b"{}", path="/x", key=SECRET, **options):
    """A request by no SDK."""
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    return httpx2.post(
        base_url + path,
        content=body,
        headers=headers | options.pop("headers", {}),
        trust_env=False,
        **options,
    )


class Proxy(Quiet):
    """A proxy that leads everything to one server, and notes what it was asked for."""

    protocol_version = "HTTP/1.1"

    def do_CONNECT(self):
        self.asked.append(self.path)
        with socket.create_connection(("127.0.0.1", self.target)) as upstream:
            self.send_response(200)
            self.end_headers()
            self.close_connection = True
            answers = threading.Thread(target=copy, args=[upstream, self.connection])
            answers.start()
            copy(self.connection, upstream)
            answers.join()

    def do_GET(self):
        self.asked.append(self.path)
        self.answer(b"{}")


def copy(source, target):
    """Pass bytes on until either side ends."""
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def proxy_to(base_url):
    """A proxy; its address, and the list of what it was asked for."""
    asked, target = [], urlsplit(base_url).port

    class OneWay(Proxy):
        def __init__(self, *args):
            self.asked, self.target = asked, target
            super().__init__(*args)

    with http_server(OneWay) as address:
        yield address.removesuffix("/v1"), asked
