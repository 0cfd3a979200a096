"""What the scenes on sound do in the later runs of a check, and what they say to a refusal."""

import random

from grading.exercise import exercises
from grading.judge import run
from grading.scenes.audio_scenes import ChooseAudio, LiveCaptions, WhoSpoke
from grading.trace import Trace, TracedEvent, TracedExchange
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


@pytest.mark.parametrize(
    ("name", "fact", "why"),
    [
        (
            "turn_detection",
            "A transcription session has no field `turn_detection`.",
            "Use `audio.input.turn_detection` instead.",
        ),
        ("voice", "The server refused your session.", ""),
    ],
)
def test_refused_field_gets_a_place_only_if_a_transcription_has_one(name, fact, why):
    session = TracedExchange(1, "GET", "/v1/realtime", {}, {}, b"", 0.0, status=101)
    update = {"type": "session.update", "session": {"type": "transcription", name: None}}
    words = f"Unknown parameter: 'session.{name}'."
    error = {"type": "error", "error": {"message": words}}
    session.messages = [TracedEvent(0.0, "client", update), TracedEvent(0.1, "server", error)]
    scene = ChooseAudio(random.Random(4711))
    scene.trace = Trace([session])
    failure = scene._captions()

    assert failure.fact == fact
    assert failure.why == f'{why} The server says: "{words}"'.strip()


@pytest.mark.parametrize(
    ("count", "sessions", "fact"),
    [
        (0, 1, "There were 0 commits for 3 sentences."),
        (1, 1, "There was 1 commit for 3 sentences."),
        (1, 3, "There was 1 commit for 3 sentences in the last of 3 sessions."),
    ],
)
def test_wrong_number_of_commits_is_told_with_the_session_it_is_of(count, sessions, fact):
    scene = LiveCaptions(random.Random(4711))
    scene.trace = Trace(
        [
            TracedExchange(n + 1, "GET", "/v1/realtime", {}, {}, b"", 0.0, status=101)
            for n in range(sessions)
        ]
    )

    assert scene._commits(count) == fact
