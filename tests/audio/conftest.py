"""A sound server for the tests that open devices in earnest."""

from tests.support.pulse import pulse

import pytest


@pytest.fixture(scope="module")
def sound_server():
    """One server for all tests of a file."""
    with pulse() as server:
        yield server
