"""How long the event loop of an emulator in this process computes without a pause.

While it does, nobody else is answered, whatever they ask. The time that other programs take from
this one doesn't count, so the test doesn't depend on how busy the computer is.
"""

import asyncio
import time
from contextlib import contextmanager


@contextmanager
def loop_steps(monkeypatch):
    """A list that gets the seconds of computing of each step of a loop, in any thread."""
    steps = []
    run = asyncio.Handle._run

    def measured(handle):
        start = time.thread_time()
        run(handle)
        steps.append(time.thread_time() - start)

    with monkeypatch.context() as patch:
        patch.setattr(asyncio.Handle, "_run", measured)
        yield steps
