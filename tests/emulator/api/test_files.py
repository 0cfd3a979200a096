"""Files and uploads: what comes in, in what shape it is told, and what comes back out."""

import hashlib
import io
import time

from emulator.api.files import MOST_FILES
from emulator.api.multipart import MOST_UPLOADS
from emulator.storage.file_table import BLOCK
from tests.conftest import connect
from tests.emulator.test_guard import exchange

import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

KEY = {"authorization": "Bearer offline"}
HOUR = {"anchor": "created_at", "seconds": 3600}
TEXT = b"The Lantern is lit at dusk."


class Clock:
    """The time of day, which tests set forward."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def until(is_so):
    """Look until something is so; the wait is another thread's, which the deadline bounds."""
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline


def upload(client, name="notes.txt", data=TEXT, purpose="assistants", **more):
    return client.files.create(file=(name, data), purpose=purpose, **more)


def post_form(emulator, body, boundary="b", path="/files", **headers):
    kind = {"content-type": f"multipart/form-data; boundary={boundary}"}
    sent = KEY | kind | headers
    return httpx2.post(emulator.base_url + path, content=body, headers=sent, trust_env=False)


def form(*parts, end="--b--\r\n"):
    """A form of (what stands in the header, the value) pairs."""
    lines = [
        f"--b\r\ncontent-disposition: form-data; {said}\r\n\r\n{value}\r\n" for said, value in parts
    ]
    return ("".join(lines) + end).encode()


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
    clock = Clock()
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


def test_p15_raw_name_cannot_break_header(emulator):
    body = form(('name="purpose"', "batch"), ('name="file"; filename="a\\"b\0;é"', "x"))

    made = post_form(emulator, body).json()
    answer = httpx2.get(
        f"{emulator.base_url}/files/{made['id']}/content", headers=KEY, trust_env=False
    )

    assert made["filename"] == 'a"b\0;é'
    assert answer.headers["content-disposition"].endswith("a%22b%00%3B%C3%A9")


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


FILE = ('name="file"; filename="a.txt"', "x")
FORMS = [
    (b"", "its end is missing"),
    (b"no form at all", "parse the multipart form"),
    (form(FILE, end=""), "its end is missing"),
    (form(('name="purpose"', "batch")), "Missing required parameter: 'file'"),
    (form(FILE), "Missing required parameter: 'purpose'"),
    (form(FILE, FILE), "more than one 'file'"),
    (form(*[(f'name="f{place}"', "") for place in range(30)]), "more than 20 fields"),
    (form(('name="purpose"', "x" * 70_000)), "too long"),
    (form(('name="' + "x" * 70_000 + '"', "")), "parse the multipart form"),
]


@pytest.mark.parametrize(("body", "why"), FORMS, ids=range(len(FORMS)))
def test_broken_form_is_400(emulator, body, why):
    answer = post_form(emulator, body)

    assert answer.status_code == 400
    assert why in answer.json()["error"]["message"]
    assert not emulator.service.file_storage.db.rows("SELECT * FROM files WHERE state = 'coming'")


@pytest.mark.parametrize("boundary", ["", "; boundary=", "; boundary=" + "b" * 300])
def test_form_without_good_boundary_is_400(emulator, boundary, capfd):
    kind = {"content-type": f"multipart/form-data{boundary}"}

    answer = post_form(emulator, b"x", **kind)

    assert (answer.status_code, "oundary" in answer.text) == (400, True)
    assert capfd.readouterr().err == ""


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_any_bytes_are_a_form_or_a_400(emulator, data):
    body = form(('name="purpose"', "batch"), FILE)
    place = data.draw(st.integers(0, len(body)))
    gone = data.draw(st.integers(0, 30))
    broken = body[:place] + data.draw(st.binary(max_size=6)) + body[place + gone :]

    answer = post_form(emulator, broken)

    assert answer.status_code in (200, 400)


def test_file_may_stand_before_its_purpose(emulator):
    made = post_form(emulator, form(FILE, ('name="purpose"', "batch"))).json()

    assert (made["purpose"], made["bytes"]) == ("batch", 1)


def test_p4_form_is_taken_for_files_alone(emulator):
    for path in ("/chat/completions", "/vector_stores", "/uploads"):
        assert post_form(emulator, form(FILE), path=path).status_code == 415
    sent = KEY | {"content-type": "application/json"}
    answer = httpx2.post(emulator.base_url + "/files", content="{}", headers=sent, trust_env=False)
    assert answer.status_code == 415


def test_p12_upload_over_limit_is_413(client, monkeypatch, emulator):
    monkeypatch.setattr("emulator.api.multipart.MOST_BYTES", 2 * BLOCK)
    assert upload(client, data=b"x" * 2 * BLOCK).bytes == 2 * BLOCK

    with pytest.raises(openai.APIStatusError, match="Maximum content size limit") as caught:
        upload(client, data=b"x" * (2 * BLOCK + 1))

    assert caught.value.status_code == 413
    assert not emulator.service.file_storage.db.rows("SELECT * FROM files WHERE state = 'coming'")


def test_p12_lying_length_is_413_at_once(emulator):
    lines = ["POST /v1/files HTTP/1.1", "host: localhost:PORT", "authorization: Bearer k"]
    kind = "content-type: multipart/form-data; boundary=b"

    status, _ = exchange(emulator, *lines, kind, f"content-length: {600 * 2**20}")

    assert status == 413


def test_p14_too_many_uploads_at_once_get_429(client, emulator):
    emulator.service.uploads_under_way = MOST_UPLOADS
    try:
        with pytest.raises(openai.RateLimitError):
            upload(client, data=b"x" * 3 * BLOCK)
    finally:
        emulator.service.uploads_under_way = 0
    assert upload(client).id


def test_p14_too_many_files_get_409(client, monkeypatch):
    monkeypatch.setattr("emulator.api.files.MOST_FILES", 0)

    with pytest.raises(openai.ConflictError, match="at most 0 files"):
        upload(client)

    assert MOST_FILES == 10_000


def test_upload_that_breaks_off_leaves_nothing(start, tmp_path):
    emulator = start(data=tmp_path)

    rows = emulator.service.file_storage.db.rows

    def broken():
        yield form(("name=x", "y"), end="") + form(FILE, end="")[:-3] + b"x" * 2 * BLOCK
        until(lambda: rows("SELECT * FROM blocks"))
        raise OSError("the line is down")

    with pytest.raises(OSError, match="the line is down"):
        post_form(emulator, broken())

    sent = emulator.exchanges[-1]
    assert sent.finished.wait(5)
    assert sent.ended == "disconnected"
    assert not rows("SELECT * FROM files")
    assert emulator.service.uploads_under_way == 0


def test_what_a_killed_process_left_half_is_forgotten(start, tmp_path):
    clock = Clock()
    first = start(data=tmp_path, now=clock)
    first.service.file_storage.files.begin("file-half")
    first.service.file_storage.files.append("file-half", 0, b"x")

    clock.now += 4000
    with connect(start(data=tmp_path, now=clock)) as client:
        client.files.list()

    assert not first.service.file_storage.db.rows("SELECT * FROM blocks")


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
    clock = Clock()
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


def test_half_of_a_pair_is_no_character(emulator):
    sent = KEY | {"content-type": "application/json"}
    url = f"{emulator.base_url}/vector_stores"
    for name, status in ((r"\ud800", 400), (r"\ud83d\ude00", 200)):
        body = f'{{"name": "{name}"}}'

        answer = httpx2.post(url, content=body, headers=sent, trust_env=False)

        assert answer.status_code == status
