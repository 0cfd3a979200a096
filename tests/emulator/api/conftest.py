"""What the tests of several families need."""

import pytest


@pytest.fixture
def store(client):
    return client.vector_stores.create(name="handbook")
