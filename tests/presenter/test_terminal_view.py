"""What is drawn: it fits every terminal, and what matters can be seen on a small one."""

import re

from presenter.course_plan import instructions
from presenter.course_show import COLUMNS, load_show
from presenter.pane import text_of
from presenter.show_player import ShowPlayer
from presenter.terminal_view import (
    KEY_LINE,
    PLAIN_SIGNS,
    WIDE,
    as_codes,
    brightened,
    draw,
    fitted,
    without_colors,
)
from tests.support.property_examples import examples

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

SHOW = load_show()
SIZES = [(80, 24), (100, 30)]


def player_at(place, *keys, following=lambda name: "Next: S1."):
    player = ShowPlayer(SHOW, lambda: 0.0, lambda part: None, following, place)
    for key in keys:
        player.press(key)
    return player


@settings(max_examples=examples(100), deadline=None)
@given(
    st.integers(1, 170),
    st.integers(1, 45),
    st.sampled_from([0, 10, 14, 21]),
    st.lists(st.sampled_from([" ", "w", "g", "?", "t", "up", "]", "p", "."]), max_size=4),
)
def test_any_size_is_filled_and_never_exceeded(width, height, place, keys):
    lines = draw(player_at(place, *keys).view(), width, height)

    assert len(lines) == height
    assert all(sum(cell_len(text) for _, text in line) <= width for line in lines)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("part", SHOW, ids=lambda part: part.name)
def test_highlighted_code_and_newest_output_are_seen(part, size):
    for keys in ((), (" ",), (" ", " "), (" ", " ", "w")):
        view = player_at(SHOW.index(part), *keys).view()
        lines = draw(view, *size)
        shown = text_of(lines)
        lit = part.code[min(view.replay.highlighted)].split()
        assert " ".join(lit)[:40] in " ".join(shown.replace("▌", "").split())
        last = text_of(view.replay.lines).splitlines()[-1:]
        assert all(line in shown for line in last)
        assert "▌" in shown


@pytest.mark.parametrize("size", SIZES)
def test_title_and_keys_are_whole(size):
    for part in SHOW:
        shown = text_of(draw(player_at(SHOW.index(part)).view(), *size)).splitlines()
        assert part.part.heading in shown[0]
        assert KEY_LINE in shown[-1]
        assert part.text("why")[:30] in " ".join(shown)


@pytest.mark.parametrize("size", SIZES)
def test_what_comes_next_is_whole(size):
    for place, part in enumerate(SHOW):
        lines = draw(player_at(place, " ", " ", following=instructions).view(), *size)
        shown = " ".join(text_of(lines).split())
        assert " ".join(instructions(part.name).split()) in shown, part.name


@pytest.mark.parametrize("part", SHOW, ids=lambda part: part.name)
def test_code_stands_beside_the_output_where_there_is_room(part):
    view = player_at(SHOW.index(part), " ", " ").view()
    lines = draw(view, WIDE, 40)
    rows = [text_of([line]) for line in lines]
    walls = {row.index("│") for row in rows if "│" in row}

    assert walls == {WIDE - COLUMNS - 2}
    beside = [row.partition("│")[2].strip() for row in rows]
    assert text_of(view.replay.lines).splitlines()[-1].strip() in beside
    assert any(row.startswith("▌") for row in rows)


def test_part_without_a_recording_is_not_called_recorded():
    place = next(place for place, part in enumerate(SHOW) if not part.source)
    shown = text_of(draw(player_at(place, " ").view(), 100, 30))

    assert "── only live ──" in shown
    assert "recorded from" not in shown


def test_lines_of_code_have_their_numbers():
    shown = text_of(draw(player_at(0).view(), 100, 30)).splitlines()
    first = SHOW[0].first_line

    assert any(row.startswith(f" {first} {SHOW[0].code[0]}") for row in shown)


