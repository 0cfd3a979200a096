"""Turns the output of a failed command into an error that says what to try."""

import re
from shutil import disk_usage

from setup import COURSE
from setup.problem import Problem, again

UNREACHABLE = "the package index cannot be reached"
UNTRUSTED = "the package index cannot be trusted"

# A pattern to look for in a failed command's output, or in the system's error. Then what went
# wrong, why, and what to try. The first pattern that is found counts: a full disk, for example,
# makes pip print the later ones, too.
SYMPTOMS = {
    r"No space left|Errno 28\b|WinError 112\b|uota exceeded": (
        ("the disk is full", "", "free 500 MB")
    ),
    r"(?P<said>.*(?:Errno (?:1|13|30)\b|WinError 5\b|Permission denied).*)": (
        ("cannot write to the course's folder", "{said}", "copy it to a folder of your own")
    ),
    r"CA certificate bundle, invalid path: (?P<path>.+)": (
        "there is no certificate file {path}",
        "one of the variables PIP_CERT, REQUESTS_CA_BUNDLE and SSL_CERT_FILE names it",
        "correct that variable or unset it",
    ),
    r"CERTIFICATE_VERIFY_FAILED|confirming the ssl certificate": (
        UNTRUSTED,
        "its certificate is unknown here: a company's proxy may have replaced it",
        "set PIP_CERT and SSL_CERT_FILE to your company's certificate file",
    ),
    r"Missing dependencies for SOCKS support": (
        "pip cannot use a SOCKS proxy",
        "one of the variables ALL_PROXY, HTTPS_PROXY and HTTP_PROXY begins with socks",
        "unset it, or set HTTPS_PROXY to an HTTP proxy",
    ),
    r"Retry\(total=0|Max retries exceeded|timed out|ConnectionReset|IncompleteRead": (
        UNREACHABLE,
        "there is no network, or you need a proxy",
        "connect to the network, or set HTTPS_PROXY to your proxy",
    ),
    r"No matching distribution found for (?P<package>\S+)": (
        "no package found that fits: {package}",
        "pip was given no index, or there is no build (wheel) for this Python and system",
        "check the network; if that works, remove the folder .venv and use Python 3.12",
    ),
    r"ERROR: (?P<said>.+)": ("{what} failed", "{said}", "read .venv/pip.log and fix the cause"),
    r"(?P<said>.*)\s*\Z": ("{what} failed", "{said}", "remove the folder .venv"),
}


def failure(what: str, output: str) -> Problem:
    """Why `what` failed, judged by its output."""
    # pip and venv don't always report a full disk.
    if disk_usage(COURSE).free < 10_000_000:
        output = "No space left"
    for pattern, (fact, why, attempt) in SYMPTOMS.items():
        if found := re.search(pattern, output):
            said = {**found.groupdict(), "what": what}
            return Problem(fact.format(**said), why.format(**said), f"{attempt}, then {again()}")
    return Problem(f"{what} failed")
