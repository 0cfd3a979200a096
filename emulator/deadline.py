"""Runs work outside the event loop, and stops it at a deadline.

Some work takes as long as the caller's texts and schemas require. The loop serves all requests, so
nothing in it may take long. A thread lets the loop run every few milliseconds. But Python has no
call that stops a thread. One that works for minutes slows the others down, and keeps the process
from ending. Here are three remedies:

- `PyThreadState_SetAsyncExc` of Python's C API raises an exception in the other thread, at its next
  call or backward jump. It can't interrupt C code that holds Python's lock. So a job must not
  search long texts with regular expressions that may take exponential time.
- The threads are daemons, so the process doesn't wait for them when it ends.
- Each job has its own thread, which takes 0.1 ms to start. So an exception that comes too late
  can't hit another job.
- A job that is importing a module is stopped after that. An exception within the import would leave
  a file open, and modules behind that are there by half. The same holds for a thread that has not
  come as far as its job: nothing would then say that it has ended.
- A job whose caller has left gets GRACE_S to end by itself, as nearly all do. An exception at a bad
  moment, such as the deletion of an object, is then a rare thing.
"""

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

from emulator.errors import ApiError

LIMIT_S = 30.0
"""By the clock: a slow computer that does much else needs several times what a quiet one does."""
AGAIN_S = 1.0
AGAIN = 50
SOON_S = 0.02
GRACE_S = 0.2
MOST_JOBS = 4
"""At a time. They share Python's one lock, so with more of them each would only be slower."""

Result = TypeVar("Result")


class DeadlinePassed(BaseException):
    """Raised inside a job that has to stop; `except Exception` doesn't catch it."""


class DeadlineThreads:
    """Runs so many jobs at a time; `limit_s` are the seconds that each may take."""

    def __init__(self, limit_s: float = LIMIT_S, most_jobs: int = MOST_JOBS) -> None:
        self.limit_s = limit_s
        self._free = asyncio.Semaphore(most_jobs)
        self._running: list[_Work[Any]] = []

    def stop(self) -> None:
        """Stop the jobs that still run, whose event loop has ended."""
        for work in self._running:
            work.stop()

    async def run(self, job: Callable[[], Result]) -> Result:
        """What a job returns or raises; raises ApiError (400) at its deadline.

        A job also stops when its caller no longer waits for it.
        """
        await self._free.acquire()
        work = _Work(job, self._free)
        self._running = [*(other for other in self._running if not other.is_over), work]
        work.thread.start()
        try:
            async with asyncio.timeout(self.limit_s):
                await work.ended.wait()
        except TimeoutError:
            work.stop()
            raise _took_too_long(self.limit_s) from None
        except asyncio.CancelledError:
            work.stop_after(GRACE_S)
            raise
        if work.error is not None:
            raise work.error
        return work.result[0]


class _Work(Generic[Result]):
    """A job and its thread; at its end it releases `free` in the loop."""

    def __init__(self, job: Callable[[], Result], free: asyncio.Semaphore) -> None:
        self.thread = threading.Thread(target=self._run, name="deadline", daemon=True)
        self.ended = asyncio.Event()
        self.result: list[Result] = []
        self.error: BaseException | None = None
        self._job, self._free = job, free
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self.is_over = False
        """Nothing stops the thread from here on."""
        self._has_begun = self._was_hit = False

    def stop_after(self, seconds: float) -> None:
        """Call `stop` later, if the loop still runs by then."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_later(seconds, self.stop)

    def stop(self) -> None:
        """Raise DeadlinePassed in the job, if it still runs, and again until it has ended.

        Python drops an exception that comes while an object is being deleted.
        """
        with self._lock:
            if self.is_over:
                return
            waits = not self._has_begun or _is_importing(self.thread)
            if not waits:
                self._was_hit = True
                _raise_in(self.thread, DeadlinePassed)
        self.stop_after(SOON_S if waits else AGAIN_S)

    def _run(self) -> None:
        try:
            try:
                self._has_begun = True  # from here on an exception is caught below
                self.result.append(self._job())
            except BaseException as error:  # `run` raises it again
                self.error = error
            self._finish()
        except DeadlinePassed:  # it came after the job; the next one is AGAIN_S away
            self._finish()

    def _finish(self) -> None:
        """From here on nothing can stop this thread, so `free` is always released."""
        while not self.is_over:
            try:
                with self._lock:
                    self.is_over = True
                # One that was raised before comes at the next backward jump. It is not taken back:
                # Python 3.11 would then look for it at each call of each thread, for ever. And
                # where it interrupts another job first, it forgets to look here, until it has
                # given Python's lock to a thread and got it back.
                for _ in range(AGAIN if self._was_hit else 0):
                    time.sleep(0)
            except DeadlinePassed:
                pass
        with suppress(RuntimeError):  # the loop may have ended meanwhile
            self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        self.ended.set()
        self._free.release()


def report_no_lost_deadlines() -> None:
    """Let Python not print a DeadlinePassed that came while an object was being deleted.

    It drops that exception, and `_Work.stop` raises another one a second later. All other errors in
    such places are printed as before.
    """
    report = sys.unraisablehook

    def report_others(lost: "sys.UnraisableHookArgs") -> None:
        if lost.exc_type is not DeadlinePassed:
            report(lost)

    sys.unraisablehook = report_others


def _is_importing(thread: threading.Thread) -> bool:
    frame = sys._current_frames().get(thread.ident or 0)
    while frame is not None and not frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    return frame is not None


def _raise_in(thread: threading.Thread, error: type[BaseException]) -> None:
    """Raise an error in a thread."""
    import ctypes  # few processes ever need it

    ident = ctypes.c_ulong(thread.ident or 0)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(error))


def _took_too_long(limit_s: float) -> ApiError:
    message = f"""The emulator gave up on this request after {limit_s:g} seconds. Its texts or \
schemas take too long to read, or this computer is busy. Send shorter or simpler ones, or try \
again."""
    return ApiError(400, message, code="emulator_took_too_long")
