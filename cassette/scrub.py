r"""Removes secrets before anything is written; one that cannot be removed prevents the file.

What counts as a secret:

- what a client authenticates with: the credentials in its headers, cookies and subprotocols, in
  the query of a path and in the address of the server. Such a value is learned, and replaced
  wherever it comes again, as many servers repeat it in errors;
- what looks like a key, by pattern, from either side;
- all headers but those that are named here.

A secret can come in other characters than it has: `/` as `\/`, `"` as `\"`, any character as
`\u002f` or `%2F`, and several times over, where JSON holds JSON. So a learned value is looked for
in the decoded text too, and then replaced in whatever form it has. A value under `SHORTEST_SECRET`
characters may be part of a word; it is replaced where it is a word of its own.

Three kinds are noticed but not replaced: a secret in `\u` escapes, a secret that is divided between
two chunks of a body (the first part is written by the time the second comes), and a key under
`SHORTEST_WORD` characters that is a word in some text. The recording is not saved then: `problem`
says why. What a server spells out over several events is beyond this.
"""

import re
from base64 import b64decode, b64encode
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, unquote_to_bytes, urlsplit

from cassette.format import CassetteLine, compact

SCRUBBED = b"[scrubbed]"
SHORTEST_SECRET, SHORTEST_WORD = 8, 4
# How much is kept of a chunk to find what goes on in the next; more if a learned secret is longer.
LONGEST_KEY = 256

KEPT_HEADERS = ("content-type", "retry-after", "x-request-id", "x-ratelimit-[a-z-]+")
# Fields of a line whose values are this format's own.
OWN_FIELDS = ("from", "how", "by", "upgrade", "blob", "zlib", "again")

IN_PIECES = "a key came in pieces or in escapes"
TOO_SHORT = f"a key under {SHORTEST_WORD} characters is a word of its text; use a longer one"

# The names that headers and the parameters of a query have where they hold a secret.
_SECRET_NAME = re.compile(
    r"""(.*[-_.])? (access|api|auth|client|private|refresh|session)? [-_]?
    (auth|authorization|cookie|credentials?|key|passw(or)?d|pwd|secret|sig|signature|token)""",
    re.VERBOSE | re.IGNORECASE,
)
_PUBLIC_NAMES = ("sec-websocket-key", "idempotency-key")
_COOKIES = ("cookie", "set-cookie")
_SCHEMES = ("basic", "bearer", "digest", "token")

# Where a word begins: behind none of its characters, or behind an escape, which may end in one.
_WORD_START = rb"(?:(?<![0-9A-Za-z_])|(?<=\\[bfnrt])|(?<=\\u00[0-9A-Fa-f]{2})|(?<=%[0-9A-Fa-f]{2}))"
_BEARER = rb"Bearer +[\w.~+/-]{8,}"
_UNICODE_ESCAPE = re.compile(rb"\\u00([2-7][0-9A-Fa-f])")


@dataclass(frozen=True)
class SecretRules:
    """What an API adds to the rules above.

    `kept_headers` are patterns of names, `secret_headers` names. `key_subprotocols` begin a
    WebSocket subprotocol that holds a secret, `public_subprotocols` hold none. `placeholder_keys`
    stand for a key where none is needed.
    """

    kept_headers: tuple[str, ...] = ()
    secret_headers: tuple[str, ...] = ()
    key_patterns: tuple[bytes, ...] = ()
    key_subprotocols: tuple[str, ...] = ()
    public_subprotocols: tuple[str, ...] = ()
    placeholder_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Secret:
    """A learned value: as it is, as it is decoded, and a pattern for it in whatever escapes.

    In the pattern each byte may have backslashes before it, or be percent-encoded (`%2F`), more
    than once (`%252F`).
    """

    value: bytes
    decoded: bytes = field(init=False)
    pattern: "re.Pattern[bytes]" = field(init=False)

    def __post_init__(self) -> None:
        escaped = [
            rb"(?:\\*%b|%%(?:25)*(?i:%02x))" % (re.escape(bytes([byte])), byte)
            for byte in self.value
        ]
        pattern = b"".join(escaped)
        if self.is_word:
            pattern = _WORD_START + pattern + rb"(?![0-9A-Za-z_])"
        object.__setattr__(self, "decoded", views(self.value)[-1])
        object.__setattr__(self, "pattern", re.compile(pattern))

    @property
    def is_word(self) -> bool:
        """Whether it is so short that it may be a part of other words."""
        return len(self.value) < SHORTEST_SECRET

    def is_in(self, seen: list[bytes]) -> bool:
        """Whether one of the views of some data shows it; that is quick, the pattern is slow."""
        return any(self.value in view or self.decoded in view for view in seen)


