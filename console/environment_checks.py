"""Finds variables of the environment that stop a connection: a proxy, a file of certificates."""

import os
import ssl
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from common.client import PROXIES
from common.settings import CourseError

# What httpx2 and websockets need for it: package and module.
_SOCKS = {"socksio": "socksio", "python-socks": "python_socks"}
_SCHEMES = ("http", "https", "socks5", "socks5h")


def unset(name: str) -> str:
    """The command that removes a variable from the learner's shell."""
    return f"Remove-Item Env:{name}" if sys.platform == "win32" else f"unset {name}"


def proxy_problem(environ: Mapping[str, str] = os.environ) -> CourseError | None:
    """A proxy that `openai` can't use as it is installed."""
    for name, value in environ.items():
        if name.upper() not in PROXIES or not value:
            continue
        try:
            parts = urlsplit(value if "://" in value else f"http://{value}")
            is_usable = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_usable = False
        if not is_usable:
            what = f"{name} is not the address of a proxy"
            return CourseError(
                what, "an address looks like http://host:port", f"correct it, or {unset(name)}"
            )
        missing = [package for package, module in _SOCKS.items() if find_spec(module) is None]
        if parts.scheme.startswith("socks") and missing:
            names = " ".join(missing)
            return CourseError(
                f"{name} names a SOCKS proxy, which needs {' and '.join(missing)}",
                "neither openai nor pip can use such a proxy by themselves",
                f"{unset(name)}; to keep it, after that: {sys.executable} -m pip install {names}",
            )
    return None


def certificate_problem(environ: Mapping[str, str] = os.environ) -> CourseError | None:
    """A file of certificates that is gone, or that holds none."""
    path = environ.get("SSL_CERT_FILE")
    if not path:
        return None
    why = "it is the file of certificates that servers are checked by"
    fix = f"correct the path, or {unset('SSL_CERT_FILE')}"
    if not Path(path).is_file():
        return CourseError(f"SSL_CERT_FILE names a file that is not there: {path}", why, fix)
    try:
        ssl.create_default_context(cafile=path)
    except OSError:
        return CourseError(f"SSL_CERT_FILE names a file without certificates: {path}", why, fix)
    return None
