"""Where each part stands in the plan of five hours."""

from presenter.course_plan import (
    BREAK_MINUTES,
    INTRODUCTION_MINUTES,
    LEAVE_OUT_FIRST,
    following,
    instructions,
    optional,
    places,
    steps,
    to_leave_out,
    to_type,
)
from presenter.course_show import load_show
from tools.write_plan import PAGE


def test_parts_follow_each_other_without_a_gap():
    demos = [step for step in steps() if step.kind == "demo"]
    at = 0
    for step in demos:
        place = places()[step.name]
        assert (place.at, place.minutes) == (at, step.minutes)
        assert place.opening == (INTRODUCTION_MINUTES if at == 0 else 0)
        at = place.until
    assert at == 300


def test_each_part_of_the_show_has_a_place():
    names = {part.name for part in load_show()}

    assert names <= set(places())
    for step in optional():
        if step.kind == "demo":
            assert places()[step.name].at == places()[step.name].until


def test_what_comes_after_a_part_is_said():
    assert following("1 chat").startswith("Next: exercise S1 ")
    assert following("1 tools").endswith(f", then a break ({BREAK_MINUTES} min).")
    assert following("1 stream") == following("1 resume") == following("no part") == ""


def test_class_is_told_what_to_type_for_an_exercise():
    said = instructions("1 chat").splitlines()

    assert said == [following("1 chat"), "Type: python3 course.py check S1"]
    assert to_type("3 interrupt").endswith("check R3, then with R4")
    assert instructions("1 stream") == to_type("no part") == ""


def test_what_to_leave_out_is_what_the_page_says():
    lines = PAGE.read_text("utf-8").splitlines()
    sentence = next(line for line in lines if line.startswith("When you are late"))

    for name in LEAVE_OUT_FIRST:
        assert name.split()[-1] in sentence
    assert [step.name for step in to_leave_out(0)] == list(LEAVE_OUT_FIRST)
    assert [step.name for step in to_leave_out(200)] == ["R4", "A3"]
