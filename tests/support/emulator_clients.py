"""What most tests of the emulator need: a client, a question, a gate that holds pieces back."""

import asyncio
import threading
from collections.abc import AsyncIterator

from common.client import LOCAL
from emulator.server import Emulator

import httpx2
from openai import OpenAI

MODEL = "gpt-6-luna"


def connect(emulator: Emulator, **options: object) -> OpenAI:
    """An SDK client that refuses what its own types refuse, and tries once."""
    arguments = {"api_key": "offline", "max_retries": 0, "_strict_response_validation": True}
    http_client = httpx2.Client(**LOCAL)
    return OpenAI(base_url=emulator.base_url, http_client=http_client, **(arguments | options))


def drained(blocks: AsyncIterator[bytes]) -> list[bytes]:
    """All that an asynchronous iterator gives which never waits: without an event loop."""

    async def drain() -> list[bytes]:
        return [block async for block in blocks]

    try:
        drain().send(None)
    except StopIteration as ended:
        return list(ended.value)
    raise AssertionError("it waits")


def ask(text: str) -> dict[str, object]:
    """The parameters of a question by chat."""
    messages = [{"role": "user", "content": text}]
    return {"model": MODEL, "messages": messages, "reasoning_effort": "none"}


class Gate:
    """Stands in for asyncio.sleep: lets some pieces pass, then holds the rest back until opened.

    `reached` is set once something is held back.
    """

    def __init__(self, passes: int) -> None:
        self._passes = passes
        self._open = asyncio.Event()
        self.reached = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def sleep(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._passes -= 1
        if self._passes < 0:
            self.reached.set()
            await self._open.wait()

    def open(self) -> None:
        """Let everything pass from now on; to be called from the test's thread."""
        if self._loop is None:
            self._open.set()
        else:
            self._loop.call_soon_threadsafe(self._open.set)
