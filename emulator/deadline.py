"""Work whose time depends on what a caller sent, done beside the event loop and within a deadline.

The loop serves everybody, so nothing in it may take long. A thread gives way to it every few
milliseconds. But Python has no call that stops a thread, and one that works for minutes slows the
others down and keeps the process from ending. So three things are done here:

- `PyThreadState_SetAsyncExc` of Python's C interface raises an exception in the other thread, at
  its next jump backwards or call. C code that holds Python's lock is not reached, so what works
  here may not search long texts with patterns that take exponential time.
- The threads are daemons: the process ends without them.
- Each job has a thread of its own, which costs 0.1 ms. An exception that comes too late then hits
  no other job.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from emulator.errors import ApiError

LIMIT_S = 10.0
MOST_JOBS = 4
"""At a time. They share one Python lock, so more of them would only be slower each."""

Result = TypeVar("Result")


class DeadlinePassed(BaseException):
    """Raised inside a job that has to stop; no `except Exception` can catch it."""


class DeadlineThreads:
    """Runs jobs, MOST_JOBS at a time; `limit_s` are the seconds that each may take."""

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        self.limit_s = limit_s
        self._free = asyncio.Semaphore(MOST_JOBS)

    async def run(self, job: Callable[[], Result]) -> Result:
        """What a job returns or raises; raises ApiError (400) at its deadline.

        A job also stops when nobody waits for it any more.
        """
        await self._free.acquire()
        work = _Work(job, self._free)
        work.thread.start()
        try:
            async with asyncio.timeout(self.limit_s):
                await work.ended.wait()
        except TimeoutError:
            raise _took_too_long(self.limit_s) from None
        finally:
            work.stop()
        if work.error is not None:
            raise work.error
        return work.result[0]


class _Work(Generic[Result]):
    """One job on a thread, which releases `free` in the loop at its end."""

    def __init__(self, job: Callable[[], Result], free: asyncio.Semaphore) -> None:
        self.thread = threading.Thread(target=self._run, name="deadline", daemon=True)
        self.ended = asyncio.Event()
        self.result: list[Result] = []
        self.error: BaseException | None = None
        self._job, self._free = job, free
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._is_over = self._is_stopped = False

    def stop(self) -> None:
        """Raise DeadlinePassed in the job, if it still runs."""
        with self._lock:
            if not self._is_over:
                self._is_stopped = True
                _raise_in(self.thread, DeadlinePassed)

    def _run(self) -> None:
        try:
            try:
                self.result.append(self._job())
            except BaseException as error:  # it is raised again where the job was asked for
                self.error = error
            self._finish()
        except DeadlinePassed:  # between the job and its end; it comes once at most
            self._finish()

    def _finish(self) -> None:
        """Nothing stops this thread from here on, so that `free` is released in any case."""
        while not self._is_over:
            with suppress(DeadlinePassed), self._lock:
                if self._is_stopped:
                    _raise_in(self.thread, None)
                self._is_over = True
        with suppress(RuntimeError):  # the loop may have ended meanwhile
            self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        self.ended.set()
        self._free.release()


def _raise_in(thread: threading.Thread, error: type[BaseException] | None) -> None:
    """Let a thread raise an error; None takes back one that it has not raised yet."""
    import ctypes  # few processes ever need it

    raised = ctypes.py_object(error) if error else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), raised)


def _took_too_long(limit_s: float) -> ApiError:
    message = f"""The emulator stopped after {limit_s:g} seconds. The texts or schemas of your \
request take too long to read. Send shorter or simpler ones."""
    return ApiError(400, message, code="emulator_took_too_long")
