"""Lesson 2 as a learner meets it: every part, its own folder, and nothing left behind."""

import io
import re
import signal
import sys

from common.documents import documents, known_questions
from common.settings import CourseError
from tests import lesson1
from tests.conftest import can_interrupt, connect

import pytest

PARTS = ["numbers", "unaided", "store", "search", "answer", "editions", "sizes", "cleanup"]
LEAFLETS = str(lesson1.COURSE / "data" / "handbook" / "house")


def run(emulator, *arguments, **variables):
    """Run the lesson in this process against an emulator of the test's."""
    outside = {"OPENAI_BASE_URL": emulator.base_url} | variables
    return lesson1.run_here(*arguments, script=lesson1.LESSON_2, **outside)


def left(emulator):
    """What is still stored with the emulator."""
    with connect(emulator) as client:
        return [*client.vector_stores.list(), *client.files.list()]


def test_tour_shows_every_part_and_leaves_nothing(start):
    emulator = start()

    result = run(emulator)

    assert (result.returncode, result.stderr) == (0, "")
    headings = re.findall(r"^(\d)  (\w+): ", result.stdout, re.MULTILINE)
    assert headings == [(str(number), name) for number, name in enumerate(PARTS, 1)]
    assert "scanned-page.txt  invalid_file" in result.stdout
    assert "Once more the same folder: 0 files to upload" in result.stdout
    assert result.stdout.rstrip().endswith("nothing is left.")
    assert left(emulator) == []


def test_answer_cites_the_manual(start):
    result = run(start(), "answer", "--folder", LEAFLETS)

    assert "E15: the motor is too hot" in result.stdout
    assert "[1] dome-manual.pdf" in result.stdout


def test_editions_contradict_each_other(start):
    result = run(start(), "editions")

    assert "from the age of 16" in result.stdout
    assert "from the age of 14" in result.stdout


def test_failure_leaves_nothing(start):
    emulator = start()

    result = run(emulator, "answer", "--folder", LEAFLETS, OPENAI_MODEL="gpt-none")

    assert result.returncode == 1
    assert "model_not_found" in result.stderr
    assert "nothing is left" in result.stdout
    assert left(emulator) == []


@can_interrupt
@pytest.mark.parametrize("seen", ["3  store", "files of", "found by search"])
def test_ctrl_c_leaves_nothing(start, seen):
    emulator = start()
    words = [str(lesson1.LESSON_2), "store" if seen != "found by search" else "search"]
    lesson = lesson1.begin("-u", *words, OPENAI_BASE_URL=emulator.base_url)
    for line in lesson.stdout:
        if seen in line:
            lesson.send_signal(signal.SIGINT)
            break
    out, error = lesson.communicate(timeout=30)

    assert (lesson.returncode, error.strip()) == (130, "stopped")
    assert "left:" not in out
    assert left(emulator) == []


def test_kept_store_is_found_again_and_cleaned(start, monkeypatch):
    emulator = start()
    kept = run(emulator, "store", "--keep", "--folder", LEAFLETS)
    store_id = re.search(r"ask --store (vs_\w+)", kept.stdout)[1]
    assert len(left(emulator)) == 5

    monkeypatch.setattr(sys, "stdin", io.StringIO("What does E15 mean?\nAnd E16?\n\n"))
    asked = run(emulator, "ask", "--store", store_id)
    assert "E15: the motor is too hot" in asked.stdout
    assert "E16: the angle is unknown" in asked.stdout
    assert len(left(emulator)) == 5

    cleaned = run(emulator, "clean")
    assert "4 of 4 files deleted, 1 of 1 vector stores deleted" in cleaned.stdout
    assert left(emulator) == []


def test_own_folder_is_read(start, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "my notes.md").write_text("The spare key hangs behind the clock.")
    (tmp_path / ".hidden.md").write_text("no")
    (tmp_path / "copy.md").write_text("The spare key hangs behind the clock.")

    result = run(start(), "answer", "Where is the spare key?", "--folder", str(tmp_path))

    assert "1 files of 37 bytes" in result.stdout
    assert "behind the clock [1]." in result.stdout


def test_folder_that_is_none_is_told(start, tmp_path):
    (tmp_path / "empty").mkdir()
    emulator = start()

    for name, told in (("none", "is no folder"), ("empty", "holds no files")):
        result = run(emulator, "answer", "--folder", str(tmp_path / name))
        assert result.returncode == 1
        assert told in result.stderr
    assert left(emulator) == []


def test_picture_is_drawn(start, tmp_path):
    file = tmp_path / "map.svg"

    result = run(start(), "numbers", "--picture", str(file))

    assert str(file.name) in result.stdout
    assert file.read_text().count("<circle") == 6


def test_unknown_store_is_told(start, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("Hello?\n"))

    result = run(start(), "ask", "--store", "vs_none")

    assert result.returncode == 1
    assert "vs_none" in result.stderr


def test_documents_are_those_of_the_handbook():
    names = [name for name, _ in documents()]

    assert len(names) == 20
    assert names == sorted(names)
    with pytest.raises(CourseError):
        list(documents(lesson1.COURSE / "none"))


def test_known_questions_have_passages():
    known = known_questions(30)

    assert len(known) == 30
    assert all(question.endswith("?") and passage for question, passage in known)
