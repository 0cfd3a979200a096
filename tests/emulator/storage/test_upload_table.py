"""Uploads as rows: parts become blocks of one file, and are gone afterwards."""

import hashlib
import re

from emulator.storage.upload_table import LIFETIME_S, Mismatch

import pytest


def part(storage, upload, id, *blocks):
    storage.files.begin(id, upload)
    for number, block in enumerate(blocks):
        storage.files.append(id, number, block)
    storage.uploads.keep_part(id)
    return id


@pytest.fixture
def upload(storage):
    return storage.uploads.create("a.txt", 6, "batch", 7200).id


def rows(storage):
    query = "SELECT file, number, data FROM blocks ORDER BY file, number"
    return [tuple(row) for row in storage.db.rows(query)]


def test_id_is_32_hexadecimal_digits(upload):
    assert re.fullmatch("upload_[0-9a-f]{32}", upload)


def test_blocks_of_all_parts_are_numbered_on(storage, upload, clock):
    parts = [part(storage, upload, "part_b", b"ef"), part(storage, upload, "part_a", b"ab", b"cd")]

    made = storage.uploads.complete(upload, parts[::-1], hashlib.md5(b"abcdef").hexdigest().upper())

    assert (made.status, made.file.name, made.file.bytes) == ("completed", "a.txt", 6)
    assert made.file.expires_at == clock.now + 7200
    assert rows(storage) == [
        (made.file.id, n, data) for n, data in enumerate((b"ab", b"cd", b"ef"))
    ]
    assert storage.db.rows("SELECT id FROM files WHERE state != 'kept'") == []


def test_part_counts_once_it_is_whole_and_for_its_upload_alone(storage, upload):
    other = storage.uploads.create("b.txt", 6, "batch", None).id
    storage.files.begin("part_a", upload)
    assert not storage.uploads.has_part(upload, "part_a")

    storage.uploads.keep_part("part_a")
    assert storage.uploads.has_part(upload, "part_a")
    assert not storage.uploads.has_part(other, "part_a")


@pytest.mark.parametrize("md5", [None, "0" * 32])
def test_mismatch_changes_nothing(storage, upload, md5):
    part(storage, upload, "part_a", b"abcdef" if md5 else b"abcde")
    before = rows(storage)

    with pytest.raises(Mismatch) as caught:
        storage.uploads.complete(upload, ["part_a"], md5)

    assert caught.value.param == ("md5" if md5 else "part_ids")
    assert (storage.uploads.find(upload).status, rows(storage)) == ("pending", before)


def test_cancelled_upload_loses_its_parts(storage, upload):
    part(storage, upload, "part_a", b"ab")

    assert storage.uploads.cancel(upload).status == "cancelled"
    assert (rows(storage), storage.db.rows("SELECT id FROM files")) == ([], [])


def test_upload_expires_at_its_time(storage, upload, clock):
    clock.now += LIFETIME_S - 1
    assert storage.uploads.find(upload).status == "pending"
    clock.now += 1
    assert storage.uploads.find(upload).status == "expired"


def test_ended_upload_does_not_expire(storage, upload, clock):
    storage.uploads.cancel(upload)
    clock.now += LIFETIME_S

    assert storage.uploads.find(upload).status == "cancelled"
