"""What another server said, in whatever shape it came, as one line that is safe to print."""

import json
import re

LONGEST = 200

# Where servers and gateways put the reason of an error, the most precise first.
_REASONS = ("message", "error", "detail", "error_description", "msg", "reason", "title", "errors")
_NOT_SHOWN = re.compile(r"(?is)<(script|style|head)\b.*?</\1>|<[^>]*>")


def on_one_line(text: str) -> str:
    """Text of others for the screen: in one line, and without characters that steer a terminal."""
    spaced = " ".join(text.split())
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in spaced
    )


def shortened(text: str) -> str:
    """Printable, and at most as long as fits into a line with something around it."""
    line = on_one_line(text)
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."


def first_words(text: str) -> str:
    """The beginning of a text or a web page, without its markup."""
    return shortened(_NOT_SHOWN.sub(" ", text[:20_000]))


def reason_in(body: object, depth: int = 6) -> str:
    """The reason in a server's own words; empty if it gave none, or sent a web page.

    Objects within objects are read as far as `depth`.
    """
    if depth == 0:
        return ""
    if isinstance(body, bytes | bytearray):
        return reason_in(bytes(body).decode("utf-8", "replace"), depth)
    if isinstance(body, str):
        return _reason_in_text(body, depth)
    if isinstance(body, list):
        found = (reason_in(each, depth - 1) for each in body[:5])
        return shortened("; ".join(filter(None, found)))
    if isinstance(body, dict):
        found = (reason_in(body.get(name), depth - 1) for name in _REASONS)
        return next(filter(None, found), "")
    return ""


def _reason_in_text(text: str, depth: int) -> str:
    """Errors are sometimes JSON within a text; only an object of JSON is read further."""
    if text.lstrip().startswith("{"):
        try:
            return reason_in(json.loads(text), depth - 1)
        except (ValueError, RecursionError):
            return shortened(text)
    return "" if text.lstrip().startswith("<") else shortened(text)
