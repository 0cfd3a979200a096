"""What the tests of cassettes share: a recorder and a player on loopback, and cassettes by hand."""

import base64
import json
import threading
import zlib
from contextlib import contextmanager

from cassette.cassette_writer import CassetteWriter
from cassette.format import Cassette, seal
from cassette.loopback import base_url as base_url_of
from cassette.loopback import listen, make_server
from cassette.openai import OPENAI
from cassette.play import Player
from cassette.record import Recorder
from cassette.scrub import Scrubber

SECRET = "sk-proj-AbCdEfGhIjKlMnOpQrStUvWx0123456789"
ORGANIZATION = "org-0123456789abcdefgh"
EPHEMERAL = "ek_0123456789abcdefghij"

HEADER = {"cassette": 1, "recorded": "2026-11-24", "answered_by": "emulator"}
REQUEST = {"request": 1, "method": "POST", "path": "/v1/x", "headers": {}, "json": {"a": 1}}
RESPONSE = {"response": 1, "after": 0.1, "status": 200, "headers": {}}
CHUNK = {"chunk": 1, "after": 0.2, "text": "data: é\n\n"}
END = {"end": 1, "after": 0.3, "how": "complete"}
WHOLE = [HEADER, REQUEST, RESPONSE, CHUNK, END]


def write_cassette(path, lines, close=True):
    """A cassette of these lines, each sealed as the recorder seals it."""
    crc, sealed = 0, []
    for line in [*lines, {"closed": len(lines)}] if close else lines:
        data, crc = seal(line, crc)
        sealed.append(data)
    path.write_bytes(b"".join(sealed))
    return path


def open_writer(path, **header):
    return CassetteWriter(path, {"recorded": "2026-11-24", **header}, Scrubber(OPENAI.secrets))


@contextmanager
def serving(app, longest_message=OPENAI.longest_message):
    """The application in a thread; its base URL."""
    with listen() as listener:
        server = make_server(app, longest_message)
        thread = threading.Thread(target=server.run, args=[[listener]])
        thread.start()
        try:
            yield base_url_of(listener, OPENAI.base_path)
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def recorder(path, upstream, profile=OPENAI):
    """A recorder before `upstream`; its base URL. The cassette is there at the end."""
    app = Recorder(open_writer(path, lesson="test"), upstream, profile)
    with serving(app, profile.longest_message) as base_url:
        yield base_url
    app.finish()


@contextmanager
def player(path, speed=0.0, profile=OPENAI, **options):
    """A player of this cassette; its base URL. It must have been asked for all that it holds."""
    app = Player(Cassette(path), speed, profile, **options)
    with serving(app, profile.longest_message) as base_url:
        yield base_url
    app.finish()


def answer_of(path, number=1):
    """The lines of an answer."""
    cassette = Cassette(path)
    return list(cassette.answer(cassette.exchanges[number]))


def frames_of(path, number=1):
    """The messages of a WebSocket, as lines."""
    return [line for line in answer_of(path, number) if "frame" in line]


def blobs_of(path):
    """The large bodies of a cassette."""
    for line in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        if "blob" in line and "zlib" in line:
            yield zlib.decompress(base64.b64decode(line["zlib"]))
