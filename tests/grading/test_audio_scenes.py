"""What the scenes on sound do in the later runs of a check."""

from grading.exercise import exercises
from grading.judge import run
from grading.scenes.audio_scenes import WhoSpoke
from tools.pack_exercises import placed

import pytest


@pytest.mark.parametrize("name", exercises()["A2"].solutions)
def test_program_that_ends_where_the_server_fails_passes(name, tmp_path):
    exercise = exercises()["A2"]
    program = placed(exercise, exercise.solutions[name], tmp_path)
    verdict = run(WhoSpoke, program, 4711, hold_s=0.4)

    assert verdict.failure is None
    assert verdict.ending.code == 1
    assert "500" in verdict.ending.errors


def test_program_that_asks_until_the_server_is_well_passes(tmp_path):
    exercise = exercises()["A2"]
    text = exercise.solutions["solution_1"].replace("OpenAI()", "OpenAI(max_retries=9)")
    verdict = run(WhoSpoke, placed(exercise, text, tmp_path), 4711, hold_s=0.4)

    assert verdict.failure is None
    assert verdict.ending.code == 0
