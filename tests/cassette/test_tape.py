"""Recording and playing, driven by the unmodified SDK, sync and async."""

import asyncio
import base64
import gzip
import json
import os
import threading
import zlib
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

from cassette import CassetteError
from cassette.__main__ import base_url as base_url_of
from cassette.__main__ import listen, make_server
from cassette.format import Cassette
from cassette.play import Player
from cassette.record import Recorder
from cassette.tape import Tape
from common.client import LOCAL
from tests.conftest import MODEL, ask
from tools.record_fixtures import fixtures

import httpx2
import openai
import pytest

QUESTION = ask("When is the observatory closed?")
SECRET = "sk-proj-AbCdEfGhIjKlMnOpQrStUvWx0123456789"
OTHER = "org-0123456789abcdefgh"
EPHEMERAL = "ek_0123456789abcdefghij"


def connect(base_url, key="offline", **options):
    http_client = httpx2.Client(**LOCAL)
    return openai.OpenAI(
        base_url=base_url, api_key=key, http_client=http_client, max_retries=0, **options
    )


@pytest.fixture
def tape(tmp_path):
    return tmp_path / "tape.jsonl"


@contextmanager
def serving(app):
    """The application in a thread; its base URL."""
    with listen() as listener:
        server = make_server(app)
        thread = threading.Thread(target=server.run, args=[[listener]])
        thread.start()
        try:
            yield base_url_of(listener)
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def recorder(tape, upstream):
    writer = Tape(tape, {"recorded": "2026-11-24", "lesson": "test"})
    with serving(Recorder(writer, upstream)) as base_url:
        yield base_url
    writer.close()


@contextmanager
def player(tape, speed=0.0):
    app = Player(Cassette(tape), speed)
    with serving(app) as base_url:
        yield base_url
    app.check_end()


def talk(base_url):
    """A conversation of several kinds; what the SDK made of it."""
    with connect(base_url) as client:
        stream = client.chat.completions.create(**QUESTION, stream=True)
        chunks = [chunk.to_dict() for chunk in stream]
        response = client.responses.create(model=MODEL, input="What is the Lantern?")
        again = client.responses.retrieve(response.id)
        with pytest.raises(openai.NotFoundError) as missing:
            client.models.retrieve("gpt-none")
    return chunks, response, again, missing.value.body


def test_replay_equals_recording(emulator, tape):
    with recorder(tape, emulator.base_url) as base_url:
        recorded = talk(base_url)

    with player(tape) as base_url:
        replayed = talk(base_url)

    assert replayed == recorded
    assert Cassette(tape).header["answered_by"] == "emulator"


def test_async_client_is_recorded_and_replayed(emulator, tape):
    async def both(base_url):
        http_client = httpx2.AsyncClient(**LOCAL)
        async with openai.AsyncOpenAI(
            base_url=base_url, api_key="x", http_client=http_client
        ) as client:

            async def one(text):
                stream = await client.chat.completions.create(**ask(text), stream=True)
                return [chunk.to_dict() async for chunk in stream]

            return await asyncio.gather(one("What is the Lantern?"), one("May I bring my dog?"))

    with recorder(tape, emulator.base_url) as base_url:
        recorded = asyncio.run(both(base_url))

    with player(tape) as base_url:
        assert asyncio.run(both(base_url)) == recorded


def test_equal_requests_play_in_order(emulator, tape):
    def twice(base_url):
        with connect(base_url) as client:
            return [client.chat.completions.create(**QUESTION).id for _ in range(2)]

    with recorder(tape, emulator.base_url) as base_url:
        recorded = twice(base_url)

    with player(tape) as base_url:
        assert twice(base_url) == recorded
    assert len(set(recorded)) == 2


def test_request_beyond_recording_is_refused(emulator, tape):
    with recorder(tape, emulator.base_url) as base_url, connect(base_url) as client:
        client.chat.completions.create(**QUESTION)

    with pytest.raises(CassetteError, match="was recorded 1 times and has been played as often"):
        with player(tape) as base_url, connect(base_url) as client:
            client.chat.completions.create(**QUESTION)
            with pytest.raises(openai.NotFoundError) as caught:
                client.chat.completions.create(**QUESTION)

    assert caught.value.code == "not_recorded"


def test_other_request_is_shown_its_difference(emulator, tape):
    with recorder(tape, emulator.base_url) as base_url, connect(base_url) as client:
        client.chat.completions.create(**QUESTION)

    with pytest.raises(CassetteError), player(tape) as base_url, connect(base_url) as client:
        with pytest.raises(openai.NotFoundError) as caught:
            client.chat.completions.create(**ask("Something else?"), temperature=0.5)

    said = str(caught.value)
    assert '"content": "When is the observatory closed?"' in said
    assert '+      "content": "Something else?"' in said or '"content": "Something else?"' in said
    assert '"temperature": 0.5' in said


def test_unplayed_exchange_is_an_error(emulator, tape):
    with recorder(tape, emulator.base_url) as base_url:
        talk(base_url)

    with pytest.raises(CassetteError, match="never asked for: POST /v1/responses"):
        with player(tape) as base_url, connect(base_url) as client:
            list(client.chat.completions.create(**QUESTION, stream=True))