def views(data: bytes) -> list[bytes]:
    r"""The data, and what it is after each step of decoding, to the last.

    Backslashes are left out altogether: that undoes `\/` and `\"` at any depth, and what it does to
    other text is of no consequence, as these texts are only searched. All of them have to be: one
    step too far, a secret that ends in `%2` is decoded together with what comes behind it.
    """
    found = [data]
    while True:
        plain = found[-1]
        if b"\\" in plain:
            plain = _UNICODE_ESCAPE.sub(lambda escape: bytes([int(escape[1], 16)]), plain)
            plain = plain.replace(b"\\", b"")
        elif b"%" in plain:
            plain = unquote_to_bytes(plain)
        if plain == found[-1]:
            return found
        found.append(plain)


class Scrubber:
    """Holds the secrets of a recording, and removes them from whatever is to be written."""

    def __init__(self, rules: SecretRules) -> None:
        self._rules = rules
        self._secrets: dict[bytes, Secret] = {}
        self._tiny_keys: set[bytes] = set()
        self._tails: defaultdict[int, bytes] = defaultdict(bytes)
        keys = b"|".join((*rules.key_patterns, _BEARER))
        # Where a word begins takes long to find out, so whether there is a key comes first.
        self._key_anywhere = re.compile(keys)
        self._key = re.compile(_WORD_START + b"(?:" + keys + b")")
        self._kept = re.compile("|".join((*KEPT_HEADERS, *rules.kept_headers)), re.IGNORECASE)
        self.problem = ""

    def learn(self, headers: Iterable[tuple[str, str]]) -> None:
        """Remember what a request or an answer authenticates with."""
        for name, value in headers:
            for word in self._credentials(name.lower(), value):
                self._learn(word)

    def learn_path(self, path: str) -> None:
        """Remember the secrets in the query of a path."""
        for pair in path.partition("?")[2].split("&"):
            name, _, value = pair.partition("=")
            if _is_secret(unquote(name)):
                self._learn(unquote(value))

    def learn_url(self, url: str) -> None:
        """Remember the user and the password of an address; a user alone is a token."""
        parts = urlsplit(url)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if password or user:
            self._learn(password or user)
            self._learn(b64encode(f"{user}:{password}".encode()).decode())

    def _credentials(self, name: str, value: str) -> Iterator[str]:
        """The secrets in a header."""
        if name in _COOKIES:
            yield from _cookie_values(name, value)
        elif name == "sec-websocket-protocol":
            yield from self._subprotocol_keys(value)
        elif _is_secret(name) or name in self._rules.secret_headers:
            words = value.split()
            if len(words) > 1:  # a scheme, such as Bearer, and what it needs
                yield from words[1:]
                yield from _basic_password(words[1])
            yield value.strip()

    def _subprotocol_keys(self, value: str) -> Iterator[str]:
        for word in value.replace(",", " ").split():
            prefix = next(filter(word.startswith, self._rules.key_subprotocols), "")
            is_public = not prefix and len(word) < SHORTEST_SECRET
            if not is_public and word not in self._rules.public_subprotocols:
                yield word.removeprefix(prefix)

    def _learn(self, word: str) -> None:
        if not word or word.lower() in (*_SCHEMES, *self._rules.placeholder_keys):
            return
        values = {word.encode()}
        with suppress(UnicodeEncodeError):
            values.add(word.encode("latin-1"))  # the bytes of a header
        self._tiny_keys |= {value for value in values if len(value) < SHORTEST_WORD}
        new = {value for value in values if len(value) >= SHORTEST_WORD} - self._secrets.keys()
        # The longest first: a secret may begin with another, and its rest is to be found, too.
        known = [*self._secrets.values(), *map(Secret, new)]
        self._secrets = {
            each.value: each for each in sorted(known, key=lambda one: -len(one.value))
        }

    def headers(self, headers: Iterable[tuple[str, str]]) -> dict[str, str]:
        """The headers that are kept, scrubbed."""
        return {
            name: self.clean_text(value) for name, value in headers if self._kept.fullmatch(name)
        }

    def path(self, path: str) -> str:
        """A path without its secrets, percent-encoded ones included.

        A parameter whose name says that it holds a secret loses its value whatever that is, so the
        player, which has learned no secrets, finds the same path.
        """
        bare, mark, query = path.partition("?")
        path = bare + mark + "&".join(map(_without_secret, query.split("&")))
        plain = unquote(path)
        clean = self.clean_text(plain)
        return quote(clean, safe="/?=&[]", errors="replace") if clean != plain else path

    def clean(self, data: bytes) -> bytes:
        """The data without its secrets."""
        seen = views(data)
        for secret in self._secrets.values():
            if secret.is_in(seen):
                data = secret.pattern.sub(SCRUBBED, data)
        if self._key_anywhere.search(data):
            data = self._key.sub(SCRUBBED, data)
        if any(_is_word_in(key, data) for key in self._tiny_keys):
            self.problem = TOO_SHORT
        return data

    def clean_text(self, text: str) -> str:
        return self.clean(text.encode(errors="surrogatepass")).decode(errors="surrogatepass")

    def clean_line(self, line: CassetteLine) -> bytes:
        """A line as JSON, without secrets.

        Its texts are cleaned before JSON escapes them. The result is checked as a whole: a secret
        could still be in a number. A value that is nested too deep to walk is cleaned as JSON.
        """
        try:
            clean = compact({k: v if k in OWN_FIELDS else self._clean(v) for k, v in line.items()})
        except RecursionError:
            clean = self.clean(compact(line))
        self.check(clean)
        return clean

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.clean_text(value)
        if isinstance(value, list):
            return [self._clean(each) for each in value]
        if isinstance(value, dict):
            return {self.clean_text(name): self._clean(each) for name, each in value.items()}
        return value

    def watch(self, exchange: int, chunk: bytes) -> None:
        """Notice a secret that began in an earlier chunk of the body, however short those were.

        What came before is kept, as much of it as a secret may be long. A secret across the border
        is in the two together, and begins before the border and ends behind it. The length matters:
        keep the last chunk alone, and a secret in three chunks gets through.
        """
        tail = self._tails[exchange]
        reach = max([LONGEST_KEY, *(6 * len(value) for value in self._secrets)])
        joined = tail + chunk[:reach]
        if self._spans(joined, len(tail)):
            self.problem = IN_PIECES
        self.check(self.clean(joined))
        self._tails[exchange] = (tail + chunk)[-reach:]

    def forget(self, exchange: int) -> None:
        """Drop what `watch` kept of an exchange that has ended."""
        self._tails.pop(exchange, None)

    def check(self, clean: bytes) -> None:
        """Notice a secret that was not replaced, as only a decoder finds it."""
        seen = views(clean)
        has_key = any(self._key_anywhere.search(v) and self._key.search(v) for v in seen[1:])
        secrets = (each for each in self._secrets.values() if not each.is_word)
        if has_key or any(each.is_in(seen) for each in secrets):
            self.problem = IN_PIECES

    def _spans(self, joined: bytes, border: int) -> bool:
        seen = views(joined)
        patterns = [each.pattern for each in self._secrets.values() if each.is_in(seen)]
        patterns += [self._key] if self._key_anywhere.search(joined) else []
        found = [match.span() for pattern in patterns for match in pattern.finditer(joined)]
        return any(start < border < end for start, end in found)


