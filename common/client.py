"""Which server answers, as variables of the environment: `OpenAI()` reads them by itself.

--replay FILE             the cassette
--offline                 the emulator
OPENAI_BASE_URL           the server that it names
OPENAI_API_KEY            OpenAI
none of these             the emulator

So a lesson makes its client as any program does, and the same line of code reaches any of these
servers. The SDK reads more of the environment than a server on this machine should see. It gets no
key (unless --send-key), no organization, and no header that is meant for OpenAI. And no proxy could
reach it, so none is named either.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from common.servers import CassetteFile, start_emulator
from common.settings import OPENAI, WRITER, Settings

PLACEHOLDER = "offline"
EMULATOR = "Answers: the course's emulator on this machine"

KEY, BASE_URL = "OPENAI_API_KEY", "OPENAI_BASE_URL"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
# A server on loopback has no certificate, so a wrong path in these must not stop anybody.
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
NO_PROXY = ("NO_PROXY", "no_proxy")
# What else the SDK sends to a server, if the environment has it.
SECRETS = (
    *("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_CUSTOM_HEADERS", "OPENAI_ADMIN_KEY"),
    "OPENAI_WEBHOOK_SECRET",
)
LOOPBACK = "127.0.0.1,localhost"

LOCAL: dict[str, Any] = {"trust_env": False, "verify": False, "timeout": 60.0}
"""Arguments of an `httpx2` client for a server on this machine: no proxy, and no certificates."""


@dataclass(frozen=True)
class Connection:
    """A server, and what a client needs to reach it.

    `answered_by` names the server for the screen. `is_live` is whether its answers cost money,
    `is_ours` whether the course started it, `is_emulator` whether it is the emulator. `is_local` is
    whether the base URL ends on this machine, as it does at a recorder in front of OpenAI.
    """

    base_url: str
    key: str
    answered_by: str
    is_live: bool = False
    is_ours: bool = True
    is_emulator: bool = False
    is_local: bool = True

    @property
    def host(self) -> str:
        """The server's name and port, without a user name and a password in front of it."""
        return urlsplit(self.base_url).netloc.rpartition("@")[2]

    @property
    def key_tail(self) -> str | None:
        """The last four characters of the real key, enough to tell two keys apart."""
        return None if self.key == PLACEHOLDER else self.key[-4:]

    def variables(self, environment: Mapping[str, str], *, is_own: bool = True) -> dict[str, str]:
        """An environment in which `OpenAI()`, or any other client, reaches this server.

        A program that `is_own` talks to nobody else, so it sees no proxy if the server is local.
        """
        hidden: set[str] = set()
        if not self.is_live:
            hidden |= {name for name in environment if name.startswith("OPENAI_")}
            hidden -= {name for name in environment if name.endswith("_MODEL")}
        if self.is_local and is_own:
            hidden |= {*PROXIES, *CERTIFICATES}
        kept = {name: value for name, value in environment.items() if name not in hidden}
        passed_by = {name: _with_loopback(environment.get(name)) for name in NO_PROXY}
        # A program may read a .env of its own. It fills in what is missing, and not what is empty.
        emptied = {} if self.is_live or is_own else dict.fromkeys(SECRETS, "")
        return kept | passed_by | emptied | {KEY: self.key, BASE_URL: self.base_url}

    @contextmanager
    def in_environment(self) -> Iterator[None]:
        """Make it the server of this process: `OpenAI()` reaches it until the block ends."""
        before = dict(os.environ)
        _replace_environment(self.variables(before))
        try:
            yield
        finally:
            _replace_environment(before)


def _replace_environment(variables: Mapping[str, str]) -> None:
    """Change what differs, and nothing else."""
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    os.environ.update(variables)


def _with_loopback(no_proxy: str | None) -> str:
    return f"{no_proxy},{LOOPBACK}" if no_proxy else LOOPBACK


@contextmanager
def open_connection(
    settings: Settings,
    *,
    offline: bool = False,
    send_key: bool = False,
    pace: float = 1.0,
    cassette: CassetteFile | None = None,
    data: Path | None = None,
    has_faults: bool = False,
) -> Iterator[Connection]:
    """Choose the server by the order above, and start it if it is ours.

    `data` is where the emulator keeps what it stores; with `has_faults` it fails where a header
    asks for that. Raises EmulatorError if the emulator doesn't start, CassetteFileError if
    a cassette is unusable.
    """
    if cassette is not None and not cassette.is_recording:
        with cassette.run() as base_url:
            yield Connection(base_url, PLACEHOLDER, f"Answers: the cassette {cassette.title()}")
        return
    with _connect(settings, offline, send_key, pace, data, has_faults) as connection:
        if cassette is None:
            yield connection
            return
        # The recorder is a server on this machine, but it passes on whatever OpenAI needs.
        with cassette.run(connection.base_url) as base_url:
            recorded = f"{connection.answered_by}. It is recorded in {cassette.file.name}"
            yield replace(connection, base_url=base_url, answered_by=recorded, is_local=True)


@contextmanager
def _connect(
    settings: Settings,
    offline: bool,
    send_key: bool,
    pace: float,
    data: Path | None,
    has_faults: bool,
) -> Iterator[Connection]:
    """The emulator, the server that is named, or OpenAI."""
    if offline or not (settings.base_url or settings.key):
        with start_emulator(pace, settings.writer, data, has_faults=has_faults) as base_url:
            yield Connection(base_url, PLACEHOLDER, _emulator(settings.writer), is_emulator=True)
    elif settings.is_loopback and settings.base_url:
        key = settings.key if send_key and settings.key else PLACEHOLDER
        name = f"Answers: the server at {settings.host}"
        yield Connection(settings.base_url, key, name, is_ours=False)
    else:
        tail = f" for the key that ends in {settings.key[-4:]}" if settings.key else ""
        yield Connection(
            settings.base_url or OPENAI,
            settings.key or PLACEHOLDER,
            f"Answers: {settings.host}{tail}",
            is_live=True,
            is_ours=False,
            is_local=False,
        )


def _emulator(writer: Mapping[str, str]) -> str:
    """The emulator, and which model writes its answers."""
    if url := writer.get(f"{WRITER}BASE_URL"):
        return f"{EMULATOR}; {urlsplit(url).netloc.rpartition('@')[2]} writes for it"
    return f"{EMULATOR}, free of charge; it quotes documents"
