"""The show without a terminal: keys and time go in, stages and screens come out."""

from common.settings import CourseError
from presenter.course_show import Chunk, load_show
from presenter.pane import text_of
from presenter.show_player import (
    ACTIONS,
    FIRST_S,
    MESSAGE_S,
    REACTION_S,
    SILENCE_S,
    ShowPlayer,
    Stage,
)
from tests.support.property_examples import examples

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

SHOW = load_show()
SHORT = [part for part in SHOW if part.part.name in ("stop", "tools", "objects", "cleanup")]


class ShowTime:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class ScriptedLive:
    """A live part that writes what the test says."""

    def __init__(self, part):
        self.part, self.code, self.complaint = part, None, ""
        self.coming, self.is_stopped, self.has_failed = [], False, False

    def chunks(self):
        came, self.coming = self.coming, []
        return came

    def stop(self):
        self.is_stopped = True


class Desk:
    """A player, its clock, and the live parts that it has started."""

    def __init__(self, show=SHOW, failure=None):
        self.clock, self.lives, self.failure = ShowTime(), [], failure
        self.player = ShowPlayer(show, self.clock, self.start, lambda name: f"Next: {name}.")

    def start(self, part):
        if self.failure:
            raise self.failure
        self.lives.append(ScriptedLive(part))
        return self.lives[-1]

    def press(self, *keys):
        for key in keys:
            self.player.press(key)
            self.player.tick()

    def wait(self, seconds):
        self.clock.now += seconds
        self.player.tick()

    @property
    def text(self):
        return text_of(self.player.view().replay.lines)

    @property
    def view(self):
        return self.player.view()


@pytest.fixture
def desk():
    return Desk()


def whole_text(part):
    desk = Desk([part])
    desk.press(" ", " ")
    return desk.text


def test_one_key_walks_through_all_lessons_and_another_one_back(desk):
    for place, part in enumerate(SHOW):
        assert (desk.player.place, desk.player.stage) == (place, Stage.TITLE)
        desk.press(" ", " ")
        assert desk.player.stage is Stage.END
        assert len(desk.text) > len(part.part.title)
        desk.press(" ")
    assert "last part" in desk.view.message

    for place in reversed(range(len(SHOW))):
        assert (desk.player.place, desk.player.stage) == (place, Stage.END)
        assert desk.text == whole_text(SHOW[place])
        desk.press("b")
        assert (desk.player.place, desk.player.stage) == (place, Stage.TITLE)
        desk.press("b")
    assert (desk.player.place, desk.player.stage) == (0, Stage.TITLE)


def test_key_that_comes_just_after_the_end_does_not_leave_the_part(desk):
    desk.press(" ")
    desk.wait(SHOW[0].chunks[-1].at)
    desk.wait(REACTION_S / 2)
    desk.press(" ")
    assert (desk.player.place, desk.player.stage) == (0, Stage.END)
    assert "Press again" in desk.view.message
    desk.press(" ")
    assert (desk.player.place, desk.player.stage) == (1, Stage.TITLE)


@pytest.mark.parametrize("part", SHOW[:12], ids=lambda part: part.name)
def test_recorded_time_passes_and_ends_with_all_of_it(part):
    desk = Desk([part])
    desk.press(" ")
    desk.wait(part.chunks[-1].at - 0.001)
    assert desk.player.stage is Stage.RUN
    desk.wait(0.002)
    assert desk.player.stage is Stage.END
    assert desk.text == whole_text(part)


def test_text_grows_with_its_recorded_times(desk):
    begins = next(each.at for each in SHOW[0].chunks if '"content":"A"' in each.text)
    desk.press(" ")
    desk.wait(begins - 0.05)
    before = desk.text
    desk.wait(0.5)
    assert (
        before
        == "> What happens on a public evening at Fernhill Observatory? Answer in six\nsentences."
    )
    assert desk.text.startswith(f"{before}\nA public evening")


def test_speed_changes_how_fast_time_passes(desk):
    desk.press("+", " ")
    desk.wait(1)
    assert desk.view.seconds == pytest.approx(2, abs=0.1)
    desk.press("-", "-")
    desk.wait(1)
    assert desk.view.seconds == pytest.approx(2.5, abs=0.1)
    desk.press(*"----++++++++")
    assert desk.view.speed == 8


