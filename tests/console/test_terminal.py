"""The terminal: live text that wraps, pictures, plain signs where fine ones cannot be printed."""

import io
import re
import sys
import unicodedata
from types import SimpleNamespace

from console.terminal import (
    BARS,
    CLEAR,
    IN_PANE,
    PLAIN_BARS,
    WIRE_CODE,
    WIRE_END,
    Lanes,
    Page,
    Terminal,
    can_print,
    excerpt,
    histogram,
    printable,
    short_name,
)

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from rich.console import Console


def screen(written):
    """What stands on a terminal after these characters, backspaces carried out."""
    lines = [[]]
    place = 0
    for letter in written:
        if letter == "\n":
            lines.append([])
            place = 0
        elif letter == "\b":
            place -= 1
        else:
            lines[-1][place : place + 1] = [letter]
            place += 1
    return ["".join(line).rstrip() for line in lines]


def page(pieces, width=20, is_terminal=True):
    file = io.StringIO()
    paper = Page(Console(file=file, width=width, force_terminal=is_terminal))
    for piece in pieces:
        paper.write(piece)
    paper.end()
    return file.getvalue()


def test_page_wraps_between_words():
    written = page(["The observatory ", "stands above ", "the village."])

    assert screen(written) == ["The observatory", "stands above the", "village.", ""]


def test_page_takes_back_half_a_word():
    written = page(["The observatory st", "ands", " above"])

    assert "\b" in written
    assert screen(written) == ["The observatory", "stands above", ""]


def test_pipe_gets_text_as_it_is():
    text = "a word " * 50

    assert page([text], is_terminal=False) == text + "\n"


@given(st.lists(st.text(st.characters(codec="ascii", categories=["Lu", "Ll", "Zs"]), max_size=12)))
def test_page_loses_no_word(pieces):
    assume(all(len(word) < 19 for word in "".join(pieces).split()))

    shown = screen(page(pieces))

    assert all(len(line) <= 20 for line in shown)
    assert "".join(shown).replace(" ", "") == "".join(pieces).replace(" ", "")


def test_page_counts_wide_letters_twice():
    assert page(["an old ", "日本語日本語日"], width=20) == "an old \n日本語日本語日\n"


def test_live_closes_its_source(capsys):
    closed = []

    def pieces():
        try:
            yield "one"
            yield "two"
        finally:
            closed.append(True)

    assert Terminal().live(pieces()) == "onetwo"
    assert closed == [True]
    assert capsys.readouterr().out == "onetwo\n"


def test_live_keeps_what_came_before_failure(capsys):
    def pieces():
        yield "one"
        raise EOFError("cut")

    with pytest.raises(EOFError):
        Terminal().live(pieces())

    assert capsys.readouterr().out == "one\n"


def test_histogram_draws_arrivals():
    assert histogram([0.0, 0.9, 0.9], 1.0, 4, ".#") == "#..#"
    assert histogram([2.0], 2.0, 5, ".#") == "....#"
    assert histogram([0.0], 0.0, 3, ".#") == "#.."


@given(st.lists(st.floats(0, 100), min_size=1), st.integers(1, 60))
def test_histogram_shows_every_stretch(arrivals, width):
    picture = histogram(arrivals, max(arrivals), width, "." + "x" * 8)

    assert len(picture) == width
    assert "x" in picture


def test_old_code_page_gets_plain_bars():
    assert can_print(BARS, "utf-8")
    assert not can_print(BARS, "cp1252")
    assert can_print(PLAIN_BARS, "ascii")
    assert len(BARS) == len(PLAIN_BARS)


