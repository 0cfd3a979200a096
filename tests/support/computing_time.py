"""How long a rule computes, so that a test can fail where a text makes it quadratic."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

MOST_S = 5.0
"""Far more than a linear rule takes on a busy machine, far less than a quadratic one."""


@contextmanager
def computes_at_once(most_s: float = MOST_S) -> Iterator[None]:
    """Fails where what is in it computes for `most_s` seconds or longer, in this thread."""
    start = time.thread_time()
    yield
    assert time.thread_time() - start < most_s
