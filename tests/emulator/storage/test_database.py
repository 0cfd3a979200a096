"""One SQLite file: transactions hold together, rows become dataclasses by name."""

from contextlib import closing
from dataclasses import dataclass

from emulator.storage.database import Database, as_dataclass

import pytest

SCHEMA = "CREATE TABLE IF NOT EXISTS birds (name TEXT UNIQUE, legs INTEGER);"


@dataclass(frozen=True)
class Bird:
    legs: int
    name: str
    is_owl: bool


@pytest.fixture
def db():
    with closing(Database(None, "birds.sqlite3", SCHEMA)) as opened:
        yield opened


def names(db):
    return [row["name"] for row in db.rows("SELECT name FROM birds ORDER BY name")]


def add(db, name):
    return db.change("INSERT INTO birds VALUES (?, 2)", name)


def test_transaction_is_all_or_nothing(db):
    add(db, "owl")
    with pytest.raises(KeyError), db.transaction():
        add(db, "heron")
        raise KeyError

    assert names(db) == ["owl"]


def test_inner_transaction_is_part_of_the_outer(db):
    with pytest.raises(KeyError), db.transaction():
        with db.transaction():
            add(db, "heron")
        raise KeyError

    assert names(db) == []


def test_change_counts_its_rows(db):
    assert [add(db, "owl"), add(db, "heron")] == [1, 1]
    assert db.change("UPDATE birds SET legs = 1") == 2
    assert db.change("DELETE FROM birds WHERE name = 'wren'") == 0


def test_row_becomes_a_dataclass_by_name(db):
    add(db, "owl")
    row = db.row("SELECT * FROM birds")

    assert as_dataclass(Bird, row, is_owl=True) == Bird(legs=2, name="owl", is_owl=True)
    assert as_dataclass(Bird, row, is_owl=False, name="wren").name == "wren"
    assert db.row("SELECT * FROM birds WHERE legs = 7") is None


def test_file_is_made_in_its_folder_at_the_first_use(tmp_path):
    folder = tmp_path / "new" / "folder"
    with closing(Database(folder, "birds.sqlite3", SCHEMA)) as db:
        assert not folder.exists()
        add(db, "owl")
    with closing(Database(folder, "birds.sqlite3", SCHEMA)) as db:
        assert names(db) == ["owl"]
        modes = [db.rows(f"PRAGMA {name}")[0][0] for name in ("foreign_keys", "secure_delete")]

    assert modes == [1, 1]
