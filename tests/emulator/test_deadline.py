"""Jobs beside the event loop: given up at their deadline, while others are served."""

import asyncio
import importlib
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress

from common import COURSE
from emulator.deadline import MOST_JOBS, DeadlinePassed, DeadlineThreads, report_no_lost_deadlines
from emulator.errors import ApiError
from emulator.server import Emulator
from tests.support.emulator_clients import MODEL, ask, connect
from tests.support.interrupts import can_interrupt

import httpx2
import pytest

KEY = {"authorization": "Bearer offline"}


def endless():
    while True:
        pass


def doubling(levels):
    """A schema of objects within objects, two of each level: 2**levels texts."""
    parts = {
        f"d{n}": {
            "type": "object",
            "properties": {side: {"$ref": f"#/$defs/d{n + 1}"} for side in ("left", "right")},
            "required": ["left", "right"],
        }
        for n in range(levels)
    }
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/d0"}}, "required": ["a"]}
    return schema | {"$defs": parts | {f"d{levels}": {"type": "string"}}}


HOSTILE = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "Hello"}],
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "x", "schema": doubling(12)},
    },
}


def alive():
    return [thread for thread in threading.enumerate() if thread.name == "deadline"]


async def test_job_gives_its_result_or_raises():
    threads = DeadlineThreads()

    assert await threads.run(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await threads.run(lambda: 1 // 0)


async def test_job_stops_at_its_deadline():
    with pytest.raises(ApiError, match=r"request after 0\.05 seconds") as caught:
        await DeadlineThreads(0.05).run(endless)

    assert (caught.value.status, caught.value.code) == (400, "emulator_took_too_long")
    await ended()


async def test_job_stops_when_nobody_waits_for_it():
    waiting = asyncio.ensure_future(DeadlineThreads().run(endless))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})

    assert waiting.cancelled()
    await ended()


async def test_places_are_free_again_whatever_the_jobs_did():
    threads = DeadlineThreads(0.02)
    jobs = [threads.run(endless if n % 2 else int) for n in range(3 * MOST_JOBS)]
    await asyncio.gather(*jobs, return_exceptions=True)
    threads.limit_s = 5

    assert await asyncio.gather(*(threads.run(lambda: 1) for _ in range(MOST_JOBS))) == [1] * 4
    await ended()


async def test_thread_that_is_stopped_before_its_job_gives_its_place_back(monkeypatch):
    """An exception that came so early would leave nobody to say that the job has ended."""
    monkeypatch.setattr("emulator.deadline.SOON_S", 0.001)
    threads = DeadlineThreads(limit_s=0)
    is_given_up = threading.Event()
    # A profiler is called in a new thread before its function is.
    threading.setprofile(lambda *_: is_given_up.wait(5))
    try:
        with pytest.raises(ApiError):
            await threads.run(endless)
    finally:
        threading.setprofile(None)
    is_given_up.set()
    await ended()
    threads.limit_s = 5

    jobs = (threads.run(lambda: 1) for _ in range(MOST_JOBS))
    assert await asyncio.gather(*jobs) == [1] * MOST_JOBS


def test_jobs_end_with_the_emulator(monkeypatch):
    """Also one whose caller has just left, to which time is left."""
    began = threading.Event()

    def job(*_):
        began.set()
        endless()

    with Emulator() as emulator:
        monkeypatch.setattr(emulator.service, "_think", job)
        body = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}
        with suppress(httpx2.HTTPError), httpx2.Client(trust_env=False, headers=KEY) as client:
            url = f"{emulator.base_url}/chat/completions"
            client.post(url, json=body, timeout=httpx2.Timeout(5, read=0.1))
        assert began.wait(5)

    for thread in alive():
        thread.join(5)
    assert not alive()


async def test_deadlines_that_come_at_the_end_of_a_job_do_no_harm():
    threads = DeadlineThreads()
    for tries in range(60):
        threads.limit_s = tries / 10_000
        job = threads.run(lambda: sum(range(20_000)))
        (outcome,) = await asyncio.gather(job, return_exceptions=True)
        assert outcome == sum(range(20_000)) or isinstance(outcome, ApiError)
    threads.limit_s = 5

    assert await threads.run(lambda: 1) == 1
    await ended()


