"""A TCP relay on loopback whose connections a test can cut, as a network does that fails."""

import socket
import threading
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from tests.support.loopback_http import copy


class Relay:
    """Leads each connection to one server; `cut` drops those that are open, and new ones work."""

    def __init__(self, target):
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open, self._threads = [], []
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._run(self._accept)

    def cut(self):
        while self._open:
            end = self._open.pop()
            with suppress(OSError):  # it was closed by its other end
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            self._open += [near, far]
            self._run(copy, near, far)
            self._run(copy, far, near)

    def _run(self, work, *arguments):
        thread = threading.Thread(target=work, args=arguments)
        self._threads.append(thread)
        thread.start()


@contextmanager
def relay_to(url):
    """A relay to the server with this address."""
    there = urlsplit(url)
    relay = Relay((there.hostname, there.port))
    try:
        yield relay
    finally:
        relay.close()
