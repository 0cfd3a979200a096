"""Lesson 1 as a learner meets it: run in a terminal, in a pipe, with a key, without packages."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

from console.lesson import contents_of
from tests.support import lessons
from tests.support.complaints import CANARY, complaint
from tests.support.emulator_clients import Gate
from tests.support.gateway_streams import open_gateway
from tests.support.interrupts import can_interrupt

import pytest

PARTS = contents_of(lessons.SCRIPT).parts


@pytest.fixture(scope="module")
def tour():
    """All of the lesson, run once as a learner runs it, with the emulator as its child."""
    return lessons.run("--offline", "--pace", "0")


def test_tour_shows_every_part(tour):
    assert (tour.returncode, tour.stderr) == (0, "")
    headings = re.findall(r"^\d+\. .+$", tour.stdout, re.MULTILINE)
    assert headings == [part.heading for part in PARTS.values()]
    assert len(headings) == 11
    assert "the course's emulator" in tour.stdout


def test_follow_up_makes_sense_only_after_its_question(tour):
    chat = tour.stdout.partition("4. Hold")[2].partition("5. Count")[0]
    answers = re.findall(r"^> Where does it stand\?\n(.+)$", chat, re.MULTILINE)

    assert [answer.startswith("The Lantern stands") for answer in answers] == [True, True, False]


def test_resumed_answer_is_the_whole_one(tour):
    first, resumed = (
        tour.stdout.partition(heading)[2].partition("|  Notice")[0].strip().splitlines()[-1]
        for heading in ("1. Print", "8. Resume")
    )

    assert resumed.count("[the connection broke") >= 2
    assert re.sub(r" \[the connection broke after event \d+\] ", "", resumed) == first


def test_pipe_gets_plain_text(tour):
    assert "\x1b" not in tour.stdout
    assert "\b" not in tour.stdout


@pytest.mark.parametrize("number", ["1", "stream"])
def test_part_can_be_named_or_numbered(start, number):
    emulator = start()

    result = lessons.run_here(
        number, "Reply with exactly: my own words", OPENAI_BASE_URL=emulator.base_url
    )

    assert "\nmy own words\n" in result.stdout
    assert len(emulator.exchanges) == 1


@pytest.mark.parametrize("part", PARTS)
def test_every_part_takes_a_question(part):
    assert PARTS[part].takes_question
    assert PARTS[part].texts["why"]


def test_unknown_part_is_usage_error():
    result = lessons.run_here("dance")

    assert result.returncode == 2
    assert "there is no part 'dance'; there are: stream, compare" in result.stderr


def test_help_names_every_option():
    result = lessons.run_here("--help")

    assert result.returncode == 0
    assert all(
        name in result.stdout for name in ["--offline", "--send-key", "--debug", "--step", *PARTS]
    )


SAID = {
    "401": "refused a request without a key (401 invalid_api_key)",
    "429=1ms": "the server asks to slow down (429 rate_limit_exceeded)",
    "429quota": "the account has no credit left (429 insufficient_quota)",
    "500": "the server failed (500",
    "fin@5": "the connection dropped",
    "eof@5": "the answer stopped before its end",
    "error-nested@5": "the server stopped in the middle of its answer",
    "halfjson@5": "the stream was malformed",
}


@pytest.mark.parametrize("fault", SAID)
@pytest.mark.usefixtures("hasty_retries")
def test_failure_is_explained_in_three_lines(start, fault):
    emulator = start(faults=[fault])

    result = lessons.run_here("stream", OPENAI_BASE_URL=emulator.base_url)

    assert SAID[fault] in complaint(result)


def test_unknown_model_is_reported_with_its_successor():
    result = lessons.run_here("stream", "--offline", OPENAI_MODEL="gpt-none")

    said = complaint(result)
    assert "the model gpt-none does not exist, or not for this key (404 model_not_found)" in said
    assert "set OPENAI_MODEL=gpt-6-luna in .env" in said


def test_old_model_works_with_a_warning(start):
    result = lessons.run_here("stream", OPENAI_BASE_URL=start().base_url, OPENAI_MODEL="gpt-5-mini")

    assert result.returncode == 0
    assert re.search("OpenAI shuts? gpt-5-mini down on 2026-12-11", result.stdout)


@pytest.mark.usefixtures("hasty_retries")
def test_refused_port_is_reported():
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]

    result = lessons.run_here("stream", OPENAI_BASE_URL=f"http://127.0.0.1:{port}/v1")

    assert f"127.0.0.1:{port} cannot be reached" in complaint(result)


@pytest.mark.usefixtures("hasty_retries")
def test_dead_network_is_reported():
    result = lessons.run_here(
        "stream", OPENAI_BASE_URL="http://nowhere.invalid/v1", OPENAI_API_KEY="sk-1"
    )

    assert "nowhere.invalid cannot be reached" in complaint(result)


def test_bad_settings_are_reported_before_anything():
    result = lessons.run_here("stream", OPENAI_API_KEY="sk-your-key")

    assert "still a placeholder" in complaint(result)
    assert result.stdout == ""


@pytest.mark.skipif(sys.platform != "linux", reason="finds the emulator by /proc")
def test_killed_emulator_is_reported():
    with lessons.begin(str(lessons.SCRIPT), "stream", "--offline", is_forked=False) as learner:
        shown = ""
        while not shown.endswith("A public") and (letter := learner.stdout.read(1)):
            shown += letter
        children = Path(f"/proc/{learner.pid}/task/{learner.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        out, err = learner.communicate(timeout=10)

    assert learner.returncode == 1
    assert "A public" in shown + out
    assert err.startswith("error: the connection dropped\n")
    assert "Traceback" not in err


def test_offline_needs_no_sound_settings():
    result = lessons.run_here("stream", "--offline", "--pace", "0", OPENAI_API_KEY="sk-...")

    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["stream", " "], "the question is empty"),
        (["stream", "\udcff"], "is not text"),
        (["What is it?"], "the part comes first, then the question"),
        (["--pace", "-1"], "invalid factor"),
        (["--pace", "nan"], "invalid factor"),
        (["--pace", "1e9"], "invalid factor"),
        (["--record", "a", "--replay", "b"], "either --record or --replay"),
    ],
)
def test_bad_arguments_are_usage_errors(arguments, said):
    result = lessons.run_here(*arguments)

    assert result.returncode == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("part", ["stream", "compare", "events", "together", "tools"])
@pytest.mark.usefixtures("hasty_retries")
def test_web_page_is_no_answer(part):
    """A login page answers 200 to everything (S10); the SDK finds no event in it."""
    with open_gateway() as (portal, base_url):
        portal.answer(b"log in", kind="text/html")
        portal.whole = b"log in"
        result = lessons.run_here(part, OPENAI_BASE_URL=base_url)

    said = complaint(result)
    assert "does not speak OpenAI's protocol" in said
    assert "log in" in said or "choices" in said


def test_wire_shows_the_traffic(start):
    question = "Reply with exactly: my own words"

    result = lessons.run_here("stream", question, "--wire", OPENAI_BASE_URL=start().base_url)

    lines = result.stdout.splitlines()
    assert [line for line in lines if line.startswith("> POST /v1/chat/completions")]
    assert "< 200 text/event-stream; charset=utf-8" in lines
    assert '"delta":{"content":" words"}' in result.stdout
    assert "my own words" in re.sub(r"\n< .*|\n(?=< )", "", result.stdout).replace("\n", "")


def test_wire_taps_every_part(start):
    result = lessons.run_here("--wire", OPENAI_BASE_URL=start().base_url)

    assert result.returncode == 0
    posts, gets = (result.stdout.count(f"> {word} /v1/") for word in ("POST", "GET"))
    assert (posts, gets) == (1 + 2 + 1 + 5 + 1 + 1 + 5 + 1 + 3 + 1 + 1, 3)


def test_recorded_call_can_be_replayed_without_anyone(start, tmp_path):
    file = str(tmp_path / "tape.jsonl")
    recorded = lessons.run_here("stream", "--record", file, OPENAI_BASE_URL=start().base_url)

    replayed = lessons.run_here("stream", "--replay", file, "--speed", "0")

    assert "It is recorded in tape.jsonl" in recorded.stdout
    assert "the cassette tape.jsonl, recorded from emulator" in replayed.stdout
    first, second = (run.stdout.partition("\n1. ")[2] for run in (recorded, replayed))
    assert first == second != ""


def test_wrong_cassette_is_reported(tmp_path):
    missing = lessons.run_here("stream", "--replay", str(tmp_path / "none.jsonl"))

    assert "none.jsonl cannot be read: No such file" in complaint(missing)


@can_interrupt
def test_p19_ctrl_c_during_imports():
    with lessons.begin("-X", "importtime", str(lessons.SCRIPT), "--offline") as learner:
        for line in learner.stderr:
            if line.rstrip().endswith("httpx2"):
                break
        learner.send_signal(2)
        _, error = learner.communicate(timeout=10)

    assert learner.returncode == 130
    assert "Traceback" not in error


def test_closed_pipe_ends_quietly(start):
    with lessons.begin(str(lessons.SCRIPT), OPENAI_BASE_URL=start().base_url) as learner:
        learner.stdout.readline()
        learner.stdout.close()
        error = learner.stderr.read()

    assert error == ""


def test_old_code_page_breaks_nothing(start):
    result = lessons.run(
        "compare", OPENAI_BASE_URL=start().base_url, PYTHONIOENCODING="cp1252", PYTHONUTF8="0"
    )

    assert result.returncode == 0, result.stderr
    assert "#" in result.stdout or "@" in result.stdout


def test_missing_packages_are_reported_in_three_lines(tmp_path):
    bare = [sys.executable, "-S", str(lessons.SCRIPT)]

    result = subprocess.run(
        bare, env=lessons.environment(), capture_output=True, text=True, cwd=tmp_path, check=False
    )

    said = complaint(result)
    assert "not installed for this Python: openai" in said
    assert said.rstrip().endswith("course.py 1")


def test_p5_key_never_reaches_a_stand_in():
    """Every byte that the lesson sends to a server on this machine, with keys in all places."""
    got = bytearray()

    def swallow(listener):
        with closing(listener), listener.accept()[0] as line:
            line.settimeout(5)
            while b"\r\n\r\n" not in got or not got.endswith(b"}"):
                got.extend(line.recv(65536))
            line.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}")

    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=swallow, args=[listener])
    thread.start()
    result = lessons.run(
        "stream",
        OPENAI_BASE_URL=f"http://127.0.0.1:{listener.getsockname()[1]}/v1",
        OPENAI_API_KEY=CANARY,
        OPENAI_ADMIN_KEY=CANARY,
        OPENAI_ORG_ID=CANARY,
        OPENAI_CUSTOM_HEADERS=f"x-extra: {CANARY}",
        OPENAI_LOG="debug",
    )
    thread.join()

    assert b"Bearer offline" in got
    assert CANARY.encode() not in got
    assert CANARY not in result.stdout + result.stderr


def test_p7_debug_prints_no_key(start):
    emulator = start()

    result = lessons.run(
        "stream",
        "--send-key",
        "--debug",
        OPENAI_BASE_URL=emulator.base_url,
        OPENAI_API_KEY=CANARY,
        OPENAI_LOG="debug",
    )

    assert result.returncode == 0
    assert "Request" in result.stderr
    assert CANARY not in result.stdout + result.stderr


@can_interrupt
@pytest.mark.parametrize("part", ["compare", "events", "together"])
def test_p19_ctrl_c_stops_any_part(start, part):
    gate = Gate(passes=0)
    emulator = start(pace=1, sleep=gate.sleep)
    with lessons.begin(str(lessons.SCRIPT), part, OPENAI_BASE_URL=emulator.base_url) as learner:
        assert gate.reached.wait(10)
        learner.send_signal(2)
        _, error = learner.communicate(timeout=10)

    assert learner.returncode == 130
    assert error.strip() == "stopped"


def test_another_server_may_write(start):
    behind = start()

    result = lessons.run_here(
        "stream",
        "Reply with exactly: words from behind",
        "--offline",
        EMULATOR_CHAT_BASE_URL=behind.base_url,
        EMULATOR_CHAT_MODEL="gpt-4o",
    )

    assert "\nwords from behind\n" in result.stdout
    assert f"emulator on this machine; {behind.base_url.split('/')[2]} writes" in result.stdout
    assert [exchange.ended for exchange in behind.exchanges] == ["complete"]


def test_absent_writer_is_named():
    result = lessons.run_here("stream", "--offline", EMULATOR_CHAT_BASE_URL="http://127.0.0.1:9/v1")

    assert "EMULATOR_CHAT_BASE_URL" in complaint(result)
