"""One browser for all tests of a file, as starting one takes two seconds."""

from tests.support.chromium import Chromium

import pytest


@pytest.fixture(scope="module")
def chromium():
    with Chromium() as browser:
        yield browser
