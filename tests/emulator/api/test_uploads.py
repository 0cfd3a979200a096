"""Uploads in parts: put together in order, checked, cancelled, expired."""

import hashlib
import io

from tests.support.emulator_clients import connect
from tests.support.files_in_stores import SettableClock, until
from tests.support.forms import form, post_form

import openai
import pytest


def test_upload_in_parts(client):
    data = bytes(range(256)) * 8000
    announced = {"bytes": len(data), "filename": "a.jsonl", "mime_type": "text/plain"}

    made = client.uploads.upload_file_chunked(
        file=data,
        part_size=600_000,
        purpose="batch",
        md5=hashlib.md5(data).hexdigest(),
        **announced,
    )

    assert (made.status, made.file.bytes, made.file.filename) == ("completed", len(data), "a.jsonl")
    assert client.files.content(made.file.id).read() == data
    assert client.files.retrieve(made.file.id) == made.file


ANNOUNCED = {"bytes": 4, "filename": "a.txt", "mime_type": "text/plain", "purpose": "batch"}


def test_parts_are_put_in_the_order_asked_for(client):
    begun = client.uploads.create(**ANNOUNCED)
    parts = [client.uploads.parts.create(begun.id, data=data).id for data in (b"cd", b"xx", b"ab")]

    made = client.uploads.complete(begun.id, part_ids=[parts[2], parts[0]])

    assert (begun.status, begun.file, begun.expires_at) == (
        "pending",
        None,
        begun.created_at + 3600,
    )
    assert client.files.content(made.file.id).read() == b"abcd"
    with pytest.raises(openai.BadRequestError, match="is completed, not pending"):
        client.uploads.cancel(begun.id)


@pytest.mark.parametrize(
    ("complete", "why"),
    [
        ({}, "expected 4 bytes, but the parts have 2"),
        ({"md5": "0" * 32}, "expected 4 bytes"),
        ({"part_ids": ["part_none"]}, "no part 'part_none' of this upload"),
        ({"part_ids": []}, "array too short"),
    ],
)
def test_upload_that_does_not_fit_stays_pending(client, complete, why):
    begun = client.uploads.create(**ANNOUNCED)
    part = client.uploads.parts.create(begun.id, data=b"ab")

    with pytest.raises(openai.BadRequestError, match=why):
        client.uploads.complete(begun.id, **{"part_ids": [part.id]} | complete)

    rest = client.uploads.parts.create(begun.id, data=b"cd")
    with pytest.raises(openai.BadRequestError, match="md5"):
        client.uploads.complete(begun.id, part_ids=[part.id, rest.id], md5="0" * 32)
    with pytest.raises(openai.BadRequestError, match="no part"):
        client.uploads.complete(begun.id, part_ids=[part.id, part.id])
    assert client.uploads.complete(begun.id, part_ids=[part.id, rest.id]).file.bytes == 4


def test_cancelled_upload_takes_no_parts(client):
    begun = client.uploads.create(**ANNOUNCED)
    part = client.uploads.parts.create(begun.id, data=b"abcd")

    assert client.uploads.cancel(begun.id).status == "cancelled"
    with pytest.raises(openai.BadRequestError, match="is cancelled, not pending"):
        client.uploads.parts.create(begun.id, data=b"x")
    with pytest.raises(openai.BadRequestError, match="is cancelled, not pending"):
        client.uploads.complete(begun.id, part_ids=[part.id])


def test_upload_expires(start):
    clock = SettableClock()
    with connect(start(now=clock)) as client:
        begun = client.uploads.create(**ANNOUNCED)
        clock.now += 3600

        with pytest.raises(openai.BadRequestError, match="is expired, not pending"):
            client.uploads.cancel(begun.id)


def test_unknown_upload_is_404(client):
    with pytest.raises(openai.NotFoundError, match="upload_none"):
        client.uploads.cancel("upload_none")


