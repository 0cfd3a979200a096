"""What a lesson's output looks like, as pyte, another terminal in Python, sees it as well."""

from unicodedata import normalize

from console.terminal import CLEAR, WIRE_CODE, WIRE_END
from presenter.pane import Pane, text_of

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

WIDTH = 12
TALL = 200
PIECES = [
    *("dome", "opens at ", "\n", "\r", "\b \b", "\x1b[1A", "\x1b[2A", "\x1b[2K", "\x1b[1;36m"),
    *("\x1b[0m", "\x1b[?25l", "\x1b[?25h", "é", "e\u0301", CLEAR, "\t"),
]


def seen_by_pyte(text):
    screen = pyte.Screen(WIDTH, TALL)
    screen.set_mode(pyte.modes.LNM)
    # Joined, as pyte begins a new line before an accent whose letter stands in the last column.
    pyte.Stream(screen).feed(normalize("NFC", text))
    return "\n".join(line.rstrip() for line in screen.display).rstrip()


def seen_here(*pieces):
    pane = Pane(WIDTH)
    for piece in pieces:
        pane.feed(piece)
    return text_of(pane.lines())


@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_every_mix_of_codes_looks_as_on_another_terminal(pieces):
    assert normalize("NFC", seen_here("".join(pieces))) == seen_by_pyte("".join(pieces))


@given(st.lists(st.sampled_from(PIECES), max_size=12), st.integers(1, 5))
def test_codes_may_come_in_pieces(pieces, size):
    text = "".join(pieces) + WIRE_CODE + "> GET /" + WIRE_END + "."
    pane = Pane(WIDTH)
    for at in range(0, len(text), size):
        pane.feed(text[at : at + size])

    assert text_of(pane.lines()) == seen_here(text)
    assert pane.wire == ["> GET /"]


@given(st.text(max_size=60))
def test_no_output_is_too_odd(text):
    assert isinstance(seen_here(text), str)


def test_colors_add_up_until_they_end():
    pane = Pane(WIDTH)
    pane.feed("\x1b[1;2ma\x1b[36mb\x1b[0mc")

    assert pane.lines() == [(("1;2", "a"), ("1;2;36", "b"), ("", "c"))]


@pytest.mark.parametrize("style", ["7", "4", "41", "104"])
def test_blanks_that_can_be_seen_stay(style):
    pane = Pane(WIDTH)
    pane.feed(f"a\x1b[{style}m  \x1b[0m  ")

    assert pane.lines() == [(("", "a"), (style, "  "))]


def test_wide_letters_take_two_columns():
    """pyte lets half of one stand beyond the margin."""
    assert seen_here("opens at 星星") == "opens at 星\n星"


def test_output_without_an_end_is_kept_at_its_end():
    pane = Pane(WIDTH)
    pane.feed("".join(f"{number}\n" for number in range(5_000)))

    assert len(pane.lines()) < 2_001
    assert text_of(pane.lines()).endswith("\n4999")