def test_pause_stops_the_time_and_a_step_shows_one_piece(desk):
    desk.press(" ")
    desk.wait(2)
    desk.press("p")
    before = desk.text
    desk.wait(50)
    assert desk.text == before
    desk.press(".")
    added = desk.text.replace(before, "")
    assert 0 < len(added.split()) <= 2
    desk.press("p")
    desk.wait(0.5)
    assert len(desk.text) > len(before + added)


def test_steps_with_the_traffic_show_each_event(desk):
    desk.press("w", ".")
    for count in range(1, 20):
        assert desk.view.replay.traffic.complete <= count
        before = desk.view.replay.traffic.complete, desk.text
        desk.press(".")
        assert (desk.view.replay.traffic.complete, desk.text) != before


@settings(max_examples=examples(40), deadline=None)
@given(st.sampled_from(SHORT), st.integers(1, 30), st.booleans())
def test_step_back_takes_back_a_step(part, steps, shows_wire):
    desk = Desk([part])
    desk.press(*["w"] * shows_wire, "p", *"." * steps)

    def looks():
        return desk.text, desk.view.replay.traffic.complete if shows_wire else None

    before = looks()
    desk.press(".")
    if looks() != before:
        desk.press(",")
        assert looks() == before
        assert desk.view.is_paused


def test_repeat_begins_again_and_skip_goes_on(desk):
    desk.press(" ", " ", "r")
    assert desk.player.stage is Stage.RUN
    desk.wait(0.1)
    assert desk.text.startswith("> What happens")
    desk.press("s")
    assert (desk.player.place, desk.player.stage) == (1, Stage.TITLE)


def test_skip_goes_on_to_the_next_part_of_the_plan(desk):
    planned = [place for place, part in enumerate(SHOW) if not part.is_optional]
    for place in planned[1:]:
        desk.press("s")
        assert (desk.player.place, desk.player.stage) == (place, Stage.TITLE)
    desk.press("s")
    assert desk.player.place == planned[-1]
    assert "No later part" in desk.view.message


def test_clock_of_the_plan_can_be_started_again_and_that_can_be_undone(desk):
    desk.wait(600)
    desk.press("s")
    desk.wait(30)
    desk.press("c")
    desk.wait(60)
    assert (desk.player.plan_time.first, desk.player.plan_time.elapsed) == ("1 compare", 60)
    desk.press("c")
    assert (desk.player.plan_time.first, desk.player.plan_time.elapsed) == ("1 stream", 690)
    assert desk.player.plan_time.on_part == 90


def test_plan_is_shown_until_a_key_is_pressed(desk):
    desk.wait(120)
    desk.press("t")
    assert desk.view.plan.elapsed == 120
    desk.press(" ")
    assert desk.view.plan is None
    assert desk.player.stage is Stage.TITLE


def test_time_of_a_part_goes_on_when_one_comes_back_to_it(desk):
    desk.wait(100)
    desk.press("s")
    desk.wait(5)
    desk.press("b")
    desk.wait(20)
    assert (desk.player.place, desk.player.plan_time.on_part) == (0, 120)


def test_list_leads_to_any_part(desk):
    desk.press("g", "pagedown", "down", "up", "down", "enter")
    assert (desk.player.place, desk.player.stage) == (9, Stage.TITLE)
    desk.press("g", "up", "escape")
    assert desk.player.place == 9
    assert desk.view.choice is None


def test_help_is_closed_by_any_key(desk):
    desk.press("?")
    assert desk.view.shows_help
    desk.press("q")
    assert not desk.view.shows_help
    assert not desk.player.is_over


def test_what_comes_next_is_said(desk):
    assert desk.view.following == "Next: 1 stream."


# ------------------------------------------------------------ live


