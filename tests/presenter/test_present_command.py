"""`course.py present` on a pseudo-terminal: keys go in, and a terminal shows what comes out."""

import re
import signal
import sys

from common.settings import CourseError
from presenter.__main__ import parse
from presenter.course_show import load_show
from presenter.terminal_screen import ENTER, LEAVE, keys_in, open_screen
from tests.support.course_copy import lines_of
from tests.support.interrupts import can_interrupt
from tests.support.lessons import begin
from tests.support.scripted_http import answering, delta

import pytest
from hypothesis import given
from hypothesis import strategies as st

if sys.platform == "win32":
    pytest.skip("Windows has no pseudo-terminals", allow_module_level=True)

from tests.support.pseudo_terminal import TerminalProgram

# Nothing may go wrong in class: the show connects to nothing, and starts no program.
ALONE = """
import sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.posix_spawn"):
        raise RuntimeError(event)

import presenter.__main__
sys.addaudithook(refuse)
sys.exit(presenter.__main__.main(sys.argv[1:]))
"""


def how(part):
    """What stands above the output of a part."""
    return "── recorded from emulator ──" if part.part.is_recorded else "── only live ──"


def test_all_lessons_are_shown_forwards_and_backwards_with_the_network_off(tmp_path):
    show = load_show()
    size = {"columns": 80, "rows": 24}
    with TerminalProgram("-c", ALONE, "--mute", **size, TMPDIR=str(tmp_path)) as terminal:
        for place, part in enumerate(show, 1):
            terminal.wait_for(part.part.heading, f"{place}/{len(show)}", "space next")
            terminal.press("  ", how(part))
            terminal.type(" ")
        terminal.wait_for("That was the last part.")
        for place in reversed(range(1, len(show) + 1)):
            terminal.press("b", f"{place}/{len(show)}", f"── {show[place - 1].script} ──")
            if place > 1:
                terminal.press("b", f"{place - 1}/{len(show)}", how(show[place - 2]))
        terminal.type("q")
        assert terminal.ended() == 0
        assert list(tmp_path.glob("*/*")) == []


def test_pause_step_speed_traffic_list_and_quit(tmp_path):
    with TerminalProgram("-c", ALONE, "1", TMPDIR=str(tmp_path)) as terminal:
        terminal.wait_for("1/11")
        terminal.press("w.", "recorded from emulator, paused", "── traffic ──")
        terminal.press("..", "> POST /v1/chat/completions")
        terminal.press("++", "speed 4")
        terminal.press("p", "Notice: The answer is complete")
        terminal.press(",", "recorded from emulator, paused")
        terminal.press("g", "Up, down, then Enter.")
        terminal.press("\x1b[B\x1b[B\r", "3. Read the typed events", "3/11")
        terminal.press("?", "A clicker works as well")
        terminal.press("x", "3/11")
        terminal.press("\x1b[5~", "2/11")
        terminal.press("l", "Live failed, so this is the recording.", "no key is set")
        terminal.type("q")
        assert terminal.ended() == 0
        assert terminal.attributes == terminal.before
        assert terminal.written.endswith(LEAVE.encode())


def test_live_part_whose_connection_breaks_leads_back_to_its_recording():
    broken = delta(role="assistant") + delta(content="The dome ") + delta(content="opens")
    with (
        answering(broken) as (base_url, sent),
        TerminalProgram("-m", "presenter", "1", OPENAI_BASE_URL=base_url) as terminal,
    ):
        terminal.wait_for("1/11")
        terminal.press("l", "── LIVE ──")
        terminal.wait_for("Live failed, so this is the recording.", "the answer stopped before")
        terminal.wait_for("── recorded from emulator ──", "Notice: The answer is complete")
        terminal.press("b", "── 01_streaming.py ──")
        terminal.type("q")
        assert terminal.ended() == 0
        assert len(sent) == 1


def test_show_begins_at_a_part_and_follows_the_size_of_the_terminal():
    with TerminalProgram("-m", "presenter", "2", "answer", columns=100, rows=30) as terminal:
        terminal.wait_for("5. Get an answer with citations", "5/10", "space next")
        terminal.resize(70, 20)
        # What was on its way when the size changed is drawn first.
        terminal.wait_until(lambda: terminal.text.splitlines()[-1].startswith(" space next"))
        terminal.resize(120, 40)
        terminal.wait_for("5/10", "print(event.delta", "space next")


