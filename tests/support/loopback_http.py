"""HTTP servers and a plain client on loopback, for tests of what is between them."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

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