def test_live_part_is_shown_while_it_comes_and_can_be_stepped_through(desk):
    desk.press("l")
    live = desk.lives[0]
    live.coming = [Chunk(0.0, "live one"), Chunk(0.1, " two")]
    desk.wait(0.2)
    assert desk.view.is_live
    assert desk.text == "live one two"
    live.coming, live.code = [Chunk(0.3, " three")], 0
    desk.wait(0.2)
    assert (desk.text, desk.player.stage) == ("live one two three", Stage.END)
    desk.press(",")
    assert desk.text == "live one two"
    desk.press(" ", " ")
    assert not desk.view.is_live


def test_live_part_that_fails_is_shown_from_its_recording(desk):
    desk.press("l")
    desk.lives[0].coming = [Chunk(0.0, "live")]
    desk.wait(0.1)
    desk.lives[0].code, desk.lives[0].complaint = 1, "Connection error"
    desk.wait(0.1)
    assert "Connection error" in desk.view.message
    assert not desk.view.is_live
    desk.wait(1.5)
    assert desk.text.startswith("> What happens")
    desk.wait(20)
    assert desk.text == whole_text(SHOW[0])


def test_part_that_is_only_live_says_so_and_the_show_goes_on():
    place = next(place for place, part in enumerate(SHOW) if not part.part.is_recorded)
    desk = Desk(SHOW[place:])
    desk.press("l")
    assert not desk.lives
    assert f"In another terminal, type: {SHOW[place].command}" in desk.view.message
    desk.press(" ")
    desk.wait(REACTION_S + 0.1)
    assert desk.player.stage is Stage.END
    assert "has no recording" in desk.text
    desk.press(" ")
    assert (desk.player.place, desk.player.stage) == (1, Stage.TITLE)


def test_live_part_that_reports_an_error_is_not_waited_for(desk):
    desk.press("l")
    desk.lives[0].has_failed, desk.lives[0].complaint = True, "Connection error"
    desk.wait(0.1)
    assert "Connection error" in desk.view.message
    assert desk.lives[0].is_stopped


def test_live_part_that_falls_silent_has_failed(desk):
    desk.press("l")
    desk.lives[0].coming = [Chunk(0.0, "live")]
    desk.wait(SILENCE_S - 1)
    desk.wait(SILENCE_S - 1)
    assert desk.view.is_live
    desk.wait(2)
    assert not desk.view.is_live
    assert desk.lives[0].is_stopped
    assert f"nothing came for {SILENCE_S:.0f} seconds" in desk.view.message


def test_live_part_has_less_time_for_its_first_sign(desk):
    desk.press("l")
    desk.wait(FIRST_S - 0.5)
    assert desk.view.is_live
    desk.wait(1)
    assert not desk.view.is_live
    assert f"nothing came for {FIRST_S:.0f} seconds" in desk.view.message


def test_key_in_a_live_part_that_still_runs_says_what_can_be_done(desk):
    desk.press("l", " ")
    assert desk.view.is_live
    assert "Press l for its recording" in desk.view.message


@pytest.mark.parametrize("failure", [CourseError("no key is set"), OSError("no such file")])
def test_live_part_that_cannot_start_is_shown_from_its_recording(failure):
    desk = Desk(failure=failure)
    desk.press("l")
    assert str(failure) in desk.view.message
    assert (desk.player.stage, desk.view.is_live) == (Stage.RUN, False)
    desk.wait(MESSAGE_S)
    desk.wait(MESSAGE_S)
    assert desk.view.message == ""


@pytest.mark.parametrize("keys", ["b", "s", "r", "q", "l"])
def test_whoever_leaves_a_live_part_stops_it(desk, keys):
    desk.press("l")
    desk.wait(0.1)
    desk.press(*keys)
    assert desk.lives[0].is_stopped
    assert not desk.view.is_live or desk.player.is_over


KEYS = [*ACTIONS, "escape", "x", ""]


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.tuples(st.sampled_from(KEYS), st.floats(0, 5)), max_size=30))
def test_no_order_of_keys_is_too_odd(pressed):
    desk = Desk(SHORT)
    for key, seconds in pressed:
        desk.press(key)
        desk.wait(seconds)
        for live in desk.lives:
            live.code = 1 if live.is_stopped else None
        assert 0 <= desk.player.place < len(SHORT)
        assert (desk.player.stage is not Stage.TITLE) or desk.text == ""