@can_interrupt
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)]
)
def test_terminal_is_as_before_however_the_show_ends(number, code):
    with TerminalProgram("-m", "presenter", "1") as terminal:
        terminal.wait_for("1/11")
        terminal.press(" ", "── recorded")
        terminal.process.send_signal(number)
        assert terminal.ended() == code
        assert terminal.attributes == terminal.before
        assert LEAVE.encode() in terminal.written
        assert b"Traceback" not in terminal.written


CRASH = """
import presenter.show_player as it
def fail(self): raise ZeroDivisionError("a mistake")
it.ACTIONS["x"] = fail
import presenter.__main__, sys
sys.exit(presenter.__main__.main(["1"]))
"""


def test_terminal_is_as_before_after_a_crash():
    with TerminalProgram("-c", CRASH) as terminal:
        terminal.wait_for("1/11")
        terminal.press(" ", "── recorded")
        terminal.type("x")
        assert terminal.ended() == 1
        assert terminal.attributes == terminal.before
        assert (
            b"error: something that should not happen"
            in terminal.written.partition(LEAVE.encode())[2]
        )


def test_no_color_is_written_where_none_is_wanted():
    with TerminalProgram("-m", "presenter", "1", NO_COLOR="1") as terminal:
        terminal.wait_for("1/11")
        terminal.press("  ", "── recorded")
        terminal.type("q")
        terminal.ended()
        shown = terminal.written.partition(ENTER.encode())[2]
        assert not re.search(rb"\x1b\[[\d;]*(3|4|9|10)\d(;\d+)*m", shown)


def test_plain_terminal_shows_plain_pictures():
    with TerminalProgram("-m", "presenter", "1", "compare", PYTHONIOENCODING="ascii") as terminal:
        terminal.wait_for("2/11")
        terminal.press("  ", "-- recorded", "Notice:")
        timings = next(line for line in terminal.text.splitlines() if line.startswith("waiting  "))
        terminal.type("q")
        assert terminal.ended() == 0
        assert timings.endswith("......@")


def test_notes_follow_the_show_in_another_terminal(tmp_path):
    with (
        TerminalProgram("-m", "presenter", "1", TMPDIR=str(tmp_path)) as show,
        TerminalProgram("-m", "presenter", "--notes", TMPDIR=str(tmp_path)) as notes,
    ):
        notes.wait_for("This part", "6 to show", "Where is the text in a chunk")
        show.wait_for("1/11")
        show.press("s", "2/11")
        notes.wait_for("1 compare", "People look at the totals.")
        show.type("q")
        show.ended()
        notes.wait_for("Waiting for the show.")
        notes.type("q")
        assert notes.ended() == 0


def test_without_a_terminal_it_says_what_to_do_in_place_of_it():
    with begin("-m", "presenter", "1") as process:
        out, err = process.communicate(timeout=60)

    assert (process.returncode, out) == (1, "")
    assert lines_of(err)[0] == "error: there is no terminal to present on"
    assert "--export FILE" in lines_of(err)[-1]


def test_screen_needs_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)

    with pytest.raises(CourseError, match="no terminal"), open_screen():
        pass


@pytest.mark.parametrize("words", [["4"], ["1", "chat", "more"], ["--speed", "2"]])
def test_wrong_words_are_refused(words, capsys):
    with pytest.raises(SystemExit):
        parse(words)
    assert "course.py present" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b" q", [" ", "q"]),
        (b"\x1b[6~\x1b[A\x1bOC", ["pagedown", "up", "right"]),
        (b"\xe0I\xe0P\r", ["pageup", "down", "enter"]),
        (b"\x1b", ["escape"]),
        (b"G", ["g"]),
        ("é.".encode(), ["", "."]),
        (b"\x1b[15~p", ["", "p"]),
    ],
)
def test_keys_have_names(data, keys):
    assert keys_in(data) == keys


@given(st.binary(max_size=30))
def test_no_bytes_are_too_odd_for_keys(data):
    assert all(isinstance(key, str) for key in keys_in(data))


def test_show_starts_without_loading_what_it_does_not_need():
    """Importing `openai` takes four times as long as all the rest."""
    code = """
import sys
import presenter.__main__, presenter.live_part, presenter.show_sound, presenter.show_player
import presenter.speaker_notes, presenter.terminal_screen
print({"openai", "numpy", "httpx2"} & set(sys.modules))
"""
    with begin("-c", code, is_forked=False) as process:
        out, err = process.communicate(timeout=60)

    assert (out.strip(), err) == ("set()", "")
