"""A file storage in memory, at a time that tests set."""

from emulator.storage.file_storage import FileStorage
from tests.support.files_in_stores import SettableClock

import pytest


@pytest.fixture
def clock():
    return SettableClock()


@pytest.fixture
def storage(clock):
    opened = FileStorage(now=clock)
    opened.open()
    yield opened
    opened.close()


@pytest.fixture
def store(client):
    return client.vector_stores.create(name="handbook")
