"""pytest's plugin for the openai package's own tests: an emulator in each worker, seeded.

It is loaded before the package's conftest, which reads the address of the API when it is imported.
This folder is on the path as `sdk`, since `tests` is theirs there.
"""

import importlib
import os
from collections.abc import Iterator

from emulator.server import Emulator

import pytest
from openai import APIResponseValidationError, APIStatusError, OpenAI
from sdk.families import refusal_by, refusal_of
from sdk.seeds import plant

EMULATOR = Emulator().start()
os.environ["TEST_API_BASE_URL"] = EMULATOR.base_url
CLIENT = OpenAI(base_url=EMULATOR.base_url, api_key="offline", max_retries=0)


@pytest.fixture(autouse=True)
def seeds(request: pytest.FixtureRequest) -> None:
    """Have what a test names. Its constants tell: they are values, not the names of keywords."""
    plant(EMULATOR.service, CLIENT, set(request.function.__code__.co_consts))


@pytest.fixture(autouse=True)
def answers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the requests for sound through: those tests would answer themselves, by a mock."""
    if "/audio/" in request.node.nodeid:
        routes = importlib.import_module("tests.respx2").Route
        monkeypatch.setattr(routes, "mock", lambda route, **_: route.pass_through())


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """A test that must be refused counts as left out if it is, in the way that we noted."""
    refusal = refusal_of(pyfuncitem.nodeid)
    try:
        result = yield
    except (APIStatusError, APIResponseValidationError, ValueError) as error:
        if refusal != refusal_by(error):
            raise
        pytest.xfail(refusal.why)
    if refusal is not None:
        pytest.fail("it passes, though sdk/families.py has it refused")
    return result


def pytest_unconfigure() -> None:
    CLIENT.close()
    EMULATOR.stop()