async def test_import_within_a_job_comes_to_its_end(tmp_path, monkeypatch):
    """Half of a module would be an error for all who import it later."""
    lines = ["import time", "began = time.monotonic()"]
    lines += ["while time.monotonic() < began + 0.1: pass", "is_whole = True"]
    (tmp_path / "slow_to_import.py").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "slow_to_import", raising=False)

    def job():
        importlib.import_module("slow_to_import")
        endless()

    with pytest.raises(ApiError):
        await DeadlineThreads(0.02).run(job)
    await ended()

    assert sys.modules.pop("slow_to_import").is_whole


TRACED = """
import asyncio, sys, threading
from emulator.deadline import DeadlineThreads

def trace(*_):
    return trace

def endless():
    while True:
        sum(range(1_000))

async def main():
    threading.settrace(trace)
    sys.settrace(trace)
    await asyncio.gather(DeadlineThreads(0.01).run(endless), return_exceptions=True)

asyncio.run(main())
"""


def test_process_that_is_traced_goes_on_behind_a_deadline():
    """As debuggers and coverage do; Python 3.11 hangs where an exception is taken back."""
    subprocess.run([sys.executable, "-c", TRACED], cwd=COURSE, timeout=60, check=True)


async def test_job_that_loses_the_exception_is_stopped_all_the_same(monkeypatch):
    monkeypatch.setattr("emulator.deadline.AGAIN_S", 0.01)
    threads = DeadlineThreads(limit_s=0.01)
    lost = []

    def job():
        while not lost:
            try:
                while True:
                    sum(range(1_000))
            except DeadlinePassed as error:  # as Python does in `__del__`
                lost.append(error)
        while True:
            sum(range(1_000))

    with pytest.raises(ApiError):
        await threads.run(job)
    await ended()
    assert len(lost) == 1


class Deleted:
    """Raises an error while it is being deleted."""

    def __init__(self, error):
        self.error = error

    def __del__(self):
        raise self.error


def test_only_deadlines_are_lost_in_silence(monkeypatch):
    reported = []
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: reported.append(lost.exc_type))
    report_no_lost_deadlines()

    for error in (DeadlinePassed(), ValueError(), DeadlinePassed()):
        Deleted(error)
    assert reported == [ValueError]


async def ended():
    async with asyncio.timeout(5):
        while alive():
            await asyncio.sleep(0)


# Hypothesis measures each collection of garbage, also in the job's thread.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_others_are_answered_while_one_request_takes_long(emulator):
    emulator.service.thinking.limit_s = 1.0
    answers = []

    def send():
        url = f"{emulator.base_url}/chat/completions"
        answers.append(httpx2.post(url, json=HOSTILE, headers=KEY, timeout=30, trust_env=False))

    client = connect(emulator)
    ask(client)  # what is imported with the first answer is there
    hostile = threading.Thread(target=send)
    hostile.start()
    answered = 0
    while hostile.is_alive():
        ask(client)
        answered += 1
    hostile.join()

    assert answers[0].json()["error"]["code"] == "emulator_took_too_long"
    assert answered >= 3


@contextmanager
def under_attack():
    """The process of an emulator that is busy with a hostile request."""
    command = [sys.executable, "-m", "emulator", "--child", "--pace", "0"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with (
        subprocess.Popen(command, cwd=COURSE, encoding="utf-8", **pipes) as process,
        httpx2.Client(headers=KEY, trust_env=False, timeout=30) as client,
    ):
        url = process.stdout.readline().strip()

        def send():
            with suppress(httpx2.HTTPError):
                client.post(f"{url}/chat/completions", json=HOSTILE)

        client.get(f"{url}/models")
        sender = threading.Thread(target=send)
        sender.start()
        for _ in range(5):
            client.get(f"{url}/models")
        try:
            yield process
        finally:
            process.kill()
            sender.join()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals for other processes")
@pytest.mark.parametrize(
    ("ending", "code"),
    [pytest.param(signal.SIGINT, 130, marks=can_interrupt), (signal.SIGTERM, -15)],
)
def test_process_ends_when_told_whatever_it_is_doing(ending, code):
    with under_attack() as process:
        process.send_signal(ending)

        assert process.wait(timeout=10) == code


def test_child_never_outlives_its_lesson():
    with under_attack() as process:
        process.stdin.close()

        assert process.wait(timeout=5) == 0
