"""A part that runs live: the real lesson, and servers that answer, break off, or wait."""

import socket
import threading
import time

from common.settings import CourseError
from presenter import live_part
from presenter.course_show import load_show, place_of
from presenter.live_part import LessonRun, LiveParts, check_reachable
from presenter.pane import Pane, text_of
from presenter.show_player import ShowPlayer, Stage
from tests.support.fork_server import Popen
from tests.support.interrupts import can_interrupt
from tests.support.loopback_http import Quiet, http_server
from tests.support.scripted_http import END, STREAM, answering, delta

import pytest

SHOW = load_show(["1"])
BROKEN = delta(role="assistant") + delta(content="The dome ") + delta(content="opens")
WHOLE = BROKEN + delta(content=" at nine.") + END


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    """No key of the person who runs this, and lessons that start fast."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("subprocess.Popen", Popen)


@pytest.fixture
def live_parts():
    with LiveParts() as parts:
        yield parts


def served(monkeypatch, base_url):
    monkeypatch.setenv("OPENAI_BASE_URL", base_url)


def finished(run):
    """What a lesson has written, on a screen, when it has ended."""
    run.wait(60)
    pane = Pane(78)
    for chunk in run.chunks():
        pane.feed(chunk.text)
    return text_of(pane.lines()), pane.wire


def wait_until(player, is_so):
    """Let real time pass for a real process, as the presenter does."""
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        player.tick()
        time.sleep(0.01)


def test_live_part_writes_text_and_traffic_from_the_beginning_of_the_part(monkeypatch, live_parts):
    with answering(WHOLE) as (base_url, sent):
        served(monkeypatch, base_url)
        run = live_parts.start(SHOW[0])
        text, wire = finished(run)

    assert run.code == 0
    assert text.startswith("> What happens on a public evening")
    assert "The dome opens at nine.\n|  Notice:" in text
    assert wire[0].startswith("> POST /v1/chat/completions")
    assert any('"content": "The dome "' in line for line in wire)
    assert len(sent) == 1


def test_connection_that_breaks_leads_back_to_the_recording(monkeypatch, live_parts):
    with answering(BROKEN) as (base_url, _):
        served(monkeypatch, base_url)
        player = ShowPlayer(SHOW, time.monotonic, live_parts.start)
        player.press("l")
        assert player.view().is_live
        wait_until(player, lambda: not player.view().is_live)

    assert live_parts.runs[0].has_failed
    assert "Live failed, so this is the recording." in player.view().message
    assert "the answer stopped before its end" in player.view().message
    player.press(" ")
    assert player.stage is Stage.END
    assert "four parts" in text_of(player.view().replay.lines)


class Waiting(Quiet):
    """Sends the beginning of an answer, and then nothing more until the test says so."""

    def do_POST(self):
        self.read_request()
        self.send_response(200)
        self.send_header("content-type", STREAM)
        self.end_headers()
        self.wfile.write(BROKEN.encode())
        self.wfile.flush()
        self.server.is_over.wait(60)


@can_interrupt
def test_whoever_leaves_a_live_part_ends_its_lesson(monkeypatch):
    class Held(Waiting):
        def setup(self):
            self.server.is_over = is_over
            super().setup()

    is_over = threading.Event()
    with http_server(Held) as base_url:
        served(monkeypatch, base_url)
        with LiveParts() as parts:
            player = ShowPlayer(SHOW, time.monotonic, parts.start)
            player.press("l")
            wait_until(player, lambda: "opens" in text_of(player.view().replay.lines))
            player.press("s")
            assert (player.place, player.stage) == (1, Stage.TITLE)
        is_over.set()
        (run,) = parts.runs

    assert run.code == 130


def test_no_key_is_said(live_parts):
    with pytest.raises(CourseError, match="no key is set"):
        live_parts.start(SHOW[0])


def test_server_that_cannot_be_reached_is_named(monkeypatch, live_parts):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    served(monkeypatch, f"http://127.0.0.1:{port}/v1")

    with pytest.raises(CourseError, match=r"127\.0\.0\.1 cannot be reached"):
        live_parts.start(SHOW[0])


def test_name_that_is_looked_up_for_ever_is_not_waited_for(monkeypatch):
    answered = threading.Event()
    monkeypatch.setattr(live_part, "CONNECT_S", 0.05)

    def look_up(*_):
        answered.wait(60)
        raise OSError

    monkeypatch.setattr(socket, "create_connection", look_up)
    try:
        with pytest.raises(CourseError, match="no answer in"):
            check_reachable("https://api.openai.com/v1")
    finally:
        answered.set()


def test_proxy_in_front_of_the_server_is_what_has_to_be_reached(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.getsockname()[1]}")
        check_reachable("https://server.invalid/v1")


def test_lesson_that_fails_at_once_says_why():
    run = LessonRun("01_streaming.py", ["no-such-part"])
    try:
        run.wait(60)
        assert run.code == 2
        assert run.complaint
        assert run.chunks() == []
    finally:
        run.close()


def test_live_part_of_another_lesson_has_its_script():
    show = load_show(["3"])

    assert show[place_of(show, "voice")].script == "03_realtime_api.py"
