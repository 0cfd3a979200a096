"""Who answers: opens the right client, and nothing in a lesson knows which it got.

--offline                 the emulator
OPENAI_BASE_URL           the server that it names
OPENAI_API_KEY            OpenAI
nothing of these          the emulator
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from common.errors import EmulatorError
from common.settings import COURSE, Settings
from emulator.models import MODELS

import httpx2
from openai import AsyncOpenAI, OpenAI

PLACEHOLDER = "offline"
EMULATOR = "Answers: the course's emulator on this machine, free of charge; it quotes the handbook"

# The SDK waits 600 s for the next byte; a learner would have left long before.
TIMEOUT = httpx2.Timeout(60.0, connect=5.0)

# On loopback there is no proxy to pass and no certificate to check (reading them takes a while).
LOCAL: dict[str, Any] = {"trust_env": False, "verify": False, "timeout": TIMEOUT}
_UNCOMPRESSED = {"accept-encoding": "identity"}


@dataclass(frozen=True)
class Line:
    """An open way to whoever answers."""

    client: OpenAI
    who: str
    is_live: bool

    @property
    def host(self) -> str:
        return self.client.base_url.netloc.decode("ascii")

    @property
    def key_tail(self) -> str | None:
        """The last four characters of the real key, enough to tell two keys apart."""
        key = self.client.api_key
        return None if key == PLACEHOLDER else key[-4:]

    def async_client(self) -> AsyncOpenAI:
        """An async client to the same server; for one `asyncio.run` and `async with`."""
        return AsyncOpenAI(
            api_key=self.client.api_key,
            base_url=self.client.base_url,
            timeout=self.client.timeout,
            http_client=None if self.is_live else httpx2.AsyncClient(**LOCAL),
        )

    def broken(self, how: str, after: int = 20) -> OpenAI:
        """A client whose streams break on purpose after some events; what it sends is unbroken."""

        def bend(response: httpx2.Response) -> None:
            assert isinstance(response.stream, httpx2.SyncByteStream)
            response.stream = BreakingStream(response.stream, how, after)

        hooks = {"response": [bend]}
        http = httpx2.Client(event_hooks=hooks, **({} if self.is_live else LOCAL))
        return self.client.with_options(http_client=http, default_headers=_UNCOMPRESSED)


@contextmanager
def open_line(
    settings: Settings, *, offline: bool = False, send_key: bool = False, pace: float = 1.0
) -> Iterator[Line]:
    """Open a client by the order above. Raises EmulatorError where the emulator cannot start."""
    if offline or not (settings.base_url or settings.key):
        with start_emulator(pace) as base_url, _stand_in(base_url, PLACEHOLDER) as client:
            yield Line(client, EMULATOR, False)
    elif settings.is_loopback and settings.base_url:
        key = settings.key if send_key and settings.key else PLACEHOLDER
        with _stand_in(settings.base_url, key) as client:
            yield Line(client, f"Answers: the server at {settings.host}", False)
    else:
        with _live(settings) as client:
            tail = f" for the key that ends in {settings.key[-4:]}" if settings.key else ""
            yield Line(client, f"Answers: {settings.host}{tail}", True)


def cost_of(model: str, tokens_in: int, tokens_out: int) -> str:
    """What that many tokens cost live, in words."""
    known = MODELS.get(model)
    if known is None or known.price is None:
        return f"about {tokens_out:,} tokens of {model}, whose price is not known here"
    price_in, price_out = known.price
    dollars = (tokens_in * price_in + tokens_out * price_out) / 1e6
    tokens = f"{tokens_in:,} tokens in, {tokens_out:,} out"
    return f"about ${dollars:.4f} ({tokens}, prices of November 2026)"


@contextmanager
def start_emulator(pace: float) -> Iterator[str]:
    """The emulator as a child; it ends with its standard input, however this process ends."""
    child = subprocess.Popen(
        [sys.executable, "-m", "emulator", "--child", "--pace", str(pace)],
        cwd=COURSE,
        env={name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # Ctrl-C in the terminal is for the lesson alone, so the child stands in a group of its own.
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )
    with child:
        assert child.stdin and child.stdout
        try:
            base_url = child.stdout.readline().strip()
            if not base_url:
                raise EmulatorError(
                    "the emulator did not start", attempt="see why: python -m emulator"
                )
            yield base_url
        finally:
            child.stdin.close()


@contextmanager
def _live(settings: Settings) -> Iterator[OpenAI]:
    with OpenAI(
        api_key=settings.key or PLACEHOLDER, base_url=settings.base_url, timeout=TIMEOUT
    ) as client:
        yield client


@contextmanager
def _stand_in(base_url: str, key: str) -> Iterator[OpenAI]:
    """A client for a server on this machine: past any proxy, and with nothing secret on it."""
    with _without_openai_variables():
        client = OpenAI(
            api_key=key, base_url=base_url, http_client=httpx2.Client(**LOCAL), timeout=TIMEOUT
        )
    with client:
        yield client


@contextmanager
def _without_openai_variables() -> Iterator[None]:
    """The SDK reads organisation, project, admin key and extra headers from the environment."""
    taken = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("OPENAI_")}
    try:
        yield
    finally:
        os.environ.update(taken)


class BreakingStream(httpx2.SyncByteStream):
    """A body that breaks after some events, in a way of `BREAKS`; what came before is real."""

    def __init__(self, stream: httpx2.SyncByteStream, how: str, after: int) -> None:
        self._stream, self._how, self._left = stream, how, after

    def __iter__(self) -> Iterator[bytes]:
        rest = b""
        for block in self._stream:
            *events, rest = (rest + block).split(b"\n\n")
            for event in events:
                if self._left == 0:
                    yield BREAKS[self._how](event)
                    return
                self._left -= 1
                yield event + b"\n\n"
        yield rest

    def close(self) -> None:
        self._stream.close()


def _lose(event: bytes) -> bytes:
    raise httpx2.ReadError("the connection was lost, on purpose")


def _fall_silent(event: bytes) -> bytes:
    raise httpx2.ReadTimeout("nothing came any more, on purpose")


_ERROR = (
    b'data: {"error":{"message":"The model is overloaded.","type":"server_error","code":null}}\n\n'
)

BREAKS: dict[str, Callable[[bytes], bytes]] = {
    "cut": _lose,
    "stall": _fall_silent,
    "end": lambda event: b"",
    "garble": lambda event: event[: len(event) // 2] + b"\n\n",
    "error": lambda event: _ERROR,
}
