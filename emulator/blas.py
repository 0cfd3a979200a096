"""One thread of BLAS while networks run whose products are small.

More threads are slower there: they wait for each other longer than they work. The limit is one for
the whole process, and each call of `threadpool_limits` puts back what it found. So of two callers
that overlap, the first to enter could leave before the other, and the other would then put back the
first one's limit, for good. Here the first caller sets the limit, and the last one lifts it.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

_lock = threading.Lock()
_limits: list[threadpool_limits] = []
_callers: list[None] = []


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """While it lasts, the products of NumPy take one thread, in the whole process."""
    with _lock:
        if not _callers:
            _limits.append(threadpool_limits(1, user_api="blas"))
        _callers.append(None)
    try:
        yield
    finally:
        with _lock:
            _callers.pop()
            if not _callers:
                _limits.pop().restore_original_limits()
