"""Which server answers, what a client reads of the environment, and the children beside it."""

import json
import os
import random
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager

from common.client import LOOPBACK, open_connection
from common.servers import (
    CassetteFile,
    CassetteFileError,
    EmulatorError,
    start_child,
    start_emulator,
)
from common.settings import load_settings
from tests.support import lessons
from tests.support.emulator_clients import MODEL
from tests.support.loopback_sockets import socket_server

import httpx2
import pytest
from openai import AsyncOpenAI, OpenAI
from openai._models import FinalRequestOptions
from websockets.exceptions import InvalidProxyStatus

KEY = "sk-proj-0123456789"


def settings(tmp_path, **environment):
    return load_settings(environment, tmp_path / "none.env")


def answering(tmp_path, offline=False, **environment):
    """The host that a client of these settings talks to, and the key that it shows."""
    with open_connection(settings(tmp_path, **environment), offline=offline) as opened:
        return opened.host, opened.key, opened.is_live


def test_without_anything_the_emulator_answers(tmp_path):
    with open_connection(settings(tmp_path), pace=0) as opened, opened.in_environment():
        assert OpenAI().models.retrieve("gpt-6-luna").id == "gpt-6-luna"

    assert opened.is_emulator
    assert (opened.host.split(":")[0], opened.key) == ("127.0.0.1", "offline")


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
        assert (opened.key, opened.key_tail) == (KEY, "6789")


SECRETS = ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY", "OPENAI_WEBHOOK_SECRET")


@pytest.mark.parametrize("kind", [OpenAI, AsyncOpenAI])
def test_stand_in_is_shown_no_variable(tmp_path, monkeypatch, kind):
    for name in SECRETS:
        monkeypatch.setenv(name, KEY)
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"x-extra: {KEY}\nAuthorization: Bearer {KEY}")
    local = settings(tmp_path, OPENAI_BASE_URL="http://localhost:9/v1", OPENAI_API_KEY=KEY)

    with open_connection(local) as opened, opened.in_environment():
        client = kind()
        request = client._build_request(FinalRequestOptions(method="get", url="/models"))

    assert request.headers["authorization"] == "Bearer offline"
    assert KEY not in str(request.headers.raw) + repr(vars(client))
    assert not {"openai-organization", "openai-project"} & set(request.headers)


