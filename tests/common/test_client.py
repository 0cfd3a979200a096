"""Who answers, what reaches whom, and lines that break on purpose."""

import os
import subprocess
import sys

from common.client import BREAKS, BreakingStream, cost_of, open_connection
from common.servers import CassetteFile
from common.settings import CourseError, load_settings
from console.errors import CassetteFileError, Where, explain
from tests.support import lessons

import httpx2
import pytest

KEY = "sk-proj-0123456789"


def settings(tmp_path, **environment):
    return load_settings(environment, tmp_path / "none.env")


def answers(tmp_path, offline=False, **environment):
    """The host that a client of these settings talks to, and the key that it shows."""
    with open_connection(settings(tmp_path, **environment), offline=offline) as line:
        return line.host, line.client.api_key, line.is_live


def test_without_anything_the_emulator_answers(tmp_path):
    with open_connection(settings(tmp_path), pace=0) as line:
        assert line.client.models.retrieve("gpt-6-luna").id == "gpt-6-luna"

    assert (line.host.split(":")[0], line.client.api_key) == ("127.0.0.1", "offline")


def test_offline_wins_over_key_and_url(tmp_path):
    host, key, is_live = answers(tmp_path, True, OPENAI_API_KEY=KEY, OPENAI_BASE_URL="http://x/v1")

    assert (host.split(":")[0], key, is_live) == ("127.0.0.1", "offline", False)


def test_key_asks_openai(tmp_path):
    assert answers(tmp_path, OPENAI_API_KEY=KEY) == ("api.openai.com", KEY, True)


def test_url_wins_and_gets_the_key(tmp_path):
    found = answers(tmp_path, OPENAI_API_KEY=KEY, OPENAI_BASE_URL="https://proxy.example/v1")

    assert found == ("proxy.example", KEY, True)


def test_loopback_never_gets_the_key(tmp_path):
    found = answers(tmp_path, OPENAI_API_KEY=KEY, OPENAI_BASE_URL="http://localhost:9/v1")

    assert found == ("localhost:9", "offline", False)


def test_loopback_gets_the_key_if_told_to(tmp_path):
    given = settings(tmp_path, OPENAI_API_KEY=KEY, OPENAI_BASE_URL="http://localhost:9/v1")

    with open_connection(given, send_key=True) as line:
        assert (line.client.api_key, line.key_tail) == (KEY, "6789")


def test_stand_in_is_shown_no_variable(tmp_path, monkeypatch):
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY"):
        monkeypatch.setenv(name, KEY)
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"x-extra: {KEY}")

    with open_connection(settings(tmp_path, OPENAI_BASE_URL="http://localhost:9/v1")) as line:
        shown = str(dict(line.client.default_headers)) + repr(vars(line.client))

    assert KEY not in shown
    assert os.environ["OPENAI_ORG_ID"] == KEY


@pytest.mark.parametrize("make", ["async_client", "broken"])
def test_other_clients_are_shown_no_variable_either(tmp_path, monkeypatch, make):
    monkeypatch.setenv("OPENAI_ORG_ID", KEY)
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"x-extra: {KEY}")

    with open_connection(settings(tmp_path, OPENAI_BASE_URL="http://localhost:9/v1")) as line:
        client = line.async_client() if make == "async_client" else line.broken("cut")

    assert KEY not in str(dict(client.default_headers)) + repr(vars(client))


def test_recorder_before_a_live_server_passes_the_organisation_on(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_ORG_ID", "org-mine")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    cassette = CassetteFile(tmp_path / "t.jsonl", is_recording=True)
    live = settings(tmp_path, OPENAI_API_KEY=KEY, OPENAI_BASE_URL="http://192.0.2.1/v1")

    with (
        pytest.raises(CassetteFileError, match="nothing was answered"),
        open_connection(live, cassette=cassette) as line,
    ):
        clients = [line.client, line.broken("cut"), line.async_client()]
        shown = [client.default_headers["OpenAI-Organization"] for client in clients]
        mounts = [client._client._mounts for client in clients]

    assert shown == ["org-mine"] * 3
    assert mounts == [{}] * 3  # no proxy stands before the recorder
    assert line.is_live and line.host.startswith("127.0.0.1")


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


def test_line_ends_after_events():
    whole = b"data: 1\n\ndata: 2\n\ndata: 3\n\n"
    singly = [bytes([byte]) for byte in whole]

    assert b"".join(broken("end", 2, whole)) == b"data: 1\n\ndata: 2\n\n"
    assert b"".join(broken("end", 2, *singly)) == b"data: 1\n\ndata: 2\n\n"
    assert b"".join(broken("end", 3, whole)) == whole


def test_line_is_garbled_in_an_event():
    assert b"".join(broken("garble", 1, b"data: 1\n\ndata: 22\n\n")) == b"data: 1\n\ndata\n\n"


@pytest.mark.parametrize(
    ("how", "error"), [("cut", httpx2.ReadError), ("stall", httpx2.ReadTimeout)]
)
def test_line_is_lost_after_events(how, error):
    stream = iter(BreakingStream(Body(b"data: 1\n\ndata: 2\n\n"), how, 1))

    assert how in BREAKS
    assert next(stream) == b"data: 1\n\n"
    with pytest.raises(error):
        next(stream)


def test_cost_is_told_where_it_is_known():
    assert cost_of("gpt-6-luna", 1_000_000, 1_000_000).startswith("about $0.6000")
    assert "not known here" in cost_of("llama3", 1, 1)


def test_own_bug_is_not_explained_away():
    assert explain(ZeroDivisionError("x"), Where()) is None
    assert isinstance(explain(OSError(28, "No space left on device"), Where()), CourseError)
