"""The instructor's page: the plan of five hours."""

from tools.write_plan import PAGE, optional, steps, written

MINUTES = 300


def test_plan_takes_five_hours():
    assert sum(step.minutes for step in steps()) == MINUTES


def test_page_has_the_plan_as_it_is_now():
    """`python -m tools.write_plan` writes it."""
    page = PAGE.read_text("utf-8")

    assert written(page) == page


def test_each_step_stands_once():
    every = [step.what for step in (*steps(), *optional()) if step.kind != "break"]

    assert len(every) == len(set(every))


def test_each_demo_has_a_question_for_the_class_and_what_goes_wrong():
    for step in steps():
        if step.kind == "demo":
            assert step.ask.endswith("?"), step.what
            assert step.answer.endswith("."), step.what
            assert step.wrong.endswith("."), step.what


def test_nobody_sits_for_longer_than_two_hours():
    since = 0
    for step in steps():
        since = 0 if step.kind == "break" else since + step.minutes
        assert since <= 120, step.what
