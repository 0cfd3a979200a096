"""The notes in the second terminal: they follow the show by a file, and know the plan."""

import json
import os
import re

from common import COURSE
from presenter import speaker_notes
from presenter.course_plan import INTRODUCTION, INTRODUCTION_MINUTES, places
from presenter.course_show import load_show
from presenter.pane import text_of
from presenter.plan_clock import PlanClock
from presenter.show_player import KEYS, ShowPlayer
from presenter.speaker_notes import (
    SILENT_S,
    News,
    ShowState,
    StateFile,
    notes,
    read_state,
    state_file,
)

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

SHOW = load_show()


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


class WallTime:
    def __init__(self):
        self.now = 1_800_000_000.0

    def __call__(self):
        return self.now


def show_of(*lessons, clock=lambda: 0.0):
    show = [part for part in SHOW if part.lesson in lessons]
    return ShowPlayer(show, lambda: 0.0, None, plan_clock=PlanClock(clock))


def screen(state, now, width=100, height=30):
    return text_of(notes(state, now, width, height))


def state_of(part="1 stream", minutes=0.0, here=0.0, stage="title", first="1 stream", lines=()):
    now = 1_800_000_000.0
    return ShowState(part, stage, first, 60 * minutes, 60 * here, now, lines), now


def test_notes_follow_the_show_and_see_its_end():
    clock = WallTime()
    player = show_of("1", clock=clock)
    with StateFile(clock) as file:
        file.follow(player)
        assert (read_state(clock.now).part, read_state(clock.now).stage) == ("1 stream", "title")
        player.press(" ")
        file.follow(player)
        assert read_state(clock.now).stage == "run"
        clock.now += 70
        player.press("s")
        file.follow(player)
        state = read_state(clock.now)
        assert (state.part, state.first) == ("1 compare", "1 stream")
        assert (state.elapsed, state.on_part) == (70, 0)
        assert state.time_at(clock.now + 3).on_part == 3
        player.press("c")
        clock.now += 1
        file.follow(player)
        state = read_state(clock.now)
        assert (state.elapsed, state.first) == (1, "1 compare")
    assert read_state(clock.now) is None


def test_show_that_crashed_is_not_followed_for_long():
    clock, player = WallTime(), show_of("1")
    file = StateFile(clock)
    with file:
        file.follow(player)
        assert read_state(clock.now + SILENT_S - 1)
        assert read_state(clock.now + SILENT_S + 1) is None
        clock.now += 5
        file.follow(player)
        assert read_state(clock.now + SILENT_S - 1)


def test_notes_are_drawn_again_only_if_something_has_changed():
    clock, player, news = WallTime(), show_of("1"), News()
    with StateFile(clock) as file:
        file.follow(player)
        seen = [news.has_come(clock.now, (100, 30)) for _ in range(3)]
        assert seen == [True, False, False]
        os.utime(state_file(), (1, 1))  # a file system may count time in large steps
        assert news.has_come(clock.now, (100, 30))
        assert news.has_come(clock.now + 1, (100, 30))
        assert news.has_come(clock.now + 1, (80, 24))
        assert not news.has_come(clock.now + 1.5, (80, 24))
    assert news.has_come(clock.now + 1.5, (80, 24))


def test_show_goes_on_where_no_file_can_be_written(monkeypatch):
    def refuse():
        raise PermissionError

    monkeypatch.setattr(speaker_notes, "state_file", refuse)
    with StateFile() as file:
        file.follow(show_of("1"))
    assert read_state(0) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"part": 1}', "null"])
def test_file_that_makes_no_sense_is_no_show(text):
    state_file().write_text(text, encoding="utf-8")

    assert read_state(0) is None


def test_file_is_readable_for_its_owner_alone():
    assert state_file().parent.stat().st_mode & 0o077 == 0


def test_folder_of_somebody_else_is_refused(monkeypatch):
    state_file()
    monkeypatch.setattr("os.getuid", lambda: -5, raising=False)

    with pytest.raises(PermissionError):
        state_file()
    with StateFile() as file:
        file.follow(show_of("1"))


def test_notes_say_what_to_ask_and_what_goes_wrong():
    for part in SHOW:
        state, now = state_of(part.name)
        words = " ".join(screen(state, now).split())
        for name in ("why", "ask", "answer", "show", "wrong", "notice"):
            assert part.text(name) in words
        minutes = part.part.texts["minutes"]
        assert f"of {minutes} min" in words or f" {minutes} to show" in words


