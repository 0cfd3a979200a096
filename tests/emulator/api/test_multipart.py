"""Forms: read as they arrive, in any order, and refused where they are malformed or too large."""

from contextlib import closing
from http.client import HTTPConnection

from emulator.api.multipart import MOST_UPLOADS
from emulator.storage.file_table import BLOCK
from tests.support.files_in_stores import (
    KEY,
    until,
    upload,
)
from tests.support.forms import FILE, form, post_form

import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def test_p15_raw_name_cannot_break_header(emulator):
    body = form(('name="purpose"', "batch"), ('name="file"; filename="a\\"b\0;é"', "x"))

    made = post_form(emulator, body).json()
    answer = httpx2.get(
        f"{emulator.base_url}/files/{made['id']}/content", headers=KEY, trust_env=False
    )

    assert made["filename"] == 'a"b\0;é'
    assert answer.headers["content-disposition"].endswith("a%22b%00%3B%C3%A9")


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ("filename*=UTF-8''a%C3%A9%20b.txt", "aé b.txt"),
        ("filename*=iso-8859-1'en'%E9.txt", "é.txt"),
        ("filename=\"plain.txt\"; filename*=utf-8''%C3%A9.txt", "é.txt"),
        ("filename=\"plain.txt\"; filename*=koi8''%C3", "plain.txt"),
        ('filename="plain.txt"; filename*=%C3', "plain.txt"),
        ("filename*=UTF-8''%ED%A0%80.txt", "\ufffd\ufffd\ufffd.txt"),
    ],
)
def test_name_outside_ascii_is_decoded(emulator, parameters, name):
    body = form(('name="purpose"', "batch"), (f'name="file"; {parameters}', "x"))

    assert post_form(emulator, body).json()["filename"] == name


FORMS = [
    (b"", "its end is missing"),
    (b"no form at all", "parse the multipart form"),
    (form(FILE, end=""), "its end is missing"),
    (form(('name="purpose"', "batch")), "Missing required parameter: 'file'"),
    (form(FILE), "Missing required parameter: 'purpose'"),
    (form(FILE, FILE), "more than one 'file'"),
    (form(FILE, *[(f'name="f{place}"', "") for place in range(21)]), "more than 20 fields"),
    (form(*[(f'name="f{place}"', "") for place in range(20)], FILE), "Unknown parameter: 'f0'"),
    (form(FILE, ('name="purpose"', "x" * 65_537)), "too long"),
    (form(FILE, ('name="purpose"', "x" * 65_536)), "Invalid value"),
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
    host = emulator.base_url.split("/")[2]
    with closing(HTTPConnection(host, timeout=5)) as connection:
        connection.putrequest("POST", "/v1/files")
        connection.putheader("authorization", "Bearer k")
        connection.putheader("content-type", "multipart/form-data; boundary=b")
        connection.putheader("content-length", str(600 * 2**20))
        connection.endheaders()

        assert connection.getresponse().status == 413


def test_p14_too_many_uploads_at_once_get_429(client, emulator):
    emulator.service.uploads_under_way = MOST_UPLOADS
    try:
        with pytest.raises(openai.RateLimitError):
            upload(client, data=b"x" * 3 * BLOCK)
    finally:
        emulator.service.uploads_under_way = 0
    assert upload(client).id


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


def test_p12_rest_of_an_upload_over_the_limit_is_not_read(emulator, monkeypatch):
    monkeypatch.setattr("emulator.api.multipart.MOST_BYTES", BLOCK)
    host = emulator.base_url.split("/")[2]
    with closing(HTTPConnection(host, timeout=5)) as connection:
        connection.putrequest("POST", "/v1/files")
        connection.putheader("authorization", "Bearer k")
        connection.putheader("content-type", "multipart/form-data; boundary=b")
        connection.putheader("content-length", str(8 * BLOCK))
        connection.endheaders()
        connection.send(form(FILE, end="")[:-2] + b"x" * 2 * BLOCK)

        assert connection.getresponse().status == 413
