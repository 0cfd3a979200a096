"""Files: what is uploaded, how it is described, and what comes back out."""

from emulator.api.files import MOST_FILES
from emulator.storage.file_table import BLOCK
from tests.support.emulator_clients import connect
from tests.support.files_in_stores import (
    HOUR,
    TEXT,
    SettableClock,
    upload,
)

import openai
import pytest


def test_file_is_told_as_at_openai(client):
    made = upload(client)

    assert made.id.startswith("file-") and len(made.id) == len("file-") + 22
    assert made.to_dict() == {
        "object": "file",
        "id": made.id,
        "purpose": "assistants",
        "filename": "notes.txt",
        "bytes": len(TEXT),
        "created_at": made.created_at,
        "expires_at": None,
        "status": "processed",
        "status_details": None,
    }
    assert client.files.retrieve(made.id) == made
    assert client.files.wait_for_processing(made.id) == made


def test_files_are_listed_in_pages(start, tmp_path):
    with connect(start(data=tmp_path)) as client:
        made = [upload(client, f"{place}.txt") for place in range(3)]
        other = upload(client, "x.jsonl", purpose="batch")

        assert [file.id for file in client.files.list()] == [other.id] + [
            file.id for file in reversed(made)
        ]
        assert list(client.files.list(purpose="assistants", order="asc")) == made
        page = client.files.list(purpose="assistants", limit=2, order="asc")
        assert (page.data, page.has_more) == (made[:2], True)
        assert list(page) == made
        assert list(client.files.list(after=made[1].id)) == [made[0]]


@pytest.mark.parametrize("size", [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 17])
def test_bytes_come_back_as_sent(client, size):
    data = bytes(place * 7 % 251 for place in range(1000)) * (size // 1000 + 1)
    made = upload(client, "a.jsonl", data[:size], "batch")

    answer = client.files.content(made.id)

    assert made.bytes == size
    assert answer.read() == data[:size]
    assert answer.response.headers["content-length"] == str(size)


@pytest.mark.parametrize("purpose", ["assistants", "user_data"])
def test_files_for_tools_are_not_given_back(client, purpose):
    with pytest.raises(openai.BadRequestError, match="download files of purpose"):
        client.files.content(upload(client, purpose=purpose).id)


def test_deleted_file_is_gone(client):
    id = upload(client).id

    assert client.files.delete(id).to_dict() == {"object": "file", "deleted": True, "id": id}
    for call in (client.files.retrieve, client.files.delete, client.files.content):
        with pytest.raises(openai.NotFoundError, match=f"No such File object: {id}") as caught:
            call(id)
    assert (caught.value.param, caught.value.code) == ("id", None)


def test_file_expires(start):
    clock = SettableClock()
    with connect(start(now=clock)) as client:
        made = upload(client, expires_after=HOUR)
        batch = upload(client, "a.jsonl", purpose="batch")

        clock.now += 3599
        assert client.files.retrieve(made.id).expires_at == int(clock.now) + 1
        clock.now += 1
        with pytest.raises(openai.NotFoundError):
            client.files.retrieve(made.id)
        assert batch.expires_at == batch.created_at + 30 * 86_400
        assert [file.id for file in client.files.list()] == [batch.id]


NAMES = [
    "../../etc/passwd",
    "..",
    ".",
    "C:\\x\\notes.txt",
    "/etc/passwd",
    "новости 😀.txt",
    "\u202etxt.exe",
    "n" * 4000 + ".txt",
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_p15_name_is_a_label(start, tmp_path, name):
    with connect(start(data=tmp_path)) as client:
        made = upload(client, name, purpose="batch")
        answer = client.files.content(made.id).response

        assert client.files.retrieve(made.id).filename == name
        assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
    names = {path.name.partition("-")[0] for path in tmp_path.rglob("*")}
    assert names <= {"emulator.sqlite3", "library.sqlite3"}


@pytest.mark.parametrize("name", ["a\r\nb: c", "\0", 'q"q'])
def test_p15_name_with_signs_that_a_form_escapes(client, name):
    """As HTTP clients do, the SDK's writes these in hexadecimal; so they are kept."""
    made = upload(client, name, purpose="batch")

    assert "%" in made.filename
    assert client.files.content(made.id).response.headers.get("b") is None


REFUSED = [
    ({"purpose": "nothing"}, "purpose"),
    ({"data": b""}, "file"),
    ({"expires_after": {"anchor": "created_at", "seconds": 60}}, "expires_after.seconds"),
    ({"expires_after": {"anchor": "now", "seconds": 3600}}, "expires_after.anchor"),
    ({"extra_body": {"color": "red"}}, "color"),
]


@pytest.mark.parametrize(("change", "param"), REFUSED)
def test_bad_upload_is_refused_and_forgotten(client, emulator, change, param):
    with pytest.raises(openai.BadRequestError) as caught:
        upload(client, **change)

    assert caught.value.param == param
    assert not emulator.service.file_storage.db.rows("SELECT * FROM files WHERE state = 'coming'")


def test_p14_too_many_files_get_409(start, monkeypatch):
    monkeypatch.setattr("emulator.api.files.MOST_FILES", 1)

    with connect(start(pace=0)) as client:
        assert upload(client).id
        with pytest.raises(openai.ConflictError, match="at most 1 files"):
            upload(client)

    assert MOST_FILES == 10_000