def _is_secret(name: str) -> bool:
    return bool(_SECRET_NAME.fullmatch(name)) and name.lower() not in _PUBLIC_NAMES


def _without_secret(pair: str) -> str:
    """A parameter of a query; its value is replaced if its name is that of a secret."""
    name, mark, value = pair.partition("=")
    return f"{name}={SCRUBBED.decode()}" if value and _is_secret(unquote(name)) else pair


def _cookie_values(name: str, value: str) -> Iterator[str]:
    """The values of cookies; in `set-cookie` the first pair is the cookie, the rest its settings.

    Values under `SHORTEST_WORD` characters are settings such as `en`, and no secrets.
    """
    pairs = value.split(";")
    for pair in pairs[:1] if name == "set-cookie" else pairs:
        found = pair.partition("=")[2].strip(' "') or pair.strip()
        if len(found) >= SHORTEST_WORD:
            yield found


def _basic_password(word: str) -> Iterator[str]:
    """The password of Basic authentication, `user:password` in base64."""
    with suppress(ValueError):
        yield b64decode(word, validate=True).decode().partition(":")[2]


def _is_word_in(key: bytes, data: bytes) -> bool:
    """Whether a tiny key is a word of its own; in base64 it would be one by chance."""
    return bool(re.search(rb"(?<![\w+/-])%b(?![\w+/=-])" % re.escape(key), data))
