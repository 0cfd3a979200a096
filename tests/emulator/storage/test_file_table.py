"""Files as rows: invisible until they are finished, and what was cut off goes after an hour."""

from emulator.storage.file_table import PATIENCE_S
from tests.support.storages import add_file

import pytest


def states(storage):
    return {row["id"]: row["state"] for row in storage.db.rows("SELECT id, state FROM files")}


def test_file_is_invisible_until_it_is_finished(storage):
    files = storage.files
    files.begin("file-a")
    files.append("file-a", 0, b"ab")
    files.append("file-a", 1, b"c")

    assert (files.find("file-a"), files.all(), files.count()) == (None, [], 0)
    made = files.finish("file-a", "a.txt", "batch")
    assert (made.bytes, made.name, made.purpose, made.expires_at) == (3, "a.txt", "batch", None)
    assert (files.find("file-a"), files.all(), files.count()) == (made, [made], 1)
    assert b"".join(files.blocks("file-a")) == b"abc"


def test_file_expires_from_when_it_is_finished(storage, clock):
    storage.files.begin("file-a")
    clock.now += 100
    made = storage.files.finish("file-a", "a.txt", "batch", 3600)

    assert (made.created_at, made.expires_at) == (clock.now, clock.now + 3600)


def test_finished_file_is_not_dropped(storage):
    id = add_file(storage)
    storage.files.begin("file-half")
    storage.files.drop(id)
    storage.files.drop("file-half")

    assert states(storage) == {id: "kept"}


def test_abandoned_files_and_parts_go_after_their_time(storage, clock):
    upload = storage.uploads.create("a.txt", 4, "batch", None).id
    storage.files.begin("file-half")
    storage.files.begin("part_a", upload)
    storage.files.append("part_a", 0, b"abcd")
    storage.uploads.keep_part("part_a")
    kept = add_file(storage)

    clock.now += PATIENCE_S
    storage.files.drop_abandoned()
    assert states(storage) == {"file-half": "coming", "part_a": "part", kept: "kept"}

    clock.now += 1
    storage.files.drop_abandoned()
    assert states(storage) == {kept: "kept"}
    assert {row["file"] for row in storage.db.rows("SELECT file FROM blocks")} == {kept}


@pytest.mark.parametrize("number", [-1, 1])
def test_block_that_is_not_there_is_none(storage, number):
    assert storage.files.block(add_file(storage), number) is None
