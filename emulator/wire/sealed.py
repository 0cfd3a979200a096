"""Opaque content: what a caller holds and sends back without being able to read or change it.

OpenAI encrypts it, as a model's reasoning is its own secret. Nothing here is secret, so a signature
is enough: it shows that the content was made by an emulator and has not been changed since. The key
is no secret either, so that content stays valid when the emulator is started again.
"""

import base64
import hashlib
import hmac
import json
import zlib
from typing import Any

MOST_BYTES = 16 * 2**20
"""How large the content may be once it is unpacked: a few bytes can stand for many."""

_KEY = b"emulator"
_SIGNATURE_BYTES = hashlib.sha256().digest_size


class BrokenSeal(ValueError):
    """The content was not sealed here, or has been changed, or is too large."""


def seal(value: Any) -> str:
    """A JSON value as URL-safe base64."""
    packed = zlib.compress(json.dumps(value).encode(), 9)
    return base64.urlsafe_b64encode(_sign(packed) + packed).decode()


def unseal(content: str) -> Any:
    """The value again; raises BrokenSeal."""
    try:
        data = base64.b64decode(content.encode(), altchars=b"-_", validate=True)
    except ValueError as error:
        raise BrokenSeal(str(error)) from None
    signature, packed = data[:_SIGNATURE_BYTES], data[_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _sign(packed)):
        raise BrokenSeal("The signature does not fit.")
    reader = zlib.decompressobj()
    try:
        text = reader.decompress(packed, MOST_BYTES)
    except zlib.error as error:
        raise BrokenSeal(str(error)) from None
    if not reader.eof:
        raise BrokenSeal(f"The content is cut off, or larger than {MOST_BYTES} bytes.")
    # The key is known, so anybody can sign what is no JSON.
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BrokenSeal(str(error)) from None


def _sign(packed: bytes) -> bytes:
    return hmac.digest(_KEY, packed, "sha256")
