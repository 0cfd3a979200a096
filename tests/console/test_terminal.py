"""The terminal: live text that wraps, pictures, plain signs where fine ones cannot be printed."""

import io

from console.terminal import BARS, PLAIN_BARS, Page, Terminal, can_print, excerpt, histogram

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


@pytest.mark.parametrize("width", [60, 80, 200])
def test_nothing_is_wider_than_the_terminal(monkeypatch, capsys, width):
    monkeypatch.setenv("COLUMNS", str(width))
    show = Terminal()

    show.note("word " * 60)
    show.table(["a", "b"], [("x" * 30, "y " * 60)])
    show.timings({"whole": TimedPieces([3.0], 9), "streamed": TimedPieces([1.0, 3.0], 9)})

    assert all(len(line) <= width for line in capsys.readouterr().out.splitlines())


class TimedPieces:
    def __init__(self, arrivals, tokens):
        self.arrivals, self.tokens = arrivals, tokens


def test_excerpt_begins_at_the_most_telling_word():
    text = "This manual tells what a code is. E15: the motor is too hot, let it cool."

    assert excerpt(text, "What does the code E15 mean?", 30) == "... E15: the motor is too ..."
    assert excerpt(text, "Which code?", 30) == "... code is. E15: the ..."
    assert excerpt(text, "Nothing of it", 30).startswith("This manual tells")
