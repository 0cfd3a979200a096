"""Where the server upstream is said to be, checked before the emulator starts.

It imports neither `openai` nor an HTTP client, as the emulator says where it listens before that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from emulator.addresses import is_loopback

VARIABLE = "EMULATOR_CHAT_BASE_URL"


class UpstreamRefused(Exception):
    """The variables of a server upstream can't be used; the message says which, and why."""


@dataclass(frozen=True)
class UpstreamAddress:
    """The server, the model that it is asked for, and its key."""

    base_url: str
    model: str
    api_key: str

    @property
    def is_on_loopback(self) -> bool:
        """Whether it is on this machine, where no proxy is needed and the emulator listens, too."""
        return is_loopback(urlsplit(self.base_url).hostname or "")


def upstream_address(
    environ: Mapping[str, str], own_port: int = 0, task: str = "CHAT"
) -> UpstreamAddress | None:
    """By EMULATOR_CHAT_BASE_URL, `_MODEL` and `_API_KEY`; None if the first is not set.

    `task` is CHAT or EMBEDDINGS, which may be handed to different servers. Raises UpstreamRefused
    for what is no address, and for the emulator itself, at `own_port`.
    """
    variable = f"EMULATOR_{task}_BASE_URL"
    url, model, key = (
        environ.get(f"EMULATOR_{task}_{name}", "").strip()
        for name in ("BASE_URL", "MODEL", "API_KEY")
    )
    if not url:
        return None
    found = UpstreamAddress(url, model or "default", key or "none")
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        port = parts.port
    except ValueError:
        is_usable, port = False, None
    if not is_usable or not url.isprintable():
        shown = "" if "@" in url else f": {url!a}"  # a password may stand before the @
        raise UpstreamRefused(f"{variable} is not an http address{shown}")
    if not (found.api_key.isascii() and found.api_key.isprintable()):
        raise UpstreamRefused(f"EMULATOR_{task}_API_KEY has characters in it that no key has")
    if own_port and port == own_port and found.is_on_loopback:
        raise UpstreamRefused(f"{variable} names this emulator itself, which would ask for ever")
    return found