def test_first_part_begins_with_the_introduction():
    words = " ".join(screen(*state_of("1 stream")).split())

    assert f"{INTRODUCTION_MINUTES} to introduce the course, 6 to show" in words
    assert INTRODUCTION in words
    assert INTRODUCTION not in " ".join(screen(*state_of("1 compare")).split())


def test_everything_that_is_to_be_shown_has_a_key():
    """The notes name keys, as in: press r, w and p."""
    known = {word for key, _ in KEYS for word in key.split()} | {"up"}
    for part in SHOW:
        assert part.text("show").endswith((".", "?")), part.name
        named = re.findall(r"[Pp]ress ([^:.]*)", part.text("show").replace("the . key", "dot"))
        keys = {word for text in named for word in re.findall(r"\b[a-z]\b|\+", text)} - {"a"}
        assert keys <= known, part.name


def test_notes_of_every_part_fit_a_small_terminal():
    for part in SHOW:
        state, now = state_of(part.name, minutes=500)
        lines = notes(state, now, 80, 24)
        assert len(lines) == 24
        assert all(sum(cell_len(text) for _, text in line) <= 80 for line in lines)
        assert "Notice" in text_of(lines) or not part.text("notice")


def test_notes_wait_for_a_show():
    assert "course.py present" in screen(None, 0)


def test_late_show_is_told_what_to_leave_out():
    state, now = state_of("1 compare", minutes=places()["1 compare"].until + 8.5, here=9)
    words = " ".join(screen(state, now).split())

    assert "8 min late" in words
    assert "Leave out the part 1 events (6 min) and exercise V2 (8 min)." in words


def test_part_can_be_left_out_as_long_as_its_title_is_seen():
    late = places()["1 events"].at + 3.5
    title = " ".join(screen(*state_of("1 events", minutes=late)).split())
    run = " ".join(screen(*state_of("1 events", minutes=late, stage="run")).split())

    assert "3 min late" in title
    assert "Leave out the part 1 events (6 min; press s)." in title
    assert "Leave out exercise V2 (8 min)." in run


def test_nothing_is_left_to_leave_out_at_the_end():
    words = " ".join(screen(*state_of("3 transcribe", minutes=340)).split())

    assert "Leave out exercise A3 (7 min). That is not enough: make the exercises shorter." in words


def test_highlighted_lines_are_named():
    player = show_of("1")
    with StateFile(WallTime()) as file:
        file.follow(player)
        words = " ".join(screen(read_state(0), 0).split())
    first = player.part.first_line

    assert f"Point at lines {first + 2} to {first + 6}: chunks = client.chat.comp" in words


def test_show_in_time_is_told_how_much_is_left():
    state, now = state_of("1 chat", minutes=23, here=1.5, stage="end")
    words = " ".join(screen(state, now).split())

    assert "1:30 of 14 min: 6 to show, 8 for S1" in words
    assert "on time" in words
    assert "13 min to the next part; 76 min to the end of lesson 1; 277 min to the end" in words
    assert "exercise S1" in words
    assert "They type python3 course.py check S1." in words
    assert words.endswith("More docs/1-streaming.md")


def test_page_of_every_part_is_there():
    for part in SHOW:
        name = screen(*state_of(part.name), height=60).split()[-1]
        assert (COURSE / name).is_file()


def test_lesson_of_its_own_begins_at_its_place_in_the_plan():
    state, now = state_of("2 embed", minutes=1, here=1, first="2 embed")

    assert "on time" in screen(state, now)


@given(st.sampled_from(SHOW), st.floats(0, 400), st.floats(0, 400))
def test_late_is_what_is_missing_at_the_end_of_the_part(part, minutes, here):
    """If the part goes on for as long as the plan says, the next one begins so much too late."""
    state, now = state_of(part.name, minutes=minutes, here=here)
    place = places()[part.name]
    left = max(0, place.until - place.at - here)

    assert state.time_at(now).late == pytest.approx(minutes + left - place.until, abs=1)


def test_state_is_one_line_of_json():
    clock = WallTime()
    with StateFile(clock) as file:
        file.follow(show_of("2"))
        assert json.loads(state_file().read_text("utf-8"))["part"] == "2 embed"