@pytest.mark.parametrize("data", [b"", io.BytesIO(b"x" * 20)], ids=["empty", "too long"])
def test_part_of_wrong_size_is_refused(client, monkeypatch, data):
    monkeypatch.setattr("emulator.api.uploads.MOST_BYTES_A_PART", 10)
    begun = client.uploads.create(**ANNOUNCED)

    with pytest.raises(openai.BadRequestError, match="a part has"):
        client.uploads.parts.create(begun.id, data=data)


def test_parts_of_an_abandoned_upload_are_removed(start):
    """Nobody has completed or cancelled it for an hour when the next upload begins."""
    clock = SettableClock()
    emulator = start(now=clock)

    def parts():
        return len(emulator.service.file_storage.db.rows("SELECT * FROM blocks"))

    with connect(emulator) as client:
        begun = client.uploads.create(**ANNOUNCED)
        client.uploads.parts.create(begun.id, data=b"ab")
        clock.now += 3600
        client.uploads.create(**ANNOUNCED)
        assert parts() == 1

        clock.now += 1
        client.uploads.create(**ANNOUNCED)
        assert parts() == 0


def test_upload_is_described_as_at_openai(client):
    expiry = {"anchor": "created_at", "seconds": 3600}
    raw = client.uploads.with_raw_response.create(**ANNOUNCED, expires_after=expiry)
    begun = raw.parse()

    assert raw.headers["x-openai-emulator-inert"] == "mime_type"
    assert begun.to_dict() == {
        "id": begun.id,
        "object": "upload",
        "bytes": 4,
        "created_at": begun.created_at,
        "filename": "a.txt",
        "purpose": "batch",
        "status": "pending",
        "expires_at": begun.created_at + 3600,
        "file": None,
    }
    part = client.uploads.parts.create(begun.id, data=b"abcd")
    assert part.id.startswith("part_") and len(part.id) == len("part_") + 24
    assert (part.object, part.upload_id) == ("upload.part", begun.id)
    made = client.uploads.complete(begun.id, part_ids=[part.id]).file
    assert made.expires_at == made.created_at + 3600


def test_part_of_the_greatest_size_is_taken(client, monkeypatch):
    monkeypatch.setattr("emulator.api.uploads.MOST_BYTES_A_PART", 4)
    begun = client.uploads.create(**ANNOUNCED)
    part = client.uploads.parts.create(begun.id, data=b"abcd")

    assert client.uploads.complete(begun.id, part_ids=[part.id]).status == "completed"


def test_refused_part_leaves_nothing(client, emulator):
    begun = client.uploads.create(**ANNOUNCED)
    with pytest.raises(openai.BadRequestError, match="a part has"):
        client.uploads.parts.create(begun.id, data=b"")

    rows = emulator.service.file_storage.db.rows
    assert not rows("SELECT * FROM files WHERE upload = ?", begun.id)


def part_path(upload):
    return f"/uploads/{upload.id}/parts"


def test_part_of_an_upload_that_is_cancelled_meanwhile_is_refused(client, emulator):
    begun = client.uploads.create(**ANNOUNCED)
    rows = emulator.service.file_storage.db.rows
    whole = form(('name="data"; filename="x"', "abcd"))

    def slow():
        yield whole[:-20]
        until(lambda: rows("SELECT * FROM files WHERE upload = ?", begun.id))
        client.uploads.cancel(begun.id)
        yield whole[-20:]

    answer = post_form(emulator, slow(), path=part_path(begun))

    assert answer.status_code == 400
    assert "is cancelled, not pending" in answer.json()["error"]["message"]
    assert not rows("SELECT * FROM files WHERE upload = ?", begun.id)


def test_part_is_data_and_nothing_else(client, emulator):
    begun = client.uploads.create(**ANNOUNCED)
    body = form(('name="data"; filename="x"', "abcd"), ('name="purpose"', "batch"))

    answer = post_form(emulator, body, path=part_path(begun))

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "data")
