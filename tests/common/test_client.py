"""Which server answers, what is sent to it, and streams that break on purpose."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

from common.client import (
    BREAKS,
    LOCAL,
    BreakingStream,
    Connection,
    CourseClient,
    open_connection,
    refuse_web_page,
)
from common.servers import (
    CassetteFile,
    CassetteFileError,
    EmulatorError,
    start_child,
    start_emulator,
)
from common.settings import CourseError, load_settings
from common.wire_tap import Tap
from tests.support import lessons
from tests.support.emulator_clients import MODEL

import httpx2
import pytest
from openai import APIError
from openai._models import FinalRequestOptions
from websockets.exceptions import ConnectionClosedError, InvalidProxyStatus
from websockets.sync.server import serve

KEY = "sk-proj-0123456789"


def settings(tmp_path, **environment):
    return load_settings(environment, tmp_path / "none.env")


def answering(tmp_path, offline=False, **environment):
    """The host that a client of these settings talks to, and the key that it shows."""
    with open_connection(settings(tmp_path, **environment), offline=offline) as opened:
        return opened.host, opened.client.api_key, opened.is_live


def test_without_anything_the_emulator_answers(tmp_path):
    with open_connection(settings(tmp_path), pace=0) as opened:
        assert opened.client.models.retrieve("gpt-6-luna").id == "gpt-6-luna"

    assert (opened.host.split(":")[0], opened.client.api_key) == ("127.0.0.1", "offline")


def test_offline_wins_over_key_and_url(tmp_path):
    host, key, is_live = answering(
        tmp_path, True, OPENAI_API_KEY=KEY, OPENAI_BASE_URL="http://x/v1"
    )

    assert (host.split(":")[0], key, is_live) == ("127.0.0.1", "offline", False)


def test_key_asks_openai(tmp_path):
    assert answering(tmp_path, OPENAI_API_KEY=KEY) == ("api.openai.com", KEY, True)


def test_url_wins_and_gets_the_key(tmp_path):
    reached = answering(tmp_path, OPENAI_API_KEY=KEY, OPENAI_BASE_URL="https://proxy.example/v1")

    assert reached == ("proxy.example", KEY, True)


def test_loopback_never_gets_the_key(tmp_path):
    reached = answering(tmp_path, OPENAI_API_KEY=KEY, OPENAI_BASE_URL="http://localhost:9/v1")

    assert reached == ("localhost:9", "offline", False)


def test_loopback_gets_the_key_if_told_to(tmp_path):
    given = settings(tmp_path, OPENAI_API_KEY=KEY, OPENAI_BASE_URL="http://localhost:9/v1")

    with open_connection(given, send_key=True) as opened:
        assert (opened.client.api_key, opened.key_tail) == (KEY, "6789")


def test_stand_in_is_shown_no_variable(tmp_path, monkeypatch):
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY"):
        monkeypatch.setenv(name, KEY)
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"x-extra: {KEY}")

    with open_connection(settings(tmp_path, OPENAI_BASE_URL="http://localhost:9/v1")) as opened:
        shown = str(dict(opened.client.default_headers)) + repr(vars(opened.client))

    assert KEY not in shown
    assert os.environ["OPENAI_ORG_ID"] == KEY


@pytest.mark.parametrize("make", ["async_client", "broken"])
def test_other_clients_are_shown_no_variable_either(tmp_path, monkeypatch, make):
    monkeypatch.setenv("OPENAI_ORG_ID", KEY)
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"x-extra: {KEY}")

    with open_connection(settings(tmp_path, OPENAI_BASE_URL="http://localhost:9/v1")) as opened:
        client = opened.async_client() if make == "async_client" else opened.broken("cut")

    assert KEY not in str(dict(client.default_headers)) + repr(vars(client))


def test_recorder_before_a_live_server_passes_the_organisation_on(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_ORG_ID", "org-mine")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    cassette = CassetteFile(tmp_path / "t.jsonl", is_recording=True)
    live = settings(tmp_path, OPENAI_API_KEY=KEY, OPENAI_BASE_URL="http://192.0.2.1/v1")

    with (
        pytest.raises(CassetteFileError, match="nothing was answered"),
        open_connection(live, cassette=cassette) as opened,
    ):
        clients = [opened.client, opened.broken("cut"), opened.async_client()]
        shown = [client.default_headers["OpenAI-Organization"] for client in clients]
        mounts = [client._client._mounts for client in clients]

    assert shown == ["org-mine"] * 3
    assert mounts == [{}] * 3  # no proxy stands before the recorder
    assert opened.is_live and opened.host.startswith("127.0.0.1")


def test_emulator_ends_with_its_parent():
    code = """if True:
        import os, sys
        from common.servers import start_emulator
        with start_emulator(0) as url:
            print(url, flush=True)
            os._exit(9)  # no clean-up at all
    """
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=lessons.COURSE,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 9
    # The emulator notices the end of its input a moment later. Until then it accepts connections.
    with pytest.raises(httpx2.TransportError):
        for _ in range(1000):
            httpx2.get(ended.stdout.strip() + "/models", trust_env=False)


class Body(httpx2.SyncByteStream):
    def __init__(self, *blocks):
        self._blocks = blocks

    def __iter__(self):
        yield from self._blocks


def broken(how, after, *blocks):
    return list(BreakingStream(Body(*blocks), how, after))


def test_stream_ends_after_events():
    whole = b"data: 1\n\ndata: 2\n\ndata: 3\n\n"
    singly = [bytes([byte]) for byte in whole]

    assert b"".join(broken("end", 2, whole)) == b"data: 1\n\ndata: 2\n\n"
    assert b"".join(broken("end", 2, *singly)) == b"data: 1\n\ndata: 2\n\n"
    assert b"".join(broken("end", 3, whole)) == whole


def test_stream_is_malformed_in_an_event():
    assert b"".join(broken("garble", 1, b"data: 1\n\ndata: 22\n\n")) == b"data: 1\n\ndata\n\n"


@pytest.mark.parametrize(
    ("how", "error"), [("cut", httpx2.ReadError), ("stall", httpx2.ReadTimeout)]
)
def test_stream_is_lost_after_events(how, error):
    stream = iter(BreakingStream(Body(b"data: 1\n\ndata: 2\n\n"), how, 1))

    assert how in BREAKS
    assert next(stream) == b"data: 1\n\n"
    with pytest.raises(error):
        next(stream)


def test_web_page_is_refused_by_both_clients(tmp_path):
    """As of a login page: status 200, and nothing of OpenAI's."""

    def answer(request):
        headers = {"content-type": "text/html"}
        return httpx2.Response(200, headers=headers, text="<h1>Please log in</h1>", request=request)

    with pytest.raises(CourseError, match="127.0.0.1:9 does not speak OpenAI's") as refused:
        refuse_web_page(answer(httpx2.Request("GET", "http://127.0.0.1:9/v1/models")))

    assert refused.value.why == "it sent a web page"


