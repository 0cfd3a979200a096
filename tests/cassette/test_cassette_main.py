"""`python -m cassette`, in this process: standard input ends it, as for a child."""

import json
import sys
from contextlib import suppress
from types import SimpleNamespace

from cassette.__main__ import main, parse_rules
from cassette.format import Cassette
from tests.support.cassettes import WHOLE, write_cassette
from tests.support.loopback_http import Echo, http_server, post
from tests.support.loopback_sockets import bare_socket, echo, socket_server

import pytest
from websockets.exceptions import ConnectionClosed


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command; `use` is called with the base URL, and the input ends when it returns."""

    def run(*words, use=lambda base_url: None):
        lines = []

        def read():
            lines.append(capsys.readouterr().out)
            use(lines[0].strip())

        monkeypatch.setattr(sys, "argv", ["cassette", *map(str, words)])
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=SimpleNamespace(read=read)))
        code = main()
        return code, "".join(lines) + capsys.readouterr().out

    return run


def test_rules_come_as_json():
    given = {"background": ["gauge"], "streams": {"sound": "pcm"}}

    found = parse_rules(json.dumps(given))

    assert (found.background, found.streams) == (("gauge",), {"sound": "pcm"})


def test_recording_is_played(run, cassette_path):
    answers = []

    def ask(base_url):
        assert base_url.startswith("http://127.0.0.1:")
        assert base_url.endswith("/v1")
        answers.append(post(base_url, key="offline").text)

    with http_server(Echo) as url:
        about = json.dumps({"lesson": "1"})
        command = ("record", cassette_path, "--upstream", url, "--about", about)
        code, shown = run(*command, use=ask)
    assert (code, shown.count("\n")) == (0, 1)
    assert Cassette(cassette_path).header["lesson"] == "1"

    code, shown = run("play", cassette_path, "--speed", "0", use=ask)

    assert (code, shown.count("\n")) == (0, 1)
    recorded, played = map(json.loads, answers)
    assert (played["path"], played["body"]) == (recorded["path"], recorded["body"])


def test_upstream_may_come_by_environment(run, cassette_path, monkeypatch):
    with http_server(Echo) as url:
        monkeypatch.setenv("CASSETTE_UPSTREAM", url)
        code, _ = run("record", cassette_path, use=post)

    assert code == 0
    assert Cassette(cassette_path).header["answered_by"] in url


def test_upstream_is_required(run, cassette_path, monkeypatch, capsys):
    monkeypatch.delenv("CASSETTE_UPSTREAM", raising=False)

    with pytest.raises(SystemExit, match="2"):
        run("record", cassette_path)
    assert "--upstream" in capsys.readouterr().err


@pytest.mark.parametrize("line", [{}, {"response": 1, "after": 0, "status": 200, "headers": []}])
def test_damaged_cassette_is_told_in_one_line(run, cassette_path, line):
    write_cassette(cassette_path, [*WHOLE[:2], line])

    code, shown = run("play", cassette_path)

    assert (code, shown) == (2, f"{cassette_path}, line 3 does not fit its format\n")


def test_place_that_cannot_be_written_is_told(run, tmp_path):
    code, shown = run("record", tmp_path, "--upstream", "http://127.0.0.1:9/v1")

    assert (code, shown) == (2, f"{tmp_path} cannot be written: it is no file\n")


def test_recording_of_nothing_is_told_at_its_end(run, cassette_path):
    code, shown = run("record", cassette_path, "--upstream", "http://127.0.0.1:9/v1")

    assert code == 1
    assert shown.splitlines()[-1] == f"{cassette_path}: nothing was answered, so no file"


def test_replay_that_lacks_a_request_is_told_at_its_end(run, cassette_path):
    write_cassette(cassette_path, WHOLE)

    code, shown = run("play", cassette_path, use=lambda base_url: post(base_url, b'{"b": 1}'))

    assert code == 1
    assert (
        "POST /v1/x was recorded with another body; a: recorded 1, sent nothing"
        in shown.splitlines()[-1]
    )


def test_rules_may_be_given(run, cassette_path):
    """Without rules, an id that differs is a difference; with those of OpenAI it is not."""

    def say(text):
        def use(base_url):
            with bare_socket(base_url) as socket:
                socket.send(text)
                with suppress(ConnectionClosed):
                    socket.recv()

        return use

    with socket_server(echo) as url:
        run("record", cassette_path, "--upstream", url, use=say('{"event_id":"a"}'))
    other = say('{"event_id":"b"}')

    assert run("play", cassette_path, use=other)[0] == 0
    assert run("play", cassette_path, "--rules", "{}", use=other)[0] == 1