def test_colours_follow_no_color(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    Terminal().heading("Title")
    coloured = capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    Terminal().heading("Title")

    assert "\x1b[1;36m" in coloured
    assert "36m" not in capsys.readouterr().out


class Counted:
    prompt_tokens, completion_tokens = 23, 217


def show_everything(show):
    """Whatever a terminal can show, in one go."""
    show.heading("A title that says the task", "why " * 40)
    show.note("word " * 60)
    show.question("Is it cold?")
    show.table(["a", "b"], [("x" * 18, "y " * 60)])
    show.bill(Counted, 0.0111, (0.1, 0.5))
    show.broken("the connection is closed", "word " * 40, "APIConnectionError: gone")
    show.passages("found", [("a.md", 0.5, "word " * 40)], "word")
    show.utterance(1.0, "caller", "word " * 40)
    show.timeline([], [], 10.0)
    with show.lanes(["waiting", "streaming"]) as lanes:
        lanes.add(0, "one ")
        lanes.add(1, "two ")
    show.timings(lanes)
    show.timings(show.lanes([]))


@pytest.mark.parametrize("width", [60, 80, 200])
def test_nothing_is_wider_than_the_terminal(monkeypatch, capsys, width):
    monkeypatch.setenv("COLUMNS", str(width))

    show_everything(Terminal())

    assert all(len(line) <= width for line in capsys.readouterr().out.splitlines())


@pytest.mark.parametrize("width", [1, 2, 3, 8, 20])
def test_tiny_terminal_gets_some_output(monkeypatch, capsys, width):
    monkeypatch.setenv("COLUMNS", str(width))

    show_everything(Terminal())

    assert "word" in capsys.readouterr().out


# ------------------------------------------------------------ text of others

HOSTILE = "a\x1b[2Jb\x07c\rd\x9be\u202ef\u2066g\x7fh"
FAILED_FILE = SimpleNamespace(
    id="file-1", status=HOSTILE, last_error=SimpleNamespace(message=HOSTILE)
)
HIT = SimpleNamespace(filename=HOSTILE, score=0.5, content=[SimpleNamespace(text=HOSTILE)])
HARMLESS = "a\u241b[2Jb\u2407c\u240dd\ufffde\ufffdf\ufffdg\ufffdh"


def test_control_characters_are_shown_as_signs():
    assert printable(HOSTILE) == HARMLESS
    assert printable("tab\tand\nline") == "tab\tand\nline"


@given(st.text())
def test_nothing_printable_moves_the_cursor(text):
    shown = printable(text)

    assert not [c for c in shown if unicodedata.category(c) == "Cc" and c not in "\t\n"]
    assert printable(shown) == shown


def test_printed_text_is_harmless(capsys):
    with Terminal().as_output():
        print(HOSTILE, end="", flush=True)
        print("[bold]no markup[/]")

    assert capsys.readouterr().out == f"{HARMLESS}[bold]no markup[/]\n"


SHOWING = {
    "live": lambda show: show.live([HOSTILE]),
    "note": lambda show: show.note(HOSTILE),
    "paragraph": lambda show: show.paragraph(HOSTILE),
    "line": lambda show: show.line(HOSTILE),
    "item": lambda show: show.item("a ", HOSTILE),
    "heading": lambda show: show.heading(HOSTILE, HOSTILE),
    "question": lambda show: show.question(HOSTILE),
    "utterance": lambda show: show.utterance(1.0, "caller", HOSTILE),
    "wire": lambda show: show.wire(HOSTILE),
    "table": lambda show: show.table(["a"], [(HOSTILE,)]),
    "passages": lambda show: show.passages("t", [(HOSTILE, 0.1, HOSTILE)], "q"),
    "broken": lambda show: show.broken("how", HOSTILE, HOSTILE),
    "changes": lambda show: show.changes([HOSTILE]),
    "command": lambda show: show.command(HOSTILE),
    "events": lambda show: show.events([SimpleNamespace(type=HOSTILE)], {}),
    "kinds": lambda show: show.kinds([HOSTILE], {HOSTILE: HOSTILE}),
    "left_out": lambda show: show.left_out(HOSTILE, {HOSTILE: HOSTILE}),
    "files": lambda show: show.files(0, 1, [FAILED_FILE], {"file-1": HOSTILE}),
    "similarities": lambda show: show.similarities([HOSTILE], [[1.0]], lambda *_: 1.0),
    "hits": lambda show: show.hits(HOSTILE, [HIT], HOSTILE),
    "measured": lambda show: show.measured({HOSTILE: [0.5]}),
    "timings": lambda show: show.timings(SimpleNamespace(arrivals={HOSTILE: [1.0]})),
    "asked": lambda show: list(show.asked([HOSTILE])),
}
# These print no text of others: say gets markup that the methods above have made harmless.
OWN_WORDS = {"say", "pause", "bill", "progress", "plane", "timeline", "typed", "as_output", "lanes"}
# What it draws is harmless, but only on a terminal.
OWN_WORDS |= {"status"}


def test_nothing_that_shows_text_is_forgotten():
    public = {name for name in vars(Terminal) if not name.startswith("_")}

    assert public == SHOWING.keys() | OWN_WORDS


@pytest.mark.parametrize("name", SHOWING)
def test_whatever_is_shown_is_harmless(capsys, name):
    SHOWING[name](Terminal())

    shown = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\r", "\x9b", "\u202e", "\u2066", "\x7f"} & set(shown)


def test_lanes_are_harmless(capsys):
    with Terminal().lanes([HOSTILE]) as lanes:
        lanes.add(0, HOSTILE)

    assert capsys.readouterr().out == f"{HARMLESS}\n{HARMLESS}\n\n"


# ------------------------------------------------------------ what belongs to a part


def test_print_and_note_do_not_share_a_line(capsys):
    terminal = Terminal()
    with terminal.as_output():
        print("half a line", end="")
        terminal.note("a remark")
        print("more", end="")

    assert capsys.readouterr().out == "half a line\n|  a remark\nmore\n"


def test_output_is_its_own_again_at_the_end():
    before = sys.stdout
    with pytest.raises(EOFError), Terminal().as_output():
        assert (sys.stdout.isatty(), sys.stdout.encoding) == (before.isatty(), before.encoding)
        raise EOFError

    assert sys.stdout is before


def test_events_are_counted_by_runs(capsys):
    kinds = ["begin", "piece", "piece", "end", "new"]
    meanings = {"begin": "it begins", "piece": "a piece", "end": "it ends"}

    Terminal().events([SimpleNamespace(type=kind) for kind in kinds], meanings)

    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows == [
        ["begin", "it", "begins"],
        ["piece", "x", "2", "a", "piece"],
        ["end", "it", "ends"],
        ["new", "(new", "to", "this", "lesson)"],
    ]


def lanes_by(now, file):
    """Lanes whose clock shows `now[0]`."""
    return Lanes(Console(file=file, width=60), ["waiting", "streaming"], lambda: now[0])


def test_lane_times_its_pieces():
    now = [10.0]
    with lanes_by(now, io.StringIO()) as lanes:
        for lane, piece, time in [(0, "x", 11.0), (1, "", 11.2), (0, "y", 11.5), (1, "z", 13.0)]:
            now[0] = time
            lanes.add(lane, piece)

    assert lanes.arrivals == {"waiting": [1.0, 1.5], "streaming": [3.0]}


def test_empty_lane_shows_how_long_it_has_waited():
    now, file = [10.0], io.StringIO()
    with lanes_by(now, file) as lanes:
        lanes.add(1, "text")
        now[0] = 12.5
        Console(file=file, width=60).print(lanes._columns())

    assert "2.5 s" in file.getvalue()


def test_price_that_is_not_known_is_not_shown_as_nothing(capsys):
    Terminal().bill(Counted, 0.0, (0.0, 0.0))

    assert "isn't known" in capsys.readouterr().out


def test_usage_that_never_came_is_said(capsys):
    Terminal().bill(None, 0.0, (0.1, 0.5))

    assert capsys.readouterr().out == "|  The stream ended without its usage.\n"


def test_states_are_shown_when_they_change(capsys):
    Terminal().changes([{}, {}, {"a": 1}, {"a": 1}, {}])

    assert capsys.readouterr().out == "{}\n{'a': 1}\n{}\n"


def test_nobody_waits_where_nobody_can_press_enter(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))

    Terminal().pause()