class WebPage(BaseHTTPRequestHandler):
    """A login page in place of whatever is asked for."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def test_every_client_refuses_web_pages(tmp_path):
    with HTTPServer(("127.0.0.1", 0), WebPage) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/v1"
        with open_connection(settings(tmp_path, OPENAI_BASE_URL=url)) as opened:
            with opened.broken("cut") as broken:
                for client in (opened.client, broken):
                    with pytest.raises(CourseError, match="does not speak OpenAI's protocol"):
                        client.models.retrieve("m")

            async def ask():
                async with opened.async_client() as client:
                    await client.models.retrieve("m")

            with pytest.raises(CourseError, match="does not speak OpenAI's protocol"):
                asyncio.run(ask())
        server.shutdown()
        thread.join()


def test_broken_stream_breaks_for_the_sdk_and_is_closed(start):
    question = {"model": MODEL, "messages": [{"role": "user", "content": "Is it cold?"}]}
    with CourseClient(
        api_key="k", base_url=start().base_url, http_client=httpx2.Client(**LOCAL), max_retries=0
    ) as client:
        connection = Connection(client, "who", False)
        assert connection.breaks == list(BREAKS)
        with connection.broken("end", after=2) as opened:
            assert len(list(opened.chat.completions.create(**question, stream=True))) == 2
        with connection.broken("error", after=1) as opened:
            with pytest.raises(APIError, match="overloaded"):
                list(opened.chat.completions.create(**question, stream=True))


@pytest.mark.parametrize(("base_url", "scheme"), [("http://x/v1", "ws"), ("https://x/v1", "wss")])
def test_socket_scheme_follows_that_of_the_server(base_url, scheme):
    with CourseClient(api_key="k", base_url=base_url) as client:
        assert Connection(client, "who", False).socket_scheme == scheme
        assert Connection(client, "who", False).socket_proxy is None


def test_writer_of_the_emulator_is_named(tmp_path):
    url = "http://me:secret@127.0.0.1:9/v1"

    with open_connection(settings(tmp_path, EMULATOR_CHAT_BASE_URL=url)) as opened:
        assert opened.answered_by.endswith("; 127.0.0.1:9 writes for it")


# ------------------------------------------------------------ cassettes


def test_cassette_is_recorded_and_played(tmp_path):
    file = tmp_path / "t.jsonl"
    with open_connection(
        settings(tmp_path), pace=0, cassette=CassetteFile(file, is_recording=True)
    ) as opened:
        recorded = opened.client.models.retrieve(MODEL).id
        assert opened.answered_by.endswith(". It is recorded in t.jsonl")

    with open_connection(settings(tmp_path), cassette=CassetteFile(file, False, 0.0)) as opened:
        assert opened.client.models.retrieve(MODEL).id == recorded
        assert opened.answered_by.startswith(
            "Answers: the cassette t.jsonl, recorded from emulator"
        )
        assert (opened.is_live, opened.client.api_key) == (False, "offline")


def test_cassette_that_is_none_is_an_error(tmp_path):
    (tmp_path / "t.jsonl").write_text("no cassette\n")

    with (
        pytest.raises(CassetteFileError) as raised,
        CassetteFile(tmp_path / "t.jsonl", False).run(),
    ):
        pass

    assert raised.value.attempt == "name another file, or record it again: --record FILE"


# ------------------------------------------------------------ WebSockets, proxies, children


@contextmanager
def socket_server():
    """A WebSocket server on loopback that greets; its base URL."""

    def greet(opened):
        opened.send('{"type": "session.created", "event_id": "e", "session": {}}')
        opened.recv()

    with serve(greet, "127.0.0.1", 0) as opened:
        thread = threading.Thread(target=opened.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{opened.socket.getsockname()[1]}/v1"
        finally:
            opened.shutdown()
            thread.join()


@pytest.fixture
def behind_a_proxy(monkeypatch):
    """Every kind of proxy is named, and it is not there."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


