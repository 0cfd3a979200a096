"""The clock of the plan, with a time that the test sets."""

from presenter.course_plan import places
from presenter.plan_clock import PlanClock, PlanTime


class ClassTime:
    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


def test_time_is_counted_for_the_class_and_for_each_part():
    time = ClassTime()
    clock = PlanClock(time)
    for part, seconds in (("1 stream", 60), ("1 compare", 30), ("1 stream", 5)):
        clock.show(part)
        time.now += seconds
    now = clock.show("1 stream")

    assert (now.first, now.elapsed, now.on_part) == ("1 stream", 95, 65)


def test_class_that_begins_in_the_middle_is_on_time_there():
    place = places()["2 embed"]
    begins = PlanTime("2 embed", "2 embed", 0, 0)

    assert (begins.minutes, begins.late) == (place.at, 0)
    seconds = 60 * (place.until - place.at + 3)
    assert PlanTime("2 embed", "2 embed", seconds, seconds).late == 3
    assert PlanTime("2 embed", "2 by_hand", 0, 0).late == -(place.until - place.at)


def test_class_that_comes_to_a_part_late_or_early_is_so_all_the_time():
    place = places()["1 chat"]
    for late in (9, -3):
        for here in (0, 1, place.until - place.at):
            seconds = 60 * (place.at + late + here)
            assert PlanTime("1 stream", "1 chat", seconds, 60 * here).late == late


def test_restart_can_be_undone_once():
    time = ClassTime()
    clock = PlanClock(time)
    clock.show("1 stream")
    time.now += 100
    clock.show("1 stream")
    clock.restart()
    time.now += 5
    assert clock.show("1 stream").elapsed == 5
    clock.undo()
    now = clock.show("1 stream")
    assert (now.elapsed, now.on_part) == (105, 105)
    clock.undo()
    assert clock.show("1 stream") == now
