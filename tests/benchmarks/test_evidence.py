"""The fit of the weights that decide whether anything answers a question."""

from benchmarks.evidence import fit, questions, report
from emulator.retrieval.relevance import Signals

import numpy as np
import pytest

CHANCE = np.random.default_rng(1)


def test_signal_that_tells_the_questions_apart_gets_the_weight(capsys):
    is_answered = CHANCE.random(200) < 0.5
    rows = CHANCE.random((200, len(Signals._fields)))
    rows[:, 0] += is_answered

    weights, _ = fit(rows, is_answered)
    report(rows, is_answered)

    assert np.argmax(np.abs(weights)) == 0
    assert weights[0] > 0
    assert capsys.readouterr().out.startswith("evidence=")


@pytest.mark.parametrize(("name", "answerable"), [("handbook", 152), ("cargo", 20)])
def test_nothing_held_out_is_fitted_on(name, answerable):
    asked = questions(name)

    assert not any(question.get("held_out") for question in asked)
    assert sum(bool(question["fact"]) for question in asked) == answerable
    assert len({question["question"] for question in asked}) == len(asked)
