"""Which server answers: opens a client of it, and nothing in a lesson knows which one it is.

--replay FILE             the cassette
--offline                 the emulator
OPENAI_BASE_URL           the server that it names
OPENAI_API_KEY            OpenAI
none of these             the emulator

A server on this machine gets nothing that belongs to OpenAI: no key (unless --send-key), and none
of what the SDK reads from the environment by itself. Nor does a proxy stand before it.
"""

import os
from asyncio import Transport
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from common.servers import CassetteFile, start_emulator
from common.settings import WRITER, CourseError, Settings
from common.wire_tap import Tap

import httpx2
from openai import AsyncOpenAI, DefaultAsyncHttpxClient, DefaultHttpxClient, OpenAI, omit

if TYPE_CHECKING:
    from openai.resources.realtime.realtime import AsyncRealtime, Realtime

PLACEHOLDER = "offline"
EMULATOR = "Answers: the course's emulator on this machine"

# The SDK waits 600 s for the next byte; a learner would have given up long before.
TIMEOUT = httpx2.Timeout(60.0, connect=5.0)

# On loopback there is no proxy, and no certificate to check (reading them takes a while).
LOCAL: dict[str, Any] = {"trust_env": False, "verify": False, "timeout": TIMEOUT}
_UNCOMPRESSED = {"accept-encoding": "identity"}


class CourseClient(OpenAI):
    """The SDK's client, whose WebSockets are opened as `common.realtime_sockets` says."""

    tap: Tap | None = None
    is_local = True

    @cached_property
    def realtime(self) -> "Realtime":
        from common.realtime_sockets import TappedRealtime

        return TappedRealtime(self)


class AsyncCourseClient(AsyncOpenAI):
    """The same for the async client; `transports` are those of its open WebSockets."""

    tap: Tap | None = None
    is_local = True
    transports: list[Transport]

    @cached_property
    def realtime(self) -> "AsyncRealtime":
        from common.realtime_sockets import AsyncTappedRealtime

        return AsyncTappedRealtime(self)


@dataclass(frozen=True)
class Connection:
    """A client, and which server it reaches.

    `answered_by` names the server. `is_live` is whether its answers cost money, `is_ours` whether
    the course started it. `is_local` is whether the client ends on this machine, as it does at a
    recorder in front of OpenAI. `transports` are those of the async WebSockets that are open.
    """

    client: CourseClient
    answered_by: str
    is_live: bool
    tap: Tap | None = None
    is_ours: bool = True
    is_local: bool = True
    transports: list[Transport] = field(default_factory=list)

    @property
    def breaks(self) -> list[str]:
        """The ways in which the streams of `broken` can break."""
        return list(BREAKS)

    @property
    def host(self) -> str:
        return self.client.base_url.netloc.decode("ascii")

    @property
    def socket_scheme(self) -> str:
        """The scheme of a WebSocket to the same server."""
        return "wss" if self.client.base_url.scheme == "https" else "ws"

    @property
    def socket_proxy(self) -> Literal[True] | None:
        """The argument `proxy` for a WebSocket that is opened without the SDK."""
        return None if self.is_local else True

    @property
    def key_tail(self) -> str | None:
        """The last four characters of the real key, enough to tell two keys apart."""
        key = self.client.api_key
        return None if key == PLACEHOLDER else key[-4:]

    def tapped(self, tap: Tap) -> "Connection":
        """The same connection, and the tap shows what passes."""
        client = self.client.with_options(http_client=self._http(tap))
        client.tap, client.is_local = tap, self.is_local
        return replace(self, client=client, tap=tap)

    def async_client(self) -> AsyncOpenAI:
        """An async client of the same server, for one `asyncio.run` and `async with`."""
        hooks = {name: [_as_async(hook) for hook in hooks] for name, hooks in _hooks(self.tap)}
        key = self.client.api_key
        client = AsyncCourseClient(
            api_key=key,
            base_url=self.client.base_url,
            timeout=TIMEOUT,
            http_client=DefaultAsyncHttpxClient(event_hooks=hooks, **self._options()),
            **({} if self.is_live else _nothing_from_environment(key)),
        )
        client.tap, client.is_local, client.transports = self.tap, self.is_local, self.transports
        return client

    def drop(self) -> None:
        """Drop the async WebSockets as a lost network does: at once, without a close frame."""
        for transport in self.transports:
            transport.abort()

    def broken(self, how: str, after: int = 20) -> OpenAI:
        """A client whose streams break on purpose after some events; what it sends is unbroken."""

        def break_body(response: httpx2.Response) -> None:
            assert isinstance(response.stream, httpx2.SyncByteStream)
            response.stream = BreakingStream(response.stream, how, after)

        http_client = self._http(self.tap, break_body)
        return self.client.with_options(http_client=http_client, default_headers=_UNCOMPRESSED)

    def _http(self, tap: Tap | None, *more: "Hook") -> httpx2.Client:
        """An HTTP client that refuses web pages, then runs more hooks, then shows all to a tap."""
        return DefaultHttpxClient(event_hooks=dict(_hooks(tap, *more)), **self._options())

    def _options(self) -> dict[str, Any]:
        return LOCAL if self.is_local else {"timeout": TIMEOUT}


