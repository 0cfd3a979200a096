"""What the tests share: the emulator in a thread, and clients that validate strictly."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

from common.client import LOCAL
from emulator.faults import Faults
from emulator.server import Emulator
from tests.support.certificates import share_certificates
from tests.support.emulator_clients import connect

import httpx2
import pytest
import uvicorn
from openai import AsyncOpenAI, OpenAI


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key, a proxy or a colour of whoever runs the tests must not change them."""
    for name in list(os.environ):
        if name.startswith("OPENAI_") or name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session", autouse=True)
def certificates_are_read_once() -> None:
    share_certificates()


@pytest.fixture(scope="session", autouse=True)
def servers_stop_at_once() -> Iterator[None]:
    """uvicorn looks every 100 ms whether it is to stop; a suite that starts many cannot wait."""

    async def look_often(server: uvicorn.Server) -> None:
        ticks = count()
        while not await server.on_tick(next(ticks)):
            await asyncio.sleep(0.005)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uvicorn.Server, "main_loop", look_often)
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
