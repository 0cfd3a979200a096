"""The quiz and the placement."""

from collections import Counter

from grading.learner_progress import LearnerProgress, load
from grading.quiz import LETTERS, SECTIONS, ask, coming, place, pose, questions

import pytest


def test_each_section_has_ten_questions():
    assert Counter(each.section for each in questions()) == dict.fromkeys(SECTIONS, 10)
    assert len({each.id for each in questions()}) == 40


def test_questions_can_be_read():
    for each in questions():
        assert len(each.answers) == len(set(each.answers)) >= 3
        assert each.why.endswith(".")
        assert each.text.endswith("?")


def test_right_answer_is_not_given_away_by_its_length():
    """Whoever always takes the longest is right in less than three of four."""
    longest = [each for each in questions() if each.answers[0] == max(each.answers, key=len)]

    assert len(longest) < 30


def test_placement_has_five_questions_in_the_order_of_the_lessons():
    sections = [each.section for each in questions() if each.is_placement]

    assert sections == ["1", "2", "2", "3", "audio"]


def answering(terminal, *, is_right):
    """Reads the choices that were shown last, and takes the right one or another."""

    def read():
        shown = terminal.shown()
        question = max(questions(), key=lambda q: shown.rfind(" ".join(q.text.split())[:30]))
        lines = shown.splitlines()
        for letter in LETTERS:
            (line,) = [n for n in lines if n.startswith(f"  {letter}  ")][-1:] or [""]
            matches = question.answers[0].startswith(line[5:].strip()[:40])
            if line and matches == is_right:
                return f"{letter}\n"
        raise AssertionError(shown)

    return read


def test_wrong_answers_come_back_first(own_exercises, terminal):
    ask(terminal, "2", iter(["x\n", "\n", "q\n"]).__next__)

    first = coming(LearnerProgress(), "2")[0]
    assert load().wrong == [first.id]
    assert coming(load(), "2")[0] == first
    assert "0 of 1 right" in terminal.shown()


def test_all_right_is_said(own_exercises, terminal):
    ask(terminal, "1", answering(terminal, is_right=True))

    assert "10 of 10 right" in terminal.shown()
    assert len(load().right) == 10


@pytest.mark.parametrize(("is_right", "start"), [(True, "learn"), (False, "1 --step")])
def test_placement_names_where_to_start(own_exercises, terminal, is_right, start):
    place(terminal, answering(terminal, is_right=is_right))

    assert terminal.shown().rstrip().endswith(f"course.py {start}")


def test_end_of_input_ends_the_quiz(own_exercises, terminal):
    assert ask(terminal, "3", lambda: "") == 0
    assert place(terminal, lambda: "") == 0
    assert "0 of 0 right" in terminal.shown()


def test_wrong_letter_is_asked_again(terminal):
    read = iter(["zz\n", "f\n", "q\n"]).__next__

    assert pose(terminal, questions()[0], read) is None
    assert terminal.shown().count("Type a letter from a to c, or q.") == 2