@pytest.mark.parametrize("fault", ["fin@4", "eof@4", "401", "429=300ms", "500"])
def test_failures_are_replayed_as_they_were(start, tape, fault):
    def ending(base_url):
        with connect(base_url) as client:
            text = ""
            try:
                for chunk in client.chat.completions.create(**QUESTION, stream=True):
                    text += chunk.choices[0].delta.content or ""
            except openai.APIError as error:
                return text, type(error), getattr(error, "code", None)
            return text, None, None

    with recorder(tape, start(faults=[fault]).base_url) as base_url:
        recorded = ending(base_url)

    with player(tape) as base_url:
        assert ending(base_url) == recorded


def test_unreachable_upstream_is_told(tape):
    with recorder(tape, "http://127.0.0.1:9/v1") as base_url, connect(base_url) as client:
        with pytest.raises(openai.InternalServerError, match="cannot reach 127.0.0.1:9"):
            client.models.list()


def test_damaged_cassette_is_told_at_once(tape):
    tape.write_bytes(b"nonsense\n")

    with pytest.raises(CassetteError, match="line 1 is no header"), player(tape):
        pass


class Echo(BaseHTTPRequestHandler):
    """Sends back all that it got, secrets included, as the worst of servers would."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        shown = json.dumps(
            {"path": self.path, "headers": dict(self.headers), "body": body.decode("latin-1")}
        )
        self.send_response(200)
        for name, value in (
            ("content-type", "application/json"),
            ("set-cookie", SECRET),
            ("openai-organization", OTHER),
        ):
            self.send_header(name, value)
        self.send_header("content-length", str(len(shown)))
        self.end_headers()
        self.wfile.write(shown.encode())

    def log_message(self, *args):
        pass


@pytest.fixture
def echo():
    server = HTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with closing(server.socket):
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


def test_p8_no_planted_secret_is_written(echo, tape):
    for _ in range(2):  # P9: a recording over a recording
        with (
            recorder(tape, echo) as base_url,
            connect(base_url, SECRET, organization=OTHER) as client,
        ):
            client.post(
                "/x", cast_to=object, body={"text": f"my key is {SECRET}", "deep": [SECRET]}
            )
            client.post(f"/x?key={SECRET}", cast_to=object, body={})
            file = ("a.txt", f"{SECRET}\n".encode() * 400, "text/plain")
            httpx2.post(
                base_url + "/upload", files={"file": file}, data={"note": SECRET}, trust_env=False
            )
            protocols = {"sec-websocket-protocol": f"realtime, openai-insecure-api-key.{EPHEMERAL}"}
            client.post("/x", cast_to=object, body={}, options={"headers": protocols})

    text = tape.read_text()
    shown = text + "".join(map(repr, blobs_of(tape)))
    assert "[scrubbed]" in text
    assert not [secret for secret in (SECRET, OTHER, EPHEMERAL, SECRET[8:]) if secret in shown]
    assert "set-cookie" not in text.split('"text"')[0]


def blobs_of(path):
    for line in map(json.loads, path.read_text().splitlines()):
        if "blob" in line and "zlib" in line:
            yield zlib.decompress(base64.b64decode(line["zlib"]))


def test_uploads_are_kept_once_and_matched(emulator, tape):
    content = bytes(range(256)) * 40

    def upload(base_url, name="a.bin"):
        form = {"file": (name, content, "application/octet-stream")}
        headers = {"authorization": "Bearer x"}
        url = f"{base_url}/files"
        return httpx2.post(
            url, files=form, data={"purpose": "assistants"}, headers=headers, trust_env=False
        )

    with recorder(tape, emulator.base_url) as base_url:
        recorded = [upload(base_url), upload(base_url, "b.bin")]

    assert list(blobs_of(tape)) == [content]
    with player(tape) as base_url:
        replayed = [upload(base_url, "b.bin"), upload(base_url)]
    assert [r.json() for r in replayed] == [r.json() for r in reversed(recorded)]


@pytest.mark.parametrize("speed", [1.0, 2.0, 0.0])
async def test_chunks_come_at_their_times(speed):
    cassette = Cassette(next(path for path in fixtures() if path.stem == "stream"))
    exchange = cassette.exchanges[1]
    now, sent = [100.0], []

    async def sleep(seconds):
        now[0] += seconds

    async def send(message):
        sent.append((now[0] - 100, message.get("body", b"")))

    app = Player(cassette, speed, sleep=sleep, clock=lambda: now[0])
    await app(*request_of(exchange), send)

    lines = list(cassette.answer(exchange))
    assert len(sent) == len(lines)
    assert b"".join(body for _, body in sent) == b"".join(
        line["text"].encode() for line in lines if "chunk" in line
    )
    expected = [line["after"] / speed if speed else 0 for line in lines]
    assert [after for after, _ in sent] == pytest.approx(expected)


def request_of(exchange):
    """The scope and the receive of the recorded request."""
    body = json.dumps(exchange.request["json"]).encode()
    scope = {
        "type": "http",
        "method": exchange.request["method"],
        "raw_path": exchange.request["path"].encode(),
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive():
        return messages.pop() if messages else await asyncio.Event().wait()

    return scope, receive


def post(base_url, body=b"{}", **options):
    headers = {"authorization": f"Bearer {SECRET}", "content-type": "application/json"}
    return httpx2.post(
        f"{base_url}/x",
        content=body,
        headers=headers | options.pop("headers", {}),
        trust_env=False,
        **options,
    )


def test_p8_secrets_in_odd_places_are_not_written(echo, tape):
    escaped = SECRET.replace("s", "\\u0073", 1)
    writer = Tape(tape, {"recorded": "2026-11-24", "lesson": f"lesson {SECRET}"})
    with serving(Recorder(writer, echo)) as base_url:
        post(base_url, f'{{"text": "{escaped}"}}'.encode(), headers={"x-plain": "x"})
        httpx2.post(f"{base_url}/y", files={SECRET: (SECRET, b"x")}, trust_env=False)
        httpx2.post(
            f"{base_url}/y?key=sk%2Dproj%2DAbCdEfGhIjKlMnOpQrStUvWx", content=b"", trust_env=False
        )

    # The echo sends the escapes back as they came, where they can only be refused.
    with pytest.raises(CassetteError, match="in pieces or in escapes"):
        writer.close()
    assert list(tape.parent.iterdir()) == []


def test_p8_escapes_in_a_request_are_scrubbed(emulator, tape):
    escaped = SECRET.replace("s", "\\u0073", 1)
    with recorder(tape, emulator.base_url) as base_url:
        post(base_url, f'{{"model": "{escaped}"}}'.encode())

    assert SECRET not in tape.read_text()


def test_password_of_an_address_is_not_written(echo, tape):
    with recorder(tape, echo.replace("//", "//user:pass-word-1@")) as base_url:
        httpx2.post(f"{base_url}/x", content=b"{}", trust_env=False)

    text = tape.read_text()
    assert "pass-word-1" not in text
    assert base64.b64encode(b"user:pass-word-1").decode() not in text


BODIES = {
    "nan": b'{"a": NaN}',
    "endless": b'{"a": 1e999}',
    "half a surrogate": b'{"a": "\\ud800"}',
    "deep": b'{"a": ' + b"[" * 50_000,
    "no json": b"\xff\xfe{",
}


@pytest.mark.parametrize("name", BODIES)
def test_odd_bodies_are_recorded_and_matched(emulator, tape, name):
    with recorder(tape, emulator.base_url) as base_url:
        recorded = post(base_url, BODIES[name], headers={"x-odd": "caf\u00e9".encode("latin-1")})

    with player(tape) as base_url:
        replayed = post(base_url, BODIES[name])

    assert (replayed.status_code, replayed.text) == (recorded.status_code, recorded.text)
    assert recorded.status_code == 404


class Packed(BaseHTTPRequestHandler):
    """Compresses although it was told not to."""

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        body = gzip.compress(b'{"hello": 1}')
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-encoding", "gzip")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def test_packed_answer_is_unpacked(tape):
    with HTTPServer(("127.0.0.1", 0), Packed) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with recorder(tape, f"http://127.0.0.1:{server.server_port}/v1") as base_url:
            recorded = post(base_url).json()
        server.shutdown()

    with player(tape) as base_url:
        assert post(base_url).json() == recorded == {"hello": 1}


def test_place_is_checked_before_anything_is_asked(tmp_path):
    taken = tmp_path / "a.jsonl"
    taken.with_name("a.jsonl.part").touch()

    for path, message in [
        (tmp_path, "it is no file"),
        (tmp_path / "none" / "a.jsonl", "is no folder"),
        (taken, "is in the way"),
    ]:
        with pytest.raises(CassetteError, match=message):
            Tape(path, {})


def test_nothing_answered_leaves_no_file(emulator, tape):
    with (
        pytest.raises(CassetteError, match="nothing was answered"),
        recorder(tape, emulator.base_url),
    ):
        pass

    assert list(tape.parent.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits the size of files as POSIX can")
def test_full_disk_never_disturbs_the_conversation(emulator, tape):
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(CassetteError, match="tape.jsonl cannot be written: File too large"):
            with recorder(tape, emulator.base_url) as base_url, connect(base_url) as client:
                resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
                stream = list(client.chat.completions.create(**QUESTION, stream=True))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert stream[-1].choices[0].finish_reason == "stop"
    assert list(tape.parent.iterdir()) == []


def test_unreachable_server_is_tried_again(tape):
    with recorder(tape, "http://127.0.0.1:9/v1") as base_url:
        client = connect(base_url).with_options(max_retries=1)
        client._calculate_retry_timeout = lambda *_: 0.0
        with client, pytest.raises(openai.InternalServerError) as caught:
            client.models.list()

    assert caught.value.code == "unreachable"
    assert tape.read_text().count('"status":502') == 2