def test_questions_that_come_through_a_pipe_are_shown(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("When?\nHow much?\n\nNever asked.\n"))

    assert [*Terminal().typed("Where?")] == ["Where?", "When?", "How much?"]
    assert capsys.readouterr().out == "> Where?\n\n> When?\n\n> How much?\n"


def test_excerpt_begins_at_the_most_telling_word():
    text = "This manual tells what a code is. E15: the motor is too hot, let it cool."

    assert excerpt(text, "What does the code E15 mean?", 30) == "... E15: the motor is too ..."
    assert excerpt(text, "Which code?", 30) == "... code is. E15: the ..."
    assert excerpt(text, "Nothing of it", 30).startswith("This manual tells")


@pytest.mark.parametrize(
    ("unsupported", "reasons", "shown"),
    [
        ("", {}, ""),
        ("2 files (.png): a, b", {}, "|  Left out: 2 files (.png): a, b.\n"),
        ("", {"a.md": "empty"}, "|  Left out: 1 file.\nfile  why\na.md  empty\n"),
        (
            "1 file (.png): a",
            {"a.md": "empty", "b.md": "gone"},
            """|  Left out: 1 file (.png): a.
|  Left out: 2 more files.
file  why
a.md  empty
b.md  gone
""",
        ),
    ],
)
def test_left_out_files_are_told_by_their_kind_or_one_by_one(capsys, unsupported, reasons, shown):
    Terminal().left_out(unsupported, reasons)

    assert capsys.readouterr().out == shown


