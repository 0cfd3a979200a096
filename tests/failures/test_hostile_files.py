"""Files that are made to hurt, through the SDK: they fail alone, and everybody else goes on."""

import re

from emulator.server import Emulator
from tests.support.emulator_clients import connect
from tests.support.files_in_stores import LANTERN, found, put, upload
from tests.support.lessons import COURSE
from tools import make_test_files as made

import pytest

SLOW = made.slow_pdf(2000)
FILES = COURSE / "tests" / "files"


@pytest.fixture
def store(client):
    return client.vector_stores.create(name="handbook")


def attach(client, store, name, data):
    file = upload(client, name, data)
    return client.vector_stores.files.create(store.id, file_id=file.id)


def status(client, store, attached):
    return client.vector_stores.files.retrieve(attached.id, vector_store_id=store.id).status


def test_other_files_are_indexed_and_found_while_one_is_read(start):
    with connect(start()) as client:
        store = client.vector_stores.create()
        slow = attach(client, store, "slow.pdf", SLOW)

        assert put(client, store, LANTERN, "lantern.md").status == "completed"
        assert put(client, store, made.text_pdf([made.DOORS]), "doors.pdf").status == "completed"
        assert set(found(client, store)) == {"lantern.md", "doors.pdf"}
        assert status(client, store, slow) == "in_progress"


def test_file_that_takes_too_much_memory_fails_with_the_reason(client, store):
    files = client.vector_stores.files

    file = upload(client, "bomb.pdf", made.form_bomb())
    failed = files.create_and_poll(file.id, vector_store_id=store.id, max_wait_seconds=30)

    assert (failed.status, failed.last_error.code) == ("failed", "invalid_file")
    assert re.search("300 MB of memory|longer than 10 s", failed.last_error.message)
    assert list(files.content(failed.id, vector_store_id=store.id)) == []
    assert put(client, store, made.text_pdf([made.DOORS]), "doors.pdf").status == "completed"


LOCKED = "The lantern hall is locked."
CELL = f"<w:tc><w:tcPr>{{}}</w:tcPr><w:p><w:r><w:t>{LOCKED}</w:t></w:r></w:p></w:tc>"
WIDE = CELL.format('<w:gridSpan w:val="1000000000"/>')
TALL = f"<w:tr>{CELL.format('<w:vMerge/>') * 20}</w:tr>" * 1_200
HUGE = {
    "wide.docx": made.docx(f"<w:tbl><w:tr>{WIDE}</w:tr></w:tbl>"),
    "tall.docx": made.docx(f"<w:tbl>{TALL}</w:tbl>"),
    "attributes.html": f"<p {'a=b ' * 500_000}>{LOCKED}</p>".encode(),
}


@pytest.mark.parametrize("name", HUGE)
def test_document_of_few_bytes_and_much_work_ends_soon(client, store, name):
    file = upload(client, name, HUGE[name])
    files = client.vector_stores.files

    ended = files.create_and_poll(file.id, vector_store_id=store.id, max_wait_seconds=30)

    assert ended.status in ("completed", "failed")
    assert ended.status == "completed" or ended.last_error.message


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("scan.pdf", "invalid_file"),
        ("cjk-no-table.pdf", "invalid_file"),
        ("user-password-aes-256.pdf", "invalid_file"),
        ("old.doc", "unsupported_file"),
    ],
)
def test_file_without_readable_text_fails(client, store, name, code):
    failed = put(client, store, (FILES / name).read_bytes(), name)

    assert (failed.status, failed.last_error.code) == ("failed", code)
    assert client.vector_stores.retrieve(store.id).file_counts.failed == 1


@pytest.mark.parametrize("name", ["plain.pptx", "inserted.docx", "form.pdf", "entities.html"])
def test_document_is_found_by_its_words(client, store, name):
    attached = put(client, store, (FILES / name).read_bytes(), name)

    (page,) = client.vector_stores.files.content(attached.id, vector_store_id=store.id)
    assert attached.status == "completed"
    hits = client.vector_stores.search(store.id, query=page.text).data
    assert [hit.filename for hit in hits] == [name]
    assert hits[0].content[0].text == page.text


def test_emulator_that_is_closed_leaves_the_file_for_the_next_one(tmp_path):
    with Emulator(data=tmp_path) as emulator, connect(emulator) as client:
        store = client.vector_stores.create(name="handbook")
        attached = attach(client, store, "slow.pdf", SLOW)
        put(client, store, LANTERN, "lantern.md")
    with Emulator(data=tmp_path) as emulator, connect(emulator) as client:
        assert status(client, store, attached) == "in_progress"
        assert found(client, store) == ["lantern.md"]
