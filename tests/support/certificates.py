"""The certificates of this machine, read once instead of for each client.

`OpenAI()` reads all of them, although most tests talk to a server on loopback. That takes 40 ms.
"""

import os
import ssl
from functools import cache

import httpcore2

_READ = httpcore2.default_ssl_context


@cache
def _shared_context() -> ssl.SSLContext:
    return _READ(_trust_env=False)


def _context(*, _trust_env: bool = True) -> ssl.SSLContext:
    is_set = any(os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"))
    return _READ() if _trust_env and is_set else _shared_context()


def share_certificates() -> None:
    """Let all clients of this process use the same certificates."""
    _shared_context()
    httpcore2.default_ssl_context = _context  # type: ignore[assignment]
