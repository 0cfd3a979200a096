"""Who answers: opens the right client, and nothing in a lesson knows which it got.

--replay FILE             the cassette
--offline                 the emulator
OPENAI_BASE_URL           the server that it names
OPENAI_API_KEY            OpenAI
nothing of these          the emulator
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from common.servers import CassetteFile, start_emulator
from common.settings import WRITER, Settings
from common.wire_tap import Tap, tap_async_sockets, tap_sockets
from console.errors import not_openai
from emulator.models import MODELS

import httpx2
from openai import AsyncOpenAI, DefaultAsyncHttpxClient, DefaultHttpxClient, OpenAI

PLACEHOLDER = "offline"
EMULATOR = "Answers: the course's emulator on this machine"

# The SDK waits 600 s for the next byte; a learner would have left long before.
TIMEOUT = httpx2.Timeout(60.0, connect=5.0)

# On loopback there is no proxy to pass and no certificate to check (reading them takes a while).
LOCAL: dict[str, Any] = {"trust_env": False, "verify": False, "timeout": TIMEOUT}
_UNCOMPRESSED = {"accept-encoding": "identity"}


@dataclass(frozen=True)
class Connection:
    """An open way to whoever answers.

    `is_live` is whether that costs money, `is_ours` whether the course itself started the server;
    `is_local` is whether the connection ends on this machine, be it in a recorder before OpenAI.
    """

    client: OpenAI
    who: str
    is_live: bool
    tap: Tap | None = None
    is_ours: bool = True
    is_local: bool = True

    @property
    def breaks(self) -> list[str]:
        """The ways in which `broken` can break."""
        return list(BREAKS)

    @property
    def host(self) -> str:
        return self.client.base_url.netloc.decode("ascii")

    @property
    def socket_scheme(self) -> str:
        """The scheme of a WebSocket to the same server."""
        return "wss" if self.client.base_url.scheme == "https" else "ws"

    @property
    def key_tail(self) -> str | None:
        """The last four characters of the real key, enough to tell two keys apart."""
        key = self.client.api_key
        return None if key == PLACEHOLDER else key[-4:]

    def tapped(self, tap: Tap) -> "Connection":
        """The same line with a tap on whatever crosses it."""
        with self._environment():
            client = self.client.with_options(http_client=self._http(tap))
            tap_sockets(client, tap)
            return replace(self, client=client, tap=tap)

    def async_client(self) -> AsyncOpenAI:
        """An async client to the same server; for one `asyncio.run` and `async with`."""
        hooks = self.tap.async_hooks() if self.tap else {"response": []}
        hooks |= {"response": [_refuse_web_page_async, *hooks["response"]]}
        http_client = DefaultAsyncHttpxClient(event_hooks=hooks, **self._options())
        with self._environment():
            client = AsyncOpenAI(
                api_key=self.client.api_key,
                base_url=self.client.base_url,
                timeout=TIMEOUT,
                http_client=http_client,
            )
        if self.tap:
            tap_async_sockets(client, self.tap)
        return client

    def broken(self, how: str, after: int = 20) -> OpenAI:
        """A client whose streams break on purpose after some events; what it sends is unbroken."""

        def bend(response: httpx2.Response) -> None:
            assert isinstance(response.stream, httpx2.SyncByteStream)
            response.stream = BreakingStream(response.stream, how, after)

        http_client = self._http(self.tap, bend)
        with self._environment():
            return self.client.with_options(http_client=http_client, default_headers=_UNCOMPRESSED)

    def _http(self, tap: Tap | None, *bends: Callable[[httpx2.Response], None]) -> httpx2.Client:
        """A connection that refuses web pages, then bends what comes, then shows it to the tap."""
        hooks = tap.hooks() if tap else {"response": []}
        hooks |= {"response": [refuse_web_page, *bends, *hooks["response"]]}
        return DefaultHttpxClient(event_hooks=hooks, **self._options())

    def _options(self) -> dict[str, Any]:
        return LOCAL if self.is_local else {"timeout": TIMEOUT}

    def _environment(self) -> AbstractContextManager[None]:
        """Only a live client may read OPENAI_ variables when it is made."""
        return nullcontext() if self.is_live else _without_openai_variables()


@contextmanager
def open_connection(
    settings: Settings,
    *,
    offline: bool = False,
    send_key: bool = False,
    pace: float = 1.0,
    cassette: CassetteFile | None = None,
    data: Path | None = None,
) -> Iterator[Connection]:
    """Open a client by the order above; `data` is where the emulator keeps what it stores.

    Raises EmulatorError where the emulator cannot start, TapeError where a cassette is no good.
    """
    if cassette is None:
        with _answering(settings, offline, send_key, pace, data) as connection:
            yield connection
    elif cassette.is_recording:
        with (
            _answering(settings, offline, send_key, pace, data) as connection,
            cassette.run(str(connection.client.base_url)) as base_url,
            _stand_in(base_url, connection.client.api_key, is_shown=connection.is_live) as client,
        ):
            who = f"{connection.who}. It goes to {cassette.file.name}"
            yield replace(connection, client=client, who=who, is_local=True)
    else:
        with cassette.run() as base_url, _stand_in(base_url, PLACEHOLDER) as client:
            yield Connection(client, f"Answers: the cassette {cassette.title()}", False)


@contextmanager
def _answering(
    settings: Settings, offline: bool, send_key: bool, pace: float, data: Path | None
) -> Iterator[Connection]:
    """A client of the emulator, of the server that is named, or of OpenAI."""
    if offline or not (settings.base_url or settings.key):
        emulator = start_emulator(pace, settings.writer, data)
        with emulator as base_url, _stand_in(base_url, PLACEHOLDER) as client:
            yield Connection(client, _emulator(settings.writer), False)
    elif settings.is_loopback and settings.base_url:
        key = settings.key if send_key and settings.key else PLACEHOLDER
        with _stand_in(settings.base_url, key) as client:
            yield Connection(
                client, f"Answers: the server at {settings.host}", False, is_ours=False
            )
    else:
        with _live(settings) as client:
            tail = f" for the key that ends in {settings.key[-4:]}" if settings.key else ""
            who = f"Answers: {settings.host}{tail}"
            yield Connection(client, who, True, is_ours=False, is_local=False)


def _emulator(writer: Mapping[str, str]) -> str:
    """The emulator, and whose words it has."""
    if url := writer.get(f"{WRITER}BASE_URL"):
        return f"{EMULATOR}; {urlsplit(url).netloc.rpartition('@')[2]} writes for it"
    return f"{EMULATOR}, free of charge; it quotes the handbook"


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
def _live(settings: Settings) -> Iterator[OpenAI]:
    http_client = DefaultHttpxClient(timeout=TIMEOUT, event_hooks=_HOOKS)
    key = settings.key or PLACEHOLDER
    with OpenAI(api_key=key, base_url=settings.base_url, http_client=http_client) as client:
        yield client


@contextmanager
def _past_proxies() -> Iterator[None]:
    """Whatever client opens it, a WebSocket asks the environment for proxies; loopback has none."""
    before = {name: os.environ.get(name) for name in ("NO_PROXY", "no_proxy")}
    named = ",".join(filter(None, dict.fromkeys([*before.values(), "127.0.0.1,localhost"])))
    os.environ.update(dict.fromkeys(before, named))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


@contextmanager
def _stand_in(base_url: str, key: str, *, is_shown: bool = False) -> Iterator[OpenAI]:
    """A client for a server on this machine: past any proxy, and with nothing secret on it.

    With `is_shown` it carries organisation, project and further headers of the environment, as a
    recorder before OpenAI has to pass them on.
    """
    http_client = DefaultHttpxClient(event_hooks=_HOOKS, **LOCAL)
    with nullcontext() if is_shown else _without_openai_variables():
        client = OpenAI(api_key=key, base_url=base_url, http_client=http_client, timeout=TIMEOUT)
    with client, _past_proxies():
        yield client


def refuse_web_page(response: httpx2.Response) -> None:
    """A login page or another server answers 200 with HTML; the SDK would make nothing of it."""
    if response.headers.get("content-type", "").startswith("text/html"):
        raise not_openai(response.url.netloc.decode("ascii"), "it sent a web page")


async def _refuse_web_page_async(response: httpx2.Response) -> None:
    refuse_web_page(response)


_HOOKS: dict[str, list[Callable[..., Any]]] = {"response": [refuse_web_page]}


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
