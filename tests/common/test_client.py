"""Which server answers, what is sent to it, and streams that break on purpose."""

import os
import subprocess
import sys

from common.client import BREAKS, BreakingStream, open_connection
from common.servers import CassetteFile, CassetteFileError
from common.settings import load_settings
from tests.support import lessons

import httpx2
import pytest

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
    # run() returned, so nobody holds the pipes any more: the child has ended, too.

    assert ended.returncode == 9
    with pytest.raises(httpx2.ConnectError):
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