@pytest.mark.usefixtures("behind_a_proxy")
@pytest.mark.parametrize("is_tapped", [False, True])
def test_socket_to_loopback_passes_by_the_proxy(tmp_path, is_tapped):
    shown = []
    with socket_server() as base_url:
        with open_connection(settings(tmp_path, OPENAI_BASE_URL=base_url)) as opened:
            opened = opened.tapped(Tap(shown.append)) if is_tapped else opened
            with opened.client.realtime.connect(model="m") as connection:
                assert connection.recv().type == "session.created"

    assert bool(shown) is is_tapped


@pytest.mark.usefixtures("behind_a_proxy")
@pytest.mark.parametrize("is_tapped", [False, True])
async def test_async_socket_to_loopback_passes_by_the_proxy(tmp_path, is_tapped):
    shown = []
    with socket_server() as base_url:
        with open_connection(settings(tmp_path, OPENAI_BASE_URL=base_url)) as opened:
            opened = opened.tapped(Tap(shown.append)) if is_tapped else opened
            async with opened.async_client() as client:
                async with client.realtime.connect(model="m") as connection:
                    assert (await connection.recv()).type == "session.created"

    assert bool(shown) is is_tapped


async def test_drop_reaches_every_socket_that_is_open(tmp_path):
    with socket_server() as base_url:
        with open_connection(settings(tmp_path, OPENAI_BASE_URL=base_url)) as opened:
            async with opened.async_client() as client:
                sockets = [await client.realtime.connect(model="m").enter() for _ in range(2)]
                opened.drop()
                for each in sockets:
                    with pytest.raises(ConnectionClosedError, match="no close frame"):
                        while True:  # a greeting may have come before
                            await each.recv()

    assert opened.transports == []


