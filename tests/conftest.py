"""What the tests share: the emulator in a thread, and clients that validate strictly."""

import asyncio
import gc
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from common.client import LOCAL
from emulator.faults import Faults
from emulator.server import Emulator
from setup.launch import hold_interrupts, release_interrupts
from tests.support import fork_server, property_examples
from tests.support.certificates import share_certificates
from tests.support.emulator_clients import connect

import httpx2
import pytest
from openai import AsyncOpenAI, OpenAI

# Python keeps what it compiled, in folders that git ignores, even where the environment says that
# it should not: otherwise each worker compiles all tests, and each child process all packages.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Before the tests are imported, as they ask how many examples they should try.
property_examples.register()

# The files that take longest, the longest first. The workers of pytest-xdist begin with them, so
# that no worker still has a long one to do when the others have done all the rest. Those that take
# real time stand between others, as a worker that waits leaves its core to the next.
LONGEST = [
    *("grading/test_exercises.py", "audio/test_portaudio.py", "lessons/test_lesson3_script.py"),
    *("examples/test_device_examples.py", "lessons/test_lesson2_script.py", "examples/"),
    *("setup/test_make_venv.py", "emulator/voice/test_recordings.py", "console/test_run.py"),
    *("emulator/retrieval/test_encoder.py", "emulator/retrieval/test_reader_process.py"),
    *("lessons/", "setup/test_install_extras.py", "emulator/voice/test_speakers.py", "grading/"),
    *("emulator/api/test_transcriptions.py", "failures/test_failures_stores.py", "wire/", "tools/"),
    *("console/test_start.py", "emulator/voice/", "emulator/answers/", "emulator/realtime/"),
    *("cassette/test_scrub.py", "cassette/test_format.py", "cassette/test_socket_player.py"),
    *("structure/", "emulator/retrieval/", "emulator/api/", "setup/", "cassette/"),
]
TESTS = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    # pytest-xdist would begin with the files that have most tests.
    config.option.loadscopereorder = False
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        fork_server.share()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """One worker more than cores, as many tests wait: for sound in real time, or for a process."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0)) + 1
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        path = item.path.relative_to(TESTS).as_posix()
        matches = (number for number, begin in enumerate(LONGEST) if path.startswith(begin))
        return next(matches, len(LONGEST))

    if hasattr(config, "workerinput"):  # a worker of pytest-xdist; all others keep the order
        items.sort(key=place)


def pytest_collection_finish() -> None:
    # What there is by now stays until the end: the garbage collector need not look at it again.
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionstart() -> Iterator[None]:
    """Let no Ctrl-C reach a worker of xdist while it starts: it would print a traceback.

    The signal is blocked while the workers are started, and they inherit that. A worker takes it up
    here, too, where pytest handles it.
    """
    hold_interrupts()
    try:
        yield
    finally:
        release_interrupts()


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key, a proxy or a colour of whoever runs the tests must not change them."""
    for name in list(os.environ):
        if name.startswith("OPENAI_") or name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
            monkeypatch.delenv(name)


class ShortSleeps:
    """`asyncio` for uvicorn's server: the same, but no sleep lasts longer than 5 ms."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.005))


@pytest.fixture(scope="session", autouse=True)
def certificates_are_read_once() -> None:
    share_certificates()


@pytest.fixture(scope="session", autouse=True)
def servers_stop_at_once() -> Iterator[None]:
    """uvicorn sleeps 0.1 s two or three times before it stops, and a suite starts many servers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("uvicorn.server.asyncio", ShortSleeps())
        yield


@pytest.fixture
def cassette_path(tmp_path: Path) -> Path:
    """Where a test records its cassette."""
    return tmp_path / "tape.jsonl"


@pytest.fixture
def hasty_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK tries again at once, instead of after half a second and more."""
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.001)


@pytest.fixture(scope="session")
def spare() -> Iterator[Emulator]:
    """An emulator that `start` hands out again and again, as starting one takes a while."""
    with Emulator() as kept:
        yield kept


@pytest.fixture
def start(spare: Emulator) -> Iterator[Callable[..., Emulator]]:
    """Start an emulator with these arguments; it is as good as stopped at the end of the test."""
    unused = [spare]
    with ExitStack() as stack:

        def started(*, faults: Sequence[str] = (), **arguments: Any) -> Emulator:
            if arguments or not unused:
                return stack.enter_context(Emulator(faults=faults, **arguments))
            kept = unused.pop()
            kept.exchanges.clear()
            kept.service.faults = Faults(faults)
            return kept

        yield started
    spare.service.faults = Faults(())  # others use it, too


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """One emulator for all tests that ask it for nothing special."""
    with Emulator(faults_from_header=True) as shared:
        yield shared


@pytest.fixture
def client(emulator: Emulator) -> Iterator[OpenAI]:
    with connect(emulator) as opened:
        yield opened


@pytest.fixture
def lenient(emulator: Emulator) -> Iterator[OpenAI]:
    """A client that takes what its own types refuse, as a learner's does."""
    with connect(emulator, _strict_response_validation=False) as opened:
        yield opened


@pytest.fixture
async def async_client(emulator: Emulator) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(
        base_url=emulator.base_url,
        api_key="offline",
        max_retries=0,
        http_client=httpx2.AsyncClient(**LOCAL),
        _strict_response_validation=True,
    ) as opened:
        yield opened
