"""Request bodies as fields of a line: what the recorder writes, and what the player compares."""

import json
from contextlib import suppress
from email.parser import BytesParser
from email.policy import HTTP
from typing import Protocol

from cassette.format import CassetteLine
from cassette.scrub import Scrubber


class BodyStore(Protocol):
    """Turns the bytes of a body into fields; the writer also writes down the large ones."""

    scrubber: Scrubber

    def body_fields(self, data: bytes) -> CassetteLine: ...


def describe_body(store: BodyStore, kind: str, body: bytes) -> CassetteLine:
    """A request's body as fields: JSON as a value, a form part by part, anything else as it is.

    Recorder and player both describe a request by this function, so that equal requests give equal
    fields. JSON is kept as a value, so its layout does not matter; a form is kept without its
    boundary, which is random. A body that is not what its content type says is kept as bytes.
    """
    if not body:
        return {}
    clean = store.scrubber.clean(body)
    with suppress(ValueError, LookupError, RecursionError):
        if kind.startswith("multipart/"):
            return {"form": [describe_part(store, *part) for part in parts_of(kind, body)]}
        if kind.startswith("application/json"):
            value = json.loads(clean)
            json.dumps(value, allow_nan=False)  # what the format could not hold is kept as it is
            return {"json": value}
    return {"body": store.body_fields(clean)}


def describe_part(
    store: BodyStore, name: str, filename: str | None, kind: str, data: bytes
) -> CassetteLine:
    part = {"name": name, "filename": filename, "type": kind}
    return part | store.body_fields(store.scrubber.clean(data))


def parts_of(kind: str, body: bytes) -> list[tuple[str, str | None, str, bytes]]:
    """(name, file name, type, content) of each part of a form, without the boundary."""
    head = f"content-type: {kind}\r\n\r\n".encode("latin-1")
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    return [
        (
            str(part.get_param("name", header="content-disposition")),
            part.get_filename(),
            part.get_content_type(),
            bytes(part.get_payload(decode=True) or b""),
        )
        for part in message.iter_parts()
    ]