Hook = Callable[[Any], None]


def _hooks(tap: Tap | None, *more: Hook) -> list[tuple[str, list[Hook]]]:
    """Event hooks of an HTTP client; a response passes them in this order."""
    responses: list[Hook] = [refuse_web_page, *more]
    if tap is None:
        return [("response", responses)]
    return [("request", [tap.show_request]), ("response", [*responses, tap.show_response])]


def _as_async(hook: Hook) -> Callable[[Any], Any]:
    """The same hook for an async client."""

    async def call(message: Any) -> None:
        hook(message)

    return call


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

    Raises EmulatorError if the emulator doesn't start, CassetteFileError if a cassette is unusable.
    """
    if cassette is None:
        with _connect(settings, offline, send_key, pace, data) as connection:
            yield connection
    elif cassette.is_recording:
        # The recorder is a server on this machine, but has to pass on what OpenAI needs.
        with (
            _connect(settings, offline, send_key, pace, data) as connection,
            cassette.run(str(connection.client.base_url)) as base_url,
            _local(base_url, connection.client.api_key, is_for_openai=connection.is_live) as client,
        ):
            recorded = f"{connection.answered_by}. It is recorded in {cassette.file.name}"
            yield replace(connection, client=client, answered_by=recorded, is_local=True)
    else:
        with cassette.run() as base_url, _local(base_url, PLACEHOLDER) as client:
            yield Connection(client, f"Answers: the cassette {cassette.title()}", False)


@contextmanager
def _connect(
    settings: Settings, offline: bool, send_key: bool, pace: float, data: Path | None
) -> Iterator[Connection]:
    """A client of the emulator, of the server that is named, or of OpenAI."""
    if offline or not (settings.base_url or settings.key):
        emulator = start_emulator(pace, settings.writer, data)
        with emulator as base_url, _local(base_url, PLACEHOLDER) as client:
            yield Connection(client, _emulator(settings.writer), False)
    elif settings.is_loopback and settings.base_url:
        key = settings.key if send_key and settings.key else PLACEHOLDER
        with _local(settings.base_url, key) as client:
            answered_by = f"Answers: the server at {settings.host}"
            yield Connection(client, answered_by, False, is_ours=False)
    else:
        with _live(settings) as client:
            tail = f" for the key that ends in {settings.key[-4:]}" if settings.key else ""
            answered_by = f"Answers: {settings.host}{tail}"
            yield Connection(client, answered_by, True, is_ours=False, is_local=False)


def _emulator(writer: Mapping[str, str]) -> str:
    """The emulator, and which model writes its answers."""
    if url := writer.get(f"{WRITER}BASE_URL"):
        return f"{EMULATOR}; {urlsplit(url).netloc.rpartition('@')[2]} writes for it"
    return f"{EMULATOR}, free of charge; it quotes the handbook"


@contextmanager
def _live(settings: Settings) -> Iterator[CourseClient]:
    http_client = DefaultHttpxClient(timeout=TIMEOUT, event_hooks=dict(_hooks(None)))
    key = settings.key or PLACEHOLDER
    with CourseClient(api_key=key, base_url=settings.base_url, http_client=http_client) as client:
        client.is_local = False
        yield client


@contextmanager
def _local(base_url: str, key: str, *, is_for_openai: bool = False) -> Iterator[CourseClient]:
    """A client of a server on this machine; `is_for_openai` if that passes all on to OpenAI."""
    client = CourseClient(
        api_key=key,
        base_url=base_url,
        timeout=TIMEOUT,
        http_client=DefaultHttpxClient(event_hooks=dict(_hooks(None)), **LOCAL),
        **({} if is_for_openai else _nothing_from_environment(key)),
    )
    with client:
        yield client


def _nothing_from_environment(key: str) -> dict[str, Any]:
    """Arguments that stop the SDK from reading any OPENAI_ variable.

    It looks into the environment for what is None, so an empty text is enough. Headers of
    OPENAI_CUSTOM_HEADERS, and those of an empty organization and project, are left out by `omit`;
    one that replaces the key gives way to a header of our own.
    """
    lines = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
    names = [line.partition(":")[0].strip() for line in lines if ":" in line]
    left_out = dict.fromkeys(["OpenAI-Organization", "OpenAI-Project", *names], omit)
    read = ("organization", "project", "admin_api_key", "webhook_secret")
    headers = {**left_out, "Authorization": f"Bearer {key}"}
    return {**dict.fromkeys(read, ""), "default_headers": headers}


def not_openai(host: str, why: str) -> CourseError:
    """Another kind of server answered, or a login page on the way."""
    fix = "check OPENAI_BASE_URL (most end in /v1), and whether your network needs a login"
    return CourseError(f"{host} does not speak OpenAI's protocol", why, fix)


def refuse_web_page(response: httpx2.Response) -> None:
    """Raise for HTML with status 200, as of a login page: the SDK would return an empty answer."""
    if response.headers.get("content-type", "").startswith("text/html"):
        raise not_openai(response.url.netloc.decode("ascii"), "it sent a web page")


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
    raise httpx2.ReadTimeout("no more data arrived (simulated)")


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
