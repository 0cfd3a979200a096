"""No connection of a search index outlives its test."""

from tests.support import search_index

import pytest


@pytest.fixture(autouse=True)
def closed_connections():
    yield
    search_index.close_all()
