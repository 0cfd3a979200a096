"""The script that makes mistakes on purpose: each is valid Python, and is undone again."""

import ast

from tools.mutate import ROOMS, Mutation, drawn, mutations_of, survives

import pytest

SOURCE = '''"""A room."""


def room(guests, é=0):
    if guests > 4 and é == 0:
        print("full")
        return guests + 1
    return "é" in "café"
'''


def changed(mutation):
    return SOURCE[: mutation.start] + mutation.text + SOURCE[mutation.end :]


def test_every_change_is_valid_python_and_says_what_it_does():
    found = mutations_of("room.py", SOURCE)

    assert [str(each) for each in found[:3]] == [
        "room.py:4  0  ->  1",
        "room.py:5  guests > 4  ->  (guests >= 4)",
        "room.py:5  guests > 4 and é == 0  ->  ((guests > 4) or (é == 0))",
    ]
    assert len({changed(each) for each in found}) == len(found)
    for each in found:
        ast.parse(changed(each))


def test_same_seed_draws_the_same_changes_from_every_room():
    first = drawn(20, seed=3)

    assert first == drawn(20, seed=3) != drawn(20, seed=4)
    assert {room for room in ROOMS for each in first if each.file.startswith(f"{room}/")} == {
        *ROOMS
    }


@pytest.mark.parametrize(
    ("check", "is_alive"), [("room(5) == 6", True), ("room(4) is True", False)]
)
def test_change_survives_where_no_test_notices(tmp_path, check, is_alive):
    (tmp_path / "room.py").write_text(SOURCE, encoding="utf-8")
    (tmp_path / "tests").mkdir()
    test = f"from room import room\n\n\ndef test_room():\n    assert {check}\n"
    (tmp_path / "tests" / "test_room.py").write_text(test, encoding="utf-8")
    mutation = Mutation("room.py", 5, *span("guests > 4"), "guests >= 4", "guests > 4")

    assert survives(mutation, tmp_path) is is_alive
    assert (tmp_path / "room.py").read_text(encoding="utf-8") == SOURCE


def span(part):
    start = SOURCE.index(part)
    return start, start + len(part)