def test_long_table_of_files_is_cut(capsys):
    Terminal().left_out("", {f"{number:04}.md": "it is empty" for number in range(1500)})

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "|  Left out: 1,500 files."
    assert lines[-2:] == ["0019.md  it is empty", "|  And 1,480 more files."]
    assert len(lines) == 23


@pytest.mark.parametrize(
    ("text", "kept"), [("", "0 words"), ("A", "1 word"), ("A public evening", "3 words")]
)
def test_words_that_were_kept_are_counted(capsys, text, kept):
    Terminal().broken("fin", text, "it ended")

    assert f"kept:  {kept}: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "width", "expected"),
    [
        ("a.md", 4, "a.md"),
        ("a-long-name-of-a-file.md", 24, "a-long-name-of-a-file.md"),
        ("a-long-name-of-a-file.md", 20, "a-long-na...-file.md"),
        ("a-long-name-of-a-file.md", 5, "...-file.md"),
        ("日本語の長い名前のファイル.md", 20, "日本...のファイル.md"),
    ],
)
def test_long_name_loses_its_middle(name, width, expected):
    assert short_name(name, width) == expected


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_reason_is_seen_beside_a_long_name(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    Terminal().left_out("", {"a" * 200 + ".md": "it is empty"})
    failed = SimpleNamespace(id="1", status="failed", last_error=SimpleNamespace(message="scan"))
    Terminal().files(0, 1, [failed], {"1": "b" * 200 + ".pdf"})

    shown = capsys.readouterr().out
    assert re.search(r"a\.\.\.aaaaa\.md +it is empty", shown)
    assert re.search(r"b\.\.\.bbbb\.pdf +failed +scan", shown)


def test_in_a_pane_the_traffic_and_the_heading_are_codes(monkeypatch):
    """The presenter shows a part's title itself, and tells the traffic from the text."""
    monkeypatch.setenv(IN_PANE, "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    file = io.StringIO()
    show = Terminal(file)
    show.heading("A title", "A reason.")
    show.wire(f"> GET /{HOSTILE}{'x' * 5_000}")
    show.note("A note.")

    written = file.getvalue()
    assert written.startswith(f"{CLEAR}{WIRE_CODE}> GET /{HARMLESS}x")
    assert written.count(WIRE_END) == 1
    assert len(written) < 600
    assert written.endswith("\x1b[36m|\x1b[0m  A note.\n")
