"""A proxy that lets nothing out: what a client asks of it, it wanted from somebody else."""

import socketserver
import threading


class Elsewhere(socketserver.ThreadingTCPServer):
    """Notes the first line of each request that is not for 127.0.0.1, and refuses it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Refusing)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.asked: list[str] = []

    def take(self) -> list[str]:
        """What was asked since the last time."""
        asked, self.asked = self.asked, []
        return asked

    def __enter__(self) -> "Elsewhere":
        threading.Thread(target=self.serve_forever, args=[0.05], daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Refusing(socketserver.StreamRequestHandler):
    timeout = 5

    def handle(self) -> None:
        self.server.asked.append(self.rfile.readline(1000).decode("latin-1").strip())
        self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
