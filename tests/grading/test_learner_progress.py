"""What is remembered of the exercises and the quiz."""

import json
from datetime import date

from grading.exercise import exercises
from grading.learner_progress import LearnerProgress, load, progress_file, save

TODAY = date(2026, 11, 28)


def test_progress_is_kept(own_exercises):
    progress = LearnerProgress()
    progress.note_pass(exercises()["S1"], TODAY)
    progress.of("V0").hints = 2
    progress.answered("1.1", is_right=False)
    save(progress)

    assert load() == progress
    assert [path.name for path in own_exercises.iterdir() if path.suffix == ".new"] == []


def test_core_exercises_come_first():
    progress = LearnerProgress()

    assert progress.next().id == "S1"
    for exercise in exercises().values():
        if exercise.is_core:
            progress.note_pass(exercise, TODAY)
    assert progress.next().id == "S6"
    for exercise in exercises().values():
        progress.note_pass(exercise, TODAY)
    assert progress.next() is None


def test_next_is_looked_for_behind_what_has_just_passed():
    every, progress = exercises(), LearnerProgress()
    for id in ("V1", "V5"):
        progress.note_pass(every[id], TODAY)

    assert progress.next(behind=every["V1"]) == every["V2"]
    assert progress.next(behind=every["V5"]) == every["R1"]
    assert progress.next(behind=every["A3"]) == every["S1"]


def test_changed_exercise_is_noticed():
    progress = LearnerProgress()
    progress.note_pass(exercises()["S1"], TODAY)
    assert not progress.has_changed(exercises()["S1"])

    progress.of("S1").version = "of an earlier course"
    assert progress.has_changed(exercises()["S1"])


def test_damaged_file_is_set_aside(own_exercises):
    for damaged in ("{", "[]", '{"exercises": 3}', '{"exercises": {"S1": 3}}', "null", "\0"):
        progress_file().write_text(damaged)

        assert load() == LearnerProgress()
        assert progress_file().with_name("progress.json.bad").read_text() == damaged
        assert not progress_file().exists()


def test_file_of_a_later_course_is_read(own_exercises):
    row = {"passed": "2027-01-01", "version": "x", "medals": 3}
    progress_file().write_text(json.dumps({"exercises": {"S1": row, "Z9": row}, "more": 1}))

    assert load().of("S1").passed == "2027-01-01"


def test_wrong_answer_counts_until_it_is_right():
    progress = LearnerProgress()
    progress.answered("1.1", is_right=False)
    progress.answered("1.1", is_right=False)
    assert (progress.right, progress.wrong) == ([], ["1.1"])

    progress.answered("1.1", is_right=True)
    assert (progress.right, progress.wrong) == (["1.1"], [])