def test_code_stands_still_while_what_matters_is_in_sight():
    rows = text_of(draw(player_at(9).view(), 100, 30)).splitlines()

    assert any("class Visit(BaseModel):" in row for row in rows)


def test_code_that_was_scrolled_on_the_title_shows_the_highlight_in_the_run():
    for place, part in enumerate(SHOW):
        player = player_at(place, *"]]]]]]", " ")
        first = part.first_line + min(player.highlighted)
        shown = text_of(draw(player.view(), 100, 30))
        assert f"▌{first:>{len(str(part.first_line + len(part.code)))}} " in shown, part.name
        before = player.view().code_shift
        player.press("]")
        assert player.view().code_shift == before + 3


def test_plan_shows_where_the_class_is():
    shown = text_of(draw(player_at(3, "t").view(), 100, 30)).splitlines()
    here = next(row for row in shown if row.endswith("  Hold a conversation"))

    assert "on time" in shown[1]
    assert re.match(r"   \d:\d\d +\d+ min  demo", here)


def test_parts_that_the_plan_leaves_out_are_marked_in_the_list():
    shown = text_of(draw(player_at(0, "g").view(), 100, 40)).splitlines()

    for part in SHOW[:11]:
        row = next(row for row in shown if f" {part.part.name} " in row)
        assert ("(not in the plan)" in row) == part.is_optional


def test_output_can_be_scrolled():
    player = player_at(14, " ", " ")
    end = text_of(draw(player.view(), 80, 24))
    for _ in range(30):
        player.press("up")
    start = text_of(draw(player.view(), 80, 24))

    assert "> What does the code E15" not in end
    assert "> What does the code E15" in start


def test_code_can_be_scrolled():
    player = player_at(12)
    first = text_of(draw(player.view(), 80, 24))
    for _ in range(15):
        player.press("]")

    assert "without response.completed" not in first
    assert "without response.completed" in text_of(draw(player.view(), 80, 24))


def test_pause_speed_and_live_are_named():
    player = player_at(0, "p", "+", "+")

    assert "recorded from emulator, paused" in text_of(draw(player.view(), 80, 24))
    assert "speed 4" in text_of(draw(player.view(), 80, 24))


def test_what_comes_next_stands_below_the_end_and_a_message_in_its_place():
    player = player_at(0, " ", " ")
    assert "Next: S1." in text_of(draw(player.view(), 80, 24))
    player.say("Live failed, so this is the recording. (no network)")
    assert "(no network)" in text_of(draw(player.view(), 80, 24))


def test_dark_and_dim_colors_become_bright():
    assert [brightened(style) for style in ("36", "1;2;31", "2", "", "1;44")] == [
        *("96", "1;91", "", "", "1;44")
    ]


styles = st.lists(st.integers(0, 110).map(str), max_size=4).map(";".join)


@given(styles)
def test_no_color_leaves_no_color(style):
    kept = without_colors(style)

    assert not re.search(r"(^|;)(3|4|9|10)\d(;|$)", kept)


def test_no_color_shows_a_background_reversed():
    lines = draw(player_at(0).view(), 80, 24)

    assert ";30;103m▌" in "".join(as_codes(lines, has_color=True))
    plain = "".join(as_codes(lines, has_color=False))
    assert "\x1b[0;7m▌" in plain
    assert set(re.findall(r"\x1b\[([\d;]*)m", plain)) <= {"0", "0;1", "0;7", "0;1;7"}


def test_plain_terminal_gets_plain_signs():
    shown = text_of(draw(player_at(0, " ").view(), 80, 24, PLAIN_SIGNS))

    assert shown.isascii()


@given(st.text(max_size=30), st.integers(1, 20))
def test_long_line_ends_with_a_sign_that_there_is_more(text, width):
    line = fitted((("1", text),), width, "~")

    assert sum(cell_len(piece) for _, piece in line) <= width
    if cell_len(text) <= width:
        assert line == (("1", text),)
