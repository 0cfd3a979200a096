"""Multipart forms written by hand, as no client would send them."""

from common.client import LOCAL
from tests.support.files_in_stores import KEY

import httpx2

FILE = ('name="file"; filename="a.txt"', "x")


def post_form(emulator, body, boundary="b", path="/files", **headers):
    kind = {"content-type": f"multipart/form-data; boundary={boundary}"}
    sent = KEY | kind | headers
    with httpx2.Client(**LOCAL) as client:
        return client.post(emulator.base_url + path, content=body, headers=sent)


def form(*parts, end="--b--\r\n"):
    """A form of (parameters in the part's header, value) pairs."""
    lines = [
        f"--b\r\ncontent-disposition: form-data; {header}\r\n\r\n{value}\r\n"
        for header, value in parts
    ]
    return ("".join(lines) + end).encode()
