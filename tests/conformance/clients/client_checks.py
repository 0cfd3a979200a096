"""What the clients' scripts share: questions, the facts that answer them, how checks are told."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from typing import TypeVar

MODEL = "gpt-6-luna"
# Chat takes tools of gpt-6-luna only without reasoning; this model reasons only if asked to.
CHAT_MODEL = "gpt-5.4-mini"
QUESTION = "What does a family ticket for a public evening cost?"
FACT = "26 euros"
WEATHER = "What is the weather in Paris?"
REPORT = "14 degrees and rain"

Way = TypeVar("Way")


def run(ways: Mapping[str, Callable[[], Way]], *checks: Callable[[Way], object]) -> None:
    """Run each check each way, a line for each, and end the program: with 1 if any failed."""
    with asyncio.Runner() as loop:
        failures = [
            tell(f"{name} {check.__name__}", attempt(check, way, loop))
            for name, way in ways.items()
            for check in checks
        ]
    sys.exit(1 if any(failures) else 0)


def tell(name: str, failure: str) -> bool:
    """Print how a check went; whether it failed."""
    print(f"FAIL {name}: {failure}" if failure else f"ok   {name}", flush=True)
    return bool(failure)


def attempt(check: Callable[[Way], object], way: Callable[[], Way], loop: asyncio.Runner) -> str:
    """Run one check, a coroutine's to its end; what went wrong, or nothing."""
    try:
        outcome = check(way())
        if asyncio.iscoroutine(outcome):
            loop.run(outcome)
    except Exception as error:  # whatever a client may raise; the line tells what it was
        return f"{type(error).__name__}: {error}".replace("\n", " ")
    return ""
