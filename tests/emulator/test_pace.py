"""How long each block waits."""

from emulator.answers.answer import Answer
from emulator.pace import Metronome, Pace
from emulator.wire import sse
from tests.support.emulator_clients import ask, connect

import pytest


def test_pace_holds_back_each_piece(start):
    waits, now = [], [7.0]

    async def sleep(seconds):
        waits.append(seconds)
        now[0] += seconds * 1.5  # a sleep that takes too long is made up for

    with connect(start(pace=2, sleep=sleep, clock=lambda: now[0])) as client:
        list(client.chat.completions.create(**ask("Reply with exactly: a b c"), stream=True))
        client.chat.completions.create(**ask("Reply with exactly: a b c"))

    assert waits[0] == pytest.approx(0.8)
    assert sum(waits) < 0.8 + 0.1 + 0.9
    assert waits[-1] == pytest.approx(0.9)


def test_whole_answer_takes_as_long_as_its_pieces():
    pace = Pace(2)
    short, long = Answer(["a"], reasoning=30), Answer(["a", "b", "c"], reasoning=10)

    assert pace.whole([]) == 0
    assert pace.whole([short]) == pytest.approx(2 * (0.4 + 30 * 0.005))
    assert pace.whole([short, long]) == pytest.approx(2 * (0.4 + 2 * 0.025 + 30 * 0.005))
    assert Pace(0).whole([long]) == 0


def test_only_text_and_reasoning_wait():
    now = 100.0
    metronome = Metronome(Pace(1, clock=lambda: now))

    assert metronome.wait(b"x") == metronome.wait(sse.SeparateBlock(b"x")) == 0
    assert metronome.wait(sse.ReasoningBlock(b"x", 10)) == pytest.approx(0.05)
    assert metronome.wait(sse.TextBlock(b"x")) == pytest.approx(0.45)
    assert metronome.wait(sse.TextBlock(b"x")) == pytest.approx(0.475)


def test_lost_time_is_made_up_for_and_never_owed():
    now = 100.0
    metronome = Metronome(Pace(1, clock=lambda: now))

    now += 0.41
    assert metronome.wait(sse.TextBlock(b"x")) == 0
    now += 0.005
    assert metronome.wait(sse.TextBlock(b"x")) == pytest.approx(0.01)
    assert Metronome(Pace(0, clock=lambda: now)).wait(sse.TextBlock(b"x")) == 0
