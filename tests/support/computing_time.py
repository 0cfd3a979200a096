"""How long a rule computes, so that a test can fail where a text makes it quadratic."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

MOST_S = 5.0
"""Far more than a linear rule takes on a busy machine, far less than a quadratic one."""


@contextmanager
def computes_at_once() -> Iterator[None]:
    """Fails where what is in it computes for longer than MOST_S."""
    start = time.thread_time()
    yield
    assert time.thread_time() - start < MOST_S