@contextmanager
def proxy(monkeypatch):
    """A proxy that refuses; what it was asked for."""
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse():
            while True:
                with listener.accept()[0] as opened:
                    if not (request := opened.recv(65536)):
                        return
                    asked.append(request.split(b"\r\n")[0])
                    opened.sendall(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")

        thread = threading.Thread(target=refuse)
        thread.start()
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{listener.getsockname()[1]}")
        try:
            yield asked
        finally:
            socket.create_connection(listener.getsockname()).close()
            thread.join()


@pytest.mark.usefixtures("behind_a_proxy")
@pytest.mark.parametrize("is_tapped", [False, True])
async def test_socket_to_a_live_server_takes_the_proxy(tmp_path, monkeypatch, is_tapped):
    live = settings(tmp_path, OPENAI_API_KEY=KEY, OPENAI_BASE_URL="http://192.0.2.1/v1")

    with proxy(monkeypatch) as asked, open_connection(live) as opened:
        opened = opened.tapped(Tap(lambda line: None)) if is_tapped else opened
        with pytest.raises(InvalidProxyStatus):
            opened.client.realtime.connect(model="m").enter()
        async with opened.async_client() as client:
            with pytest.raises(InvalidProxyStatus):
                await client.realtime.connect(model="m").enter()
        opened.client.close()
        assert opened.socket_proxy is True

    assert asked == [b"CONNECT 192.0.2.1:80 HTTP/1.1"] * 2


def test_options_of_the_caller_win(tmp_path):
    mine = {"proxy": "http://127.0.0.1:9"}

    with socket_server() as base_url:
        with open_connection(settings(tmp_path, OPENAI_BASE_URL=base_url)) as opened:
            connecting = opened.client.realtime.connect(
                model="m", websocket_connection_options=mine
            )
            with pytest.raises(ConnectionRefusedError), connecting:
                pass


def test_process_environment_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_ORG_ID", KEY)
    before = dict(os.environ)

    with open_connection(settings(tmp_path, OPENAI_BASE_URL="http://localhost:9/v1")) as opened:
        opened.async_client()
        opened.broken("cut")
        assert dict(os.environ) == before


@pytest.mark.parametrize("name", ["Authorization", "authorization"])
def test_header_of_the_environment_does_not_replace_the_key(tmp_path, monkeypatch, name):
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"{name}: Bearer {KEY}\nX-Other: {KEY}\nno header")

    with open_connection(settings(tmp_path, OPENAI_BASE_URL="http://localhost:9/v1")) as opened:
        for client in (opened.client, opened.async_client(), opened.broken("cut")):
            request = client._build_request(FinalRequestOptions(method="get", url="/models"))
            assert request.headers["authorization"] == "Bearer offline"
            assert KEY not in str(request.headers.raw)
            assert not {"openai-organization", "openai-project"} & set(request.headers)


CHILD = """import json, os, sys
print("http://" + json.dumps(dict(os.environ)), flush=True)
sys.stdin.read()
print("that was all")
"""


def test_child_inherits_no_key_and_ends_with_its_input(tmp_path, monkeypatch):
    (tmp_path / "a_child.py").write_text(CHILD)
    monkeypatch.setattr("common.servers.COURSE", tmp_path)
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_BASE_URL", "OPENAI_CUSTOM_HEADERS"):
        monkeypatch.setenv(name, KEY)
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    monkeypatch.setenv("KEPT", "1")

    with start_child("a_child", ADDED="2") as child:
        inherited = json.loads(child.base_url.removeprefix("http://"))
        assert child.complaint == ""

    assert KEY not in inherited.values()
    assert (inherited["KEPT"], inherited["ADDED"]) == ("1", "2")
    assert child.complaint == "that was all"


def test_child_that_cannot_start_says_why(tmp_path, monkeypatch):
    (tmp_path / "a_child.py").write_text("print('no port is free')")
    monkeypatch.setattr("common.servers.COURSE", tmp_path)

    with start_child("a_child") as child:
        assert (child.base_url, child.complaint) == ("", "no port is free")

    assert child.complaint == "no port is free"


@pytest.mark.skipif(not hasattr(os, "getsid"), reason="Windows has process groups of its own")
def test_child_stands_in_a_session_of_its_own(tmp_path, monkeypatch):
    """So that Ctrl-C in the terminal, which goes to a whole group, is for the lesson alone."""
    (tmp_path / "a_child.py").write_text(
        "import os, sys\nprint(f'http://{os.getsid(0)}', flush=True)\nsys.stdin.read()"
    )
    monkeypatch.setattr("common.servers.COURSE", tmp_path)

    with start_child("a_child") as child:
        assert child.base_url != f"http://{os.getsid(0)}"


def test_emulator_that_does_not_start_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("common.servers.COURSE", tmp_path)

    with pytest.raises(EmulatorError, match="did not start") as raised, start_emulator(0):
        pass

    assert raised.value.attempt.endswith("course.py doctor")