def test_environment_is_as_before_at_the_end(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_ORG_ID", KEY)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    before = dict(os.environ)

    with open_connection(settings(tmp_path, OPENAI_BASE_URL="http://localhost:9/v1")) as opened:
        assert dict(os.environ) == before
        with opened.in_environment():
            assert os.environ["OPENAI_BASE_URL"] == "http://localhost:9/v1"
            assert not {"OPENAI_ORG_ID", "HTTPS_PROXY"} & set(os.environ)

    assert dict(os.environ) == before


def test_model_of_the_learner_is_kept(tmp_path):
    with open_connection(settings(tmp_path, OPENAI_BASE_URL="http://localhost:9/v1")) as opened:
        variables = opened.variables({"OPENAI_MODEL": "llama", "OPENAI_LOG": "x", "PATH": "p"})

    assert (variables["OPENAI_MODEL"], variables["PATH"]) == ("llama", "p")
    assert "OPENAI_LOG" not in variables


@pytest.mark.parametrize("broken", ["ALL_PROXY", "SSL_CERT_FILE"])
def test_what_a_live_server_needs_cannot_stop_a_local_one(tmp_path, monkeypatch, broken):
    """A SOCKS proxy whose package is missing, and a certificate file that is gone."""
    monkeypatch.setenv(broken, "socks5://127.0.0.1:9" if broken == "ALL_PROXY" else "/nowhere")

    with open_connection(settings(tmp_path, OPENAI_BASE_URL="http://localhost:9/v1")) as opened:
        with opened.in_environment():
            OpenAI().close()


def test_program_of_somebody_else_keeps_its_proxy(tmp_path):
    around = {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "intranet", "OPENAI_ORG_ID": KEY}

    with open_connection(settings(tmp_path, OPENAI_BASE_URL="http://localhost:9/v1")) as opened:
        variables = opened.variables(around, is_own=False)

    assert variables["HTTPS_PROXY"] == "http://p:1"
    assert variables["NO_PROXY"] == f"intranet,{LOOPBACK}"
    assert variables["OPENAI_ORG_ID"] == ""


def test_recorder_before_a_live_server_passes_the_organisation_on(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_ORG_ID", "org-mine")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    cassette = CassetteFile(tmp_path / "t.jsonl", is_recording=True)
    live = settings(tmp_path, OPENAI_API_KEY=KEY, OPENAI_BASE_URL="http://192.0.2.1/v1")

    with (
        pytest.raises(CassetteFileError, match="nothing was answered"),
        open_connection(live, cassette=cassette) as opened,
        opened.in_environment(),
    ):
        client = OpenAI()

    assert client.default_headers["OpenAI-Organization"] == "org-mine"
    assert not any(client._client._mounts.values())  # no proxy stands before the recorder
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
        with opened.in_environment():
            recorded = OpenAI().models.retrieve(MODEL).id
        assert opened.answered_by.endswith(". It is recorded in t.jsonl")

    with open_connection(settings(tmp_path), cassette=CassetteFile(file, False, 0.0)) as opened:
        with opened.in_environment():
            assert OpenAI().models.retrieve(MODEL).id == recorded
        assert opened.answered_by.startswith(
            "Answers: the cassette t.jsonl, recorded from emulator"
        )
        assert (opened.is_live, opened.key) == (False, "offline")


def test_cassette_that_is_none_is_an_error(tmp_path):
    (tmp_path / "t.jsonl").write_text("no cassette\n")

    with (
        pytest.raises(CassetteFileError) as raised,
        CassetteFile(tmp_path / "t.jsonl", False).run(),
    ):
        pass

    assert raised.value.attempt == "name another file, or record it again: --record FILE"


# ------------------------------------------------------------ WebSockets, proxies, children


def greet(opened):
    opened.send('{"type": "session.created", "event_id": "e", "session": {}}')
    opened.recv()


@pytest.fixture
def behind_a_proxy(monkeypatch):
    """Every kind of proxy is named, and it is not there."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


@pytest.mark.usefixtures("behind_a_proxy")
def test_socket_to_loopback_passes_by_the_proxy(tmp_path):
    with socket_server(greet) as base_url:
        with open_connection(settings(tmp_path, OPENAI_BASE_URL=base_url)) as opened:
            with opened.in_environment(), OpenAI().realtime.connect(model="m") as connection:
                assert connection.recv().type == "session.created"


@pytest.mark.usefixtures("behind_a_proxy")
async def test_async_socket_to_loopback_passes_by_the_proxy(tmp_path):
    with socket_server(greet) as base_url:
        with open_connection(settings(tmp_path, OPENAI_BASE_URL=base_url)) as opened:
            with opened.in_environment():
                async with AsyncOpenAI().realtime.connect(model="m") as connection:
                    assert (await connection.recv()).type == "session.created"


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
def test_socket_to_a_live_server_takes_the_proxy(tmp_path, monkeypatch):
    live = settings(tmp_path, OPENAI_API_KEY=KEY, OPENAI_BASE_URL="http://192.0.2.1/v1")

    with proxy(monkeypatch) as asked, open_connection(live) as opened, opened.in_environment():
        with pytest.raises(InvalidProxyStatus):
            OpenAI().realtime.connect(model="m").enter()

    assert asked == [b"CONNECT 192.0.2.1:80 HTTP/1.1"]


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


def test_emulator_that_does_not_start_says_why(tmp_path):
    (tmp_path / "taken").write_text("a file where the folder should be")

    with pytest.raises(EmulatorError) as raised, start_emulator(0, data=tmp_path / "taken"):
        pass

    assert "File exists" in raised.value.why


def test_emulator_with_a_damaged_file_says_what_to_delete(tmp_path):
    file = tmp_path / "library.sqlite3"
    file.write_bytes(random.Random(5).randbytes(5_000))

    with pytest.raises(EmulatorError) as raised, start_emulator(0, data=tmp_path):
        pass

    assert str(file) in raised.value.why
    assert raised.value.attempt == f"delete {tmp_path}: the emulator makes it anew"


def test_program_s_own_dotenv_fills_in_no_secret(tmp_path):
    """python-dotenv sets what is missing, and leaves what is there, if it is empty or not."""
    with open_connection(settings(tmp_path, OPENAI_BASE_URL="http://localhost:9/v1")) as opened:
        variables = opened.variables({}, is_own=False)

    assert {variables[name] for name in SECRETS if name != "OPENAI_BASE_URL"} == {""}
