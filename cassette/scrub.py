"""Secrets are taken out before anything is written: by value, by pattern, and by an allow-list.

Of headers only those named here are kept. In paths and bodies the values that a client
authenticated with are replaced, and whatever looks like a key. A secret that comes in two chunks,
or in escapes of JSON, cannot be replaced any more when it is seen; then the recording is refused.
What a server spells out over several events is beyond this.
"""

import re
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterable
from urllib.parse import quote, unquote, urlsplit

SCRUBBED = b"[scrubbed]"
LONGEST_SECRET = 256
SHORTEST_SECRET = 8

KEPT_HEADERS = re.compile(
    r"""content-type | x-request-id | openai-processing-ms | openai-version | openai-poll-after-ms
    | retry-after(-ms)? | x-should-retry | x-ratelimit-[a-z-]+ | x-openai-emulator(-inert)?""",
    re.VERBOSE,
)
SECRET_HEADERS = ("authorization", "openai-organization", "openai-project", "cookie", "api-key")
_ESCAPE = re.compile(rb"\\u00([2-7][0-9a-fA-F])")
# `sess-` begins a key; `sess_` begins an id of a session, which a replay has to tell.
_LOOKS_LIKE_KEY = re.compile(
    rb"\b(?:(?:sk|ek|rk|pk)[-_]|sess-)[A-Za-z0-9_-]{16,}|\bBearer +[\w.~+/-]{8,}"
)


class Scrubber:
    """Knows the secrets of a recording, and takes them out of whatever is to be written."""

    def __init__(self) -> None:
        self._secrets: set[bytes] = set()
        self._tails: defaultdict[int, bytes] = defaultdict(bytes)
        self.leaked = False

    def learn(self, headers: Iterable[tuple[str, str]]) -> None:
        """Remember what a request authenticates with."""
        for name, value in headers:
            words = value.split() if name in SECRET_HEADERS else []
            if name == "sec-websocket-protocol":
                prefix = "openai-insecure-api-key."
                words = [word.strip(", ").removeprefix(prefix) for word in value.split(",")]
            for word in words:
                self._learn(word)

    def learn_url(self, url: str) -> None:
        """Remember the user and the password of an address."""
        parts = urlsplit(url)
        if parts.password:
            pair = f"{unquote(parts.username or '')}:{unquote(parts.password)}"
            for word in (unquote(parts.password), b64encode(pair.encode()).decode()):
                self._learn(word)

    def _learn(self, word: str) -> None:
        if len(word) >= SHORTEST_SECRET and word.lower() not in ("bearer", "realtime"):
            self._secrets |= {word.encode(), quote(word, safe="").encode()}

    def headers(self, headers: Iterable[tuple[str, str]]) -> dict[str, str]:
        """The headers that are kept, scrubbed."""
        kept = [(name, value) for name, value in headers if KEPT_HEADERS.fullmatch(name)]
        return {name: self.clean(value.encode()).decode() for name, value in kept}

    def path(self, path: str) -> str:
        """A path without its secrets, percent-encoded ones included."""
        plain = unquote(path)
        clean = self.clean(plain.encode(errors="replace")).decode(errors="replace")
        return quote(clean, safe="/?=&[]") if clean != plain else path

    def clean(self, data: bytes) -> bytes:
        """The data without its secrets."""
        for secret in self._secrets:
            data = data.replace(secret, SCRUBBED)
        return _LOOKS_LIKE_KEY.sub(SCRUBBED, data)

    def watch(self, exchange: int, data: bytes) -> None:
        """Notice a secret that began in the piece of the body before this one, or is escaped."""
        tail = self._tails[exchange]
        border = tail + data[:LONGEST_SECRET]
        self.leaked = self.leaked or self._spans(border, len(tail))
        if b"\\u00" in data:
            self.check(tail + data)
        self._tails[exchange] = (tail + data)[-LONGEST_SECRET:]

    def check(self, data: bytes) -> None:
        """Notice a secret that is written in escapes."""
        if b"\\u00" in data:
            plain = _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), self.clean(data))
            self.leaked = self.leaked or self.clean(plain) != plain

    def _spans(self, joined: bytes, border: int) -> bool:
        found = [m.span() for m in _LOOKS_LIKE_KEY.finditer(joined)]
        for secret in self._secrets:
            found += [m.span() for m in re.finditer(re.escape(secret), joined)]
        return any(start < border < end for start, end in found)
