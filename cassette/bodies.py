"""Requests as fields of a line: what the recorder writes, and what the player compares."""

import json
from contextlib import suppress
from email.parser import BytesParser
from email.policy import HTTP
from typing import Protocol

from cassette.format import Line
from cassette.scrub import Scrubber


class Keeper(Protocol):
    """Whoever may describe bodies: the tape, which writes large ones down, and the player."""

    scrubber: Scrubber

    def keep(self, data: bytes) -> Line: ...


def describe(tape: Keeper, kind: str, body: bytes) -> Line:
    """A request's body as fields: JSON as such, a form part by part, anything else as it is."""
    if not body:
        return {}
    clean = tape.scrubber.clean(body)
    with suppress(ValueError, LookupError, RecursionError):
        if kind.startswith("multipart/"):
            return {"form": [describe_part(tape, *part) for part in parts_of(kind, body)]}
        if kind.startswith("application/json"):
            value = json.loads(clean)
            json.dumps(value, allow_nan=False)  # what the format could not hold is kept as it is
            return {"json": value}
    return {"body": tape.keep(clean)}


def describe_part(tape: Keeper, name: str, filename: str | None, kind: str, data: bytes) -> Line:
    part = {"name": name, "filename": filename, "type": kind}
    return part | tape.keep(tape.scrubber.clean(data))


def parts_of(kind: str, body: bytes) -> list[tuple[str, str | None, str, bytes]]:
    """(name, file name, type, content) of each part of a form; the boundary is forgotten."""
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
