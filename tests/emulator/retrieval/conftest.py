"""Every search of these tests is by the table, and no connection outlives its test."""

from emulator.retrieval.vector_engine import TableEngine, using_engine
from tests.support import search_index

import pytest


@pytest.fixture(autouse=True)
def table_engine():
    """The engine that every learner has, whatever else is installed here."""
    with using_engine(TableEngine()):
        yield
    search_index.close_all()
